"""What a pretrained network proposes for blanks."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tagger.commands.app import app
from tagger.extras.pretraining.fill import fill, format_blanks
from tagger.extras.pretraining.hidden_words import load_word_predictor
from tagger.text.strings import display_width


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
