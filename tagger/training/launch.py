"""The commands `train`, `pretrain` and `resume`: a command line -> runs, each in a folder of its own."""

import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.tagging.load import load, tagger_of
from tagger.text.terminal import printable
from tagger.training import sweep
from tagger.training.compose import Job, plan
from tagger.training.config import ALL, AUTO, RULES_OF_CORPUS, SEGMENTER, TEMPERATURE, TrainConfig, train_config
from tagger.training.ensemble_run import run_ensemble
from tagger.training.figures import draw_frontier
from tagger.training.helper_process import end_with_parent, is_helper, is_member
from tagger.training.member_processes import MemberFailed
from tagger.training.part_run import PartRun, run_part
from tagger.training.pretrain import pretrain as run_pretraining
from tagger.training.pretrain_config import PretrainConfig, pretrain_config
from tagger.training.run_folder import (
    Command,
    NewFolder,
    RunRecord,
    can_resume,
    discard_run,
    new_run_folder,
    read_record,
)
from tagger.training.segmenter_run import SegmenterRun
from tagger.training.start_keys import check_override
from tagger.training.temperature_run import TemperatureRun
from tagger.training.together import check_processes, refuse_together, together
from tagger.training.train import train as run_training
from tagger.training.trainer import Interrupted, check_machine, check_trainer_settings
from tagger.weights.saved_config import TAGGER_IN_RUN

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
    _set_up_logging()
    try:
        with together():
            return _start("train", arguments)
    except MemberFailed as error:
        return _failed(error)


def pretrain(arguments: Sequence[str]) -> int:
    """Does the same with `conf/pretrain.yaml` for networks that predict hidden words."""
    _set_up_logging()
    with together():
        return _start("pretrain", arguments)


def resume(folder: str | Path) -> int:
    """Goes on with a run after its last complete epoch; returns and raises as `train`.

    A finished run is saved and reported on again. The row of a sweep's run in `sweep.csv` is completed.
    """
    if folder == "":
        raise InputError("'' is no run's folder; name one below runs/")
    _set_up_logging()
    try:
        with together():
            return _resume(Path(folder))
    except MemberFailed as error:
        return _failed(error)


def _failed(error: MemberFailed) -> int:
    """Prints why a member of an ensemble failed, and returns its exit status."""
    print(f"error: {printable(str(error))}", file=sys.stderr, flush=True)
    return error.status


