"""Presets: the shape of a model and the recipe that trains it, as data.

"auto" picks by the amount of text; the vocabulary follows the amount of text in every preset.
The figures were found by trials on groups of 100 KB and 3 MB; they are not sacred.
"""

from __future__ import annotations

from dataclasses import dataclass

from lm.models.gpt import ModelConfig

VOCABULARY = 2048  # BPE ids
LARGE_VOCABULARY, LARGE = 4096, 1_000_000  # from so many characters on
AUTO_SMALL = 1_000_000  # characters; below, "base" only learns the group by heart


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
    matrix_lr: float  # of Muon
    weight_decay: float
    ema: float = 0.05  # timescale of the weight average, as a share of the run
    evaluations: int = 10  # on held-out text, evenly over the run
    speaker_dropout: float = 0.1

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

    def steps(self, tokens: int) -> int:
        """Optimizer steps of a whole run over a transcript of so many tokens."""
        return max(self.min_steps, round(self.epochs * tokens / (self.rows * self.context)))


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("tiny", 2, 64, 1, 64, 192, 128, 0.0, 8, 8, 60, 4e-3, 0.02, 0.1, evaluations=4),
        Preset("small", 4, 192, 3, 64, 512, 128, 0.25, 8, 10, 100, 2e-3, 0.01, 0.3),
        Preset("base", 4, 256, 2, 128, 768, 256, 0.1, 16, 2.25, 200, 2e-3, 0.02, 0.3, 0.05, 8),
    )
}


def preset(name: str, characters: int) -> Preset:
    """The preset of that name, "auto" by the amount of text; ValueError for unknown names."""
    if name == "auto":
        name = "small" if characters < AUTO_SMALL else "base"
    if name not in PRESETS:
        raise ValueError(f"preset = {name!r}: allowed are auto, {', '.join(PRESETS)}")
    return PRESETS[name]


def vocabulary(characters: int) -> int:
    """How many BPE ids suit that much text: small corpora see large vocabularies too rarely."""
    return VOCABULARY if characters < LARGE else LARGE_VOCABULARY
