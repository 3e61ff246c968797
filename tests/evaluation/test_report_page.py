"""The page of scores and errors, and its pictures: what they show, and that no text becomes a part of their code."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.evaluation import report_page as plots
from tagger.evaluation.calibration import calibration
from tagger.evaluation.metrics import report
from tagger.evaluation.report_page import MAX_CHARACTERS, MAX_ERRORS, errors_of, report_page
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import Table
from tests.conftest import largest_file

VOCABULARY = Vocabulary.build([{"tokens": ["The", "cat", "sat"], "upos": ["DET", "NOUN", "VERB"]}], ["upos"])
HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a&b", "\ud800", "$title"]


class Page(HTMLParser):
    """The elements of a page and the rows of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def tagged(words: list[str], tags: list[str], shares: list[float], *comments: str) -> Sentence:
    return Sentence(words, {"upos": tags}, {"upos": shares}, comments=list(comments))


def made(*sentences: tuple[Sentence, list[str]], **values: Any) -> Page:
    scored = [(s, {"upos": gold}) for s, gold in sentences]
    errors = [e for i, (s, gold) in enumerate(sentences, 1) for e in errors_of(s, {"upos": gold}, i)]
    page = Page(report_page("<b> & $facts", {"dev": report(scored, VOCABULARY)}, errors, **values))
    assert page.open == []
    assert "script" not in page.seen
    return page


def test_scores_and_errors_are_rows_and_nothing_in_a_text_becomes_code() -> None:
    named = tagged(["The", "dog", "sat"], ["DET", "VERB", "NOUN"], [0.8, 0.6, 0.7], "# sent_id = s-2")
    page = made(
        (named, ["DET", "NOUN", "VERB"]),
        (tagged(["x", "cat"], ["DET", "VERB"], [0.5, 0.55]), ["_", "NOUN"]),
        tables=[Table("More", ["", "n"], [["row", "7"]])],
        pictures=["confusion.png"],
        baseline={"dev": {"upos": 0.125}},
        confidence=[Table("Last", ["", "n"], [["end", "8"]])],
    )
    assert page.rows[1] == ["dev, upos", "4", "25.00%", "12.50%", "33.33%", "0.00%", "0.00%"]
    assert page.rows[3] == ["2", "66.67%", "NOUN", "VERB", "The dog sat"]
    assert "1" not in [row[0] for row in page.rows]  # a pair that is there once
    assert page.rows[-1] == ["end", "8"]
    assert ["row", "7"] in page.rows
    assert ["NOUN", "0.00%", "0.00%", "0.00%", "2"] in page.rows
    errors = [row for row in page.rows if len(row) == 5 and row[0].endswith("%")]
    assert errors == [
        ["70.00%", "VERB", "NOUN", "The dog sat ", "s-2"],
        ["60.00%", "NOUN", "VERB", "The dog sat", "s-2"],
        ["55.00%", "NOUN", "VERB", "x cat ", "2"],
    ]
    assert page.seen.count("img") == 1
    sentence = tagged(HOSTILE, ["DET"] * 5, [0.5] * 5, f"# sent_id = {HOSTILE[1]}")
    page = made((sentence, ["NOUN"] * 5), facts=[HOSTILE[0]], pictures=['"><script>'])
    assert page.seen.count("img") == 1
    assert f" {HOSTILE[0]} {HOSTILE[1]} a&b \ufffd $title" in [row[3] for row in page.rows if len(row) == 5]
    long = [f"w{i}" for i in range(100)]
    (error,) = errors_of(tagged(long, ["DET"] * 50 + ["NOUN"] + ["DET"] * 49, [0.9] * 100), {"upos": ["DET"] * 100}, 1)
    assert error.before.startswith("… w38 ")
    assert error.after.endswith(" w62 …")
    page = made((tagged(["y" * 500] * 600, ["NOUN"] * 600, [0.9] * 600), ["DET"] * 600))
    errors = [row for row in page.rows if row[0] == "90.00%"]
    assert len(errors) == MAX_ERRORS
    assert max(len(word) for word in errors[-1][3].split()) == MAX_CHARACTERS + 1


EPOCHS = [{"train/loss": 1.0 / n, "dev/loss": 2.0 / n, "dev/accuracy": 1 - 0.5 / n} for n in (1, 2, 3)]


@pytest.mark.filterwarnings("error")
def test_pictures(tmp_path: Path) -> None:
    png = tmp_path / "x.png"
    losses, accuracies = plots.draw_learning_curve(EPOCHS, png).axes
    assert (losses.get_xlabel(), accuracies.get_ylabel()) == ("epoch", "accuracy (%)")
    assert [line.get_label() for line in losses.get_lines()] == ["train", "dev"]
    (dev,) = accuracies.get_lines()
    assert list(dev.get_ydata()) == pytest.approx([50, 75, 100 - 50 / 3])
    before = png.read_bytes()
    with largest_file(100), pytest.raises(InputError, match=r"x.png cannot be written: File too large"):
        plots.draw_learning_curve(EPOCHS, png)
    assert png.read_bytes() == before
    assert list(png.parent.iterdir()) == [png]
    scores = {split: {"upos": calibration([0.9] * 30, [True, False] * 15)} for split in ("dev", "test")}
    figure = plots.draw_reliability(scores, scores, "upos", "$5 நா ЯЪ", png)
    assert figure.get_suptitle() == r"\$5 U+0BA8 U+0BBE  ЯЪ"  # the font lacks them
    assert png.read_bytes().startswith(b"\x89PNG")
    assert [axis.get_title() for axis in figure.axes] == ["dev", "test"]
