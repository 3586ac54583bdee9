"""A GPT whose blocks are code that torch generates for one machine and one shape of batches.

On two cores a step then takes a tenth less or more, after half a minute to a minute of generating
(benchmarks/LOG.md): it pays in long runs, and not on every machine. So it is tried.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import nn

from lm.models.gpt import GPT, SharedGPT

WORTHWHILE = 900.0  # seconds that a run has to have before it
TRIALS = 3  # of which the best counts
NAMED = "TORCHINDUCTOR_CACHE_DIR"  # torch sets it to what it finds first, for all of a process


@contextmanager
def kept_in(directory: Path) -> Iterator[None]:
    """Have what is generated meanwhile in this directory, made for it and gone afterwards.

    Torch would take one of the system's for temporary files whose name can be guessed, run what
    somebody else may have put there, and leave 150 MB.
    """
    shutil.rmtree(directory, ignore_errors=True)  # of a training that was killed
    directory.mkdir(parents=True, mode=0o700)
    usual, tempfile.tempdir = tempfile.tempdir, str(directory.absolute())  # of its own headers
    named, os.environ[NAMED] = os.environ.get(NAMED), str(directory.absolute())  # of the rest
    try:
        yield
    finally:
        tempfile.tempdir = usual
        del os.environ[NAMED]
        if named is not None:
            os.environ[NAMED] = named
        shutil.rmtree(directory, ignore_errors=True)


class CompiledGPT(SharedGPT):
    """The same weights; each block is compiled when it is first called, and once for all."""

    def __init__(self, gpt: GPT) -> None:
        super().__init__(gpt)
        compiled = (torch.compile(layer, dynamic=False) for layer in gpt.layers)
        self.layers = nn.ModuleList(cast(nn.Module, layer) for layer in compiled)


def tried(gpt: GPT, step: Callable[[GPT], object]) -> tuple[CompiledGPT, float, float]:
    """A compiled GPT, and seconds of a step of `gpt` and of it: the best of some, by turns.

    Any Exception where it cannot be compiled: without a compiler of C++, most likely.
    """
    with warnings.catch_warnings(action="ignore"):  # those of torch's compiler are of itself
        compiled = CompiledGPT(gpt)
        step(compiled)
    times = [(_seconds(step, gpt), _seconds(step, compiled)) for _ in range(TRIALS)]
    return compiled, min(plain for plain, _ in times), min(quick for _, quick in times)


def _seconds(step: Callable[[GPT], object], gpt: GPT) -> float:
    began = time.perf_counter()
    step(gpt)
    return time.perf_counter() - began
