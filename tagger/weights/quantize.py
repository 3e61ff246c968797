"""Weights <-> the same weights in fewer bytes: float16, or int8 with a scale per row."""

from collections.abc import Mapping

import torch
from torch import Tensor

STORAGE_DTYPES = ("float32", "float16", "int8")
_MAX_INT8 = 127  # -128 is not used, so that the levels are symmetric
SCALE_SUFFIX = ":scale"  # after the name of an int8 tensor: the scale of each of its rows


def compress(weights: Mapping[str, Tensor], dtype: str) -> dict[str, Tensor]:
    """The weights as a file stores them.

    Args:
        weights: name -> tensor.
        dtype: one of `STORAGE_DTYPES`. float32 leaves the weights as they are. float16 rounds them. int8 rounds each
            row of a tensor to 255 levels, from minus to plus the row's largest magnitude (symmetric quantization:
            Jacob et al. 2018, https://arxiv.org/abs/1712.05877). It leaves tensors of less than two dimensions as
            they are.
    """
    stored = {}
    for name, tensor in weights.items():
        if dtype == "int8" and tensor.is_floating_point() and tensor.dim() > 1:
            rows = tensor.float().flatten(1)
            scale = rows.abs().amax(dim=1, keepdim=True) / _MAX_INT8
            levels = (rows / scale.where(scale > 0, 1.0)).round()
            stored[name] = levels.to(torch.int8).view_as(tensor)
            stored[name + SCALE_SUFFIX] = scale.squeeze(1)
        else:
            half = dtype == "float16" and tensor.is_floating_point()
            stored[name] = tensor.half() if half else tensor
    return stored


def expand(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `compress`, but for rounding: int8 becomes float32, and float16 stays.

    Raises:
        KeyError: an int8 tensor has no scales.
        RuntimeError: an int8 tensor does not have one scale per row.
    """
    weights = {}
    for name, tensor in stored.items():
        if tensor.dtype == torch.int8:
            scale = stored[name + SCALE_SUFFIX]
            weights[name] = (tensor.flatten(1).float() * scale[:, None]).view_as(tensor)
        elif not name.endswith(SCALE_SUFFIX):
            weights[name] = tensor
    return weights
