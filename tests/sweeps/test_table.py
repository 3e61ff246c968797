"""The table of a sweep: its order, its rows, and what its runs differ in."""

import csv
import json
from pathlib import Path

from tagger.sweeps.folder import TABLE, Sweep
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.sweeps.report import (
    FIELDS,
    format_csv,
    format_differing_tags,
    format_table,
    sorted_runs,
    timed_runs,
    write_table,
)
from tagger.sweeps.run import SweepRun

RUNS = [
    SweepRun(0, "0", ["a=1"], "failed", error="no memory"),
    SweepRun(1, "1", ["a=2"], "complete", 0.5, 1000, 1234, 5.5),
    SweepRun(2, "2", ["a=3"], "complete", 0.9, None, 1234, 5.5),
    SweepRun(3, "3", ["a=0.001235"], "pruned", 0.95, training_seconds=2.5),
    SweepRun(4, "4", ["a=5"], "unfinished"),
]


def test_the_best_run_comes_first_and_what_has_no_tagger_last() -> None:
    runs = sorted_runs(RUNS)
    assert [run.number for run in runs] == [2, 1, 3, 0, 4]
    path, _, *lines = format_table(runs, Path("x/sweep.csv")).splitlines()
    assert path == "x/sweep.csv"
    assert lines[0].split() == ["2", "90.00", "1,234", "5.5", "a=3"]
    assert lines[1].split() == ["1", "50.00", "1,000", "1,234", "5.5", "a=2"]
    assert lines[2].split() == ["3", "95.00", "ended", "early", "2.5", "a=0.001235"]
    assert lines[3].split() == ["0", "failed", "a=1"]
    assert lines[4].strip() == "no memory"
    assert lines[5].split() == ["4", "–", "a=5"]


def test_the_file_has_a_row_for_each_run() -> None:
    rows = list(csv.DictReader(format_csv(RUNS).splitlines()))
    assert tuple(rows[0]) == FIELDS
    assert rows[1] == dict(zip(FIELDS, ("1", "complete", "a=2", "0.5", "1000", "1234", "5.5", ""), strict=True))
    assert (rows[2]["words_per_second"], rows[0]["dev_accuracy"], rows[0]["error"]) == ("", "", "no memory")


def test_a_run_that_ends_while_the_table_is_written_is_in_it(tmp_path: Path) -> None:
    runs = [PlannedRun(["a=1"], "0"), PlannedRun(["a=2"], "1")]
    sweep = Sweep(tmp_path, SweepRecord("id", "train", "train", None, [], runs))
    states = []

    class Racing(Sweep):
        def runs(self) -> list[SweepRun]:
            found = super().runs()
            states.append([run.state for run in found])
            if len(states) == 1:
                (tmp_path / "1").mkdir()
                (tmp_path / "1" / "report.json").write_text(json.dumps({"dev": {"upos": {"accuracy": 0.5}}}))
            return found

    assert [run.state for run in write_table(Racing(tmp_path, sweep.record))] == ["complete", "unfinished"]
    rows = list(csv.DictReader((tmp_path / TABLE).read_text().splitlines()))
    assert [(row["run"], row["state"]) for row in rows] == [("1", "complete"), ("0", "unfinished")]


def test_tags_that_differ_are_shown_for_the_runs_that_have_them(tmp_path: Path) -> None:
    def write(number: int, tags: dict[str, tuple[float, int]], unknown: float | None) -> SweepRun:
        folder = tmp_path / str(number)
        folder.mkdir()
        scores = {tag: {"f1": f1, "support": support} for tag, (f1, support) in tags.items()}
        report = {"dev": {"upos": {"accuracy": 0.5, "unknown": unknown, "tags": scores}}}
        (folder / "report.json").write_text(json.dumps(report))
        return SweepRun(number, str(number), [f"a={number}"], "complete", 0.5)

    runs = [
        write(0, {"VERB": (0.9, 500), "NOUN": (0.5, 500), "X": (0.1, 5)}, 0.75),
        write(1, {"VERB": (0.8, 500), "NOUN": (0.9, 500), "X": (0.9, 5)}, None),
        RUNS[0],
    ]
    lines = format_differing_tags(tmp_path, runs).splitlines()
    assert lines[0].startswith("upos: words not seen in training")
    assert lines[1].split() == ["run", "not", "seen", "NOUN", "VERB"]
    assert lines[2].split() == ["0", "75.00", "50.00", "90.00"]
    assert lines[3].split() == ["1", "–", "90.00", "80.00"]
    assert format_differing_tags(tmp_path, runs[:1]) == ""


def test_the_runs_of_the_picture_are_those_that_were_timed() -> None:
    long = [f"model.a_key_with_a_long_name=1{n}" for n in range(2)]
    runs = [
        SweepRun(0, "0", ["seed=1", "model.depth=1"], "complete", 0.9, 1000),
        SweepRun(1, "1", ["seed=1", "model.depth=2"], "complete", 0.8, 900),
        SweepRun(2, "2", ["seed=1", *long], "complete", 0.95, 500),
        SweepRun(3, "3", ["seed=1", "model.depth=3"], "complete", 0.7, None),
        SweepRun(4, "4", ["seed=1", "model.depth=4"], "failed", error="no memory"),
    ]
    points = [(1000, 0.9, "depth 1", True), (900, 0.8, "depth 2", False), (500, 0.95, "run 2", True)]
    assert timed_runs(runs, []) == points
    assert timed_runs(runs[4:], []) == []
