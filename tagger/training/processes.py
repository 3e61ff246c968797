"""The processes of a run beside the first one: of further devices (DDP), of members of an ensemble, of a sweep's runs.

Here a process is started for each further device of this machine. With torchrun or srun, all processes are there from
the beginning, on one machine or on several. These tools end all processes of a run when one of them fails.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tagger
from tagger.errors import InputError, reason
from tagger.text.schema import bad_value

if TYPE_CHECKING:
    from pytorch_lightning.plugins.environments import ClusterEnvironment  # type: ignore[attr-defined]

POLL_SECONDS = 1.0
ORPHANED = 1  # exit status
STOP_SECONDS = 30.0  # that a process has to end in, once it is told to
# What the variables begin with that torchrun, srun, LSF and the launchers of MPI set.
_TOOLS = ("TORCHELASTIC_", "SLURM_", "LSB_", "JSM_", "OMPI_", "PMI", "I_MPI_", "MPI_", "MV2_")

_log = logging.getLogger(__name__)


def cluster() -> "ClusterEnvironment | None":
    """The tool that started this process among others, as Lightning knows it: torchrun, srun, ...

    A script within a SLURM allocation, and a shell there, have the variables of SLURM too, but `srun` alone says how
    many processes it started (`SLURM_STEP_NUM_TASKS`, https://slurm.schedmd.com/srun.html). There Lightning would wait
    for processes that nobody starts.

    Returns:
        None: nothing did; Lightning may start processes.

    Raises:
        InputError: SLURM started them in a way that Lightning does not know.
    """
    if not any(name.startswith(_TOOLS) for name in os.environ):
        return None  # importing Lightning takes seconds
    from pytorch_lightning.plugins.environments import (  # type: ignore[attr-defined]
        LSFEnvironment,
        MPIEnvironment,
        SLURMEnvironment,
        TorchElasticEnvironment,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning recommends srun wherever it is installed
        if TorchElasticEnvironment.detect():
            return TorchElasticEnvironment()
        if SLURMEnvironment.detect():
            if os.environ.get("SLURM_STEP_NUM_TASKS", "1") == "1":
                return None
            try:
                return SLURMEnvironment(auto_requeue=False)
            except RuntimeError as error:
                raise InputError(f"SLURM: {error}") from None
        for kind in (LSFEnvironment, MPIEnvironment):
            if kind.detect():
                return kind()
    return None


def is_helper() -> bool:
    """Whether another process of the same run is the first one, which alone prints and writes."""
    environment = cluster()
    if environment is not None:
        return bool(environment.global_rank())
    return os.environ.get("LOCAL_RANK", "0") != "0"


@contextmanager
def errors_name_the_process() -> Iterator[None]:
    """Within the block, bad input that one process of several finds says which process found it, and on which machine.

    torchrun and srun show what every process prints.
    """
    try:
        yield
    except InputError as error:
        environment = cluster()
        if environment is None or environment.world_size() == 1:
            raise
        rank, size = environment.global_rank(), environment.world_size()
        raise InputError(f"process {rank} of {size} on {socket.gethostname()}: {error}") from None


@contextmanager
def broken_connections_interrupt(processes: int) -> Iterator[None]:
    """Within the block it is an interruption if a connection breaks because another process of the run has ended.

    Args:
        processes: how many the run has.

    Raises:
        KeyboardInterrupt: a connection broke.
    """
    try:
        yield
    except RuntimeError as error:
        if processes == 1 or "onnection" not in str(error):
            raise
        _log.warning("another process of the training has ended: %s", reason(error, 120))
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


def refuse_several(what: str, remedy: str) -> None:
    """Raises InputError if torchrun or srun started several processes for something that only one can do."""
    environment = cluster()
    if environment is not None and environment.world_size() > 1:
        raise InputError(f"{what} cannot be shared by {environment.world_size()} processes; {remedy}")


@contextmanager
def devices_have_processes(run: Path, count: int, port: int) -> Iterator[None]:
    """Within the block a run has a process for each further device: `python -m tagger resume RUN`.

    If one of them fails, this process is told to end, as by SIGTERM. When the block ends, they end.

    Args:
        run: its folder, in which it is recorded how it was started.
        count: of devices; this process has the first one.
        port: at which this process waits for the others.
    """
    package = str(Path(tagger.__file__).parent.parent)  # for a checkout that is not installed
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": path}
    command = [sys.executable, "-m", "tagger", "resume", str(run.absolute())]
    others = [subprocess.Popen(command, env={**env, "LOCAL_RANK": str(rank)}) for rank in range(1, count)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if any(other.poll() for other in others):
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except BaseException:
        for other in others:
            other.terminate()
        raise
    finally:
        done.set()
        deadline = time.monotonic() + STOP_SECONDS
        for other in others:
            try:
                other.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                other.kill()
                other.wait()


def end_with_parent() -> None:
    """From now on this process ends when the process that started it has ended, even if it was killed.

    Without this a helper would wait for the first process for half an hour. It may end anywhere: a helper writes no
    files, and a run of a sweep or a member writes whole ones.
    """
    threading.Thread(target=_wait_for_end_of, args=(os.getppid(),), daemon=True).start()


def _wait_for_end_of(parent: int) -> None:
    while os.getppid() == parent:  # an orphan gets another parent; on Windows it keeps the number
        time.sleep(POLL_SECONDS)
    os._exit(ORPHANED)


@contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Within the block SIGTERM is a KeyboardInterrupt, so that no process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
