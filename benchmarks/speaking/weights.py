"""The weights that every contender has: a random GPT of a given shape, exported by the project.

Random, because speed does not depend on what was learnt; the vocabulary is trained on made-up
words, because llama.cpp and transformers load a tokenizer too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lm.checkpoints import checkpoint
from lm.checkpoints.meta import Meta
from lm.corpus.tokenizer import Tokenizer
from lm.engine.sampling import Sampling
from lm.formats import gguf, hf
from lm.learning.presets import PRESETS
from lm.models.gpt import GPT, ModelConfig

CHECKPOINT, TRANSFORMERS = "checkpoint", "hf"  # folders below the one that weights are written to
WORDS = "aeiou", "bcdfghklmnprstvw"  # vowels and consonants of the made-up words
SEED = 1
LONGEST = 2048  # tokens that a measured context may have


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's shape by its name in the tables."""

    name: str
    config: ModelConfig


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("10M", ModelConfig(4096, 8, 320, 5, 5, 64, 704, LONGEST)),
        Shape("100M", ModelConfig(16_384, 12, 768, 6, 6, 128, 2304, LONGEST)),  # for a GPU
    )
}


def preset(name: str, vocabulary: int) -> Shape:
    """A preset's shape, with its own context."""
    return Shape(name, PRESETS[name].config(vocabulary))


def gpt(config: ModelConfig) -> GPT:
    """Random weights, the same ones every time, in evaluation mode."""
    torch.manual_seed(SEED)
    return GPT(config).eval().requires_grad_(False)


def tokenizer(vocabulary: int) -> Tokenizer:
    """With at most so many ids, structure included; less only where that is below 259 anyway."""
    draw = random.Random(SEED)
    vowels, consonants = WORDS

    def word() -> str:
        return "".join(
            draw.choice(consonants) + draw.choice(vowels) for _ in range(draw.randint(1, 4))
        )

    known = [word() for _ in range(2 * vocabulary)]
    texts = [" ".join(draw.choices(known, k=12)) for _ in range(vocabulary)]
    return Tokenizer.train([*texts, *texts], vocabulary - 3, [])


def export(folder: Path, shape: Shape, types: tuple[str, ...] = gguf.TYPES) -> Shape:
    """Write a checkpoint, a transformers directory and GGUF files of `types` into `folder`.

    Returns the shape as it came out: its vocabulary is that of the tokenizer.
    """
    cuts = tokenizer(shape.config.vocab_size)
    config = replace(shape.config, vocab_size=cuts.vocab_size)
    model, sampling = gpt(config), Sampling()
    meta = Meta(1, None, config, (), {}, None, 0, shape.name, 0.0, 0, ())
    checkpoint.write(folder / CHECKPOINT, model, cuts, meta)
    hf.write(folder / TRANSFORMERS, model, cuts, meta, sampling)
    for type_ in types:
        gguf.write(folder / f"{type_}.gguf", model, cuts, meta, sampling, type_)
    return Shape(shape.name, config)
