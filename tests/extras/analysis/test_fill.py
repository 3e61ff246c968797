"""What a pretrained network says of hidden words: blanks, and one more layer of vectors."""

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from tagger.commands.app import app
from tagger.extras.analysis.fill import fill, format_blanks
from tagger.extras.analysis.vectors import load_layer
from tagger.text.strings import display_width
from tagger.training.hidden_words import load_word_predictor
from tests.training.conftest import _pictures_are_empty, pretrained, untagged

__all__ = ["_pictures_are_empty", "pretrained", "untagged"]


def test_one_layer_more(pretrained: Path) -> None:
    vectors, _ = load_layer("predicted", [__file__], "text", "utf-8", None, str(pretrained), "cpu")
    known, other, empty = vectors([["he", "books", "rooms", "."], ["he", "unseen", "rooms", "."], []])
    assert (known.shape, empty.shape) == ((4, 16), (0, 16))
    np.testing.assert_allclose(other[1], known[1], atol=1e-6)  # of the word itself it knows nothing


def test_blanks_are_filled_from_both_sides(pretrained: Path) -> None:
    network, _ = load_word_predictor(pretrained / "pretrained")
    (blank,) = fill(network, ["he", "___", "rooms", "today", "."], top=3)
    assert blank.position == 1
    assert blank.both[0][0] == blank.left[0][0] == "books"
    assert blank.right[0][1] < 0.75  # which of both it is only the left side knows
    two = fill(network, ["___", "books", "____", "today", "."])
    assert [blank.position for blank in two] == [0, 2]
    assert {word for word, _ in two[0].both[:2]} == {"he", "she"}
    assert {word for word, _ in two[1].both[:3]} == {"flights", "rooms", "tables"}
    assert two[0].left == []
    assert two[0].right == two[0].both
    table = format_blanks(["___", "books", "____", "飛行機" * 40, "."], two)
    assert max(map(display_width, table.splitlines())) <= 80
    assert "blank 2" in table
    assert "(no words)" in table


def filled(model: Path, *arguments: str, given: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fill", *arguments, "--model", str(model)], input=given)
    return result.exit_code, result.output


def test_the_command_fills_blanks(pretrained: Path, trained: Path) -> None:
    status, shown = filled(pretrained, "she ___ tables again. We book ___ today.", "--json", "--top", "2")
    assert status == 0
    found = json.loads(shown)
    assert [sentence["tokens"][0] for sentence in found] == ["she", "We"]
    assert found[0]["blanks"][0]["both"][0][0] == "books"
    assert filled(pretrained, "-", given="she ___ tables again.\n")[1] == filled(pretrained, "she ___ tables again.")[1]
    for model, text, message in (
        (pretrained, "___", "nothing but a blank"),
        (pretrained, "no blank here", "no blank"),
        (trained, "I am ___.", "predicts no words"),
    ):
        status, shown = filled(model, text)
        assert (status, shown.count("\n")) == (2, 1)
        assert message in shown
