"""A sweep's runs -> `sweep.csv`, best first, updated after every run."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tagger.files import whole_file

TABLE = "sweep.csv"
FIELDS = ("run", "overrides", "dev_accuracy", "words_per_second", "parameters", "training_seconds", "error")
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
