"""What rules change in the labels of a segmenter's network."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tagger.segmenter.corrections import Corrections
from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import Units, UnitTable
from tagger.words.conventions import Conventions, candidates
from tagger.words.rules import ConfirmedRules

END = "‖"  # of a sentence


def labelled(
    text: str, sentences: Sequence[int], refused: Sequence[str], joins: bool = False, sureness: float = 0
) -> tuple[Units, np.ndarray]:
    """The corrected labels of a text that is cut at every unit, or, with `joins`, only where sentences end.

    A network is so sure of the ends of sentences.
    """
    table = UnitTable([], 1, False)
    units = table.read([text])
    labels = np.full(len(units.types), Label.GOES_ON if joins else Label.TOKEN)
    labels[np.isin(units.ends, sentences) & (units.ends > 0)] = Label.SENTENCE
    labels[units.gaps == 2] = Label.SENTENCE
    scores = np.zeros((len(labels), len(Label)))
    scores[:, Label.SENTENCE] = sureness
    rules = ConfirmedRules(Conventions([*refused], dict(candidates())))
    Corrections([text], units, labels, scores, rules).make()
    return units, labels


def corrected(marked: str, refused: Sequence[str] = (), sureness: float = 0) -> str:
    """A text that is cut at every unit; its sentences end, before and after, where it is marked."""
    text = marked.replace(END, "")
    sentences = np.cumsum([len(part) for part in marked.split(END)]).tolist()
    units, labels = labelled(text, sentences, refused, sureness=sureness)
    ends = units.ends[(labels == Label.SENTENCE) & (units.gaps != 2)].tolist()
    return END.join(text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True))


def tokens(text: str, refused: Sequence[str] = (), joins: bool = False) -> list[str]:
    """The tokens of a text; see `labelled`."""
    units, labels = labelled(text, [], refused, joins)
    ends = units.ends[(labels == Label.TOKEN) & (units.ends > 0)].tolist()
    return [text[a:b].strip() for a, b in pairwise([0, *ends, len(text)])]


def test_where_sentences_end() -> None:
    """`sentence_ends.tsv` has what a network says, and what becomes of it."""
    lines = Path(__file__).with_name("sentence_ends.tsv").read_text(encoding="utf-8").splitlines()[1:]
    expected = dict(line.split("\t")[:2] for line in lines)
    assert {marked: corrected(marked) for marked in expected} == expected


def test_where_training_has_sentences_that_begin_with_small_letters_these_stay() -> None:
    assert corrected("A book.‖ the end.", ["small letter at the start"]) == "A book.‖ the end."
    assert corrected("A book.‖ the end.") == "A book. the end."


def test_a_network_that_is_sure_is_right_where_a_rule_is_weak() -> None:
    for marked, strength in {"Es sind appr.‖ zwei.": 3.5, "Mit J.‖ Meyer.": 5, "„Was?“‖ rief sie.": 5}.items():
        assert corrected(marked, sureness=strength - 1) == marked.replace(END, "")
        assert corrected(marked, sureness=strength + 1) == marked
    for marked in ("Er wohnt bzw.‖ Sie wohnt.", "Es sind ca.‖ zwei.", "Ouvrez sources.‖listes ou non."):
        assert corrected(marked, sureness=20) == marked.replace(END, "")
    assert corrected("No! The book", sureness=-4) == "No!‖ The book"
    assert corrected("No! The book", sureness=-6) == "No! The book"


@pytest.mark.parametrize("number", ["3,50", "1.250,50", "14:30", "12/03/2024", "٢٫٣"])
def test_a_number_is_one_token_unless_training_cuts_it(number: str) -> None:
    assert tokens(f"um {number} da") == ["um", number, "da"]
    names = [f"0{mark}0" for mark in ".,:/٫"]
    assert len(tokens(f"um {number} da", names)) > 3
    assert tokens(f"um {number} da", [names[0]] * (number != "1.250,50")) == ["um", number, "da"]


def test_marks_are_cut_from_numbers_addresses_and_white_space() -> None:
    assert tokens("25.", joins=True) == ["25", "."]
    assert tokens("25.", ["number at the end"], joins=True) == ["25."]  # training keeps it
    assert tokens("Dr.", joins=True) == ["Dr."]
    assert tokens("- 25 000", joins=True) == ["-", "25 000"]
    assert tokens("Tel.: 08", joins=True) == ["Tel.:", "08"]
    assert tokens("a@b.org.", joins=True) == ["a@b.org", "."]
    assert tokens("https://a.org/b. C", joins=True)[:2] == ["https://a.org/b", "."]
    assert tokens("@ann-5", joins=True) == ["@ann-5"]  # a tag may go on
    assert tokens("看https://a.cn/b或info@b.cn。") == ["看", "https://a.cn/b", "或", "info@b.cn", "。"]


def test_a_comma_is_a_token_beside_letters_and_digits() -> None:
    for text, expected in (
        ("我,快坐下!", "我 , 快坐下!"),
        ("n.º 5, pág", "n.º 5 , pág"),
        ("Er,sie", "Er , sie"),
        ("5,kg", "5 , kg"),
        ("3,50 12,5,7", "3,50 12,5,7"),
        ("צה\"ל rock'n'roll d'ici", "צה\"ל rock'n'roll d'ici"),  # other marks are part of words
        ("a@b.org, https://a.org/?b,c", "a@b.org , https://a.org/?b,c"),
    ):
        assert " ".join(tokens(text, joins=True)) == expected
    names = ["comma after a word", "comma before a word"]
    assert tokens("ό,τι", names, joins=True) == ["ό,τι"]  # training has such tokens


class Counted(str):
    """A text that counts the characters of the parts that are made of it."""

    made = 0

    def __getitem__(self, place: object) -> str:
        part = super().__getitem__(place)  # type: ignore[index]
        Counted.made += len(part)
        return part


@pytest.mark.parametrize("sentence", ["Ja! A ", 'Ja! "A ', "Ja! (A ", "Was?! Er "])
def test_a_paragraph_is_read_once_however_many_marks_it_has(sentence: str) -> None:
    text = Counted(sentence * 1000)
    table = UnitTable([], 1, False)
    units = table.read([text])
    Counted.made = 0
    labels = np.full(len(units.types), Label.TOKEN)
    scores = np.zeros((len(labels), len(Label)))
    Corrections([text], units, labels, scores, ConfirmedRules(Conventions())).make()
    assert Counted.made < 3 * len(text)
