"""The pictures: what is drawn in each, and that each is written whole or not at all."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.evaluation import report_page as plots
from tagger.evaluation.calibration import calibration
from tests.conftest import largest_file

EPOCHS = [{"train/loss": 1.0 / n, "dev/loss": 2.0 / n, "dev/accuracy": 1 - 0.5 / n} for n in (1, 2, 3)]


@pytest.fixture
def png(tmp_path: Path) -> Path:
    return tmp_path / "x.png"


def test_confusions_of_the_tags_with_the_most_errors(png: Path) -> None:
    confusions = [("NOUN", "VERB", 7), ("VERB", "NOUN", 2), ("A$ and B$", "NOUN", 1), ("ADJ", "ADV", 1)]
    figure = plots.draw_confusions({"confusions": confusions}, "cost: $5 or $6", png, max_tags=3)
    (axis,) = figure.axes
    assert axis.get_title() == r"cost: \$5 or \$6"
    assert [label.get_text() for label in axis.get_yticklabels()] == [r"A\$ and B\$", "NOUN", "VERB"]
    assert [(text.get_position(), text.get_text()) for text in axis.texts] == [
        ((1, 0), "1"),
        ((2, 1), "7"),
        ((1, 2), "2"),
    ]
    assert [text.get_text() for text in plots.draw_confusions({"confusions": []}, "", png).axes[0].texts] == [
        "no errors"
    ]


@pytest.mark.filterwarnings("error")
def test_letters_that_the_font_lacks_are_codes_and_no_boxes(png: Path) -> None:
    figure = plots.draw_confusions({"confusions": [("நா", "ЯЪ", 1)]}, "தமிழ்", png)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["ЯЪ", "U+0BA8 U+0BBE"]


def test_reliability_of_each_split(png: Path) -> None:
    scores = {split: {"upos": calibration([0.9] * 30, [True, False] * 15)} for split in ("dev", "test")}
    figure = plots.draw_reliability(scores, scores, "upos", "a title", png)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert [axis.get_title() for axis in figure.axes] == ["dev", "test"]


def test_a_learning_curve_of_what_is_known(png: Path) -> None:
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
