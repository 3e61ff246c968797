"""The command `explain`: what it prints and writes, and its mistakes."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from tagger.extras.analysis.explanations import MAX_WORDS
from tagger.model.vocabulary import Vocabulary
from tests.commands import conftest
from tests.conftest import make_network, save_tiny

call = partial(conftest.call, "explain")


def test_the_command(trained: Path) -> None:
    options = ["--model", str(trained), "--device", "cpu"]
    text = "They book flights. The book reads well."
    table = call(text, *options).stdout
    assert "\x1b" not in table
    assert [line.split()[:2] for line in table.splitlines() if re.match("They|book", line)] == [
        ["They", "PRON"],
        ["book", "VERB"],
        ["book", "NOUN"],
    ]
    assert call("-", *options, "--encoding", "utf-16", input=text.encode("utf-16")).stdout == table
    found = json.loads(call(text, *options, "--json", "--column", "xpos").stdout)
    assert [sentence["tokens"][-1] for sentence in found] == [".", "."]
    book = found[1]["words"][1]
    assert (book["word"], book["tag"], found[1]["column"]) == ("book", "NN", "xpos")
    assert set(book["left"]) == {"probability", "best_tag", "best_probability"}
    assert {key for support in book["decided_by"] for key in support} <= {"word", "position", "support"}
    split = json.loads(call("They book. <b>\u00a0x\nWell", *options, "--tokens", "--json").stdout)
    assert [sentence["tokens"] for sentence in split] == [["They", "book.", "<b> x"], ["Well"]]


def test_the_language_of_the_text_names_the_tagger() -> None:
    for arguments in (["Hast du Hunger?"], ["Tack", "--language", "de"]):
        assert "trained on UD_German" in call(*arguments).stderr


def test_a_tagger_of_words_with_spaces_is_given_tokens(tmp_path: Path) -> None:
    spaced = Vocabulary(words={}, characters=list("hopla"), tags={"upos": ["A", "B"]}, forms=["hợp tác xã", "là"])
    model = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    result = call("là. hợp\u00a0tác\u00a0xã", "--model", str(model), "--json")
    assert json.loads(result.stdout)[0]["tokens"] == ["là.", "hợp tác xã"]
    assert "takes tokens" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], ["no words"]),
        (["They book", "--column", "lemma"], ["lemma", "upos, xpos"]),
        (["book " * (MAX_WORDS + 1)], [str(MAX_WORDS + 1), "at most"]),
    ],
)
def test_bad_input_is_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("--model", str(trained), *arguments, status=2)
    (message,) = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert message.startswith("error: ")
    assert all(word in message for word in words), message
    assert list(tmp_path.iterdir()) == []
