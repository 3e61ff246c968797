"""A network's weights: how much memory they need, and a file that stores them in fewer bytes.

A file may come from somebody else. So `read_weights` compares it with what the network expects, and that with the
machine's memory, before it allocates any.
"""

# R rows of a tensor

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from tagger.errors import InputError, reason
from tagger.model.device import WithoutMemory
from tagger.model.transformer import EncoderError
from tagger.text.schema import shown

TRAINING_COPIES = 4  # a weight, its gradient, and two moments of Adam
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # cgroups 2, then 1

STORAGE_DTYPES = ("float32", "float16", "int8", "int4")
_MAX_INT8, _MAX_INT4 = 127, 7  # -128 and -8 are not used, so that the levels are symmetric
_STORED_DTYPES = ("F32", "F16", "BF16", "I8")  # their names in safetensors
_PACKED = "U8"  # that of int4, two levels in a byte: the first, of the even column, in its lower half; each + 8
# The shares of a row's largest magnitude that the largest level of int4 may stand for. With 15 levels it pays to round
# the largest numbers down. The others are for rows that come from a file of int4: half precision rounds scales.
_INT4_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)
_INT4_AGAIN = (1.0, 1 - 2**-11, 1 + 2**-11, 7 / 6, 7 / 5)
_ROWS = 4096  # that are expanded at a time
SCALE_SUFFIX = ":scale"  # after the name of an int8 or int4 tensor: the scale of each of its rows

Network = TypeVar("Network", bound=nn.Module)


def build_without_memory(build: Callable[[], Network]) -> Network:
    """The network that `build` makes, with weights on the meta device: they have shapes but take no memory."""
    with torch.device("meta"), WithoutMemory():
        return build()


def check_memory(weights: Mapping[str, Tensor], subject: str, copies: int = 1) -> None:
    """Refuses the weights of a `subject` that are larger than the machine's memory.

    `copies` are the numbers that are kept for each weight that learns.
    """
    available = machine_bytes()
    sizes = {n: w.numel() * w.element_size() * (copies if w.requires_grad else 1) for n, w in weights.items()}
    needed = sum(sizes.values())
    if available is not None and needed > available:
        count = sum(weight.numel() for weight in weights.values())
        raise InputError(
            f"{subject}: {count:,} parameters need {needed / 1e9:,.1f} GB, and this machine has {available / 1e9:,.1f}"
            f" GB; choose smaller sizes, above all of {max(sizes, key=lambda name: sizes[name])}"
        )


