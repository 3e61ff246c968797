"""The commands `train`, `pretrain` and `resume`: a command line -> runs, each in a folder of its own.

Mistakes are found before Lightning is imported, which takes seconds. So what trains is imported in the functions here.
"""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from secrets import token_hex

from tagger.bundle.saved_config import SWEEP
from tagger.errors import InputError
from tagger.pretraining.config import PretrainConfig
from tagger.sweeps.compose import Source
from tagger.sweeps.folder import Sweep, check_folders, find_sweep
from tagger.sweeps.log import set_up_logging
from tagger.sweeps.plan import Plan, checked_config, plan, plan_again, trial_job
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.sweeps.run import key_and_value
from tagger.sweeps.search_space import check_optuna
from tagger.text.start_folder import paths_begin_in, start_folder
from tagger.text.strings import printable
from tagger.training.config import ALL, TrainConfig
from tagger.training.member_processes import MemberFailed
from tagger.training.processes import errors_name_the_process, is_helper, refuse_several
from tagger.training.run_folder import (
    Command,
    NewFolder,
    RunRecord,
    can_resume,
    discard_run,
    find_run,
    new_run_folder,
    read_record,
)

WRITING_SECONDS = 5.0  # that another process has to write how a sweep was started


def train(arguments: Sequence[str]) -> int:
    """Trains a tagger, or several with `-m`, as overrides of `conf/train.yaml` say.

    Returns:
        The exit status: 1 if a run of a sweep failed, that of the member of an ensemble that failed, else 0.

    Raises:
        InputError: an override or an input is bad, or a folder cannot be written to.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    set_up_logging()
    try:
        with errors_name_the_process():
            return _start("train", arguments)
    except MemberFailed as error:
        return _failed(error)


def pretrain(arguments: Sequence[str]) -> int:
    """Does the same with `conf/pretrain.yaml` for networks that predict hidden words."""
    set_up_logging()
    with errors_name_the_process():
        return _start("pretrain", arguments)


def resume(folder: str | Path) -> int:
    """Goes on with a run after its last complete epoch; returns and raises as `train`.

    A finished run is saved and reported on again. The row of a sweep's run in `sweep.csv` is completed. Of a sweep the
    runs that are missing are trained.
    """
    set_up_logging()
    try:
        with errors_name_the_process():
            return _resume(find_run(str(folder)))
    except MemberFailed as error:
        return _failed(error)


def _failed(error: MemberFailed) -> int:
    """Prints why a member of an ensemble failed, and returns its exit status."""
    print(f"error: {printable(str(error))}", file=sys.stderr, flush=True)
    return error.status


def _start(command: Command, arguments: Sequence[str]) -> int:
    planned = plan(command, arguments)
    if planned is None:
        return 0
    folder = planned.folder
    if planned.name is not None and planned.search is None and not is_helper() and os.path.lexists(folder):
        name = shlex.quote(planned.name)
        raise InputError(
            f"name={name}: {folder} exists; take another name, or go on with: python -m tagger resume {name}"
        )
    if planned.is_sweep:
        refuse_several("-m: a sweep", "train its runs one by one")
        return _grid(command, planned) if planned.search is None else _search(command, planned)
    (job,) = planned.jobs
    config = checked_config(command, job.config, job.overrides)
    record = RunRecord(command, job.overrides, asdict(config), started_in=start_folder())
    new = None if is_helper() else new_run_folder(folder, record, add_number=not planned.folder_is_given)
    try:
        from tagger.sweeps.one_run import train_run

        train_run(record, folder if new is None else new.path, config=config)
    except BaseException:
        if new is not None:  # else a tool other than Lightning started this process; only the first one writes
            discard_run(new)
        raise
    return 0


def _resume(folder: Path) -> int:
    if (folder / SWEEP).is_file():
        refuse_several(f"{folder}: a sweep", "train its runs one by one")
        return _train_sweep(Sweep.read(folder))
    record = read_record(folder)
    resuming = can_resume(folder)
    found = None if is_helper() else find_sweep(folder, record)
    if not is_helper():
        if (parts := record.config.get("parts", ALL)) != ALL and record.command == "train":
            raise InputError(f"{folder}: a run with parts={parts} cannot be resumed; start it again")
        if not resuming and record.member is None:
            remedy = "start the run again" if found is None else found[0].go_on
            raise InputError(f"{folder}: no epoch was completed; {remedy}")
        if found is not None and found[0].record.runs is None:
            raise InputError(f"{folder} is a trial of a search; {found[0].go_on}")
    with paths_begin_in(record.started_in):
        config = checked_config(record.command, record.config)

    from tagger.sweeps.one_run import train_run

    if found is None:
        train_run(record, folder, resuming, config=config)
        return 0

    from tagger.sweeps.report import show_sweep

    sweep, number = found
    with sweep.claim(number) as free:
        if not free:
            raise InputError(f"{folder} is being trained by another process; wait until that has ended")
        sweep.forget_end(number)
        train_run(record, folder, resuming, config=config)
    show_sweep(sweep)
    return 0


def _grid(command: Command, planned: Plan) -> int:
    """Trains the runs of a grid; a failure is a row of the table, and the others go on."""
    checked: list[TrainConfig | PretrainConfig | InputError] = []
    for job in planned.jobs:
        try:
            checked.append(checked_config(command, job.config, job.overrides, in_sweep=True))
        except InputError as error:
            checked.append(error)
    if all(isinstance(config, InputError) for config in checked):
        raise checked[0]  # type: ignore[misc]
    runs = [
        PlannedRun(job.overrides, str(job.folder), {}, str(config))
        if isinstance(config, InputError)
        else PlannedRun(job.overrides, str(job.folder), asdict(config))
        for job, config in zip(planned.jobs, checked, strict=True)
    ]
    check_folders(planned.folder, [run.folder for run in runs])
    record = _sweep_record(command, planned, runs)
    made = NewFolder(planned.folder, SWEEP, record.to_json(), not planned.folder_is_given)
    return _train_sweep(Sweep(made.path, record), made)


def _search(command: Command, planned: Plan) -> int:
    """Searches in a new folder, or in that of the same search, which may be under way in other processes."""
    check_optuna()
    wanted, record, (job,) = planned.folder, _sweep_record(command, planned, None), planned.jobs
    if not planned.folder_is_given or not (wanted / SWEEP).is_file():
        checked_config(command, job.config, job.overrides, in_sweep=True)  # a mistake in what all trials have
        try:
            made = NewFolder(wanted, SWEEP, record.to_json(), not planned.folder_is_given)
        except InputError:
            if not planned.folder_is_given or not (wanted / SWEEP).is_file():
                raise
        else:
            return _train_sweep(Sweep(made.path, record), made)
    sweep = _read_soon(wanted)
    if not sweep.record.is_same_search(record):
        raise InputError(f"{wanted} holds another sweep; give this search a folder of its own, hydra.sweep.dir=FOLDER")
    if sweep.record.started_in not in (None, record.started_in):
        raise InputError(
            f"{wanted}: the search was started in {sweep.record.started_in}, where relative paths begin; {sweep.go_on}"
        )
    sweep.record.overrides = record.overrides  # the number of trials may be another one
    sweep.save()
    return _train_sweep(sweep)


def _read_soon(folder: Path) -> Sweep:
    """Reads how a sweep was started, which another process may be writing at this moment."""
    for _ in range(int(WRITING_SECONDS / 0.1)):
        with suppress(InputError):
            return Sweep.read(folder)
        time.sleep(0.1)
    return Sweep.read(folder)


def _sweep_record(command: Command, planned: Plan, runs: list[PlannedRun] | None) -> SweepRecord:
    source = planned.source
    values = source.name, source.folder, source.overrides, planned.launcher, runs
    return SweepRecord(token_hex(8), command, *values, started_in=start_folder())


def _train_sweep(sweep: Sweep, made: NewFolder | None = None) -> int:
    """Trains what is missing of a sweep, and reports on it; the exit status.

    Args:
        sweep: its folder.
        made: the folder, if it is new; nothing is left of it if the sweep ends before an epoch is complete.
    """
    record, tried = sweep.record, set[str]()
    try:
        from tagger.sweeps.grid import train_grid
        from tagger.sweeps.one_run import train_run
        from tagger.sweeps.report import report_sweep
        from tagger.sweeps.search import Search
        from tagger.tagging.load import load

        with paths_begin_in(record.started_in):
            if record.runs is not None:
                train_grid(sweep, train_run)
            else:
                planned = plan_again(record.command, Source(record.config_name, record.config_dir, record.overrides))
                if planned.search is None:
                    raise InputError(f"{sweep.folder / SWEEP}: its overrides make no search; start the search again")
                tried |= {key_and_value(key)[0] for key in planned.space}
                Search(sweep, planned.search, planned.space, partial(_trial_record, record), train_run).run()
            return report_sweep(sweep, load, tried)
    except (KeyboardInterrupt, InputError) as error:
        is_error = isinstance(error, InputError)
        alone = record.runs is not None or (is_error and not sweep.numbers)  # other processes may work on a search
        if made is not None and alone and not sweep.is_started():
            sweep.discard()
            made.discard()
            raise error if is_error else KeyboardInterrupt("no epoch was complete, and nothing is kept") from None
        if is_error:
            raise
        from tagger.sweeps.report import show_sweep

        show_sweep(sweep, tried)
        raise KeyboardInterrupt(sweep.go_on) from None


def _trial_record(sweep: SweepRecord, overrides: Sequence[str], number: int) -> RunRecord:
    """How the run of a trial is started."""
    job = trial_job(Source(sweep.config_name, sweep.config_dir, sweep.overrides), overrides, number)
    config = asdict(checked_config(sweep.command, job.config, job.overrides, in_sweep=True))
    return RunRecord(sweep.command, job.overrides, config, number, started_in=sweep.started_in)
