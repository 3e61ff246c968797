"""A device that the processor plays: its tensors say that they lie on `gpu:0`, and do not mix with the processor's.

On a machine without a GPU this finds what a GPU would refuse: a tensor left on the processor, an array made of a tensor
that is not there, a device's name with a number. It is a plugin of pytest, in whose tests all networks are trained and
used on that device:

    pytest -n 0 -p tests.other_device tests/training tests/tagging/test_engine.py

Tests that compare identities of parameters fail, as do those that start processes or read the name of the device.

A tensor of the device wraps one of the processor (https://docs.pytorch.org/docs/stable/notes/extending.html). Every
operation comes by `compute`, which checks where its arguments lie.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor, nn, sigmoid, tanh
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

NAME = "gpu"
DEVICE = f"{NAME}:0"
torch.inference_mode = torch.no_grad  # type: ignore[assignment,misc] # wrapped tensors need a version
aten = torch.ops.aten
# Operations of a GPU's tensor whose indices may lie on the processor.
INDEXING = {
    aten.index.Tensor,
    aten._unsafe_index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}


class OtherTensor(Tensor):
    """A tensor of the device.

    Attributes:
        inner: of the processor, with the same values.
    """

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "OtherTensor":
        made: OtherTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=torch.device(DEVICE)
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.inner.tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"a tensor on {DEVICE} has no array; use .cpu() first")

    __array__ = numpy

    def __repr__(self, **_: Any) -> str:
        return f"{DEVICE} {self.inner}"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else repr(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.inner.__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        made: Tensor = OtherTensor(self.inner.clone())
        made = nn.Parameter(made, self.requires_grad) if isinstance(self, nn.Parameter) else made
        memo[id(self)] = made
        return made


def compute(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Does an operation on the processor.

    Raises:
        RuntimeError: a GPU would refuse it, because its arguments do not lie on one device.
    """
    tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
    here = [tensor for tensor in tensors if isinstance(tensor, OtherTensor)]
    elsewhere = [tensor for tensor in tensors if not isinstance(tensor, OtherTensor) and tensor.dim()]
    if func is aten.copy_.default:
        _inner(args[0]).copy_(_inner(args[1]))
        return args[0]
    if here and elsewhere and (func not in INDEXING or not isinstance(args[0], OtherTensor)):
        raise RuntimeError(f"{func}: expected all tensors on one device, found {DEVICE} and cpu")
    stays = bool(here)
    if kwargs.get("device") is not None:
        stays = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu"), "pin_memory": False} if stays else kwargs
        kwargs = {name: value for name, value in kwargs.items() if name != "pin_memory"}
    with _disable_current_modes():
        out = CELLS.get(func, func)(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    written = [argument.name for argument in func._schema.arguments if argument.is_write]
    if written and func._schema.returns:  # in place, or with out=
        given = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | dict(kwargs)
        return given[written[0]] if len(written) == 1 else tuple(given[name] for name in written)
    return tree_map(_outer, out) if stays else out


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OtherTensor) else value


def _outer(value: Any) -> Any:
    return OtherTensor(value) if isinstance(value, Tensor) else value


# torch has one operation for a step of a cell on a GPU, which the processor lacks.