def machine_bytes() -> int | None:
    """The memory of this machine, or of the container that this process runs in; None if the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no container, or no limit ("max")
            available = min(available, int(Path(path).read_text(encoding="ascii")))
    return available


def compress(
    weights: Mapping[str, Tensor], dtype: str, exact: tuple[str, ...] = (), int4: tuple[str, ...] = ("",)
) -> dict[str, Tensor]:
    """The weights as a file stores them, on the CPU, in one of `STORAGE_DTYPES`. `expand` is the inverse.

    float32 keeps all numbers: a tensor that was int4, int8 or float16 in a file is so again, to the bit. float16 rounds
    them. int8 rounds each row of a tensor to 255 levels, from minus to plus the row's largest magnitude (symmetric
    quantization: Jacob et al. 2018, https://arxiv.org/abs/1712.05877). It leaves tensors of less than two dimensions as
    they are. int4 has 15 levels, for tensors of two dimensions and an even number of columns whose names begin with one
    of the prefixes `int4`; it rounds others as int8 does. Those that begin with one of `exact` stay as they are.
    """
    stored = {}
    for name, weight in weights.items():
        tensor = stored[name] = weight.detach().cpu()
        if not tensor.is_floating_point() or not tensor.numel() or name.startswith(exact):
            continue
        if dtype != "float32":
            own = "int8" if dtype == "int4" and not name.startswith(int4) else dtype
            stored |= _rounded(name, tensor, own, _INT4_CLIPS)
            continue
        few = tensor[:: len(tensor) // 16 + 1] if tensor.dim() else tensor  # rows that show most tensors not to fit
        for narrow in ("int4", "int8", "float16"):
            if _keeps(few, narrow) and _keeps(tensor, narrow):
                stored |= _rounded(name, tensor, narrow, _INT4_AGAIN)
                break
    return stored


def _keeps(tensor: Tensor, dtype: str) -> bool:
    """Whether a dtype stores a tensor in fewer bytes and gives the same numbers again."""
    stored = _rounded("", tensor, dtype, _INT4_AGAIN)
    return stored[""].dtype != tensor.dtype and torch.equal(expand(stored)[""].to(tensor.dtype), tensor)


def _rounded(name: str, tensor: Tensor, dtype: str, int4_clips: Sequence[float]) -> dict[str, Tensor]:
    if dtype == "int4" and tensor.dim() == 2 and tensor.shape[1] % 2 == 0:
        levels, scale = _int4(tensor, int4_clips)
        if torch.isfinite(scale).all():
            return {name: levels, name + SCALE_SUFFIX: scale}
    if dtype in ("int4", "int8"):
        if tensor.dim() < 2:
            return {name: tensor}
        levels, scale = _int8(tensor)
        return {name: levels, name + SCALE_SUFFIX: scale}
    return {name: tensor.half()}


def _int4(tensor: Tensor, clips: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The packed levels of a tensor (R, C), (R, C / 2), and the scale of each row in half precision, (R,).

    Of the scales that `clips` give, a row has that with the smallest sum of squared errors.
    """
    rows = tensor.float()
    most = rows.abs().amax(dim=1, keepdim=True)
    levels, scale, least = torch.zeros_like(rows), torch.zeros_like(most), torch.full_like(most, torch.inf)
    for clip in clips:
        step = (most * clip / _MAX_INT4).half().float()
        rounded = (rows / step.where(step > 0, 1.0)).round().clamp(-_MAX_INT4, _MAX_INT4)
        error = (rounded * step - rows).square().sum(dim=1, keepdim=True)
        better = error < least
        levels, scale = torch.where(better, rounded, levels), torch.where(better, step, scale)
        least = torch.where(better, error, least)
    scale = scale.where(torch.isfinite(least), torch.inf)  # half precision has no such number
    pairs = (levels + _MAX_INT4 + 1).to(torch.uint8).view(len(tensor), -1, 2)
    return pairs[..., 0] | (pairs[..., 1] << 4), scale.half().squeeze(1)


