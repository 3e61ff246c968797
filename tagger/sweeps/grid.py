"""The runs of a grid -> each trained once, one after another or side by side by one of Hydra's launchers."""

import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from tagger.bundle.saved_config import SWEEP
from tagger.errors import InputError
from tagger.sweeps.folder import Sweep
from tagger.sweeps.launch import Start, name_is_taken, own_overrides, plain_texts, quoted
from tagger.sweeps.log import output_to
from tagger.sweeps.one_run import checked_config, train_run
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.sweeps.run import key_and_value
from tagger.text.schema import bad_value, nearest
from tagger.training.processes import end_with_parent, signals_as_interrupt
from tagger.training.run_folder import LOG, Command, NewFolder, RunRecord, can_resume, read_record
from tagger.training.watch import EndedEarly, Watch

Train = Callable[..., Any]
BASIC, JOBLIB = "basic", "joblib"
POLL_SECONDS = 1.0
WRITING_SECONDS = 5.0  # that another process has to write how a sweep was started

_log = logging.getLogger(__name__)


def sweep_grid(
    context: HydraContext, config: DictConfig, start: Start, arguments: Sequence[str], values: Mapping[str, Any]
) -> None:
    """Trains every combination of values in a new folder, or goes on in that of the same grid.

    Args:
        context: Hydra's loader of configs.
        config: of the sweep.
        start: gets the exit status: 1 if a run failed.
        arguments: the overrides of the command line.
        values: those of `conf/hydra/sweeper/grid.yaml`.

    Raises:
        InputError: no run of the grid can be trained, the launcher refuses its settings, or the folder is taken.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    command = start.command
    points = list(product(*map(_choices, parse_last(context, config, arguments, values.get("params")))))
    runs: list[PlannedRun] = []
    errors: list[InputError] = []
    for number, point in enumerate(points):
        composed = compose_run(context, config, point, number)
        runs.append(PlannedRun(own_overrides(composed.hydra.overrides.task), subfolder(composed)))
        if len(errors) == number:  # as long as no run can be trained
            try:
                record_of(command, composed, runs[-1].overrides, number)
            except InputError as error:
                errors.append(error)
    for folder, count in Counter(Path(run.folder) for run in runs).items():
        if count > 1:
            raise InputError(f"hydra.sweep.subdir={folder}: two runs would have this folder; leave it out")
    if len(errors) == len(points):
        raise errors[0]
    sweep, made = open_sweep(config, command, runs)
    name = config.hydra.runtime.choices["hydra/launcher"]
    folder = sweep.folder if name == BASIC else sweep.folder.absolute()
    task = Task(folder, os.getpid() if name == JOBLIB else None, name != BASIC, train_run)

    def launch(numbers: Sequence[int]) -> list[int]:
        """Lets the launcher train runs. Returns those that it tried: all but those that other processes have."""
        jobs = [[*points[n], quoted("hydra.sweep.subdir", runs[n].folder)] for n in numbers]
        try:
            launcher = Plugins.instance().instantiate_launcher(context, task, config)
        except (ImportError, RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"hydra/launcher={name}: {' '.join(str(error).split())}") from None
        if task.has_log:
            _log.info("%d runs, by %s; what each prints is in %s", len(numbers), name, sweep.folder / "*" / LOG)
        try:
            done = launcher.launch(jobs, initial_job_idx=0)
        except Exception as error:  # a process was killed, or the cluster refused the jobs
            _log.error("%s: %s: %s", name, type(error).__name__, " ".join(str(error).split()))
            return list(numbers)
        taken = [job.status == JobStatus.COMPLETED and job.return_value is False for job in done]
        return [number for number, by_another in zip(numbers, taken, strict=True) if not by_another]

    start.status = carry_out(sweep, made, partial(train_missing, sweep, launch))


def parse_last(
    context: HydraContext, config: DictConfig, arguments: Iterable[str], params: Any = None
) -> list[Override]:
    """The last override of each key: of the values `params` of a sweeper, and of the command line."""
    values = (params or {}).values() if isinstance(params, Mapping | None) else [None]
    if not all(isinstance(each, str | int | float) for each in values):
        raise bad_value("hydra.sweeper.params", params, "give keys and what is tried, {model.depth: '1,2'}")
    for key in params or {}:
        plain = str(key).lstrip("+~")
        if re.split("[./@]", plain)[0] == "hydra":
            raise InputError(f"hydra.sweeper.params: {key} holds for the sweep as a whole; give it on the command line")
        if plain == key and plain not in config.hydra.runtime.choices and not _has_key(config, plain):
            page = cast(dict[str, Any], OmegaConf.to_container(config))
            near = nearest(plain, list(_keys({each: part for each, part in page.items() if each != "hydra"})))
            raise InputError(f"hydra.sweeper.params: {key}: no such key" + (f"; did you mean {near}?" if near else ""))
    parser = OverridesParser.create(config_loader=context.config_loader)
    texts = [*(f"{key}={value}" for key, value in (params or {}).items()), *arguments]
    parsed = {override.get_key_element(): override for override in parser.parse_overrides(texts)}
    name = parsed.get("name")
    if name is not None and name.is_sweep_override():
        raise InputError(f"{name.input_line}: this holds for the sweep as a whole; give one value")
    return list(parsed.values())


def _config_dir(config: DictConfig) -> str | None:
    """The folder of further pages that the command line names."""
    sources = config.hydra.runtime.config_sources
    return next((source.path for source in sources if source.provider == "command-line"), None)


def _has_key(config: DictConfig, key: str) -> bool:
    *path, last = key.split(".")
    part = OmegaConf.select(config, ".".join(path)) if path else config
    return isinstance(part, DictConfig) and last in part


def _keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The keys of a config with dots."""
    for key, value in values.items():
        yield from _keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]


