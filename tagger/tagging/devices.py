"""The names of devices and precisions that users give -> a device and a precision that this machine has."""

from typing import Any

import torch

from tagger.errors import InputError
from tagger.model.fast_cpu import multiplies_bfloat16

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: Any) -> str:
    """Returns a device; `auto` stands for the best one of this machine, and `cuda:1` for its second NVIDIA GPU.

    Raises:
        InputError: the device is not there.
    """
    there = []
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there += ["mps", "mps:0"]
    there.append("cpu")
    if name == "auto":
        return there[0]
    if name not in there:
        raise InputError(f"device {name} is not there; choose one of {', '.join(['auto', *there])}")
    return str(name)


def choose_precision(name: Any, device: str) -> str:
    """Returns a precision; `auto` stands for bfloat16 if the processor has instructions for it, else float32.

    Raises:
        InputError: no such precision.
    """
    if name not in ("auto", *PRECISIONS):
        raise InputError(f"precision {name}: choose one of auto, {', '.join(PRECISIONS)}")
    if name != "auto":
        return str(name)
    return "bfloat16" if device == "cpu" and multiplies_bfloat16() else "float32"