def _int8(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """The levels of a tensor (R, ...) and the scale of each row, (R,): its largest magnitude over 127.

    The scale of a row that comes from a file of int8 may be another one in the last bit. So a neighbour is taken that
    gives the row again, to the bit. Else a tagger that is saved again would be another one, or four times as large.
    """
    flat = tensor.flatten(1)
    rows, infinity = flat.float(), torch.tensor(torch.inf)
    scale = found = rows.abs().amax(dim=1, keepdim=True) / _MAX_INT8
    levels = (rows / scale.where(scale > 0, 1.0)).round()
    for near in (torch.nextafter(scale, infinity), torch.nextafter(scale, -infinity), scale):
        same = ((levels * near).to(tensor.dtype) == flat).all(dim=1, keepdim=True)
        found = torch.where(same, near, found)
    return levels.to(torch.int8).view_as(tensor), found.squeeze(1)


def expand(stored: Mapping[str, Tensor], like: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The inverse of `compress`, but for rounding: int8 and int4 become float32, float16 stays; or all as in `like`.

    A KeyError or a ValueError if an int8 or int4 tensor does not have one scale per row.
    """
    weights = {}
    for name, tensor in stored.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        dtype = None if like is None else like[name].dtype
        packed = tensor.dtype == torch.uint8
        if not packed and tensor.dtype != torch.int8:
            weights[name] = tensor.to(dtype or tensor.dtype, copy=True)  # so that no file stays in memory
            continue
        scale = stored[name + SCALE_SUFFIX]
        if scale.shape != tensor.shape[:1]:
            raise ValueError(f"{len(tensor)} rows have {len(scale)} scales")
        columns = tensor.flatten(1).shape[1] * (2 if packed else 1)
        product = torch.empty(len(tensor), columns, dtype=dtype or torch.float32)
        # Some rows at a time: there is no float32 copy of all levels.
        for part, levels, step in zip(*(torch.split(each, _ROWS) for each in (product, tensor, scale)), strict=True):
            if packed:
                levels = torch.stack([levels & 15, levels >> 4], dim=2).flatten(1).to(torch.int8) - (_MAX_INT4 + 1)
            part.copy_(levels.flatten(1).float() * step.float()[:, None])
        weights[name] = product if packed else product.view_as(tensor)
    return weights


def read_weights(
    path: Path, expected: Mapping[str, Tensor], lists: Mapping[str, str] | None = None
) -> dict[str, Tensor]:
    """The tensors of a file of weights, which must have the names and shapes that a network expects.

    `lists` has the names of lists of whole numbers, of any length, that the file has too, and their dtypes.
    """
    lists = lists or {}
    with one_error(path.parent, path.name):
        _check_header(path, expected, lists)
    check_memory(expected, str(path.parent))
    with one_error(path.parent, path.name):
        stored = load_file(path)
        numbers = {name: stored.pop(name) for name in lists}
        weights = expand(stored, expected)
        check_finite(weights)
    return weights | numbers


def _check_header(path: Path, expected: Mapping[str, Tensor], lists: Mapping[str, str]) -> None:
    """Raises ValueError unless a file has the tensors that `read_weights` reads; reads no more than its header."""
    with safe_open(path, "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    stored: dict[str, tuple[str | None, tuple[int, ...] | None]] = {
        name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()
    }
    for name, wanted in lists.items():
        dtype, shape = stored.pop(name, (None, None))
        if dtype != wanted or shape is None or len(shape) != 1:
            raise ValueError(f"{name} is {dtype} {shape}, not a list of whole numbers")
    for name, tensor in expected.items():
        dtype, shape = stored.pop(name, (None, None))
        packed = dtype == _PACKED and shape is not None and tensor.dim() == 2
        if packed and shape is not None:
            shape = (shape[0], 2 * shape[1]) if len(shape) == 2 else shape
        if shape != tuple(tensor.shape) or not (packed or dtype in _STORED_DTYPES):
            raise ValueError(f"{name} is {dtype} {shape}, not {tuple(tensor.shape)}")
        if packed or dtype == "I8":
            dtype, shape = stored.pop(name + SCALE_SUFFIX, (None, None))
            if shape != tuple(tensor.shape[:1]) or dtype not in ("F32", "F16", "BF16"):
                raise ValueError(f"{name} has no scale for each of its {len(tensor)} rows")
    if stored:
        raise ValueError(f"the file has a tensor {shown(min(stored))} that the network does not use")


@contextmanager
def one_error(folder: Path, weights: str) -> Iterator[None]:
    """Turns any error that a damaged folder raises into an InputError; `weights` names the file of weights."""
    try:
        yield
    except EncoderError:
        raise
    except OSError as error:
        raise InputError(f"{folder / weights} cannot be read: {error.strerror}; check its permissions") from None
    except SafetensorError as error:
        raise InputError(f"{folder / weights} is damaged ({reason(error)}); copy the folder again") from None
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise InputError(f"{folder}: its files do not fit each other ({reason(error)}); copy it again") from None


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Raises ValueError if a weight is NaN or infinite."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and tensor.numel():
            low, high = torch.aminmax(tensor)  # both are NaN if any number is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise ValueError(f"{name} has a weight that is NaN or infinite")
