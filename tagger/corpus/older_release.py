"""Rows of older releases of Universal Dependencies on the Hub -> where their text has spaces.

These releases have multiword tokens and empty nodes among the words, and no IDs. So how many words a multiword token
stands for follows from the text alone.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tagger.text.segment_patterns import SPACE
from tagger.text.sentence import MultiwordToken, Sentence

_SPACES = re.compile(f"[{SPACE}]*")
_NO_SPACE = re.compile(r"\bSpaceAfter\b\W{1,4}No\b")  # as in CoNLL-U, or in the text of a Python dict


class Row(NamedTuple):
    """A word, or the row of a multiword token before its words."""

    form: str
    misc: str | None
    word: bool


def add_spacing(sentence: Sentence, rows: Sequence[Row], text: str | None) -> None:
    """Gives a sentence its text, its multiword tokens and `space_after`, unless its rows do not spell the text.

    Args:
        sentence: its tokens are the words of the rows.
        rows: without empty nodes.
        text: of the sentence.
    """
    multiwords = multiword_tokens(rows, text or "")
    if multiwords is None:
        return
    sentence.text, sentence.multiwords = text, multiwords
    sentence.space_after = [_NO_SPACE.search(row.misc or "") is None for row in rows if row.word]
    ranges = (row for row in rows if not row.word)
    for (start, stop, _), row in zip(multiwords, ranges, strict=True):
        inside = [False] * (stop - start - 1)
        sentence.space_after[start:stop] = [*inside, _NO_SPACE.search(row.misc or "") is None]


def multiword_tokens(rows: Sequence[Row], text: str) -> list[MultiwordToken] | None:
    """The multiword tokens of rows that spell a text; None if they do not.

    A multiword token has two words, or as many more as it takes until the next token is the one that follows in the
    text.
    """
    found: list[MultiwordToken] = []
    place, at, word = 0, 0, 0
    while place < len(rows):
        row = rows[place]
        end = _end(row.form, text, at)
        if end is None:
            return None
        at, place = end, place + 1
        if row.word:
            word += 1
            continue
        last = next((i for i in range(place, len(rows)) if not rows[i].word), len(rows))
        stops = (stop for stop in range(place + 2, last + 1) if _goes_on(rows[stop:], text, at))
        stop = next(stops, None)
        if stop is None:
            return None
        found.append(MultiwordToken(word, word + stop - place, row.form))
        word, place = word + stop - place, stop
    return found if _goes_on([], text, at) else None


def _goes_on(rows: Sequence[Row], text: str, at: int) -> bool:
    """Whether the text goes on with the first of the rows, or ends if there is none."""
    return _end(rows[0].form, text, at) is not None if rows else _skip(text, at) == len(text)


def _end(form: str, text: str, at: int) -> int | None:
    """The end of a form that follows in a text; None if another one does."""
    start = _skip(text, at)
    return start + len(form) if form and text.startswith(form, start) else None


def _skip(text: str, at: int) -> int:
    spaces = _SPACES.match(text, at)
    return spaces.end() if spaces else at
