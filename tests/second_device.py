"""A device that every machine has, for tests: its tensors lie in memory, and meet no tensors of the processor."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "meta"  # as which it stands; nothing else uses this device within the block
_HOME = torch.device(DEVICE)


class _Away(Tensor):
    """A tensor on the device."""

    data_here: Tensor

    @staticmethod
    def __new__(cls, data: Tensor) -> "_Away":
        made = Tensor._make_wrapper_subclass(
            cls, data.shape, strides=data.stride(), storage_offset=data.storage_offset(), dtype=data.dtype, device=_HOME
        )
        made.data_here = data
        return made

    def tolist(self) -> Any:
        return self.data_here.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


class _Made(TorchFunctionMode):
    """`torch.tensor` of a list on the device, which asks no dispatcher."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.tensor and torch.device(kwargs.get("device") or "cpu") == _HOME:
            return function(*args, **{**kwargs, "device": "cpu"}).to(_HOME)
        return function(*args, **kwargs)


class SecondDevice(TorchDispatchMode):
    """Within the block tensors can be moved to `DEVICE`; what mixes tensors of both devices is an error, as on a GPU.

    A tensor of no dimensions may come from the processor, as on a GPU.
    """

    def __enter__(self) -> "SecondDevice":
        self._made = _Made()
        self._made.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._made.__exit__(*error)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    is_away = any(isinstance(each, _Away) for each in tensors)
    is_copy = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    here = [each for each in tensors if not isinstance(each, _Away) and each.dim()]
    if is_away and here and not is_copy:
        raise RuntimeError(f"{function}: tensors are on two devices")
    goes = kwargs.get("device")
    stays_away = is_away if goes is None else torch.device(goes) == _HOME
    own = {**kwargs, **({} if goes is None else {"device": torch.device("cpu")})}
    unwrapped = tree_map(lambda each: each.data_here if isinstance(each, _Away) else each, (tuple(args), own))
    made = function(*unwrapped[0], **unwrapped[1])
    known = {id(each.data_here): each for each in tensors if isinstance(each, _Away)}
    if function is torch.ops.aten.copy_.default:
        return args[0]

    def wrapped(each: Any) -> Any:
        if not isinstance(each, Tensor):
            return each
        return known[id(each)] if id(each) in known else _Away(each)

    return tree_map(wrapped, made) if stays_away else made
