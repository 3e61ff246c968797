"""The page that a run leaves: what it says is what the run found."""

import csv
import json
from pathlib import Path

import pytest
from datasets import Dataset

from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.training.card import NAMED
from tagger.training.report import format_page, format_scores, most_frequent_tags, write_tagger_page
from tests.conftest import largest_file
from tests.html_page import data_of

SCORES = {
    "tokens": 4, "accuracy": 0.75, "known": 1.0, "known_tokens": 2, "unknown": None, "unknown_tokens": 0,
    "sentences": 1, "whole_sentences": 0.0, "tags": {"X": {"precision": 0.75, "recall": 1.0, "f1": 0.86, "support": 3}},
    "spans": None, "unseen_tags": {"Y": 1}, "confusions": [["Y", "X", 1]], "calibration": None,
}  # fmt: skip
RESULTS = {
    "corpus": "A + B", "parameters": 1000, "training_seconds": 12.4, "words_per_second": 5000,
    "dev": {"upos": SCORES},
}  # fmt: skip
ERRORS = {
    "excerpts": [["1", 0, 0, ["a"]]],
    "columns": {"upos": {"total": 1, "tags": ["Y", "X"], "errors": [[0, 0, 0, 1, 0.9, 1]], "words": [["a", 1, 4, 1]]}},
}


def test_a_run_leaves_a_page_with_its_errors(finished: Path) -> None:
    data = data_of(finished / "report.html")
    report = json.loads((finished / "report.json").read_text())
    column = data["columns"]["upos"]
    assert {split: scores["accuracy"] for split, scores in column["splits"].items()} == {
        split: report[split]["upos"]["accuracy"] for split in ("dev", "test")
    }
    with (finished / "errors.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    shown = [
        (data["excerpts"][e][0], data["excerpts"][e][3][i], column["tags"][gold], column["tags"][found], f"{share:.4f}")
        for e, i, gold, found, share, _ in column["errors"]
    ]
    assert sorted(shown) == sorted((r["sentence"], r["word"], r["gold"], r["tag"], r["confidence"]) for r in rows)
    assert [len(data["epochs"]), data["best_epoch"]] == [3, report["best_epoch"]]
    with (finished / "metrics.csv").open(newline="") as lines:
        losses = [float(row["dev/loss"]) for row in csv.DictReader(lines)]
    assert [epoch["dev/loss"] for epoch in data["epochs"]] == pytest.approx(losses, abs=1e-6)
    assert data["model"] == str(finished)
    assert [name for name, _ in data["files"]] == [
        "errors.tsv", "dev.predicted.conllu", "report.json", "metrics.csv", "tagger/README.md",
    ]  # fmt: skip
    assert f"best epoch {report['best_epoch']} of 3" in data["facts"]


MORE = {
    "baseline": {"dev": {"upos": 0.25}, "test": {"upos": 0.5}},
    "corpora": {"dev": {"A": {"upos": {"tokens": 3, "accuracy": 0.5, "known": 0.25, "unknown": None, NAMED: 0.6}}}},
    "raw": {"dev": {"Words": 1.0, "UPOS": 0.5}},
    "segmenter": {
        "kept": "learned", "dev": {"unicode": {"tokens": 0.5, "words": 0.25, "sentences": 0.75}},
        "parameters": 1234, "steps": 30, "seconds": 4.2,
    },
    "calibration": {
        "temperatures": {"upos": 1.25},
        "before": {"dev": {"upos": {"ece": 0.02, "adaptive_ece": 0.03}}},
        "after": {"dev": {"upos": {"ece": 0.01, "adaptive_ece": 0.015}}},
    },
}  # fmt: skip


def test_whatever_a_run_finds_is_a_table_of_its_page(tmp_path: Path) -> None:
    write_tagger_page(tmp_path, RESULTS | MORE, ERRORS)
    data = data_of(tmp_path / "report.html")
    assert {table["title"]: [table["heads"], *table["rows"]] for table in data["tables"]} == {
        "Accuracy of the most frequent tag of each word": [["", "dev", "test"], ["upos", "25.00%", "50.00%"]],
        "Each corpus": [
            ["", "words", "accuracy", "seen", "not seen", "corpus named"],
            ["A dev, upos", "3", "50.00%", "25.00%", "–", "60.00%"],
        ],
        "From raw text, F1": [["", "Words", "UPOS"], ["dev", "100.00%", "50.00%"]],
        "What cuts raw text, F1 on dev": [
            ["", "Tokens", "Sentences", "Words"],
            ["unicode", "50.00%", "75.00%", "25.00%"],
        ],
        "Calibration error in 15 bins, before and after the temperature": [
            ["", "temperature", "before", "after", "before, adaptive", "after, adaptive"],
            ["dev upos", "1.250", "2.00%", "1.00%", "3.00%", "1.50%"],
        ],
    }
    assert "learned segmenter: 1,234 parameters, 30 steps, 4 s" in data["facts"]


def test_the_terminal_has_the_scores_beside_a_baseline() -> None:
    assert format_scores(RESULTS | MORE | {"test": {"upos": SCORES | {"accuracy": 0.5}}}).splitlines() == [
        "                                           dev      test",
        "upos, accuracy                          75.00%    50.00%",
        "  of words not seen in training              –         –",
        "  by the most frequent tag of a word    25.00%    50.00%",
        "from raw text, F1 of Words             100.00%         –",
        "from raw text, F1 of UPOS               50.00%         –",
    ]


def test_the_most_frequent_tag_of_each_word() -> None:
    rows = [
        {"tokens": ["a", "b", "a"], "upos": ["X", "Y", "X"]},
        {"tokens": ["b", "b", "A"], "upos": ["Y", "X", "_"]},
    ]
    train, dev = Dataset.from_list(rows), Dataset.from_list([{"tokens": ["a", "b", "c"], "upos": ["X", "X", "X"]}])
    vocabulary = Vocabulary.build(train, ["upos"])
    assert most_frequent_tags(train, {"dev": dev, "train": train}, vocabulary) == {
        "dev": {"upos": 2 / 3},  # `c` is X as most words are; `b` was Y
        "train": {"upos": 4 / 5},
    }


def test_a_page_without_room_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with largest_file(100), pytest.raises(InputError, match=r"report.html cannot be written: File too large"):
        write_tagger_page(tmp_path, RESULTS, ERRORS)
    assert list(tmp_path.iterdir()) == []
    write_tagger_page(tmp_path, RESULTS, ERRORS)
    data = data_of(tmp_path / "report.html")
    assert data["facts"] == ["1,000 parameters", "12 s of training", "5,000 words a second on one thread"]
    assert data["files"] == [["report.json", "all scores"]]  # which is written last
    assert (data["tables"], data["columns"]["upos"]["unseen_tags"]) == ([], [["Y", 1]])
    assert format_page(tmp_path) == f"look at its errors: {tmp_path}/report.html"


def test_a_whole_path_of_a_run_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for folder, shown in ((here / "members/1", "members/1"), (Path("../x"), "../x"), (Path("y"), "y")):
        folder.mkdir(parents=True)
        write_tagger_page(folder, RESULTS, ERRORS)
        assert data_of(folder / "report.html")["model"] == shown
