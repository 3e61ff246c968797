"""A sweep's runs -> `sweep.csv`, best first, updated after every run, and where they differ."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.text.files import whole_file

TABLE = "sweep.csv"
FIELDS = ("run", "overrides", "dev_accuracy", "words_per_second", "parameters", "training_seconds", "error")
SUPPORT = 100  # words of a tag that is compared
TAGS = 7  # that are shown
Row = dict[str, str]


def add_run(folder: Path, row: Mapping[str, object]) -> None:
    """Adds a run to the table in `folder`: some of `FIELDS`, the others stay empty. Best dev accuracy first."""
    rows = [*read_runs(folder), {name: str(row.get(name, "")) for name in FIELDS}]
    rows.sort(key=lambda r: (r["dev_accuracy"] == "", -float(r["dev_accuracy"] or 0), int(r["run"])))
    with whole_file(folder / TABLE) as out:
        table = csv.DictWriter(out, FIELDS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read_runs(folder: Path) -> list[Row]:
    """The rows of the table in `folder`; none if there is no table yet."""
    if not (folder / TABLE).exists():
        return []
    with (folder / TABLE).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def render(rows: Sequence[Row]) -> str:
    """The table as text; of the overrides only those that differ between the runs."""
    lines = [f"{'run':>3}  {'dev':>6}  {'words/s':>8}  {'parameters':>11}  {'seconds':>8}  overrides"]
    for row, differing in zip(rows, differences(rows), strict=True):
        dev = f"{100 * float(row['dev_accuracy']):.2f}" if row["dev_accuracy"] else "failed"
        parameters = f"{int(row['parameters']):,}" if row["parameters"] else ""
        speed = f"{int(row['words_per_second']):,}" if row["words_per_second"] else ""
        lines.append(
            f"{row['run']:>3}  {dev:>6}  {speed:>8}  {parameters:>11}  {row['training_seconds']:>8}  {differing}"
        )
        if row["error"]:
            lines.append(f"     {row['error']}")
    return "\n".join(lines)


def differences(rows: Sequence[Row]) -> list[str]:
    """The overrides of each run without those that all runs share."""
    split = [row["overrides"].split(" ") for row in rows]
    common = set.intersection(*map(set, split)) if len(split) > 1 else set()
    return [" ".join(o for o in overrides if o not in common) for overrides in split]


def render_tags(folder: Path, rows: Sequence[Row]) -> str:
    """What the runs know of words not seen in training, and the tags in whose F1 on dev they differ most.

    A table at most 80 columns wide for each tag column that several runs have, of the tags of at least
    `SUPPORT` words; nothing where less than two runs have a report.
    """
    reports: dict[str, dict[str, Any]] = {}
    for row in rows:
        path = folder / row["run"] / "report.json"
        if not row["error"] and path.is_file():
            reports[row["run"]] = json.loads(path.read_text(encoding="utf-8"))["dev"]
    lines = []
    for column in dict.fromkeys(column for report in reports.values() for column in report):
        scores = {run: report[column] for run, report in reports.items() if "tags" in report.get(column, {})}
        if len(scores) < 2:
            continue
        f1 = {
            tag: [run["tags"][tag]["f1"] for run in scores.values()]
            for tag in min((run["tags"] for run in scores.values()), key=len)
            if all(tag in run["tags"] and run["tags"][tag]["support"] >= SUPPORT for run in scores.values())
        }
        shown = sorted(f1, key=lambda tag: min(f1[tag]) - max(f1[tag]))[:TAGS]
        lines.append(f"{column}: words not seen in training, and the F1 that differ most, in percent")
        lines.append("run  not seen" + "".join(f"{tag[:7]:>9}" for tag in shown))
        for i, (run, found) in enumerate(scores.items()):
            unknown = "       –" if found["unknown"] is None else f"{100 * found['unknown']:8.2f}"
            lines.append(f"{run:>3}  {unknown}" + "".join(f"{100 * f1[tag][i]:9.2f}" for tag in shown))
    return "\n".join(lines)