def compose_run(context: HydraContext, config: DictConfig, overrides: Iterable[str], number: int) -> DictConfig:
    """The config of a run of a sweep, with Hydra's own values in it."""
    composed = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        composed.hydra.job.num, composed.hydra.job.id = number, str(number)
    return composed


def record_of(command: Command, config: DictConfig, overrides: list[str], number: int) -> RunRecord:
    """How a run of a sweep is started; raises InputError if it cannot be trained."""
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    checked = checked_config(command, values, overrides, in_sweep=True)
    return RunRecord(command, overrides, asdict(checked), number, started_in=str(Path.cwd()))


def open_sweep(config: DictConfig, command: Command, runs: list[PlannedRun] | None) -> tuple[Sweep, NewFolder | None]:
    """The folder of a sweep, new or that of the same sweep, which goes on. The second value is there if it is new.

    Args:
        config: of the sweep; it gets the folder.
        command: the command word.
        runs: of a grid.

    Raises:
        InputError: the folder is taken by something else, or cannot be written to.
    """
    hydra, name = config.hydra, config.get("name")
    own = [*plain_texts(hydra.overrides.hydra), *plain_texts(hydra.overrides.task)]
    given = {key_and_value(text)[0] for text in own}
    if name is not None and "hydra.sweep.dir" in given:
        raise InputError(f"name={name}: hydra.sweep.dir names a folder already; leave one of the two out")
    is_given = name is not None or "hydra.sweep.dir" in given
    wanted = Path(str(hydra.sweep.dir))
    wanted = wanted.relative_to(Path.cwd()) if wanted.is_relative_to(Path.cwd()) else wanted
    record = SweepRecord(token_hex(8), command, hydra.job.config_name, _config_dir(config), own, runs, str(Path.cwd()))
    made = None
    if is_given and (wanted / SWEEP).is_file():
        sweep = _read_soon(wanted)
        _check_same(sweep, record, name)
        sweep.record.overrides = record.overrides  # the number of trials may be another one
        sweep.save()
    else:
        if name is not None and runs is not None and os.path.lexists(wanted):
            raise name_is_taken(name, wanted)
        try:
            made = NewFolder(wanted, SWEEP, record.to_json(), not is_given)
        except InputError:
            if not is_given or not (wanted / SWEEP).is_file():
                raise
            return open_sweep(config, command, runs)  # another process has just made it
        sweep = Sweep(made.path, record)
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.sweep.dir = str(sweep.folder.absolute())
        config.hydra.overrides.hydra.append(quoted("hydra.sweep.dir", sweep.folder.absolute()))
    return sweep, made


def _check_same(sweep: Sweep, record: SweepRecord, name: str | None) -> None:
    if not sweep.record.is_same(record):
        if name is not None:
            raise name_is_taken(name, sweep.folder)
        raise InputError(
            f"{sweep.folder} holds another sweep; give this one a folder of its own, hydra.sweep.dir=FOLDER"
        )
    begun = sweep.record.started_in
    if begun not in (None, record.started_in) and os.path.isdir(begun):
        raise InputError(f"{sweep.folder}: the sweep was started in {begun}, where relative paths begin; {sweep.go_on}")


def carry_out(sweep: Sweep, made: NewFolder | None, work: Callable[[], None], tried: Iterable[str] = ()) -> int:
    """Trains what is missing of a sweep, and reports on it; the exit status.

    Args:
        sweep: its folder.
        made: the folder, if it is new; nothing is left of it if the sweep ends before an epoch is complete.
        work: trains the runs.
        tried: the keys that a search tries.
    """
    keys = set(tried)
    try:
        with signals_as_interrupt():
            from tagger.sweeps.report import report_sweep

            work()
        return report_sweep(sweep, keys)
    except (KeyboardInterrupt, InputError) as error:
        is_error = isinstance(error, InputError)
        alone = sweep.record.runs is not None or (is_error and not sweep.numbers)  # others may work on a search
        if made is not None and alone and not sweep.is_started():
            sweep.discard()
            made.discard()
            raise error if is_error else KeyboardInterrupt("no epoch was complete, and nothing is kept") from None
        if is_error:
            raise
        from tagger.sweeps.report import show_sweep

        show_sweep(sweep, keys)
        raise KeyboardInterrupt(sweep.go_on) from None


