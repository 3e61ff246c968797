"""Computes how much memory a network's weights need, before allocating any."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tagger.errors import InputError

TRAINING_COPIES = 4  # a weight, its gradient, and two moments of Adam
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # cgroups 2, then 1

Network = TypeVar("Network", bound=nn.Module)


class _NoInitialization(TorchFunctionMode):
    """Skips the drawing of random weights. On the meta device it would import torch's compiler, for a second."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__module__", None) == nn.init.__name__:
            return (*args, *(kwargs or {}).values())[0]
        return function(*args, **(kwargs or {}))


def build_without_memory(build: Callable[[], Network]) -> Network:
    """The network that `build` makes, with weights on the meta device: they have shapes but take no memory."""
    with torch.device("meta"), _NoInitialization():
        return build()


def check_memory(network: nn.Module, copies: int, subject: str) -> None:
    """Refuses a network whose weights are larger than the machine's memory.

    Args:
        network: or a list of networks; the weights may be on the meta device.
        copies: numbers that are kept for each weight that learns: `TRAINING_COPIES` for training, 1 for tagging.
        subject: what is refused, such as the folder of a tagger; the error message begins with it.
    """
    there = machine_bytes()
    weights = dict(network.named_parameters())
    sizes = {n: w.numel() * w.element_size() * (copies if w.requires_grad else 1) for n, w in weights.items()}
    needed = sum(sizes.values())
    if there is not None and needed > there:
        count = sum(weight.numel() for weight in weights.values())
        raise InputError(
            f"{subject}: {count:,} parameters need {needed / 1e9:,.1f} GB, and this machine has {there / 1e9:,.1f} GB;"
            f" choose smaller sizes, above all of {max(sizes, key=lambda name: sizes[name])}"
        )


def machine_bytes() -> int | None:
    """The memory of this machine, or of the container that this process runs in; None if the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no container, or no limit ("max")
            there = min(there, int(Path(path).read_text(encoding="ascii")))
    return there
