"""Presets: the shape of a model and the recipe that trains it, as data.

The figures were found by trials (benchmarks/LOG.md); they are not sacred. Which preset suits a
corpus and a machine is plan.py's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from lm.corpus.tokenizer import Kind
from lm.models.gpt import ModelConfig

SHORTEST = 20.0  # steps that an update is remembered at least: Muon's momentum alone takes as many


@dataclass(frozen=True, slots=True)
class Preset:
    """One shape and one recipe. `epochs` bounds the run, which may stop earlier."""

    name: str
    n_layers: int
    d_model: int
    n_heads: int
    head_dim: int
    d_ff: int
    context: int
    dropout: float
    rows: int  # of `context` tokens, per step
    epochs: float
    min_steps: int
    lr: float  # of AdamW: embedding and gains
    matrix_lr: float  # of Muon; 0: AdamW moves the matrices too
    weight_decay_epochs: float  # its timescale, in passes over the text; 0: no decay
    ema: float = 0.05  # timescale of the weight average, as a share of the run; 0: none
    evaluations: int = 10  # on held-out text, evenly over the run
    speaker_dropout: float = 0.1
    turn_share: float = 0.25  # at least, of who speaks next in the loss: there are few such tokens
    warm_up: float = 0.03  # share of the run
    decay: float = 0.8  # share of the run over which the learning rate falls to zero
    tokenizer: Kind = "bpe"
    shared_spelling: bool = True  # what tokens that are spelt alike mean is partly one
    least_epochs: float = 0.0  # with fewer, a smaller preset is better

    def config(self, vocab_size: int) -> ModelConfig:
        """The model's shape with a vocabulary of that size."""
        return ModelConfig(
            vocab_size=vocab_size,
            n_layers=self.n_layers,
            d_model=self.d_model,
            n_heads=self.n_heads,
            n_kv_heads=self.n_heads,
            head_dim=self.head_dim,
            d_ff=self.d_ff,
            context=self.context,
        )

    def turn_weight(self, turns: float) -> float:
        """What a token that announces a speaker counts in the loss; turns: the share of such."""
        least = self.turn_share / (1 - self.turn_share)
        return max(1.0, least * (1 - turns) / turns)

    def steps(self, tokens: int) -> int:
        """Optimizer steps of a whole run over a transcript of so many tokens."""
        return max(self.min_steps, round(self.epochs * tokens / (self.rows * self.context)))

    def weight_decay(self, tokens: int) -> float:
        """What each step at the full rate takes off a weight, as a share, for so many tokens.

        An update has faded to 1/e after `weight_decay_epochs`, whatever the rate and the size of
        the text (arXiv 2405.13698): more text needs less decay.
        """
        if not self.weight_decay_epochs:
            return 0.0
        epoch = tokens / (self.rows * self.context)
        return 1.0 / max(SHORTEST, self.weight_decay_epochs * epoch)


# lad-gpt (github.com/bernhard-pfann/lad-gpt, config.py) is the floor: its sizes, words, AdamW at a
# constant 3e-4, no average, in our blocks. Its six heads of 42 are four of 64 here, and its weight
# decay of 0.01, which at that rate is next to none, is none.
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("tiny", 2, 64, 1, 64, 192, 128, 0.0, 8, 8, 60, 4e-3, 0.02, 0, evaluations=4),
        Preset(
            "small", 4, 192, 3, 64, 512, 128, 0.25, 8, 10, 100, 2e-3, 0.01, 20, least_epochs=1,
        ),
        Preset(
            "base", 4, 256, 2, 128, 768, 256, 0.1, 16, 12, 200, 5e-3, 0.02, 0.8, least_epochs=0.5,
        ),
        Preset(
            "large", 6, 384, 3, 128, 1024, 256, 0.1, 16, 16, 300, 5e-3, 0.02, 0.8, least_epochs=8,
        ),
        Preset(
            "lad-gpt", 6, 256, 4, 64, 704, 32, 0.2, 32, 0, 5000, 3e-4, 0.0, 0,
            ema=0, speaker_dropout=0.0, turn_share=0.0, warm_up=0, decay=0, tokenizer="word",
            shared_spelling=False,
        ),
    )
}  # fmt: skip
