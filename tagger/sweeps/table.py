"""The runs of a sweep -> `sweep.csv`, the best first, and tables that show how the runs differ."""

import csv
import io
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tagger.sweeps.folder import TABLE, Sweep
from tagger.sweeps.run import SweepRun, differing_overrides
from tagger.text.output_files import whole_file
from tagger.training.run_folder import REPORT

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
