"""A network's weights as a file stores them: in fewer bytes, as float16, int8 or int4; checked when they are read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tagger.errors import InputError, reason
from tagger.model.transformer import EncoderError
from tagger.text.json_files import shown

STORAGE_DTYPES = ("float32", "float16", "int8", "int4")
_MAX_INT8, _MAX_INT4 = 127, 7  # -128 and -8 are not used, so that the levels are symmetric
_STORED_DTYPES = ("F32", "F16", "BF16", "I8")  # their names in safetensors
_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)  # of the largest number of a row of int4, see `_nibbles`
_AGAIN = (1.0, 1 - 2**-11, 1 + 2**-11, 7 / 6, 7 / 5)  # for rows that had int4: half precision rounds scales
_PACKED = "U8"  # that of int4, two levels in a byte: the first, of the even column, in its lower half; each + 8
_ROWS = 4096  # that are expanded at a time
SCALE_SUFFIX = ":scale"  # after the name of an int8 or int4 tensor: the scale of each of its rows


def compress(weights: Mapping[str, Tensor], dtype: str) -> dict[str, Tensor]:
    """The weights as a file stores them, on the CPU. What `expand` gives is stored as it was, to the bit.

    Args:
        weights: name -> tensor.
        dtype: one of `STORAGE_DTYPES`. float32 keeps all numbers: a tensor that was int8 or float16 in a file is so
            again, and others are as they are. float16 rounds them. int8 rounds each row of a tensor to 255 levels,
            from minus to plus the row's largest magnitude (symmetric quantization: Jacob et al. 2018,
            https://arxiv.org/abs/1712.05877). It leaves tensors of less than two dimensions as they are. int4 has 15
            levels, for tensors of two dimensions and an even number of columns; it rounds others as int8 does.
    """
    stored = {}
    for name, weight in weights.items():
        tensor = stored[name] = weight.detach().cpu()
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        few = tensor[:: len(tensor) // 16 + 1] if tensor.dim() else tensor  # rows that show most tensors not to fit
        packs = tensor.dim() == 2 and tensor.shape[1] % 2 == 0
        if packs and (dtype == "int4" or (dtype == "float32" and _nibbles(few, _AGAIN)[2])):
            levels, scale, is_exact = _nibbles(tensor, _CLIPS if dtype == "int4" else _AGAIN)
            if (dtype == "int4" and torch.isfinite(scale).all()) or is_exact:
                stored[name], stored[name + SCALE_SUFFIX] = levels, scale
                continue
        if dtype == "int4":
            stored |= compress({name: tensor}, "int8")
            continue
        if tensor.dim() > 1 and (dtype == "int8" or (dtype == "float32" and _levels(few)[2])):
            levels, scale, is_exact = _levels(tensor)
            if dtype == "int8" or is_exact:
                stored[name], stored[name + SCALE_SUFFIX] = levels, scale
                continue
        if dtype == "float16" or (dtype == "float32" and _is_half(few) and _is_half(tensor)):
            stored[name] = tensor.half()
    return stored


def _is_half(tensor: Tensor) -> bool:
    return bool((tensor.half() == tensor).all())


def _nibbles(tensor: Tensor, clips: Sequence[float]) -> tuple[Tensor, Tensor, bool]:
    """The packed levels of int4 (R, C / 2), the scale of each row in half precision, and whether they are exact.

    Args:
        tensor: (R, C).
        clips: the shares of a row's largest magnitude that the largest level may stand for; that with the smallest sum
            of squared errors is taken. With 15 levels it pays to round the largest numbers down.
    """
    rows = tensor.float()
    most = rows.abs().amax(dim=1, keepdim=True)
    levels, scale, least = torch.zeros_like(rows), torch.zeros_like(most), torch.full_like(most, torch.inf)
    for clip in clips:
        step = (most * clip / _MAX_INT4).half().float()
        own = (rows / step.where(step > 0, 1.0)).round().clamp(-_MAX_INT4, _MAX_INT4)
        error = (own * step - rows).square().sum(dim=1, keepdim=True)
        better = error < least
        levels, scale = torch.where(better, own, levels), torch.where(better, step, scale)
        least = torch.where(better, error, least)
    scale = scale.where(torch.isfinite(least), torch.inf)  # half precision has no such number
    is_exact = bool(((levels * scale).to(tensor.dtype) == tensor).all())
    pairs = (levels + _MAX_INT4 + 1).to(torch.uint8).view(len(tensor), -1, 2)
    return pairs[..., 0] | (pairs[..., 1] << 4), scale.half().squeeze(1), is_exact


def _levels(tensor: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The levels and the scale of each row, and whether they give the same numbers again.

    A row that was made of levels and a scale gets that scale: one in the middle of the interval from which every
    number of the row follows by rounding.
    """
    rows = tensor.float().flatten(1)
    scale = rows.abs().amax(dim=1, keepdim=True) / _MAX_INT8
    levels = (rows / scale.where(scale > 0, 1.0)).round()
    stored = levels.to(torch.int8)
    is_exact = False
    if torch.isfinite(scale).all():
        numbers, sizes = tensor.flatten(1).numpy(), levels.abs().double().numpy()
        magnitudes = np.abs(numbers)
        above = np.nextafter(magnitudes, numbers.dtype.type(np.inf)).astype(np.float64)
        below = np.nextafter(magnitudes, numbers.dtype.type(-1)).astype(np.float64)
        exact = magnitudes.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(sizes > 0, (exact + below) / (2 * sizes), 0).max(axis=1)
            most = np.where(sizes > 0, (exact + above) / (2 * sizes), np.inf).min(axis=1)
        middle = torch.from_numpy(np.where(np.isfinite(most), (least + most) / 2, 0)).float()[:, None]
        same = ((levels * middle).to(tensor.dtype) == tensor.flatten(1)).all(dim=1, keepdim=True)
        scale, is_exact = torch.where(same, middle, scale), bool(same.all())
    return stored.view_as(tensor), scale.squeeze(1), is_exact


