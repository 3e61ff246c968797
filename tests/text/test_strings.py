"""Text on a terminal takes the cells that it is said to take."""

import pytest

from tagger.text.strings import display_width, encodable, fitted, is_annotated, printable


@pytest.mark.parametrize(("text", "width"), [("", 0), ("abc", 3), ("猫a", 3), ("e\u0301t", 2), ("ａ\u200d", 2)])
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


def test_nothing_that_a_terminal_obeys() -> None:
    assert printable("a\x1b[2J\r\n\x9b\u2028\ud800é") == "a\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffdé"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("猫猫", 4, "猫猫"),
        ("猫猫", 3, "猫…"),
        ("猫猫", 2, "…"),
        ("a\tb", 3, "a\ufffdb"),
    ],
)
def test_fitted(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown


def test_encodable() -> None:
    assert encodable("a") == "a"
    assert encodable("é\ud800\udfff😀") == "é\ufffd\ufffd😀"


@pytest.mark.parametrize(
    ("column", "tag", "form", "annotated"),
    [
        ("upos", "NOUN", "dog", True),
        ("upos", "_", "dog", False),
        ("upos", "_", "_", False),
        ("upos", "", "dog", False),
        ("xpos", "_", "dog", False),
        ("feats", "_", "dog", True),
        ("feats", "", "dog", False),
        ("lemma", "dog", "dogs", True),
        ("lemma", "_", "dogs", False),
        ("lemma", "_", "_", True),
        ("lemma", "", "_", False),
    ],
)
def test_what_is_annotated(column: str, tag: str, form: str, annotated: bool) -> None:
    assert is_annotated(column, tag, form) is annotated
