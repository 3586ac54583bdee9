"""The processor a model runs on: which device, how precise, how many threads.

It only asks torch what the machine offers; nothing here knows a model.
"""

from __future__ import annotations

import functools
import math
import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor

TRIALS = 6  # of which the best counts


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def precision(device: torch.device) -> torch.dtype:
    """What torch multiplies matrices in: bfloat16 where that is quicker than float32.

    A CPU is asked what it offers, then timed, once in a process, for a quarter of a second: Intel's
    with the instructions of bfloat16 but without its tiles are the slower for it
    (benchmarks/LOG.md).
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float32
    offers = capabilities()
    if not any(offers.get(flag) for flag in ("avx512_bf16", "amx_tile", "bf16")):
        return torch.float32
    wide, narrow = (_square(device, dtype) for dtype in (torch.float32, torch.bfloat16))
    rates = [(_rate(wide), _rate(narrow)) for _ in range(TRIALS)]  # by turns, as it may be busy
    quicker = max(rate for _, rate in rates) > max(rate for rate, _ in rates)
    return torch.bfloat16 if quicker else torch.float32


def capabilities() -> dict[str, object]:
    """What the CPU offers, by torch's names; nothing where torch is too old to tell."""
    tell = getattr(torch.cpu, "get_capabilities", dict)  # newer than torch 2.9
    found: dict[str, object] = tell()
    return found


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product, the best of some: what a training is compared with."""
    square = _square(device, dtype)
    return max(_rate(square) for _ in range(TRIALS))


def _square(device: torch.device, dtype: torch.dtype) -> Tensor:
    """A large square matrix, drawn from a generator of its own: a training's draws are its own."""
    size = 8192 if device.type == "cuda" else 1024
    own = torch.Generator(device)
    return torch.randn(size, size, device=device, generator=own).to(dtype)


def _rate(square: Tensor) -> float:
    """FLOP/s of the product of a square matrix with itself."""
    began = time.perf_counter()
    (square @ square)[0, 0].item()  # waits for the device
    return 2 * len(square) ** 3 / (time.perf_counter() - began)


def free_memory(device: torch.device) -> float:
    """Bytes that a program could still take; inf where the system does not tell."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        available = 1024.0 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return math.inf
    return min(available, _allowance())


def out_of_memory(error: RuntimeError) -> bool:
    """Whether there was not enough memory; the CPU's allocator says so in words only."""
    words = ("can't allocate memory", "not enough memory")  # of Linux and macOS, of Windows
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in words)


def _allowance() -> float:
    """What the control group that this process runs in may still take (Linux, version 2)."""
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        return float(limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):  # none, or "max"
        return math.inf


def uploaded(host: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on the device, without waiting for what the device computes."""
    if device.type != "cuda":
        return host.to(device)
    return host.pin_memory().to(device, non_blocking=True)


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """A context in which matrix products run in dtype; float32 changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype != torch.float32)


def physical_cores() -> int:
    """Cores this process may use, siblings of one core counted once where Linux tells."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    siblings = set()
    for cpu in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text())
        except OSError:
            siblings.add(str(cpu))
    return max(1, len(siblings) or os.cpu_count() or 1)
