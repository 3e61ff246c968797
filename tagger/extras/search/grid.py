"""A grid: combinations of values -> a training of each by one of Hydra's launchers -> the table of a sweep."""

import contextlib
import csv
import json
import logging
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from tagger.bundle.catalog import claim_run
from tagger.bundle.saved_config import RECORD
from tagger.errors import InputError
from tagger.text.output_files import whole_file
from tagger.training.launch import SingleRun, command_line, quoted, record_of, set_up_logging, train_run
from tagger.training.run_folder import REPORT, RunRecord, can_resume, read_record, shown_folder

if TYPE_CHECKING:
    from pytorch_lightning.callbacks import Callback

MAX_RUNS = 1_000  # of a sweep; Hydra composes the config of each before the first one begins
BASIC, JOBLIB = "basic", "joblib"  # launchers
TABLE, JOURNAL = "sweep.csv", "study.journal"  # in the folder of a sweep
FIELDS = ("run", "state", "overrides", "dev_accuracy", "words_per_second", "parameters", "training_seconds", "error")
LOG = "train.log"  # what a process prints that trains beside others
POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass
class SweptRun:
    """A run of a sweep."""

    number: int | str  # from 0; of a run that the command did not ask for, its folder's name
    folder: Path
    overrides: list[str]
    error: str = ""  # why it failed
    state: str = "unfinished"  # unless it has a report


def sweep_grid(
    context: HydraContext,
    config: DictConfig,
    sweep: SingleRun,
    arguments: Sequence[str],
    params: Mapping[str, Any] | None,
) -> None:
    """Trains every combination of values that is not trained yet in the folder, after all of them are checked.

    `arguments` are the overrides of the command line, `params` further ones, which an experiment has; `sweep` gets the
    exit status: 1 if a run failed. Ctrl+C or a signal is a KeyboardInterrupt that says how to go on.
    """
    jobs = _combinations(context, [*(f"{key}={value}" for key, value in (params or {}).items()), *arguments])
    if not jobs:
        raise InputError("a value names nothing to try; give KEY=A,B")
    rows = []
    for number, job in enumerate(jobs):
        composed = compose_run(context, config, job, number)
        folder = Path(config.hydra.sweep.dir, str(composed.hydra.sweep.subdir))
        check_folder(folder, record_of(composed)[0])
        rows.append(SweptRun(number, folder, [text.lstrip("+") for text in job]))
    if len({row.folder for row in rows}) < len(rows):
        raise InputError(f"hydra.sweep.subdir={rows[0].folder.name}: two runs would have this folder; leave it out")
    go_on = begin(config, sweep)
    name = config.hydra.runtime.choices["hydra/launcher"]
    try:
        launcher = Plugins.instance().instantiate_launcher(context, RunOfSweep(), config)
    except (ImportError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"hydra/launcher={name}: {' '.join(str(error).split())}") from None
    try:
        done = launcher.launch(jobs, initial_job_idx=0)
        for row, ended in zip(rows, done, strict=True):
            row.error = str(ended.return_value)
            row.state = "failed" if row.error else row.state
    except KeyboardInterrupt:
        raise KeyboardInterrupt(go_on) from None
    except Exception as error:  # a process was killed, or the cluster refused the jobs
        _log.error("%s: %s: %s; %s", name, type(error).__name__, " ".join(str(error).split()), go_on)
    sweep.status = finish(Path(config.hydra.sweep.dir), rows)


def _combinations(context: HydraContext, texts: list[str]) -> list[list[str]]:
    """The overrides of each run: every choice of one value for each key."""
    values: dict[str, list[str]] = {}  # the last override of a key counts
    for each in OverridesParser.create(config_loader=context.config_loader).parse_overrides(texts):
        key, text = each.get_key_element(), str(each.input_line)
        if each.is_sweep_override() and not each.is_discrete_sweep():
            raise InputError(f"{text}: a grid tries values; name them, KEY=A,B")
        tried = (f"{key}={value}" for value in each.sweep_string_iterator()) if each.is_sweep_override() else [text]
        values[key] = list(islice(tried, MAX_RUNS + 1))
    if math.prod(map(len, values.values())) > MAX_RUNS:
        raise InputError(f"more than {MAX_RUNS:,} runs; give fewer values, or search them")
    return [list(job) for job in product(*values.values())]


def compose_run(context: HydraContext, config: DictConfig, overrides: Iterable[str], number: int) -> DictConfig:
    """The config of a run of a sweep, with Hydra's own values in it."""
    composed = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        composed.hydra.job.num, composed.hydra.job.id = number, str(number)
    HydraConfig.instance().set_config(composed)  # for values such as ${hydra:job.override_dirname}
    return composed


def check_folder(folder: Path, record: RunRecord) -> None:
    """Raises InputError if the folder of a sweep's run holds something else than this run."""
    if (folder / RECORD).is_file():
        if (key := _differing(read_record(folder).config, record.config)) is not None:
            raise InputError(f"{folder} holds a run with another {key}; give the sweep another folder")
    elif folder.is_dir() and any(not path.name.startswith(".") and path.name != LOG for path in folder.iterdir()):
        raise InputError(f"{folder} holds files that are no run's; give the sweep another folder")


def _differing(saved: Any, wanted: Any) -> str | None:
    """A key with dots whose value is not the one that is wanted; None if there is none."""
    if not isinstance(saved, dict) or not isinstance(wanted, dict):
        return None if saved == wanted else ""
    parts = ((key, _differing(saved.get(key), wanted.get(key))) for key in {**wanted, **saved})
    return next((f"{key}.{rest}".rstrip(".") for key, rest in parts if rest is not None), None)


