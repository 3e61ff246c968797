"""The processes of a run beside the first one: of further devices (DDP), of members of an ensemble, of a sweep's runs.

Lightning starts a process for each further device of this machine. With torchrun or srun, all processes are there from
the beginning, on one machine or on several; see `together.py`.
"""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tagger.errors import InputError

if TYPE_CHECKING:
    from pytorch_lightning.plugins.environments import ClusterEnvironment  # type: ignore[attr-defined]

POLL_SECONDS = 1.0
ORPHANED = 1  # exit status
# A variable of the environment of processes that train a member of an ensemble: the number of the ensemble's process.
MEMBER = "TAGGER_ENSEMBLE_MEMBER"


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


def is_member() -> bool:
    """Whether another process of the same run waits for this one, which trains a member of its ensemble."""
    return MEMBER in os.environ


def end_with_parent() -> None:
    """From now on this process ends when the process that started it has ended, even if it was killed.

    Without this a helper would wait for the first process for half an hour. It may end anywhere: a helper writes no
    files, and a member writes whole ones. A member may begin when the ensemble's process has been killed already.
    """
    of_lightning = os.environ.get("LOCAL_RANK", "0") != "0"  # also below a member
    parent = os.getppid() if of_lightning else int(os.environ.get(MEMBER, os.getppid()))
    threading.Thread(target=_wait_for_end_of, args=(parent,), daemon=True).start()


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
