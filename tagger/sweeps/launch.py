"""The commands `train`, `pretrain` and `resume`: a command line -> runs, each in a folder of its own."""

import logging
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

from tagger.errors import InputError
from tagger.sweeps.compose import Source
from tagger.sweeps.folder import TABLE, Sweep, check_folders, find_sweep
from tagger.sweeps.grid import train_grid
from tagger.sweeps.log import set_up_logging
from tagger.sweeps.plan import Job, Plan, plan, plan_again, trial_job
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.sweeps.report import go_on, report_sweep, show_sweep
from tagger.sweeps.run import key_and_value
from tagger.sweeps.search import Search, check_optuna
from tagger.tagging.load import load, tagger_of
from tagger.text.start_folder import paths_begin_in, start_folder
from tagger.text.strings import printable
from tagger.training.checkpoints import Watch
from tagger.training.config import ALL, AUTO, RULES_OF_CORPUS, SEGMENTER, TEMPERATURE, TrainConfig, train_config
from tagger.training.ensemble_run import run_ensemble
from tagger.training.logger_config import check_loggers
from tagger.training.member_processes import MemberFailed
from tagger.training.part_run import PartRun, SegmenterRun, TemperatureRun, run_part
from tagger.training.pretrain import pretrain as run_pretraining
from tagger.training.pretrain_config import PretrainConfig, pretrain_config
from tagger.training.processes import (
    check_processes,
    end_with_parent,
    errors_name_the_process,
    is_helper,
    is_member,
    refuse_several,
)
from tagger.training.run_folder import (
    SWEEP,
    Command,
    NewFolder,
    RunRecord,
    can_resume,
    discard_run,
    new_run_folder,
    read_record,
)
from tagger.training.start import check_override
from tagger.training.train import train as run_training
from tagger.training.trainer import Interrupted, check_machine, check_trainer_settings
from tagger.weights.saved_config import TAGGER_IN_RUN

UNWATCHED = Watch()
WRITING_SECONDS = 5.0  # that another process has to write how a sweep was started
PART_RUNS: dict[str, type[PartRun]] = {SEGMENTER: SegmenterRun, TEMPERATURE: TemperatureRun}

_log = logging.getLogger(__name__)


