"""An address -> a connection to a Ray cluster, or a Ray of this machine alone that ends with the block."""

import math
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tagger.adapters.extras import missing

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it starts; it would report to its makers

try:
    import ray
    import ray._private.worker as ray_worker
except ModuleNotFoundError as error:
    raise missing(error, "ray", "ray") from None

from tagger.errors import InputError, reason
from tagger.tagging.workers import processor_cores

__all__ = ["CPUS", "POOL", "Pool", "connected", "ray"]
CPUS = 0.5  # of an actor. It computes all the time, but below 1 Ray's own tasks find room on a small machine
CONNECT_SECONDS = 10
_THIS_MACHINE = "local"
_PORT = re.compile(r"(?:ray://)?\[?(?P<host>[^/\[\]]+?)\]?:(?P<port>[0-9]{1,5})")


class Pool(NamedTuple):
    """The actors of a run."""

    address: str | None = None  # see `connected`
    actors: int | None = None  # None: up to one per CPU of the cluster, or per GPU if the tagger is on one
    cpus: float = CPUS  # of an actor
    gpus: float | None = None  # of an actor; None: 1 if the tagger is on a GPU

    def gpus_of(self, device: str) -> float:
        """The GPUs of an actor whose tagger is on a device."""
        if self.gpus is not None:
            return self.gpus
        return 1.0 if device.startswith("cuda") else 0.0

    def check(self) -> None:
        """Raises InputError if a number is too low."""
        if self.actors is not None and self.actors < 1:
            raise InputError(f"actors={self.actors}: give at least 1, or None for one per CPU")
        for name, number in (("cpus", self.cpus), ("gpus", self.gpus or 0)):
            if number < 0:
                raise InputError(f"{name}={number}: give a number from 0")


POOL = Pool()


@contextmanager
def connected(address: str | None = None, cpus: float = 1.0) -> Iterator[None]:
    """Connects this process to Ray while the block runs, unless it is connected already: then nothing changes.

    What the block started ends with it: a Ray of this machine, or the connection to a cluster. A cluster that was
    there before goes on.

    Args:
        address: `auto` for the cluster that this machine is a node of, `ray://HOST:10001`, `HOST:6379`, or `local` for
            a Ray of this machine that starts now; None: the variable `RAY_ADDRESS`, else `local`.
        cpus: that are needed; a Ray that starts now has at least as many.

    Raises:
        InputError: no cluster answers.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or _THIS_MACHINE
    settings: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address == _THIS_MACHINE:
        # One more than the taggers use: reading and writing blocks of a dataset takes whole CPUs.
        settings |= {"include_dashboard": False, "num_cpus": max(processor_cores(), math.ceil(cpus) + 1)}
    with _own_signals(), _no_messages():
        try:
            _check_port(address)
            ray.init(address, **settings)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"no Ray cluster answers at {address} ({reason(error)}); start one with ray start --head, or leave the"
                " address out"
            ) from None
    with _no_messages():
        try:
            yield
        finally:
            ray.shutdown()


def _check_port(address: str) -> None:
    """Raises OSError if nothing listens there. Ray would try for minutes, and print lines of its own."""
    match = _PORT.fullmatch(address)
    if match is not None:
        with socket.create_connection((match["host"], int(match["port"])), timeout=CONNECT_SECONDS):
            pass


@contextmanager
def _own_signals() -> Iterator[None]:
    """After the block, SIGTERM does what it did before; Ray makes it end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_messages() -> Iterator[None]:
    """Within the block Ray prints nothing on standard output when a process dies; it has no public switch for that."""
    before = getattr(ray_worker, "_worker_logs_enabled", True)
    ray_worker._worker_logs_enabled = False
    try:
        yield
    finally:
        ray_worker._worker_logs_enabled = before
