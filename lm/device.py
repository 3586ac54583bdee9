"""The processor a model runs on: which device, how precise, how many threads.

It only asks torch what the machine offers; nothing here knows a model.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    offers = capabilities()
    native = any(offers.get(flag) for flag in ("avx512_bf16", "amx_tile", "bf16"))
    return torch.bfloat16 if native else torch.float32


def capabilities() -> dict[str, object]:
    """What the CPU offers, by torch's names; nothing where torch is too old to tell."""
    tell = getattr(torch.cpu, "get_capabilities", dict)  # newer than torch 2.9
    found: dict[str, object] = tell()
    return found


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product, the best of some: what a training is compared with."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device).to(dtype)
    best = 0.0
    for _ in range(6):
        began = time.perf_counter()
        product = a @ a
        product[0, 0].item()  # wait for the device
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


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
