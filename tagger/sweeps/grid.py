"""The runs of a grid -> each trained once, one after another or side by side by one of Hydra's launchers."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from tagger.errors import InputError
from tagger.sweeps.compose import BASIC, Source, launcher_config, quoted
from tagger.sweeps.folder import Sweep
from tagger.sweeps.log import output_to
from tagger.sweeps.report import write_table
from tagger.training.checkpoints import EndedEarly, Watch
from tagger.training.processes import end_with_parent, signals_as_interrupt
from tagger.training.run_folder import LOG, RunRecord

JOBLIB = "joblib"
POLL_SECONDS = 1.0

Train = Callable[[RunRecord, Path, bool, Watch], Any]  # (record, folder, whether to go on with it, what is wanted)

_log = logging.getLogger(__name__)


def train_grid(sweep: Sweep, train: Train) -> None:
    """Trains the runs that are not complete, those that failed before too, and waits for those of other processes.

    Args:
        sweep: a grid.
        train: trains one run; a function at the top of a module, since it is sent to other processes.

    Raises:
        InputError: the launcher is not installed or refuses its settings.
        KeyboardInterrupt: Ctrl+C or a signal. Jobs of a SLURM cluster go on.
    """
    for number in sweep.numbers:
        if sweep.run(number).state == "failed":
            with sweep.claim(number) as free:
                if free:
                    sweep.forget_end(number)
    tried: set[int] = set()
    waits = False
    one_at_a_time = sweep.record.launcher == BASIC
    while unfinished := [n for n in sweep.numbers if sweep.run(n).state == "unfinished"]:
        claimed = [n for n in unfinished if sweep.is_claimed(n)]
        if waiting := sorted({*unfinished} - tried - {*claimed}):
            if not one_at_a_time:
                tried.update(_launch(sweep, waiting, train))
            elif train_run(sweep, waiting[0], train):
                tried.add(waiting[0])
        elif claimed:
            if not waits:
                _log.info("\nother processes train runs %s; this one waits for them", ", ".join(map(str, claimed)))
            waits = True
            time.sleep(POLL_SECONDS)
        else:  # the process of a run was killed
            break


def train_run(sweep: Sweep, number: int, train: Train) -> bool:
    """Trains a run of a grid, or goes on with it, unless it has ended; returns False if another process has it."""
    with sweep.claim(number) as free:
        if free and sweep.run(number).state == "unfinished":  # another process may have ended it meanwhile
            train_claimed(sweep, number, sweep.record_of(number), train, Watch(measures_speed=False))
    write_table(sweep)
    return free


def train_claimed(sweep: Sweep, number: int, record: RunRecord, train: Train, watch: Watch) -> None:
    """Trains a run that this process has claimed, or goes on with it. An error ends the run, and is kept in its folder.

    Raises:
        KeyboardInterrupt: Ctrl+C or a signal.
    """
    _log.info("\nrun %s: %s", number, " ".join(record.overrides))
    try:
        train(record, sweep.path(number), sweep.begin(number, record), watch)
    except EndedEarly as end:
        sweep.end(number, "pruned")
        _log.info("run %s %s", number, end)
    except Exception as error:
        sweep.end(number, "failed", error)
        _log.error("run %s failed: %s", number, sweep.run(number).error)


@dataclass
class _Task:
    """What a launcher's process does: the run that `numbers` has at the place of the job's number."""

    folder: Path
    numbers: Sequence[int]
    train: Train
    parent: int | None  # a process that this one ends with, if that is another one

    def __call__(self, config: DictConfig) -> bool:
        """Trains it; returns False if another process has it."""
        number = self.numbers[HydraConfig.get().job.num]
        HydraConfig.instance().cfg = None  # otherwise Lightning would start DDP's processes through Hydra
        if self.parent not in (None, os.getpid()):
            end_with_parent()
        sweep = Sweep.read(self.folder)
        with output_to(sweep.path(number) / LOG):
            free = train_run(sweep, number, self.train)
        run = sweep.run(number)
        dev = "" if run.dev_accuracy is None else f", dev {100 * run.dev_accuracy:.2f}"
        print(f"run {number}: {run.state}{dev}{f', {run.error}' if run.error else ''}", flush=True)
        return free


def _launch(sweep: Sweep, numbers: Sequence[int], train: Train) -> list[int]:
    """Lets one of Hydra's launchers train runs; returns when it has ended. Runs may be unfinished then.

    Returns:
        The runs that it tried: all but those that other processes have.
    """
    record = sweep.record
    source = Source(record.config_name, record.config_dir, record.overrides)
    loader, config = launcher_config(source, sweep.folder)
    task = _Task(sweep.folder.absolute(), list(numbers), train, os.getpid() if record.launcher == JOBLIB else None)
    try:
        context = HydraContext(config_loader=loader, callbacks=Callbacks())
        launcher = Plugins.instance().instantiate_launcher(context, task, config)
    except (ImportError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"hydra/launcher={record.launcher}: {' '.join(str(error).split())}") from None
    _log.info("%d runs, by %s; what each prints is in %s", len(numbers), record.launcher, sweep.folder / "*" / LOG)
    jobs = [[quoted("hydra.sweep.subdir", sweep.path(number).relative_to(sweep.folder))] for number in numbers]
    with signals_as_interrupt():
        try:
            done = launcher.launch(jobs, initial_job_idx=0)
        except Exception as error:  # a process was killed, or the cluster refused the jobs
            _log.error("%s: %s: %s", record.launcher, type(error).__name__, " ".join(str(error).split()))
            return list(numbers)
    taken = [job.status == JobStatus.COMPLETED and job.return_value is False for job in done]
    return [number for number, by_another in zip(numbers, taken, strict=True) if not by_another]
