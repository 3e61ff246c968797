"""Pairs of words; that all cases are those of the official evaluation is tested in `test_raw_scores.py`."""

import pytest

from tagger.evaluation.raw_scores import Word, align
from tagger.text.sentence import Sentence


def side(text: str, start: int = 0) -> list[Word]:
    """The words of a side: tokens between spaces; `abc=a+b` is the multiword token `abc` with the words `a` and `b`."""
    words: list[Word] = []
    for token in text.split():
        form, multiword, inside = token.partition("=")
        forms = inside.split("+") if multiword else [form]
        place = len(words)
        words += [
            Word(start, start + len(form), bool(multiword), w, Sentence(forms), place + i) for i, w in enumerate(forms)
        ]
        start += len(form)
    return words


@pytest.mark.parametrize(
    ("gold", "system", "pairs"),
    [
        ("ab c", "ab c", [(0, 0), (1, 1)]),
        ("ab c", "a b c", [(1, 2)]),
        ("ab=x+y c", "ab=x+y c", [(0, 0), (1, 1), (2, 2)]),
        ("ab=x+y c", "ab c", [(2, 1)]),
        ("ab=a+b c", "a b c", [(0, 0), (1, 1), (2, 2)]),
        ("ab c", "ab=ab+c c", [(0, 0), (1, 2)]),
        ("ab=a+x cd=c+y e", "a bcd=x+c e", [(0, 0), (1, 1), (2, 2), (4, 3)]),  # the multiword tokens overlap
        ("ab=a+b", "ab=b+a", [(1, 0)]),  # either is as long
    ],
)
def test_pairs(gold: str, system: str, pairs: list[tuple[int, int]]) -> None:
    assert [(a.place, b.place) for a, b in align(side(gold), side(system))] == pairs


def test_words_that_have_no_partner_stay_for_a_multiword_token_that_follows() -> None:
    golds, systems = side("abc"), side("a b c")
    assert list(align(golds, systems)) == []
    assert [word.form for word in golds] == []
    assert [word.form for word in systems] == ["a", "b", "c"]
    golds += side("de=b+c", 3)
    systems += side("de", 3)
    assert [(a.form, b.form) for a, b in align(golds, systems)] == [("b", "b"), ("c", "c")]
    assert golds == systems == []
