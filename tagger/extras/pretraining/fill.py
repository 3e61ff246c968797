"""Sentences with blanks -> words that may stand there, from both sides of a blank and from each side alone."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tagger.errors import InputError
from tagger.extras.pretraining.hidden_words import HiddenWordNetwork
from tagger.text.strings import display_width, fitted

BLANK = re.compile(r"_{2,}")  # a token that stands for a missing word
MAX_SENTENCE_TOKENS = 1_000
_WIDTH = 26  # cells of a column of the table

Candidates = list[tuple[str, float]]
"""Lower-cased words with their probabilities, in [0, 1], the best first."""


class FilledBlank(NamedTuple):
    """A blank and what may stand there."""

    position: int  # of its token, from 0
    both: Candidates
    left: Candidates  # from the words before it alone; empty where there are none
    right: Candidates  # from the words after it alone; likewise


def fill(network: HiddenWordNetwork, tokens: Sequence[str], top: int = 5) -> list[FilledBlank]:
    """The candidates for every blank of a sentence, in order; the other blanks stay unknown."""
    words, size = list(network.vocabulary.words), len(tokens)
    blanks = [i for i, token in enumerate(tokens) if BLANK.fullmatch(token)]
    shown = " ".join(tokens)[:60]
    if len(blanks) == size:
        raise InputError(f"{shown!r} is nothing but a blank; write words before or after it")
    if size > MAX_SENTENCE_TOKENS:
        raise InputError(f"a sentence of {size} words; give at most {MAX_SENTENCE_TOKENS}")

    def candidates(start: int, stop: int, blank: int) -> Candidates:
        """Those for a blank of a part of the sentence; none if the part is nothing but blanks."""
        inside = [i for i in blanks if start <= i < stop]
        if len(inside) == stop - start:
            return []
        found = network.probabilities(tokens[start:stop], [i - start for i in inside])[inside.index(blank)]
        best = found.topk(min(top, len(words)))
        return [
            (words[i], round(share, 6)) for share, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

    return [FilledBlank(i, candidates(0, size, i), candidates(0, i + 1, i), candidates(i, size, i)) for i in blanks]


def format_blanks(tokens: Sequence[str], filled: Sequence[FilledBlank]) -> str:
    """A table at most 80 columns wide for each blank."""
    lines = [fitted(" ".join(tokens), 80)]
    for number, blank in enumerate(filled, 1):
        lines += [f"blank {number}"] if len(filled) > 1 else []
        columns = [["both sides"], ["left side alone"], ["right side alone"]]
        for column, candidates in zip(columns, blank[1:], strict=True):
            column += [f"{100 * share:5.1f}%  {fitted(word, _WIDTH - 10)}" for word, share in candidates] or [
                "(no words)"
            ]
        for row in range(max(map(len, columns))):
            cells = [column[row] if row < len(column) else "" for column in columns]
            lines.append("  " + "".join(cell + " " * (_WIDTH - display_width(cell)) for cell in cells).rstrip())
    return "\n".join(lines) + "\n"
