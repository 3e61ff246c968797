"""What a sweep leaves: `sweep.csv`, its table, its page and its pictures, and the speed of each tagger."""

import csv
import io
import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.corpus.sources import load_corpus
from tagger.errors import InputError
from tagger.evaluation.page import data_page
from tagger.evaluation.plots import MAX_KEY, TimedRun, draw_frontier, draw_importance
from tagger.sweeps.folder import TABLE, Sweep
from tagger.sweeps.run import LIMITS, SweepRun, differing_keys, differing_overrides, frontier, key_importance
from tagger.tagging.load import load
from tagger.text.output_files import whole_file
from tagger.training.config import train_config
from tagger.training.report import words_per_second
from tagger.training.run_folder import REPORT, read_record

PAGE = "sweep.html"  # in a sweep's folder


def sweep_page(
    title: str, runs: Sequence[SweepRun], importance: Mapping[str, float], tried: Collection[str] = ()
) -> str:
    """The page, in one file; its links lead to the pages of the runs, below the sweep's folder.

    Args:
        title: plain text.
        runs: in any order.
        importance: of keys, the largest first; see `key_importance`.
        tried: see `differing_keys`.
    """
    runs = sorted(runs, key=lambda run: run.number)
    best = {run.number for run in frontier(runs)}
    keys = differing_keys(runs, tried)
    content = {
        "title": title,
        "keys": [{"name": key.name, "scale": key.scale, "categories": key.categories} for key in keys],
        "runs": [
            _run(run)
            | {
                "frontier": run.number in best,
                "values": [key.values[i] for key in keys],
                "places": [key.places[i] for key in keys],
            }
            for i, run in enumerate(runs)
        ],
        "importance": list(importance.items()),
        "limits": LIMITS,
    }
    return data_page(title, "sweeps", "page", content)


def _run(run: SweepRun) -> dict[str, Any]:
    """The fields of a run; numbers that JSON does not have are left out."""
    values = asdict(run)
    for name in ("dev_accuracy", "training_seconds"):
        if values[name] is not None and not math.isfinite(values[name]):
            values[name] = None
    return values


FIELDS = (
    *("run", "state", "overrides", "dev_accuracy"),
    *("words_per_second", "parameters", "training_seconds", "error"),
)
MIN_TAG_WORDS = 100  # a tag with fewer words on dev is not compared
MAX_TAGS_SHOWN = 7


def write_table(sweep: Sweep) -> list[SweepRun]:
    """Writes `sweep.csv` into the sweep's folder; returns the runs, the best dev accuracy first.

    Other processes may write it too. Each looks afterwards whether a run has ended meanwhile, so the last one to write
    has seen the end of every run.

    Raises:
        InputError: a run's folder is damaged, or the table cannot be written.
    """
    runs = sorted_runs(sweep.runs())
    while True:
        with whole_file(sweep.folder / TABLE) as out:
            out.write(format_csv(runs))
        now = sorted_runs(sweep.runs())
        if now == runs:
            return runs
        runs = now