def expand(stored: Mapping[str, Tensor], like: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The inverse of `compress`, but for rounding: int8 and int4 become float32, and float16 stays.

    Args:
        like: tensors, perhaps on the meta device, whose dtypes are wanted instead.

    Raises:
        KeyError: an int8 or int4 tensor has no scales, or `like` lacks a tensor.
        ValueError: an int8 or int4 tensor does not have one scale per row.
    """
    weights = {}
    for name, tensor in stored.items():
        dtype = None if like is None or name.endswith(SCALE_SUFFIX) else like[name].dtype
        if tensor.dtype in (torch.int8, torch.uint8):
            weights[name] = _multiplied(tensor, stored[name + SCALE_SUFFIX], dtype or torch.float32)
        elif not name.endswith(SCALE_SUFFIX):
            weights[name] = tensor.to(dtype or tensor.dtype, copy=True)  # so that no file stays in memory
    return weights


def _multiplied(levels: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Levels of int8 or packed ones of int4, each row times its scale, without a float32 copy of them all."""
    if scale.shape != levels.shape[:1]:
        raise ValueError(f"{len(levels)} rows have {len(scale)} scales")
    packed = levels.dtype == torch.uint8
    weights = torch.empty(len(levels), levels.flatten(1).shape[1] * (2 if packed else 1), dtype=dtype)
    for part, own, step in zip(*(torch.split(each, _ROWS) for each in (weights, levels, scale)), strict=True):
        if packed:
            own = torch.stack([own & 15, own >> 4], dim=2).flatten(1).to(torch.int8) - (_MAX_INT4 + 1)
        part.copy_(own.flatten(1).float() * step.float()[:, None])
    return weights if packed else weights.view_as(levels)


def check_stored_weights(path: Path, expected: Mapping[str, Tensor], lists: Mapping[str, str] | None = None) -> None:
    """Raises ValueError unless a file of weights has the names and shapes that a network expects.

    Only the header of the file is read.

    Args:
        expected: tensors of the network's shapes, perhaps on the meta device.
        lists: the names of lists of whole numbers, of any length, that the file has too, and their dtypes.
    """
    with safe_open(path, "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    stored: dict[str, tuple[str | None, tuple[int, ...] | None]] = {
        name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()
    }
    for name, wanted in (lists or {}).items():
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
        raise InputError(
            f"{folder}: its files do not fit each other ({reason(error)}); copy the folder again"
        ) from None


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Raises ValueError if a weight is NaN or infinite."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and tensor.numel():
            low, high = torch.aminmax(tensor)  # both are NaN if any number is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise ValueError(f"{name} has a weight that is NaN or infinite")
