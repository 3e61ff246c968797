"""Sentences with blanks -> words that may stand there, from both sides of a blank and from each alone."""

# n blanks, V words

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from tagger.errors import InputError
from tagger.model.forms import FormTable
from tagger.model.masked_batch import masked_batch
from tagger.text.terminal import display_width, fitted
from tagger.weights.pretrained_folder import SavedMasked

BLANK = re.compile(r"_{2,}")  # a token like this is one
LONGEST = 1_000  # tokens of a sentence
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
    """A network that predicts hidden words, for sentences with blanks."""

    def __init__(self, saved: SavedMasked) -> None:
        self.network, self.vocabulary = saved.network, saved.vocabulary
        self.rules: str = saved.config["segmenter"]
        self._words = list(saved.vocabulary.words)
        self._table = FormTable(saved.vocabulary, saved.config["network"]["buckets"])

    def fill(self, tokens: Sequence[str], top: int = 5) -> list[FilledBlank]:
        """The candidates for every blank of a sentence, in order; what other blanks hold is not known to any.

        Raises:
            InputError: no blank, nothing but blanks, or more than LONGEST tokens.
        """
        blanks = [i for i, token in enumerate(tokens) if BLANK.fullmatch(token)]
        shown = " ".join(tokens)[:60]
        if not blanks:
            raise InputError(f"no blank in {shown!r}; write ___ where a word is missing")
        if len(blanks) == len(tokens):
            raise InputError(f"{shown!r} is nothing but a blank; write words before or after it")
        if len(tokens) > LONGEST:
            raise InputError(f"a sentence of {len(tokens)} words; give at most {LONGEST}")
        filled = []
        for i, both in zip(blanks, self._predict(tokens, blanks, top), strict=True):
            left = self._side(tokens[: i + 1], [j for j in blanks if j <= i], -1, top)
            right = self._side(tokens[i:], [j - i for j in blanks if j >= i], 0, top)
            filled.append(FilledBlank(i, both, left, right))
        return filled

    def _side(self, tokens: Sequence[str], blanks: list[int], which: int, top: int) -> Candidates:
        """What a part of the sentence says of one of its blanks; nothing where it is blanks alone."""
        return [] if len(blanks) == len(tokens) else self._predict(tokens, blanks, top)[which]

    @torch.inference_mode()
    def _predict(self, tokens: Sequence[str], blanks: list[int], top: int) -> list[Candidates]:
        batch = masked_batch([tokens], [np.array(blanks)], self._table)
        scores = self.network.scores(self.network.predict(batch.batch, batch.masked))  # (n, V)
        best = scores.softmax(1).topk(min(top, scores.shape[1]))
        return [
            [(self._words[word], round(share, 6)) for share, word in zip(*pair, strict=True)]
            for pair in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]


def render(tokens: Sequence[str], filled: Iterable[FilledBlank]) -> str:
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
    word, share = candidates[row]
    return f"{100 * share:5.1f}%  {fitted(word, _WIDTH - 10)}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))
