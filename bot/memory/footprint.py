"""How much memory things take: a chat that is kept warm, all slots of an engine, this process.

Computed from a model's shape, or asked of the system. It knows no chats.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from lm.checkpoints.checkpoint import Checkpoint

SPARE = 48  # slots that an engine has beside the configured ones, for replies side by side


def slot_bytes(checkpoint: Checkpoint) -> int:
    """Bytes of keys and values that one warm chat takes in an engine that serves the checkpoint.

    The sum over the model's cache layers of 2 x kv_heads x head_dim x span x bytes of a number,
    where span is the model's context in tokens and a number is of the weights' dtype.
    """
    span = checkpoint.meta.config.context
    size = checkpoint.gpt.embed_tokens.weight.element_size()
    return sum(2 * heads * dim * span * size for heads, dim in checkpoint.model.cache_layers)


def resident_bytes() -> int:
    """Bytes of memory that this process holds; where the system does not tell, its most so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def size(count: float) -> str:
    """Bytes for people: "3.4 GB", in powers of 1024."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"
