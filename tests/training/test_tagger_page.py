"""The page that a run leaves: what it says is what the run found."""

import csv
import json
import re
from html import escape
from pathlib import Path

from datasets import Dataset

from tagger.model.vocabulary import Vocabulary
from tagger.training.report import most_frequent_tags


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
