"""A blank checkpoint: what is served where no version may speak. It has learnt from nobody.

It knows bytes and no speakers, so nobody can be spoken as; contexts go on in its tokens.
"""

from __future__ import annotations

import torch

from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.meta import Meta
from lm.corpus.tokenizer import Tokenizer
from lm.models.gpt import GPT, ModelConfig

NOBODY = 0  # the version's number: that of no version on disk
WINDOW = 2048  # bytes and structure


def blank(device: torch.device) -> Checkpoint:
    """A model of untrained weights over bytes, in evaluation mode on `device`."""
    tokenizer = Tokenizer.train([], 256, ())
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        n_layers=1,
        d_model=64,
        n_heads=1,
        n_kv_heads=1,
        head_dim=64,
        d_ff=64,
        context=WINDOW,
    )
    meta = Meta(
        version=NOBODY,
        parent=None,
        config=config,
        speakers=(),
        metrics={},
        cut_off=None,
        messages=0,
        preset="blank",
        seconds=0.0,
        created_at=0,
        curve=(),
    )
    return Checkpoint(GPT(config).to(device).eval(), tokenizer, meta)
