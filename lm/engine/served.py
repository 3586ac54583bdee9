"""A model as it is served: in the precision, and by the code, that decode fastest on a device."""

from __future__ import annotations

import copy

import torch

from lm.device import precision
from lm.engine.captured import CapturedGPT
from lm.models.gpt import GPT
from lm.models.mixture import Mixture
from lm.native.code import native
from lm.native.decoder import NativeGPT, accelerated
from lm.native.mixing import NativeMixture


def served_dtype(device: torch.device) -> torch.dtype:
    """What weights, keys and values of a served model are held in.

    On a CPU bfloat16 where there is native code for it, which reads half as much; torch alone is
    no faster in it (benchmarks/LOG.md).
    """
    if device.type == "cuda":
        return precision(device)
    return torch.float32 if native(torch.bfloat16) is None else torch.bfloat16


def served(model: GPT | Mixture, device: torch.device) -> GPT | Mixture:
    """`model`, or a copy of it whose decode steps are faster; `model` itself stays as it is."""
    gpt, dtype = model.gpt if isinstance(model, Mixture) else model, served_dtype(device)
    if gpt.embed_tokens.weight.dtype != dtype:
        gpt = copy.deepcopy(gpt).to(dtype)
    gpt = gpt.eval().requires_grad_(False)
    fast = CapturedGPT(gpt) if device.type == "cuda" else accelerated(gpt)
    if not isinstance(model, Mixture):
        return fast
    if isinstance(fast, NativeGPT):
        return NativeMixture(fast, model)
    return Mixture(fast, model.ngrams, model.weights, model.turns, model.voices)
