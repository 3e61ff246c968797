"""The table of a sweep: its order, its rows, and what its runs differ in."""

import json
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.training.sweep import (
    TABLE,
    find_table,
    format_differing_tags,
    format_table,
    make_row,
    put_run,
    read_runs,
)


def results(accuracy: float, **others: float) -> dict[str, object]:
    return {"dev": {"upos": {"accuracy": accuracy}}, "parameters": 1234, "training_seconds": 5.5, **others}


def test_the_best_run_comes_first_and_a_failed_one_last(tmp_path: Path) -> None:
    put_run(tmp_path, make_row(0, ["a=1"], None, "no memory"))
    put_run(tmp_path, make_row(1, ["a=2"], results(0.5, words_per_second=1000)))
    put_run(tmp_path, make_row(2, ["a=3"], results(0.9)))
    assert [row["run"] for row in read_runs(tmp_path)] == ["2", "1", "0"]
    path, _, *lines = format_table(tmp_path).splitlines()
    assert path == str(tmp_path / TABLE)
    assert lines[0].split() == ["2", "90.00", "1,234", "5.5", "a=3"]
    assert lines[1].split() == ["1", "50.00", "1,000", "1,234", "5.5", "a=2"]
    assert lines[2].split() == ["0", "failed", "a=1"]
    assert lines[3].strip() == "no memory"


def test_a_run_that_trained_a_segmenter_alone_has_no_accuracy(tmp_path: Path) -> None:
    put_run(tmp_path, make_row(0, ["a=1"], {"segmenter": {"kind": "learned"}}))
    assert format_table(tmp_path).splitlines()[2].split() == ["0", "–", "a=1"]


def test_a_run_has_one_row(tmp_path: Path) -> None:
    put_run(tmp_path, make_row(0, ["a=1"], results(0.6)))
    put_run(tmp_path, make_row(1, ["a=2"], None, "interrupted"))
    put_run(tmp_path, make_row(1, ["a=2"], results(0.7)))
    assert [(row["run"], row["error"]) for row in read_runs(tmp_path)] == [("1", ""), ("0", "")]


def test_the_accuracy_is_the_mean_of_the_columns() -> None:
    columns = {"upos": {"accuracy": 0.8}, "xpos": {"accuracy": 0.6}}
    assert make_row(0, [], {"dev": columns})["dev_accuracy"] == "0.7"


def test_the_table_above_a_run_is_found_if_it_has_the_run(tmp_path: Path) -> None:
    put_run(tmp_path, make_row(3, ["a=1", "b=2"], None, "interrupted"))
    run = tmp_path / "deep" / "3"
    run.mkdir(parents=True)
    assert find_table(run, 3, ["a=1", "b=2"]) == tmp_path
    assert find_table(run, 2, ["a=1", "b=2"]) is None
    assert find_table(run, 3, ["a=1"]) is None
    assert find_table(run, None, ["a=1", "b=2"]) is None


@pytest.mark.parametrize("text", ["run,overrides\n1,a=1\n", "nonsense\n1\n", "\0\n\0\n"])
def test_a_damaged_table_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / TABLE).write_text(text)
    with pytest.raises(InputError, match=r"sweep.csv is damaged"):
        read_runs(tmp_path)


def test_tags_that_differ_most(tmp_path: Path) -> None:
    for run, noun in (("0", 0.9), ("1", 0.4)):
        tags = {
            "NOUN": {"f1": noun, "support": 200},
            "VERB": {"f1": 0.8, "support": 100},
            "INTJ": {"f1": noun / 2, "support": 99},
        }
        (tmp_path / run).mkdir()
        report = {"dev": {"upos": {"accuracy": noun, "unknown": None if noun < 0.5 else 0.25, "tags": tags}}}
        (tmp_path / run / "report.json").write_text(json.dumps(report))
        put_run(tmp_path, make_row(int(run), [], results(noun)))
    title, head, *lines = format_differing_tags(tmp_path, read_runs(tmp_path)).splitlines()
    assert title.startswith("upos: ")
    assert head.split() == ["run", "not", "seen", "NOUN", "VERB"]
    assert [line.split() for line in lines] == [["0", "25.00", "90.00", "80.00"], ["1", "–", "40.00", "80.00"]]
