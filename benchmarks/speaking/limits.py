"""What the machine allows: bytes it can read and products it can add in a second, and the tokens
per second that follow from them for a shape.

A step has to read every weight once and each stream's keys and values, and to multiply each weight
with each stream; the slower of the two bounds it. What a step does beside that is not counted, so
nothing reaches these figures.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch

from lm.device import peak
from lm.learning.plan import parameters
from lm.models.gpt import ModelConfig

CACHE, MEMORY = 16 << 20, 256 << 20  # bytes: fits a last-level cache, fits none
TRIES = 5
SIZES = {"fp32": 4, "bf16": 2}  # bytes of a weight


@dataclass(frozen=True, slots=True)
class Limits:
    """cache, memory: bytes per second read from buffers of CACHE and MEMORY bytes.

    fp32, bf16: FLOP/s of a large matrix product in torch.
    """

    cache: float
    memory: float
    fp32: float
    bf16: float

    def best(self, other: Limits) -> Limits:
        """The larger of each: whatever disturbs a machine makes it slower."""
        return Limits(*map(max, asdict(self).values(), asdict(other).values()))


def measure(device: torch.device) -> Limits:
    """Measure once, with torch's threads as they are set."""
    return Limits(
        bandwidth(device, CACHE),
        bandwidth(device, MEMORY),
        peak(device, torch.float32),
        peak(device, torch.bfloat16),
    )


def bandwidth(device: torch.device, size: int) -> float:
    """Bytes per second at which a buffer of `size` bytes is summed up, the best of some."""
    buffer = torch.ones(size // 4, device=device)
    best = 0.0
    for _ in range(TRIES):
        began = time.perf_counter()
        buffer.sum().item()  # waits for the device
        best = max(best, size / (time.perf_counter() - began))
    return best


def step_bytes(config: ModelConfig, streams: int, context: int, size: int) -> float:
    """Bytes that a step of `streams` tokens reads: tied embeddings are read once, as scores."""
    kept = 2 * config.n_layers * config.n_kv_heads * config.head_dim * context
    return float(size * (parameters(config) + streams * kept))


def token_flops(config: ModelConfig, context: int) -> float:
    """FLOPs of a token: 2 N + 4 L H Q T (PaLM, arXiv 2204.02311, appendix B; forward only)."""
    attention = 4 * config.n_layers * config.n_heads * config.head_dim * context
    return 2.0 * parameters(config) + attention


def ceilings(
    config: ModelConfig, limits: Limits, streams: int, context: int
) -> list[dict[str, Any]]:
    """Tokens per second over all streams that the limits allow, for each precision."""
    found = []
    for precision, size in SIZES.items():
        read = step_bytes(config, streams, context, size)
        compute = streams * token_flops(config, context) / getattr(limits, precision)
        found.append(
            {
                "precision": precision,
                "streams": streams,
                "megabytes": read / 1e6,
                "cache": streams / max(read / limits.cache, compute),
                "memory": streams / max(read / limits.memory, compute),
                "bound_by": "products" if compute > read / limits.cache else "reading",
            }
        )
    return found