def _gru(x: Tensor, h: Tensor, state: Tensor, b_x: Any = None, b_h: Any = None) -> tuple[Tensor, Tensor]:
    x, h = (x, h) if b_x is None else (x + b_x, h + b_h)
    (x_r, x_z, x_n), (h_r, h_z, h_n) = x.chunk(3, 1), h.chunk(3, 1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    return n + z * (state - n), torch.cat([r, z, n, state, h_n], 1)


def _gru_backward(grad: Tensor, kept: Tensor, has_bias: bool) -> tuple[Any, ...]:
    r, z, n, state, h_n = kept.chunk(5, 1)
    of_z = grad * (state - n) * z * (1 - z)
    of_n = grad * (1 - z) * (1 - n * n)
    of_r = of_n * h_n * r * (1 - r)
    x, h = torch.cat([of_r, of_z, of_n], 1), torch.cat([of_r, of_z, of_n * r], 1)
    return x, h, grad * z, *((x.sum(0), h.sum(0)) if has_bias else (None, None))


def _lstm(x: Tensor, h: Tensor, c: Tensor, b_x: Any = None, b_h: Any = None) -> tuple[Tensor, Tensor, Tensor]:
    gates = x + h if b_x is None else x + h + b_x + b_h
    i, f, g, o = gates.chunk(4, 1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    new = f * c + i * g
    return o * tanh(new), new, torch.cat([i, f, g, o], 1)


def _lstm_backward(of_h: Any, of_c: Any, c: Tensor, new: Tensor, kept: Tensor, has_bias: bool) -> tuple[Any, ...]:
    i, f, g, o = kept.chunk(4, 1)
    of_h = torch.zeros_like(c) if of_h is None else of_h
    total = of_h * o * (1 - tanh(new) ** 2) + (0 if of_c is None else of_c)
    of_o = of_h * tanh(new) * o * (1 - o)
    gates = torch.cat([total * g * i * (1 - i), total * c * f * (1 - f), total * i * (1 - g * g), of_o], 1)
    return gates, total * f, gates.sum(0) if has_bias else None


CELLS: dict[Any, Callable[..., Any]] = {
    aten._thnn_fused_gru_cell.default: _gru,
    aten._thnn_fused_gru_cell_backward.default: _gru_backward,
    aten._thnn_fused_lstm_cell.default: _lstm,
    aten._thnn_fused_lstm_cell_backward_impl.default: _lstm_backward,
}


class _Operations(TorchDispatchMode):
    """Makes tensors on the device where an operation asks for it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


class _Literals(TorchFunctionMode):
    """Makes tensors of lists and numbers, which otherwise bypass `_Operations`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and device is not None:
            return func(*args, **{**kwargs, "device": "cpu"}).to(device)
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], OtherTensor):
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            places = tuple(torch.tensor(place) if isinstance(place, list) else place for place in places)
            value = [torch.tensor(each).to(DEVICE) if isinstance(each, int | float) else each for each in args[2:]]
            args = (args[0], places, *value)
        return func(*args, **kwargs)


class _Accelerator(CPUAccelerator):
    """Lightning's part of the processor, for another device."""

    def setup_device(self, device: torch.device) -> None:
        pass


def pytest_configure(config: pytest.Config) -> None:
    """Registers the device, and lets all that is trained or loaded be on it."""
    from tagger.model import device
    from tagger.tagging import engine, load

    backend = backend_registration._DummyBackendModule()
    backend.get_amp_supported_dtype = lambda: [torch.bfloat16]  # type: ignore[attr-defined]
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend)
    choose, trainer = device.choose_device, pl.Trainer

    def choose_device(name: Any) -> str:
        return NAME if name in ("auto", "cpu", NAME) else DEVICE if name == DEVICE else choose(name)

    def make_trainer(*args: Any, **kwargs: Any) -> pl.Trainer:
        if kwargs.get("strategy") in (None, "auto") and kwargs.get("devices") in (None, 1):
            kwargs = {name: value for name, value in kwargs.items() if name not in ("accelerator", "devices")}
            kwargs["strategy"] = SingleDeviceStrategy(DEVICE, accelerator=_Accelerator())
            kwargs["inference_mode"] = False
        return trainer(*args, **kwargs)

    for module in (device, engine, load):
        module.choose_device = choose_device  # type: ignore[attr-defined]
    pl.Trainer = make_trainer  # type: ignore[assignment,misc]
    assert "tagger.adapters.ray" not in sys.modules
    _Operations().__enter__()
    _Literals().__enter__()


def test_what_lies_elsewhere_is_refused() -> None:
    here = torch.ones(3, device=DEVICE)
    assert (here + torch.tensor([1, 2, 3], device=DEVICE)).cpu().tolist() == [2, 3, 4]
    with pytest.raises(RuntimeError, match="expected all tensors on one device, found gpu:0 and cpu"):
        here + torch.ones(3)
    with pytest.raises(TypeError, match=r"use \.cpu\(\) first"):
        here.numpy()


def test_two_columns_are_learned_reported_on_and_tagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tagger
    from tagger.training.train import train
    from tests.training.conftest import config_of, part_of_sample

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)  # a drawing is no tensor
    corpus = part_of_sample(tmp_path, 10, 5, 5)
    train(config_of(corpus, "columns=[upos,xpos]", "trainer.max_epochs=1"), tmp_path / "run", "")
    assert set(tagger.load(tmp_path / "run").annotate(["a", "b"]).tags) == {"upos", "xpos"}