def sorted_runs(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """The runs in the order of the table: the best dev accuracy first, those ended early after those that are whole."""
    return sorted(runs, key=lambda run: (run.state != "complete", -(run.dev_accuracy or 0), run.number))


def format_csv(runs: Sequence[SweepRun]) -> str:
    """The table as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(FIELDS)
    for run in runs:
        numbers = (run.dev_accuracy, run.words_per_second, run.parameters, run.training_seconds)
        table.writerow([run.number, run.state, " ".join(run.overrides), *numbers, run.error])  # None: an empty cell
    return out.getvalue()


def format_table(runs: Sequence[SweepRun], path: Path, tried: Collection[str] = ()) -> str:
    """The path of the table and the runs as text, with those of the overrides that `differing_overrides` gives."""
    lines = [str(path)]
    lines.append(f"{'run':>3}  {'dev':>6}  {'words/s':>8}  {'parameters':>11}  {'seconds':>8}  overrides")
    for run, differing in zip(runs, differing_overrides(runs, tried), strict=True):
        dev = "–" if run.dev_accuracy is None else f"{100 * run.dev_accuracy:.2f}"
        cells = (
            "failed" if run.state == "failed" else dev,
            "" if run.words_per_second is None else f"{run.words_per_second:,}",
            "ended early" if run.state == "pruned" else "" if run.parameters is None else f"{run.parameters:,}",
            "" if run.training_seconds is None else str(run.training_seconds),
        )
        line = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, (6, 8, 11, 8), strict=True))
        lines.append(f"{run.number:>3}  {line}  {differing}".rstrip())
        if run.error:
            lines.append(f"     {run.error}")
    return "\n".join(lines)


def format_differing_tags(folder: Path, runs: Sequence[SweepRun]) -> str:
    """The runs' accuracy on words not seen in training, and the tags whose F1 on dev differs most between the runs.

    There is a table at most 80 columns wide for each tag column that two runs or more have. It shows tags of at least
    `MIN_TAG_WORDS` words. The text is empty if fewer than two runs have a report.
    """
    reports: dict[str, dict[str, Any]] = {}
    for run in runs:
        if run.state == "complete":
            report = json.loads((folder / run.folder / REPORT).read_text(encoding="utf-8"))
            reports[str(run.number)] = report.get("dev", {})
    lines = []
    for column in dict.fromkeys(column for report in reports.values() for column in report):
        scores = {run: report[column] for run, report in reports.items() if "tags" in report.get(column, {})}
        if len(scores) < 2:
            continue
        f1 = {
            tag: [run["tags"][tag]["f1"] for run in scores.values()]
            for tag in min((run["tags"] for run in scores.values()), key=len)
            if all(tag in run["tags"] and run["tags"][tag]["support"] >= MIN_TAG_WORDS for run in scores.values())
        }
        shown = sorted(f1, key=lambda tag: min(f1[tag]) - max(f1[tag]))[:MAX_TAGS_SHOWN]
        lines.append(f"{column}: words not seen in training, and the F1 that differ most, in percent")
        lines.append("run  not seen" + "".join(f"{tag[:7]:>9}" for tag in shown))
        for i, (name, found) in enumerate(scores.items()):
            unknown = "       –" if found["unknown"] is None else f"{100 * found['unknown']:8.2f}"
            lines.append(f"{name:>3}  {unknown}" + "".join(f"{100 * f1[tag][i]:9.2f}" for tag in shown))
    return "\n".join(lines)


SPEED = "words_per_second"  # in a run's report
SPEED_ROUNDS = 3

_log = logging.getLogger(__name__)


def report_sweep(sweep: Sweep, tried: Collection[str] = ()) -> int:
    """Measures what is missing, writes the table and draws the pictures; returns the exit status, 1 if a run failed.

    Args:
        sweep: no process trains a run of it, or this one was interrupted.
        tried: the keys that a search tries.

    Raises:
        InputError: a run's folder is damaged, or a file cannot be written.
    """
    with sweep.turn():
        _measure_speeds(sweep)
        return show_sweep(sweep, tried)


def show_sweep(sweep: Sweep, tried: Collection[str] = ()) -> int:
    """Writes and prints the table of a sweep and draws its pictures, of what there is; the exit status."""
    runs = write_table(sweep)
    importance = key_importance(runs)
    if points := timed_runs(runs, tried):
        draw_frontier(points, sweep.folder / "frontier.png")
    if importance:
        draw_importance(importance, sweep.folder / "importance.png")
    with whole_file(sweep.folder / PAGE) as out:
        out.write(sweep_page(sweep.folder.absolute().name, runs, importance, tried))
    print(f"\n{format_table(runs, sweep.folder / TABLE, tried)}\n{format_differing_tags(sweep.folder, runs)}")
    print(f"more on these runs: {sweep.folder / PAGE}")
    unfinished = [str(run.number) for run in runs if run.state == "unfinished"]
    if unfinished:
        print(f"not finished: {', '.join(unfinished)}; {sweep.go_on}")
    return int(any(run.state in ("failed", "unfinished") for run in runs))


def timed_runs(runs: Sequence[SweepRun], tried: Collection[str]) -> list[TimedRun]:
    """The complete runs whose speed was measured; each has the name of what differs, or its number if that is long."""
    best = frontier(runs)
    points = []
    for run, label in zip(runs, differing_overrides(runs, tried), strict=True):
        if run.state == "complete" and run.words_per_second and run.dev_accuracy is not None:
            short = " ".join(part.rpartition(".")[2].replace("=", " ") for part in label.split(" "))
            name = short if len(short) <= MAX_KEY else f"run {run.number}"
            points.append(TimedRun(run.words_per_second, run.dev_accuracy, name, run in best))
    return points


def _measure_speeds(sweep: Sweep) -> None:
    """Adds the speed of its tagger on dev to the report of each run that has a tagger and no speed.

    Each speed is the best of some rounds, and a round measures all runs: while the machine is busy with something else,
    it is slow for some measurements of each run, and not for all measurements of one.
    """
    if sweep.record.command != "train":
        return
    speeds: dict[int, list[int]] = {}
    waiting = [run for run in sweep.runs() if run.state == "complete" and run.words_per_second is None]
    for _ in range(SPEED_ROUNDS):
        for run in list(waiting):
            try:
                if (speed := _speed(sweep.path(run.number))) is not None:
                    speeds.setdefault(run.number, []).append(speed)
            except InputError as error:  # the corpus was moved since
                _log.info("run %d: its speed cannot be measured: %s", run.number, error)
                waiting.remove(run)
    for number, found in speeds.items():
        path = sweep.path(number) / REPORT
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        with whole_file(path) as out:
            json.dump({SPEED: max(found), **report}, out, indent=2)
            out.write("\n")


def _speed(run: Path) -> int | None:
    """Words per second of a run's tagger on one thread; None for a run that makes a part of a tagger."""
    config = train_config(read_record(run).config)
    if not config.learns:
        return None
    corpus = load_corpus(config.corpus, config.columns, config.seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
        return words_per_second(load(run / TAGGER_IN_RUN, device), corpus.splits["dev"]["tokens"], rounds=1)
    finally:
        torch.set_num_threads(threads)
