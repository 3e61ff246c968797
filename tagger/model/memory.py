"""Computes how much memory a network's weights need, before allocating any."""

import os
from collections import defaultdict
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

    A module may have `size_keys`: the name of a module in it -> the keys of a config that decide how large that one is.

    Args:
        network: or a list of networks; the weights may be on the meta device.
        copies: numbers that are kept for each weight that learns: `TRAINING_COPIES` for training, 1 for tagging.
        subject: what is refused, such as the folder of a tagger; the error message begins with it.
    """
    there = machine_bytes()
    sizes: dict[str, int] = defaultdict(int)
    for name, weight in network.named_parameters():
        size = weight.numel() * weight.element_size()
        sizes[_keys_of(network, name)] += size * (copies if weight.requires_grad else 1)
    needed = sum(sizes.values())
    if there is not None and needed > there:
        largest = max(sizes, key=lambda keys: sizes[keys])
        count = sum(weight.numel() for weight in network.parameters())
        raise InputError(
            f"{subject}: {count:,} parameters need {needed / 1e9:,.1f} GB, and this machine has {there / 1e9:,.1f} GB;"
            f" {sizes[largest] / needed:.0%} of it is decided by {largest}: choose a smaller size"
        )


def _keys_of(network: nn.Module, weight: str) -> str:
    """The config keys that decide the size of a weight; its name if no module says them."""
    module: Any = network
    for name in weight.split("."):
        keys = getattr(module, "size_keys", {})
        if name in keys:
            return str(keys[name])
        module = getattr(module, name)
    return weight


def machine_bytes() -> int | None:
    """The memory of this machine, or of the container that this process runs in; None if the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no container, or no limit ("max")
            there = min(there, int(Path(path).read_text(encoding="ascii")))
    return there
