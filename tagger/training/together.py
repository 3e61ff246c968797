"""The processes that torchrun or srun started for one run: they begin together and end together.

Each of them reads the config and the data for itself. If one finds a mistake, the others would wait for it for half an
hour, and on other machines nobody would say why. So every process looks at what the others say, in a store of
torch.distributed: https://docs.pytorch.org/docs/stable/distributed.html#distributed-key-value-store.
"""

import _thread
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from torch.distributed import rendezvous  # type: ignore[attr-defined]

from tagger.errors import InputError, reason
from tagger.training.helper_process import cluster
from tagger.training.structured import bad_value

if TYPE_CHECKING:
    from pytorch_lightning.plugins.environments import ClusterEnvironment  # type: ignore[attr-defined]

JOIN_SECONDS = 300.0  # that the processes have to start in
POLL_SECONDS = 0.5
GRACE_SECONDS = 2.0  # others may find the same mistake a little later
STOP_SECONDS = 20.0  # that a process has to end in, once another one has failed
CRASHED, BAD_INPUT, INTERRUPTED = 1, 2, 130  # exit statuses
_FAILED, _READY, _ENDED, _LEFT = "tagger/failed", "tagger/ready", "tagger/ended", "tagger/left"

_log = logging.getLogger(__name__)
_processes: "_Processes | None" = None  # of this process


class _Processes:
    """The processes of a run, as one of them sees them."""

    def __init__(self, environment: "ClusterEnvironment") -> None:
        """Waits until all have started.

        Raises:
            InputError: they do not start, or cannot reach each other.
        """
        self.rank, self.size = environment.global_rank(), environment.world_size()
        for name, value in (("MASTER_ADDR", environment.main_address), ("MASTER_PORT", str(environment.main_port))):
            os.environ.setdefault(name, value)
        try:
            self._store, _, _ = next(
                rendezvous("env://", self.rank, self.size, timeout=timedelta(seconds=JOIN_SECONDS))
            )
        except (RuntimeError, ValueError) as error:
            address = f"{environment.main_address}:{environment.main_port}"
            first_line = str(error).partition("\n")[0]
            raise InputError(f"process {self.rank} of {self.size} does not reach {address}: {first_line}") from None
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Interrupts the main thread when another process has failed."""
        while not self._over.wait(POLL_SECONDS):
            with suppress(RuntimeError):  # the store is gone with the process that kept it
                if not self._store.check([_FAILED]):
                    continue
            if self._over.wait(GRACE_SECONDS):
                return
            _thread.interrupt_main(signal.SIGTERM)
            if not self._over.wait(STOP_SECONDS):  # it waits in a library
                os._exit(BAD_INPUT)

    def fail(self, status: int, message: str) -> tuple[int, int, str]:
        """Tells the others; returns the exit status, the rank and the message of the process that failed first."""
        self._over.set()
        where = f"process {self.rank} of {self.size} on {socket.gethostname()}"
        first = f"{status} {self.rank} {where}: {message}"
        with suppress(RuntimeError):
            first = self._store.compare_set(_FAILED, "", first).decode()
            self._leave()
        status_text, rank, message = first.split(" ", 2)
        return int(status_text), int(rank), message

    def end(self) -> None:
        """Waits, in all processes but the first, for that one: it saves and scores the tagger alone.

        Otherwise torchrun would give up the machine that is still at work after five minutes.
        """
        if self.rank == 0:
            self._store.add(_ENDED, 1)
        self._wait(_ENDED, 1)
        self._over.set()
        self._leave()

    def get_ready(self) -> None:
        """Waits until all processes are ready to train."""
        self._store.add(_READY, 1)
        self._wait(_READY, self.size)

    def _wait(self, name: str, count: int) -> None:
        """Waits for a number in the store; `_watch` ends this when another process fails."""
        reached = False
        while not reached:
            with suppress(RuntimeError):
                reached = self._store.add(name, 0) >= count
            time.sleep(0 if reached else POLL_SECONDS)

    def _leave(self) -> None:
        """Keeps the store, which may be in the first process, until the others have seen what it holds."""
        with suppress(RuntimeError):
            left, deadline = self._store.add(_LEFT, 1), time.monotonic() + STOP_SECONDS
            while self.rank == 0 and left < self.size and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                left = self._store.add(_LEFT, 0)


@contextmanager
def together() -> Iterator[None]:
    """Within the block the processes that a tool started for a run begin and end as one; a process alone is left alone.

    The first process prints the mistake, also that of another one, and all end with the same exit status.

    Raises:
        InputError: in the first process, another one failed; or the processes cannot reach each other.
    """
    global _processes
    environment = cluster()
    if environment is None or environment.world_size() == 1:
        yield
        return
    _processes = processes = _Processes(environment)
    try:
        yield
        processes.end()
    except BaseException as error:
        bad, interrupted = isinstance(error, InputError), isinstance(error, KeyboardInterrupt)
        own = BAD_INPUT if bad else INTERRUPTED if interrupted else CRASHED
        status, rank, message = processes.fail(own, str(error) if bad else f"{type(error).__name__}: {error}")
        if own == status == CRASHED:
            raise  # with its traceback, wherever it happened
        if processes.rank:
            raise SystemExit(status) from None
        if rank and not bad and status != INTERRUPTED:
            raise InputError(message) from None
        raise


def wait_for_all() -> None:
    """Returns when the processes that a tool started for a run are all ready to train.

    Before that a mistake of one ends the others at once. In torch's own beginning they cannot be interrupted.
    """
    if _processes is not None:
        _processes.get_ready()


@contextmanager
def broken_connections_interrupt() -> Iterator[None]:
    """Within the block it is an interruption if a connection breaks because another process has ended.

    Raises:
        KeyboardInterrupt: a connection broke.
    """
    try:
        yield
    except RuntimeError as error:
        if _processes is None or "onnection" not in str(error):
            raise
        if _processes.rank == 0:
            _log.warning("another process has ended: %s", reason(error, 120))
        raise KeyboardInterrupt from None


def check_processes(settings: Mapping[str, Any]) -> None:
    """Raises InputError if there are not as many processes as a config trains with.

    Args:
        settings: of the trainer.
    """
    environment, nodes, devices = cluster(), settings.get("num_nodes") or 1, settings.get("devices")
    if environment is None:
        if nodes > 1:
            raise bad_value("trainer.num_nodes", nodes, "start the processes of all machines with torchrun or srun")
        return
    wanted = nodes * (len(devices) if isinstance(devices, list) else devices if type(devices) is int else 1)
    if devices != "auto" and wanted != environment.world_size():
        raise InputError(
            f"trainer.devices={devices}: {environment.world_size()} processes were started, and the config is for"
            f" {wanted}; set accelerator=ddp, trainer.devices to the processes of one machine, and trainer.num_nodes to"
            " the number of machines"
        )


def refuse_together(what: str, remedy: str) -> None:
    """Raises InputError if torchrun or srun started several processes for something that only one can do."""
    environment = cluster()
    if environment is not None and environment.world_size() > 1:
        raise InputError(f"{what} cannot be shared by {environment.world_size()} processes; {remedy}")
