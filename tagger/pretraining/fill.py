"""Sentences with blanks -> words that may stand there, from both sides of a blank and from each side alone."""

# n blanks, V words

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tagger.errors import InputError
from tagger.pretraining.predictor import HiddenWordPredictor
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


class Filler:
    """Fills the blanks of sentences with what a pretrained network predicts."""

    def __init__(self, predictor: HiddenWordPredictor) -> None:
        self.predictor = predictor
        self.rules: str = predictor.segmenter

    def fill(self, tokens: Sequence[str], top: int = 5) -> list[FilledBlank]:
        """The candidates for every blank of a sentence, in order; the other blanks stay unknown.

        Raises:
            InputError: no blank, nothing but blanks, or more than `MAX_SENTENCE_TOKENS` tokens.
        """
        blanks = [i for i, token in enumerate(tokens) if BLANK.fullmatch(token)]
        shown = " ".join(tokens)[:60]
        if not blanks:
            raise InputError(f"no blank in {shown!r}; write ___ where a word is missing")
        if len(blanks) == len(tokens):
            raise InputError(f"{shown!r} is nothing but a blank; write words before or after it")
        if len(tokens) > MAX_SENTENCE_TOKENS:
            raise InputError(f"a sentence of {len(tokens)} words; give at most {MAX_SENTENCE_TOKENS}")
        filled = []
        for i, both in zip(blanks, self._predict(tokens, blanks, top), strict=True):
            left = self._side(tokens[: i + 1], [j for j in blanks if j <= i], -1, top)
            right = self._side(tokens[i:], [j - i for j in blanks if j >= i], 0, top)
            filled.append(FilledBlank(i, both, left, right))
        return filled

    def _side(self, tokens: Sequence[str], blanks: list[int], which: int, top: int) -> Candidates:
        """The candidates for one blank of a part of the sentence; none where the part is nothing but blanks."""
        return [] if len(blanks) == len(tokens) else self._predict(tokens, blanks, top)[which]

    def _predict(self, tokens: Sequence[str], blanks: list[int], top: int) -> list[Candidates]:
        """The candidates for each of n blanks."""
        words = self.predictor.words
        best = self.predictor.probabilities(tokens, blanks).topk(min(top, len(words)))  # of (n, V)
        return [
            [(words[word], round(probability, 6)) for probability, word in zip(*pair, strict=True)]
            for pair in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]


def format_blanks(tokens: Sequence[str], filled: Iterable[FilledBlank]) -> str:
    """A table at most 80 columns wide for each blank."""
    lines = []
    several = sum(BLANK.fullmatch(token) is not None for token in tokens) > 1
    lines.append(fitted(" ".join(tokens), 80))
    for number, blank in enumerate(filled, 1):
        if several:
            lines.append(f"blank {number}")
        columns = [("both sides", blank.both), ("left side alone", blank.left), ("right side alone", blank.right)]
        lines.append("  " + "".join(_padded(title, _WIDTH) for title, _ in columns).rstrip())
        for row in range(max(len(candidates) for _, candidates in columns)):
            cells = [_cell(candidates, row) for _, candidates in columns]
            lines.append("  " + "".join(_padded(cell, _WIDTH) for cell in cells).rstrip())
    return "\n".join(lines) + "\n"


def _cell(candidates: Candidates, row: int) -> str:
    if not candidates:
        return "(no words)" if row == 0 else ""
    word, probability = candidates[row]
    return f"{100 * probability:5.1f}%  {fitted(word, _WIDTH - 10)}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))