def _set_up_logging() -> None:
    logging.basicConfig(level=logging.WARNING if is_helper() else logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.raiseExceptions = False  # a line that standard output does not take is no reason to stop a training
    for name in ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _start(command: Command, arguments: Sequence[str]) -> int:
    planned = plan(command, arguments)
    if planned is None:
        return 0
    if planned.sweep_folder is not None:
        refuse_together("-m: a sweep", "train its runs one by one")
        return _sweep(command, planned.jobs, planned.sweep_folder, not planned.folder_is_given)
    (job,) = planned.jobs
    record = RunRecord(command, job.overrides, asdict(_checked(command, job)))
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
    if isinstance(config, TrainConfig) and config.ensemble > 1:
        refuse_together(f"ensemble={config.ensemble}", "train members with seed=1, seed=2, ..., then: tagger ensemble")
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


def _run(record: RunRecord, folder: Path, resuming: bool = False) -> dict[str, Any] | None:
    """Trains as a record says; returns the content of `report.json`, or None in a process that only helps (DDP)."""
    words = [*([] if record.command == "train" else [record.command]), *record.overrides]
    line = shlex.join(["python", "-m", "tagger", *words])
    if is_helper() or is_member():
        end_with_parent()
    try:
        with _helpers_resume(folder):
            config = _typed(record.command, record.config)
            if isinstance(config, PretrainConfig):
                return run_pretraining(config, folder, line, resuming)
            if config.parts != ALL:
                return run_part(PART_RUNS[config.parts], config, folder, line, tagger_of)
            if config.ensemble > 1:
                return run_ensemble(config, folder, record.overrides, line, tagger_of)
            return run_training(config, folder, line, resuming, load)
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
    if (folder / sweep.TABLE).is_file():
        raise InputError(f"{folder} is a sweep; name one of its runs, such as {folder / '0'}")
    record = read_record(folder)
    if is_helper():
        _run(record, folder, can_resume(folder))
        return 0
    if (parts := record.config.get("parts")) in PART_RUNS:
        raise InputError(f"{folder}: a run with parts={parts} cannot be resumed; start it again")
    if not can_resume(folder) and record.member is None:
        raise InputError(f"{folder}: no epoch was completed; start the run again")
    results = _run(record, folder, can_resume(folder))
    table = sweep.find_table(folder, record.sweep_run, record.overrides)
    if table is not None and record.sweep_run is not None:
        sweep.put_run(table, sweep.make_row(record.sweep_run, record.overrides, results))
        _report_sweep(table)
    return 0


def _sweep(command: Command, jobs: Sequence[Job], wanted: Path, add_number: bool) -> int:
    """Trains one run after another; a failure is a row of the table, and the others go on."""
    checked: list[TrainConfig | PretrainConfig | InputError] = []
    for job in jobs:
        try:
            typed = _checked(command, job)
            checked.append(_for_sweep(typed) if isinstance(typed, TrainConfig) else typed)
        except InputError as error:
            checked.append(error)
    if all(isinstance(config, InputError) for config in checked):
        raise checked[0]  # type: ignore[misc]
    _check_sub_folders(wanted, jobs)
    made = NewFolder(wanted, sweep.TABLE, sweep.format_csv([]), add_number)
    folder = made.path
    for number, (job, config) in enumerate(zip(jobs, checked, strict=True)):
        _log.info("\nrun %s: %s", number, " ".join(job.overrides))
        results: dict[str, Any] | None = None
        message = ""
        try:
            if isinstance(config, InputError):
                raise config
            record = RunRecord(command, job.overrides, asdict(config), number)
            results = _run_in_new_folder(record, folder / job.folder, add_number=False)
        except KeyboardInterrupt as error:
            if not sweep.read_runs(folder) and not can_resume(folder / job.folder):
                made.discard(sweep.TABLE)  # nothing is kept of any run
                raise
            sweep.put_run(folder, sweep.make_row(number, job.overrides, None, f"interrupted; {error}"))
            print(f"\n{sweep.format_table(folder)}")
            raise
        except Exception as error:
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            message = " ".join(f"{kind}{error}".split())
            _log.error("run %s failed: %s", number, message)
        sweep.put_run(folder, sweep.make_row(number, job.overrides, results, message))
    return _report_sweep(folder)


def _for_sweep(config: TrainConfig) -> TrainConfig:
    """The config of a run of a sweep: it does not look at test, and trains a segmenter only if it is told to."""
    trains = config.segmenter != AUTO or config.parts == SEGMENTER
    return replace(config, test=False, segmenter=config.segmenter if trains else RULES_OF_CORPUS)


def _check_sub_folders(sweep_folder: Path, jobs: Sequence[Job]) -> None:
    """Raises InputError if a run would be outside the sweep's folder, or two runs in the same folder."""
    whole, taken = os.path.abspath(sweep_folder), set()
    for job in jobs:
        path = os.path.abspath(sweep_folder / job.folder)
        if path == whole or not Path(path).is_relative_to(whole):
            raise InputError(f"hydra.sweep.subdir={job.folder}: not below the folder of the sweep; give another name")
        if path in taken:
            raise InputError(f"hydra.sweep.subdir={job.folder}: two runs would have this folder; leave it out")
        taken.add(path)


def _report_sweep(folder: Path) -> int:
    """Draws and prints the table of a sweep; the exit status."""
    rows = sweep.read_runs(folder)
    draw_frontier(rows, folder / "frontier.png")
    print(f"\n{sweep.format_table(folder)}\n{sweep.format_differing_tags(folder, rows)}")
    return int(any(row["error"] for row in rows))
