"""The page that a run leaves: what it says is what the run found."""

import csv
import json
import re
from html import escape
from pathlib import Path

import pytest
from datasets import Dataset

from tagger.errors import InputError
from tagger.evaluation.report_page import WordError
from tagger.model.vocabulary import Vocabulary
from tagger.training.report import NAMED, format_scores, most_frequent_tags, write_tagger_page
from tests.conftest import largest_file

SCORES = {
    "tokens": 4, "accuracy": 0.75, "known": 1.0, "known_tokens": 2, "unknown": None, "unknown_tokens": 0,
    "sentences": 1, "whole_sentences": 0.0, "tags": {"X": {"precision": 0.75, "recall": 1.0, "f1": 0.86, "support": 3}},
    "spans": None, "unseen_tags": {"Y": 1}, "confusions": [["Y", "X", 1]], "calibration": None,
}  # fmt: skip
RESULTS = {
    "corpus": "A + B", "parameters": 1000, "training_seconds": 12.4, "words_per_second": 5000,
    "dev": {"upos": SCORES},
}  # fmt: skip
ERRORS = [WordError("upos", "1", "", "a", "b c d", "Y", "X", 0.9)]


def test_a_run_leaves_a_page_with_its_errors_and_pictures(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    report = json.loads((finished / "report.json").read_text())
    for split in ("dev", "test"):
        assert f"{100 * report[split]['upos']['accuracy']:.2f}%" in page
    with (finished / "errors.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert page.count("<mark>") == len(rows) > 0
    assert all(f"<mark>{escape(row['word'])}</mark>" in page for row in rows)
    assert re.findall('<img src="(.*?)"', page) == ["confusion.png", "learning_curve.png", "reliability.png"]
    assert f"best epoch {report['best_epoch']} of 3" in page


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
        "before": {"dev": {"upos": {"ece": 0.02}}},
        "after": {"dev": {"upos": {"ece": 0.01}}},
    },
}  # fmt: skip


def test_whatever_a_run_finds_is_a_table_of_its_page(tmp_path: Path) -> None:
    write_tagger_page(tmp_path, RESULTS | MORE, ERRORS)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for cells in (
        ["upos", "25.00%", "50.00%"],
        ["A dev, upos", "3", "50.00%", "25.00%", "–", "60.00%"],
        ["dev", "100.00%", "50.00%"],
        ["unicode", "50.00%", "75.00%", "25.00%"],
        ["dev upos", "1.250", "2.00%", "1.00%"],
    ):
        assert re.sub("<[^>]*>", "|", page).count("||" + "||||".join(cells) + "||") == 1, cells
    assert "learned segmenter: 1,234 parameters, 30 steps, 4 s" in page


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
