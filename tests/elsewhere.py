"""A device that is not the CPU, where there is none: it computes on the CPU and lets nothing mix.

Tensors there are wrapped ones. An operation that takes some from there and some from here fails, as
it would with a GPU, and numpy sees none of them. It goes by the name of torch's "meta", the only
device besides the CPU that every build of torch knows. What is peculiar to CUDA (graphs, streams,
pinned memory, bfloat16) it cannot find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

adam = import_module("torch.optim.adam")  # which torch.optim hides
CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
aten = torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)
PLAIN_ATTENTION = 0  # as _fused_sdp_choice says


class MixedDevicesError(Exception):
    """An operation was given tensors from here and from there."""


class There(Tensor):
    """A tensor elsewhere; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> There:
        """Nothing of it is copied."""
        wrapped: There = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=ELSEWHERE,
        )
        return wrapped

    def __init__(self, held: Tensor) -> None:
        """`held` is on the CPU."""
        self.held = held

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares another one than it calls
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """As torch asks a tensor of a class of its own."""
        return _computed(operation, args, kwargs or {})


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """What is made there by name alone is no There that torch could ask."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _computed(operation, args, kwargs or {})


def _computed(operation: Any, args: Any, kwargs: Any) -> Any:
    if torch.is_inference_mode_enabled():  # whose tensors cannot be wrapped
        with torch.inference_mode(False), torch.no_grad():
            return _computed(operation, args, kwargs)
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = any(isinstance(tensor, There) for tensor in tensors)
    if operation is aten._fused_sdp_choice.default and there:
        return PLAIN_ATTENTION
    here = [tensor for tensor in tensors if tensor.dim() and not isinstance(tensor, There)]
    if there and here and operation not in COPIES:
        raise MixedDevicesError(f"{operation}: of {[tuple(tensor.shape) for tensor in here]} here")
    wanted = kwargs.get("device")
    goes_there = there if wanted is None else torch.device(wanted) == ELSEWHERE
    if wanted is not None:
        kwargs = {**kwargs, "device": CPU}
    held_args, held_kwargs = tree_map_only(There, lambda tensor: tensor.held, (args, kwargs))
    found = operation(*held_args, **held_kwargs)
    if operation is aten.copy_.default:
        return args[0]
    if not goes_there:
        return found
    wrapped = tree_map_only(Tensor, There, found)
    if not there or operation is aten._to_copy.default:
        return wrapped
    aliased = return_and_correct_aliasing
    return aliased(operation, args, kwargs, wrapped)  # type: ignore[no-untyped-call]  # as above


@contextmanager
def elsewhere() -> Iterator[None]:
    """Meanwhile tensors can be made on ELSEWHERE and moved there and back."""
    tensor, autocast, tolist = torch.tensor, torch.autocast, Tensor.tolist

    def made(data: Any, *, device: Any = None, **others: Any) -> Tensor:
        found = tensor(data, **others)
        return found if device is None else found.to(device)

    def cast(device: str, *args: Any, **kwargs: Any) -> AbstractContextManager[None]:
        return nullcontext() if device == ELSEWHERE.type else autocast(device, *args, **kwargs)

    def listed(self: Tensor) -> Any:
        return tolist(self.held if isinstance(self, There) else self)

    with pytest.MonkeyPatch.context() as patch, _Mode():  # type: ignore[no-untyped-call]  # as above
        patch.setattr(torch, "tensor", made)  # itself it leaves "meta" without numbers
        patch.setattr(torch, "autocast", cast)
        patch.setattr(Tensor, "tolist", listed)
        patch.setattr(adam, "_device_dtype_check_for_fused", lambda *_, **__: None)
        patch.setattr("lm.models.predictor.precision", lambda _: torch.float32)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(False)
