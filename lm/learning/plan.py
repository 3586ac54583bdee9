"""The plan of a training: which preset suits a corpus and a machine, what it takes, how long.

Pure arithmetic over figures that are arguments; it measures nothing and trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lm.learning.loss import CHUNK
from lm.learning.presets import PRESETS, Preset
from lm.models.gpt import GPT, ModelConfig

AUTO = ("tiny", "small", "base", "large")  # what "auto" chooses from, smallest first
AUTO_LEAST = {"tiny": 0, "small": 20_000, "base": 500_000, "large": 2_000_000}  # characters
AUTO_SECONDS = 25 * 60.0  # what "auto" may take when no limit is given
RESERVE = 0.05  # share of the allowed time that is for judging and storing,
RESERVE_SECONDS = 90.0  # which longer trainings need no more of than shorter ones
LEAST_SECONDS = 1.0  # of learning, when dividing and judging have used up what is allowed
UTILISATION = 0.4  # of the peak that a training reaches; 0.24 to 0.47 were measured
CHARACTERS_PER_TOKEN = 3.2  # roughly, of byte-level BPE on chat, structure included
VOCABULARY = 2048  # BPE ids; a small text has too little of each of more
LARGE_VOCABULARY = 4096
LARGE = 1_000_000  # characters from which on the vocabulary is large
PARTS = 2  # that tokens have in common, about, for each token
WORDS = 20_000  # at most, of the word and character tokenizers


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to train on.

    peak: FLOP/s of a large matrix product, of all processes together; memory: free bytes of each
    """

    device: torch.device
    dtype: torch.dtype
    peak: float
    memory: float

    @property
    def precision(self) -> str:
        """The dtype's name."""
        return str(self.dtype).removeprefix("torch.")


def vocabulary(preset: Preset, characters: int) -> int:
    """The largest number of text ids that suits that much text."""
    if preset.tokenizer != "bpe":
        return WORDS
    return VOCABULARY if characters < LARGE else LARGE_VOCABULARY


def for_learning(seconds: float) -> float:
    """How much of the time that is left for a training its learning may take."""
    return max(LEAST_SECONDS, seconds - min(RESERVE * seconds, RESERVE_SECONDS))


def choose(name: str, characters: int, machine: Machine, seconds: float) -> Preset:
    """The preset of that name; for "auto" the largest that suits the text and fits the limits.

    `seconds` is the time allowed, which may be inf. ValueError for unknown names, and for a
    preset that does not fit the memory, naming one that does.
    """
    if name != "auto" and name not in PRESETS:
        raise ValueError(f"preset = {name!r}: allowed are auto, {', '.join(PRESETS)}")
    suiting = [PRESETS[n] for n in AUTO if characters >= AUTO_LEAST[n]]
    fitting = [p for p in suiting if needed(p, characters, machine) <= machine.memory]
    if name == "auto":
        quick = [p for p in fitting if _shortest(p, characters, machine) <= seconds]
        if not fitting:
            raise ValueError(_too_large(suiting[0], characters, machine, None))
        return quick[-1] if quick else fitting[0]
    if needed(PRESETS[name], characters, machine) > machine.memory:
        best = fitting[-1].name if fitting else None
        raise ValueError(_too_large(PRESETS[name], characters, machine, best))
    return PRESETS[name]


def _shortest(preset: Preset, characters: int, machine: Machine) -> float:
    """Of the shortest run that is worth its preset, before there is a tokenizer."""
    tokens = round(characters / CHARACTERS_PER_TOKEN)
    shortest = replace(preset, epochs=preset.least_epochs, min_steps=1)
    return estimated(shortest, tokens, preset.config(vocabulary(preset, characters)), machine)


def _too_large(preset: Preset, characters: int, machine: Machine, other: str | None) -> str:
    remedy = f"--preset {other} fits" if other else "close other programs, or use another machine"
    return (
        f"preset {preset.name} needs about {needed(preset, characters, machine) / 2**30:.1f} GB of "
        f"memory, {machine.memory / 2**30:.1f} GB are free on {machine.device.type}: {remedy}"
    )


def parameters(config: ModelConfig) -> int:
    """How many weights a model of that shape has."""
    with torch.device("meta"):
        return sum(weight.numel() for weight in GPT(config).parameters())


def flops_per_token(config: ModelConfig) -> float:
    """Training FLOPs of one token: 6 N + 6 L H Q T (PaLM, arXiv 2204.02311, appendix B, halved
    for causal attention), with N all weights: the tied embedding is the output projection.
    """
    attention = 6 * config.n_layers * config.n_heads * config.head_dim * config.context
    return 6.0 * parameters(config) + attention


def needed(preset: Preset, characters: int, machine: Machine) -> float:
    """Bytes of memory of a training: weights and their states, activations, the text itself."""
    config = preset.config(vocabulary(preset, characters))
    weights = 28.0 * parameters(config)  # itself, gradient, average, best, two of Adam, half copy
    if preset.shared_spelling:  # a second copy of the embedding, the parts, and their states
        weights += (4.0 + 16.0 * PARTS) * config.vocab_size * config.d_model
    size = 2 if machine.dtype == torch.bfloat16 else 4
    width = config.n_heads * config.head_dim
    per_token = config.n_layers * (14 * config.d_model + 8 * width + 5 * config.d_ff) * size
    activations = preset.rows * config.context * per_token
    scores = CHUNK * config.vocab_size * 12  # of loss.py, with their gradient
    return weights + activations + scores + 16.0 * characters + 3e8  # the program itself


def estimated(preset: Preset, tokens: int, config: ModelConfig, machine: Machine) -> float:
    """Seconds of a training over so many tokens of text, roughly, from the machine's peak."""
    count = preset.steps(tokens) * preset.rows * preset.context
    return flops_per_token(config) * count / (UTILISATION * machine.peak)