def train(arguments: Sequence[str]) -> int:
    """Trains a tagger, or several with `-m`, as overrides of `conf/train.yaml` say.

    Returns:
        The exit status: 1 if a run of a sweep failed, that of the member of an ensemble that failed, else 0.

    Raises:
        InputError: an override or an input is bad, or a folder cannot be written to.
        Interrupted: by Ctrl+C or a signal.
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
    if folder == "":
        raise InputError("'' is no run's folder; name one below runs/")
    set_up_logging()
    try:
        with errors_name_the_process():
            return _resume(Path(folder))
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
    if planned.sweep_folder is not None:
        refuse_several("-m: a sweep", "train its runs one by one")
        sweep = _grid if planned.search is None else _search
        return sweep(command, planned, planned.sweep_folder)
    (job,) = planned.jobs
    record = RunRecord(command, job.overrides, asdict(_checked(command, job)), started_in=start_folder())
    _run_in_new_folder(record, job.folder, add_number=not planned.folder_is_given)
    return 0


def _checked(command: Command, job: Job) -> TrainConfig | PretrainConfig:
    """The config of a run as dataclasses, every value checked."""
    config = _typed(command, job.config)
    if isinstance(config, TrainConfig) and config.init is not None:
        for override in job.overrides:
            check_override(override, config)
    check_machine(config.threads, config.trainer)
    return config


def _typed(command: Command, values: Any) -> TrainConfig | PretrainConfig:
    config = train_config(values) if command == "train" else pretrain_config(values)
    check_trainer_settings(config.trainer)
    check_processes(config.trainer)
    if not is_helper():
        check_loggers(config.logger)
    if isinstance(config, TrainConfig) and config.ensemble > 1:
        refuse_several(f"ensemble={config.ensemble}", "train members with seed=1, seed=2, ..., then: tagger ensemble")
    return config


def _run_in_new_folder(record: RunRecord, wanted: Path, add_number: bool) -> dict[str, Any] | None:
    """Trains in a new folder, and deletes it if no epoch is completed."""
    if is_helper():  # a tool other than Lightning started it; only the first process writes
        return _run(record, wanted)
    folder = new_run_folder(wanted, record, add_number)
    try:
        return _run(record, folder.path)
    except BaseException:
        discard_run(folder)
        raise


def _run(record: RunRecord, folder: Path, resuming: bool = False, watch: Watch = UNWATCHED) -> dict[str, Any] | None:
    """Trains as a record says; returns the content of `report.json`, or None in a process that only helps (DDP)."""
    words = [*([] if record.command == "train" else [record.command]), *record.overrides]
    line = shlex.join(["python", "-m", "tagger", *words])
    if is_helper() or is_member():
        end_with_parent()
    try:
        with _helpers_resume(folder), paths_begin_in(record.started_in):
            config = _typed(record.command, record.config)
            if isinstance(config, PretrainConfig):
                return run_pretraining(config, folder, line, resuming, watch)
            if config.parts != ALL:
                return run_part(PART_RUNS[config.parts], config, folder, line, tagger_of)
            if config.ensemble > 1:
                return run_ensemble(config, folder, record.overrides, line, tagger_of, watch.measures_speed)
            return run_training(config, folder, line, resuming, load, watch)
    except KeyboardInterrupt:
        if can_resume(folder):
            raise Interrupted(f"go on with: python -m tagger resume {shlex.quote(str(folder))}") from None
        if (folder / TAGGER_IN_RUN).is_dir():
            raise Interrupted(f"the tagger in {folder} is complete; only its scores are missing") from None
        parts = str(record.config.get("parts"))
        missing = PART_RUNS[parts].unfinished if parts in PART_RUNS else "no epoch was complete"
        kept = "nothing is kept"
        if (record.config.get("distill") or {}).get("teacher") is not None:
            kept = "what the teacher has tagged alone is kept; start the run again"
        raise Interrupted(f"{missing}, and {kept}") from None


@contextmanager
def _helpers_resume(folder: Path) -> Iterator[None]:
    """Lets the processes that help with a run join it as `python -m tagger resume FOLDER`.

    For DDP, Lightning starts a process for each further device with the command line that `sys.argv` holds.
    """
    before = sys.argv
    sys.argv = [before[0], "resume", str(folder.absolute())]
    try:
        yield
    finally:
        sys.argv = before


def _resume(folder: Path) -> int:
    if str(folder) == "latest" and not folder.exists():
        raise InputError("latest is a name for trained taggers alone; name the folder of the run to resume")
    if (folder / SWEEP).is_file():
        refuse_several(f"{folder}: a sweep", "train its runs one by one")
        return _train_sweep(Sweep.read(folder))
    if (folder / TABLE).is_file():
        raise InputError(f"{folder} is a sweep of an older version; name one of its runs, such as {folder / '0'}")
    record = read_record(folder)
    if is_helper():
        _run(record, folder, can_resume(folder))
        return 0
    if (parts := record.config.get("parts")) in PART_RUNS:
        raise InputError(f"{folder}: a run with parts={parts} cannot be resumed; start it again")
    found = find_sweep(folder, record)
    if not can_resume(folder) and record.member is None:
        remedy = "start the run again" if found is None else go_on(found[0])
        raise InputError(f"{folder}: no epoch was completed; {remedy}")
    if found is None:
        _run(record, folder, can_resume(folder))
        return 0
    sweep, number = found
    if sweep.record.runs is None:
        raise InputError(f"{folder} is a trial of a search; {go_on(sweep)}")
    with sweep.claim(number) as free:
        if not free:
            raise InputError(f"{folder} is trained by another process; wait for it")
        sweep.forget_end(number)
        _run(record, folder, can_resume(folder))
    show_sweep(sweep)
    return 0


def _grid(command: Command, planned: Plan, wanted: Path) -> int:
    """Trains the runs of a grid; a failure is a row of the table, and the others go on."""
    checked: list[TrainConfig | PretrainConfig | InputError] = []
    for job in planned.jobs:
        try:
            checked.append(_checked_for_sweep(command, job))
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
    check_folders(wanted, [run.folder for run in runs])
    record = _sweep_record(command, planned, runs)
    made = NewFolder(wanted, SWEEP, record.to_json(), not planned.folder_is_given)
    return _train_sweep(Sweep(made.path, record), made)


def _search(command: Command, planned: Plan, wanted: Path) -> int:
    """Searches in a new folder, or in that of the same search, which may be under way in other processes."""
    check_optuna()
    _checked_for_sweep(command, planned.jobs[0])  # a mistake in what all trials have is found now
    record = _sweep_record(command, planned, None)
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
            f"{wanted}: the search was started in {sweep.record.started_in}, where relative paths begin; {go_on(sweep)}"
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
        with paths_begin_in(record.started_in):
            if record.runs is not None:
                train_grid(sweep, _run)
            else:
                planned = plan_again(record.command, Source(record.config_name, record.config_dir, record.overrides))
                if planned.search is None:
                    raise InputError(f"{sweep.folder / SWEEP}: its overrides make no search; start the search again")
                tried |= {key_and_value(key)[0] for key in planned.space}
                Search(sweep, planned.search, planned.space, partial(_trial_record, record), _run).run()
            return report_sweep(sweep, load, tried)
    except (KeyboardInterrupt, InputError) as error:
        is_error = isinstance(error, InputError)
        alone = record.runs is not None or (is_error and not sweep.numbers)  # other processes may work on a search
        if made is not None and alone and not sweep.is_started():
            sweep.discard()
            made.discard()
            raise error if is_error else Interrupted("no epoch was complete, and nothing is kept") from None
        if is_error:
            raise
        show_sweep(sweep, tried)
        raise Interrupted(go_on(sweep)) from None


def _trial_record(sweep: SweepRecord, overrides: Sequence[str], number: int) -> RunRecord:
    """How the run of a trial is started."""
    job = trial_job(Source(sweep.config_name, sweep.config_dir, sweep.overrides), overrides, number)
    config = asdict(_checked_for_sweep(sweep.command, job))
    return RunRecord(sweep.command, job.overrides, config, number, started_in=sweep.started_in)


def _checked_for_sweep(command: Command, job: Job) -> TrainConfig | PretrainConfig:
    """The config of a run of a sweep: it does not look at test, and trains a segmenter only if it is told to."""
    config = _checked(command, job)
    if not isinstance(config, TrainConfig):
        return config
    trains = config.segmenter != AUTO or config.parts == SEGMENTER
    return replace(config, test=False, segmenter=config.segmenter if trains else RULES_OF_CORPUS)
