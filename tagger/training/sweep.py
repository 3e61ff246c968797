"""The runs of a sweep -> `sweep.csv`, the best first, and tables that show how the runs differ."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.text.output_files import whole_file

TABLE = "sweep.csv"
FIELDS = ("run", "overrides", "dev_accuracy", "words_per_second", "parameters", "training_seconds", "error")
MIN_TAG_WORDS = 100  # a tag with fewer words on dev is not compared
MAX_TAGS_SHOWN = 7

Row = dict[str, str]


def make_row(number: int, overrides: Sequence[str], results: Mapping[str, Any] | None, error: str = "") -> Row:
    """A row of the table.

    Args:
        number: of the run, from 0.
        overrides: those of the run.
        results: the content of its `report.json`; None if it has none.
        error: what went wrong, if something did.
    """
    values: dict[str, Any] = {"run": number, "overrides": " ".join(overrides), "error": error}
    if results:
        accuracies = [scores["accuracy"] for scores in results.get("dev", {}).values()]
        if accuracies:
            values["dev_accuracy"] = round(sum(accuracies) / len(accuracies), 6)
        values |= {name: results[name] for name in FIELDS if name in results}
    return {name: str(values.get(name, "")) for name in FIELDS}


def put_run(folder: Path, row: Row) -> None:
    """Adds a row to the table in `folder`, replacing that of the same run. The best dev accuracy comes first.

    Raises:
        InputError: the table cannot be read or written.
    """
    rows = [other for other in read_runs(folder) if other["run"] != row["run"]] + [row]
    rows.sort(key=lambda r: (r["dev_accuracy"] == "", -float(r["dev_accuracy"] or 0), int(r["run"])))
    with whole_file(folder / TABLE) as out:
        out.write(format_csv(rows))


def format_csv(rows: Sequence[Row]) -> str:
    """The table as CSV."""
    out = io.StringIO()
    table = csv.DictWriter(out, FIELDS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def read_runs(folder: Path) -> list[Row]:
    """The rows of the table in `folder`; none if there is no table yet.

    Raises:
        InputError: the file is no such table.
    """
    path = folder / TABLE
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows:
            int(row["run"]), float(row["dev_accuracy"] or 0), " ".join(row[name] for name in FIELDS)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}); remove it") from None
    return rows


def find_table(run: Path, number: int | None, overrides: Sequence[str]) -> Path | None:
    """The folder of the sweep that a run belongs to; None if no table above it has a row of the run."""
    if number is None:
        return None
    for folder in run.absolute().parents:
        if (folder / TABLE).is_file():
            wanted = make_row(number, overrides, None)
            known = any(
                (row["run"], row["overrides"]) == (wanted["run"], wanted["overrides"]) for row in read_runs(folder)
            )
            return folder if known else None
    return None


def format_table(folder: Path) -> str:
    """The path and the table in `folder` as text. Of the overrides, only those that differ between runs are shown."""
    rows = read_runs(folder)
    lines = [str(folder / TABLE)]
    lines.append(f"{'run':>3}  {'dev':>6}  {'words/s':>8}  {'parameters':>11}  {'seconds':>8}  overrides")
    for row, differing in zip(rows, differing_overrides(rows), strict=True):
        dev = f"{100 * float(row['dev_accuracy']):.2f}" if row["dev_accuracy"] else "failed" if row["error"] else "–"
        parameters = f"{int(row['parameters']):,}" if row["parameters"] else ""
        speed = f"{int(row['words_per_second']):,}" if row["words_per_second"] else ""
        lines.append(
            f"{row['run']:>3}  {dev:>6}  {speed:>8}  {parameters:>11}  {row['training_seconds']:>8}  {differing}"
        )
        if row["error"]:
            lines.append(f"     {row['error']}")
    return "\n".join(lines)


def differing_overrides(rows: Sequence[Row]) -> list[str]:
    """The overrides of each run without those that all runs share."""
    split = [row["overrides"].split(" ") for row in rows]
    common = set.intersection(*map(set, split)) if len(split) > 1 else set()
    return [" ".join(override for override in overrides if override not in common) for overrides in split]


def format_differing_tags(folder: Path, rows: Sequence[Row]) -> str:
    """The runs' accuracy on words not seen in training, and the tags whose F1 on dev differs most between the runs.

    There is a table at most 80 columns wide for each tag column that two runs or more have. It shows tags of at least
    `MIN_TAG_WORDS` words. The text is empty if fewer than two runs have a report.
    """
    reports: dict[str, dict[str, Any]] = {}
    for row in rows:
        path = folder / row["run"] / "report.json"
        if not row["error"] and path.is_file():
            reports[row["run"]] = json.loads(path.read_text(encoding="utf-8")).get("dev", {})
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
        for i, (run, found) in enumerate(scores.items()):
            unknown = "       –" if found["unknown"] is None else f"{100 * found['unknown']:8.2f}"
            lines.append(f"{run:>3}  {unknown}" + "".join(f"{100 * f1[tag][i]:9.2f}" for tag in shown))
    return "\n".join(lines)