def train_missing(sweep: Sweep, launch: Callable[[Sequence[int]], list[int]]) -> None:
    """Trains the runs that are not complete, those that failed before too, and waits for those of other processes.

    Args:
        sweep: a grid.
        launch: trains the runs with these numbers; returns those that no other process had. Runs may be unfinished
            then.
    """
    for number in sweep.numbers:
        if sweep.run(number).state == "failed":
            with sweep.claim(number) as free:
                if free:
                    sweep.forget_end(number)
    tried: set[int] = set()
    waits = False
    while unfinished := [n for n in sweep.numbers if sweep.run(n).state == "unfinished"]:
        claimed = [n for n in unfinished if sweep.is_claimed(n)]
        if waiting := sorted({*unfinished} - tried - {*claimed}):
            tried.update(launch(waiting))
        elif claimed:
            if not waits:
                _log.info("\nother processes train runs %s; this one waits for them", ", ".join(map(str, claimed)))
            waits = True
            time.sleep(POLL_SECONDS)
        else:  # the process of a run was killed
            break


@dataclass
class Task:
    """What a launcher's process does with the config of a run.

    Attributes:
        folder: of the sweep.
        parent: a process that this one ends with, if that is another one.
        has_log: whether what the run prints goes to a file.
        train: `train_run`, or another function at the top of a module, since it is sent to other processes.
    """

    folder: Path
    parent: int | None
    has_log: bool
    train: Train

    def __call__(self, config: DictConfig) -> bool:
        """Trains it; returns False if another process has it."""
        from tagger.sweeps.report import write_table

        sweep, subfolder = Sweep.read(self.folder), str(HydraConfig.get().sweep.subdir)
        number = next(n for n in sweep.numbers if sweep.path(n) == self.folder / subfolder)
        if self.parent not in (None, os.getpid()):
            end_with_parent()
        with output_to(sweep.path(number) / LOG) if self.has_log else nullcontext():
            with sweep.claim(number) as free:
                if free and sweep.run(number).state == "unfinished":  # another process may have ended it meanwhile
                    train_claimed(sweep, number, config, self.train)
            write_table(sweep)
        if self.has_log:
            run = sweep.run(number)
            dev = "" if run.dev_accuracy is None else f", dev {100 * run.dev_accuracy:.2f}"
            print(f"run {number}: {run.state}{dev}{f', {run.error}' if run.error else ''}", flush=True)
        return free


def train_claimed(sweep: Sweep, number: int, config: DictConfig, train: Train, watch: Watch | None = None) -> None:
    """Trains a run that this process has claimed, or goes on with it. An error ends the run, and is kept in its folder.

    Args:
        sweep: of the run.
        number: of the run.
        config: of the run, as Hydra composed it; a run that has an epoch keeps its own.
        train: `train_run`.
        watch: what a search wants of the run.

    Raises:
        KeyboardInterrupt: Ctrl+C or a signal.
    """
    path, overrides = sweep.path(number), own_overrides(HydraConfig.get().overrides.task)
    _log.info("\nrun %s: %s", number, " ".join(overrides))
    try:
        record = read_record(path) if can_resume(path) else record_of(sweep.record.command, config, overrides, number)
        train(record, path, sweep.begin(number, record), watch or Watch(measures_speed=False), is_claimed=True)
    except EndedEarly as end:
        sweep.end(number, "pruned")
        _log.info("run %s %s", number, end)
    except Exception as error:
        sweep.end(number, "failed", error, overrides)
        _log.error("run %s failed: %s", number, sweep.run(number).error)


def _choices(override: Override) -> list[str]:
    """The overrides from which a run takes one."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise InputError(
            f"{override.input_line}: name the values, such as {override.key_or_group}=1,2, or search with"
            " hydra/sweeper=optuna"
        )
    texts = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not texts:
        raise InputError(f"{override.input_line} names no value; a sweep needs one or more")
    return texts


def subfolder(composed: DictConfig) -> str:
    """The folder of a run below that of its sweep."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(composed)  # for values such as ${hydra:job.override_dirname}
    try:
        return str(composed.hydra.sweep.subdir)
    finally:
        HydraConfig.instance().cfg = before


def _read_soon(folder: Path) -> Sweep:
    """Reads how a sweep was started, which another process may be writing at this moment."""
    for _ in range(int(WRITING_SECONDS / 0.1)):
        with suppress(InputError):
            return Sweep.read(folder)
        time.sleep(0.1)
    return Sweep.read(folder)