def begin(config: DictConfig, sweep: SingleRun) -> str:
    """Says how to go on with a sweep if it is stopped, and returns that. Its folder is fixed from now on."""
    folder = Path(config.hydra.sweep.dir)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the sweep a folder")
    files = [path.name for path in folder.iterdir() if path.is_file()] if folder.exists() else []
    if foreign := [name for name in files if not name.startswith((TABLE, JOURNAL, "."))]:
        raise InputError(f"{folder} holds other files, {foreign[0]}; give the sweep a folder of its own")
    go_on = "give the same command again"
    if not sweep.names_folder:
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(folder)
            config.hydra.overrides.hydra.append(quoted("hydra.sweep.dir", folder))
        go_on = f"go on with: {command_line([*sweep.words, f'hydra.sweep.dir={folder}'])}"
    _log.info("a sweep in %s; if it is stopped, %s", shown_folder(folder), go_on)
    return go_on


class RunOfSweep:
    """The function that launchers call with the config of each run, perhaps in another process."""

    def __init__(self, callbacks: "Sequence[Callback]" = ()) -> None:
        self.callbacks = callbacks
        self._process = os.getpid()

    def __call__(self, config: DictConfig) -> str:
        """Trains a run unless it is complete; returns why it failed, an empty text if it did not."""
        settings = HydraConfig.get()
        launcher = settings.runtime.choices["hydra/launcher"]
        folder = Path(shown_folder(Path(settings.runtime.output_dir)))
        if launcher == JOBLIB and os.getpid() != self._process:
            threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        with contextlib.nullcontext() if launcher == BASIC else _output_to(folder / LOG):
            try:
                self.train(config, folder)
            except Exception as error:
                expected = isinstance(error, InputError)
                message = " ".join(f"{'' if expected else f'{type(error).__name__}: '}{error}".split())
                _log.error("run %s failed: %s", settings.job.num, message, exc_info=not expected)
                return message
        return ""

    def train(self, config: DictConfig, folder: Path) -> None:
        """Trains a run unless it is complete."""
        record, checked = record_of(config)
        _log.info("\nrun %s: %s", HydraConfig.get().job.num, " ".join(record.overrides))
        check_folder(folder, record)
        if (folder / REPORT).is_file():
            _log.info("it is complete")
            return
        with claim_run(folder):
            if not (resuming := can_resume(folder)):
                with whole_file(folder / RECORD) as out:
                    out.write(record.to_json())
            train_run(record, folder, checked, resuming, self.callbacks)


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Within the block what this process prints and logs is added to a file."""
    set_up_logging()
    root = logging.getLogger()
    before = root.handlers
    with path.open("a", buffering=1, encoding="utf-8", errors="replace") as out:
        root.handlers = [logging.StreamHandler(out)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                yield
        finally:
            root.handlers = before


def _end_with_parent(parent: int) -> None:
    """Ends this process when the process that started it has ended, even if that was killed.

    It may end anywhere: a run writes whole files.
    """
    while os.getppid() == parent:  # an orphan gets another parent; on Windows it keeps the number
        time.sleep(POLL_SECONDS)
    os._exit(1)


def finish(folder: Path, rows: Sequence[SweptRun]) -> int:
    """Writes and prints the table of a sweep, the best first; returns the exit status, 1 if a run is not complete.

    The table has also the runs that are complete in the folder, although the command did not ask for them.
    """
    asked = {row.folder for row in rows}
    others = [path.parent for path in folder.glob(f"*/{REPORT}") if path.parent not in asked]
    rows = [*rows, *(SweptRun(run.name, run, read_record(run).overrides) for run in others if (run / RECORD).is_file())]
    table = sorted(map(_values, rows), key=lambda row: (row["state"] != "complete", -(row["dev_accuracy"] or 0)))
    with whole_file(folder / TABLE) as out:
        lines = csv.DictWriter(out, FIELDS, lineterminator="\n")
        lines.writeheader()
        lines.writerows({**row, "overrides": " ".join(row["overrides"])} for row in table)  # None: an empty cell
    common = set.intersection(*(set(row["overrides"]) for row in table)) if len(table) > 1 else set()
    print(f"\n{folder / TABLE}\nrun  {'dev':>10}  {'words/s':>8}  {'parameters':>11}  {'seconds':>8}  overrides")
    for row in table:
        dev = f"{100 * row['dev_accuracy']:.2f}" if row["state"] == "complete" else row["state"]
        speed, size = (f"{row[name]:,}" if row[name] else "" for name in ("words_per_second", "parameters"))
        differing = " ".join(text for text in row["overrides"] if text not in common)
        seconds = row["training_seconds"] or ""
        print(f"{row['run']:>3}  {dev:>10}  {speed:>8}  {size:>11}  {seconds:>8}  {differing}".rstrip())
        if row["error"]:
            print(f"     {row['error']}")
    return int(any(row["state"] in ("failed", "unfinished") for row in table))


def _values(row: SweptRun) -> dict[str, Any]:
    """The fields of a row; the accuracy is the mean of the columns."""
    report = read_report(row.folder)
    state = row.state if report is None else "complete"
    values: dict[str, Any] = {"run": row.number, "state": state, "overrides": row.overrides, "error": row.error}
    return values | {name: (report or {}).get(name) for name in FIELDS[3:-1]}


def read_report(folder: Path) -> dict[str, Any] | None:
    """What a run's `report.json` says, with the mean accuracy of the columns on dev; None if it is not complete."""
    path = folder / REPORT
    if not path.is_file():
        return None
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        accuracies = [float(scores["accuracy"]) for scores in report["dev"].values()]
        return report | {"dev_accuracy": round(sum(accuracies) / len(accuracies), 6)}
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise InputError(f"{path} is damaged ({error}); remove it, and give the command again") from None
