"""How much memory things take: a chat that is kept warm, an engine's slots and shelf, this process.

Computed from a model's shape, or asked of the system. It knows no chats.
"""

from __future__ import annotations

import resource
import sys
from inspect import signature
from pathlib import Path

import torch

from bot.wording import Wording, wording
from lm.checkpoints.checkpoint import Checkpoint
from lm.engine.engine import Engine
from lm.engine.served import served_dtype


def slot_bytes(checkpoint: Checkpoint, device: torch.device) -> int:
    """Bytes of keys and values that one warm chat takes in an engine that serves the checkpoint.

    The sum over the model's cache layers of 2 x kv_heads x head_dim x span x bytes of a number,
    where span is the model's context in tokens and a number is what is served on the device.
    """
    span = checkpoint.meta.config.context
    size = served_dtype(device).itemsize
    return sum(2 * heads * dim * span * size for heads, dim in checkpoint.model.cache_layers)


def spare_slots() -> int:
    """Slots that an engine has beside the configured ones, for replies side by side."""
    return int(signature(Engine).parameters["spare"].default)


def engine_bytes(checkpoint: Checkpoint, device: torch.device, slots: int) -> int:
    """Bytes of keys and values of an engine with so many configured slots, without its shelf.

    A chat on the shelf takes as much as one in a slot if its context is full, else less.
    """
    return (slots + spare_slots()) * slot_bytes(checkpoint, device)


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
