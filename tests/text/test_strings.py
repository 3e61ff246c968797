"""Sentences are made of tokens; text on a terminal takes the cells that it is said to take."""

from typing import Any

import pytest

from tagger.errors import InputError
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, encodable, fitted, is_annotated, printable


@pytest.mark.parametrize(("text", "width"), [("", 0), ("abc", 3), ("猫a", 3), ("e\u0301t", 2), ("ａ\u200d", 2)])
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


def test_fitted() -> None:
    rows = [("abc", 3), ("abcd", 3), ("猫猫", 4), ("猫猫", 3), ("猫猫", 2), ("a\tb", 3)]
    assert [fitted(text, width) for text, width in rows] == ["abc", "ab…", "猫猫", "猫…", "…", "a\ufffdb"]


def test_nothing_that_a_terminal_obeys_or_no_file_holds() -> None:
    assert printable("a\x1b[2J\r\n\x9b\u2028\ud800é") == "a\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffdé"
    assert (encodable("a"), encodable("é\ud800\udfff😀")) == ("a", "é\ufffd\ufffd😀")


def test_what_is_annotated() -> None:
    rows = ["upos NOUN dog +", "upos _ dog", "upos _ _", "upos - dog", "xpos _ dog", "feats _ dog +", "feats - dog"]
    rows += ["lemma dog dogs +", "lemma _ dogs", "lemma _ _ +", "lemma - _"]
    for column, tag, form, *annotated in map(str.split, rows):
        assert is_annotated(column, tag.replace("-", ""), form) is bool(annotated)


@pytest.mark.parametrize("tokens", ["They", None, 5, {"They"}, b"They", iter(["They"])])
def test_tokens_are_a_list(tokens: Any) -> None:
    with pytest.raises(InputError, match=r"^Sentence\(.*\): .* (give a list of strings|Tagger\.annotate)"):
        Sentence(tokens)


@pytest.mark.parametrize(
    ("comments", "name"), [([], None), (["# newpar", "# sent_id = a = b "], "a = b"), (["#sent_id=7"], "7")]
)
def test_its_name(comments: list[str], name: str | None) -> None:
    sentence = Sentence(["They", "book"], comments=comments)
    assert len(sentence) == 2
    assert sentence.name == name
