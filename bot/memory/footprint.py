"""How much memory things take: a chat that is kept warm, all slots of an engine, this process.

Computed from a model's shape, or asked of the system. It knows no chats.
"""

from __future__ import annotations

import resource
import sys
from inspect import signature
from pathlib import Path

from bot.wording import Wording, wording
from lm.checkpoints.checkpoint import Checkpoint
from lm.engine.engine import Engine


def slot_bytes(checkpoint: Checkpoint) -> int:
    """Bytes of keys and values that one warm chat takes in an engine that serves the checkpoint.

    The sum over the model's cache layers of 2 x kv_heads x head_dim x span x bytes of a number,
    where span is the model's context in tokens and a number is of the weights' dtype.
    """
    span = checkpoint.meta.config.context
    size = checkpoint.gpt.embed_tokens.weight.element_size()
    return sum(2 * heads * dim * span * size for heads, dim in checkpoint.model.cache_layers)


def spare_slots() -> int:
    """Slots that an engine has beside the configured ones, for replies side by side."""
    return int(signature(Engine).parameters["spare"].default)


def engine_bytes(checkpoint: Checkpoint, slots: int) -> int:
    """Bytes of keys and values of an engine with so many configured slots."""
    return (slots + spare_slots()) * slot_bytes(checkpoint)


def resident_bytes() -> int:
    """Bytes of memory that this process holds; where the system does not tell, its most so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def size(count: float, say: Wording | None = None) -> str:
    """Bytes for people: "3.4 GB", in powers of 1024; in English where no wording is given."""
    say = say or wording("")
    if count < 1024:
        return say("{count:.0f} bytes", count=count)
    if count < 1 << 20:
        return say("{count:.0f} kB", count=count / (1 << 10))
    if count < 1 << 30:
        return say("{count:.0f} MB", count=count / (1 << 20))
    return say("{count:.1f} GB", count=count / (1 << 30))
