"""Where a network is and computes: on which device, in which precision, one thread at a time; or without memory."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tagger.errors import InputError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}

turn = threading.RLock()  # of the threads of this process that compute, or load what computes


@contextmanager
def own_turn() -> Iterator[None]:
    """Within the block only this thread tags, without gradients, and torch uses one thread.

    Threads of a process take turns, also those of different taggers: torch's number of threads is a setting of the
    whole process, and the steps of a recurrent layer are so small that more threads slow them down. The previous
    setting is restored. To use more cores, load a tagger with `workers`.
    """
    with turn, torch.inference_mode():
        threads = torch.get_num_threads()
        if threads != 1:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if threads != 1:
                torch.set_num_threads(threads)


if hasattr(os, "register_at_fork"):  # not on Windows
    # A process is forked only while no thread computes, so that its copy of the tagger is consistent.
    os.register_at_fork(before=turn.acquire, after_in_parent=turn.release, after_in_child=turn.release)


def choose_device(name: Any) -> str:
    """Returns a device; `auto` stands for the best one of this machine, and `cuda:1` for its second NVIDIA GPU."""
    devices = []
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices += ["mps", "mps:0"]
    devices.append("cpu")
    if name == "auto":
        return devices[0]
    if name not in devices:
        raise InputError(f"device {name} is not there; choose one of {', '.join(['auto', *devices])}")
    return str(name)


def choose_precision(name: Any, device: str) -> str:
    """Returns a precision; `auto` stands for bfloat16 if the processor has instructions for it, else float32."""
    if name not in ("auto", *PRECISIONS):
        raise InputError(f"precision {name}: choose one of auto, {', '.join(PRECISIONS)}")
    if name != "auto":
        return str(name)
    return "bfloat16" if device == "cpu" and multiplies_bfloat16() else "float32"


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products in bfloat16. Without them float32 is faster.

    They count as missing if `ATEN_CPU_CAPABILITY` has torch use older ones, as on a processor that has AVX2 alone.
    """
    there = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    used = torch.backends.cpu.get_cpu_capability()
    return used not in ("NO AVX", "DEFAULT", "AVX2") and any(map(there.get, ("avx512_bf16", "amx_bf16")))


class WithoutMemory(TorchFunctionMode):
    """Within it new weights are on the meta device, where they take no memory, and none is drawn at random.

    Drawing on that device would import torch's compiler, for a second. Buffers stay real, since no file has them.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__module__", None) == nn.init.__name__:
            return (*args, *(kwargs or {}).values())[0]
        return function(*args, **{**(kwargs or {}), **({"device": "meta"} if function is torch.empty else {})})
