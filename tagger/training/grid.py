"""The runs of a grid, by Hydra's basic sweeper and one of its launchers, and the table of a sweep."""

import csv
import json
import logging
import math
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from tagger.errors import InputError
from tagger.text.output_files import whole_file
from tagger.training.launch import JOBLIB, Task, check_place, plain_texts, record_of
from tagger.training.overrides import FOLDER_KEYS, key_and_value, quoted
from tagger.training.processes import signals_as_interrupt
from tagger.training.run_folder import REPORT, shown_folder

MAX_RUNS = 1_000  # of a sweep; Hydra composes the config of each before the first one begins
TABLE, JOURNAL = "sweep.csv", "study.journal"  # in the folder of a sweep
FIELDS = ("run", "state", "overrides", "dev_accuracy", "words_per_second", "parameters", "training_seconds", "error")

_log = logging.getLogger(__name__)


@dataclass
class Row:
    """A run of a sweep.

    Attributes:
        number: from 0.
        folder: of the run.
        overrides: of the run.
        error: why it failed, in one line.
        state: unless the run has a report.
    """

    number: int
    folder: Path
    overrides: list[str]
    error: str = ""
    state: str = "unfinished"


def sweep_grid(
    context: HydraContext, config: DictConfig, task: Task, arguments: Sequence[str], params: Mapping[str, Any] | None
) -> None:
    """Trains every combination of values that is not trained yet in the folder.

    Args:
        context: Hydra's loader of configs.
        config: of the sweep.
        task: what trains a run; gets the exit status: 1 if a run failed.
        arguments: the overrides of the command line.
        params: further ones, which an experiment has: values by keys.

    Raises:
        InputError: no run can be trained, the launcher refuses its settings, or the folder holds other runs.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    texts = [*(f"{key}={value}" for key, value in (params or {}).items()), *arguments]
    overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(texts)
    tried = [list(islice(each.sweep_iterator(), MAX_RUNS + 1)) for each in overrides if each.is_discrete_sweep()]
    if math.prod(map(len, tried)) > MAX_RUNS:
        raise InputError(f"more than {MAX_RUNS:,} runs; give fewer values, or let hydra/sweeper=optuna search them")
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    rows: list[Row] = []
    errors: list[InputError] = []
    for number, job in enumerate(jobs):
        composed = compose_run(context, config, job, number)
        folder, own = Path(config.hydra.sweep.dir, str(composed.hydra.sweep.subdir)), composed.hydra.overrides.task
        rows.append(Row(number, folder, plain_texts(own)))
        try:
            record, _ = record_of(task.command, composed, True, own)
        except InputError as error:
            errors.append(error)
        else:
            check_place(folder, record)
    if len({row.folder for row in rows}) < len(rows):
        raise InputError(f"hydra.sweep.subdir={rows[0].folder.name}: two runs would have this folder; leave it out")
    if len(errors) == len(rows):
        raise errors[0] if errors else InputError("a value names nothing to try; give KEY=A,B")
    name = config.hydra.runtime.choices["hydra/launcher"]
    go_on = begin(config, task)
    task.parent = os.getpid() if name == JOBLIB else None
    try:
        launcher = Plugins.instance().instantiate_launcher(context, task, config)
    except (ImportError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"hydra/launcher={name}: {' '.join(str(error).split())}") from None
    try:
        with signals_as_interrupt():
            done = launcher.launch(jobs, initial_job_idx=0)
            for row, ended in zip(rows, done, strict=True):
                row.error = str(ended.return_value)
                row.state = "failed" if row.error else row.state
    except KeyboardInterrupt:
        raise KeyboardInterrupt(go_on) from None
    except Exception as error:  # a process was killed, or the cluster refused the jobs
        _log.error("%s: %s: %s; %s", name, type(error).__name__, " ".join(str(error).split()), go_on)
    task.status = finish(Path(config.hydra.sweep.dir), rows)


def compose_run(context: HydraContext, config: DictConfig, overrides: Iterable[str], number: int) -> DictConfig:
    """The config of a run of a sweep, with Hydra's own values in it."""
    composed = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        composed.hydra.job.num, composed.hydra.job.id = number, str(number)
    HydraConfig.instance().set_config(composed)  # for values such as ${hydra:job.override_dirname}
    return composed


def begin(config: DictConfig, task: Task) -> str:
    """Says how to go on with a sweep if it is stopped, and returns that. Its folder is fixed from now on.

    Raises:
        InputError: the folder holds something else.
    """
    folder = Path(config.hydra.sweep.dir)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the sweep a folder")
    files = [path.name for path in folder.iterdir() if path.is_file()] if folder.exists() else []
    if others := [name for name in files if not name.startswith((TABLE, JOURNAL, "."))]:
        raise InputError(f"{folder} holds other files, {others[0]}; give the sweep a folder of its own")
    given = {key_and_value(text)[0] for text in plain_texts(config.hydra.overrides.hydra)}
    go_on = "give the same command again"
    if given.isdisjoint(FOLDER_KEYS):
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(folder)
            config.hydra.overrides.hydra.append(quoted("hydra.sweep.dir", folder))
        words = [*([] if task.command == "train" else [task.command]), *sys.argv[1:], f"hydra.sweep.dir={folder}"]
        go_on = f"go on with: {shlex.join(['python', '-m', 'tagger', *words])}"
    _log.info("a sweep in %s; if it is stopped, %s", shown_folder(folder), go_on)
    return go_on


def finish(folder: Path, rows: Iterable[Row]) -> int:
    """Writes and prints the table of a sweep, the best first; returns the exit status, 1 if a run is not complete."""
    found = sorted(map(_values, rows), key=lambda row: (row["state"] != "complete", -(row["dev_accuracy"] or 0)))
    with whole_file(folder / TABLE) as out:
        table = csv.DictWriter(out, FIELDS, lineterminator="\n")
        table.writeheader()
        table.writerows({**row, "overrides": " ".join(row["overrides"])} for row in found)  # None: an empty cell
    common = set.intersection(*(set(row["overrides"]) for row in found)) if len(found) > 1 else set()
    print(f"\n{folder / TABLE}\nrun  {'dev':>10}  {'words/s':>8}  {'parameters':>11}  {'seconds':>8}  overrides")
    for row in found:
        dev = f"{100 * row['dev_accuracy']:.2f}" if row["state"] == "complete" else row["state"]
        speed, size = (f"{row[name]:,}" if row[name] else "" for name in ("words_per_second", "parameters"))
        differing = " ".join(text for text in row["overrides"] if text not in common)
        seconds = row["training_seconds"] or ""
        print(f"{row['run']:>3}  {dev:>10}  {speed:>8}  {size:>11}  {seconds:>8}  {differing}".rstrip())
        if row["error"]:
            print(f"     {row['error']}")
    return int(any(row["state"] in ("failed", "unfinished") for row in found))


def _values(row: Row) -> dict[str, Any]:
    """The fields of a row; the accuracy is the mean of the columns."""
    values: dict[str, Any] = {"run": row.number, "state": row.state, "overrides": row.overrides, "error": row.error}
    report = read_report(row.folder)
    if report is not None:
        values["state"] = "complete"
    for name in FIELDS[3:-1]:
        values[name] = (report or {}).get(name)
    return values


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
