"""Text -> its language, among those of the taggers that come with the package: a linear model over pieces of words.

The score of a language is the sum of the weights of all pieces of the words: sequences of one to four characters, the
borders of the word among them, and the word itself. Different pieces may share a row of weights (hashing: Weinberger
et al. 2009, https://arxiv.org/abs/0902.2206).
"""

# L languages, W words, R rows of weights

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tagger.text.strings import text_hash

WEIGHTS, SCALE, BIAS = "weights", "scale", "bias"  # names in the file
MAX_PIECE = 4  # characters of a piece
MAX_WORD = 24  # characters of a word that are read
_UNSPACED = "\u0e00-\u0e7f\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces between words
_ADDRESS = r"(?:https?://|www\.)[!-~]+|@[A-Za-z0-9_]+"
_WORD = re.compile(rf"{_ADDRESS}|([{_UNSPACED}]{{1,2}}|[^\W\d_{_UNSPACED}]+(?:['’ʼ׳״-][^\W\d_{_UNSPACED}]+)*)")


def words_of(text: str) -> Iterator[str]:
    """The words of a text in lower case: runs of letters, cut to `MAX_WORD`; in scripts without spaces two letters.

    Addresses and names of users (`@name`) have none.
    """
    return (match[1][:MAX_WORD].lower() for match in _WORD.finditer(text) if match[1])


def pieces_of(word: str, rows: int) -> list[int]:
    """The rows of the pieces of a word in lower case; a row that several pieces share is there several times."""
    bounded = f" {word} "
    pieces = [bounded[i : i + n] for n in range(1, MAX_PIECE + 1) for i in range(len(bounded) - n + 1)]
    return [text_hash(piece) % rows for piece in [*pieces[1:], bounded]]


class Identifier:
    """Scores languages, whose names stand in the order of the scores."""

    def __init__(self, languages: Sequence[str], weights: np.ndarray, bias: np.ndarray) -> None:
        """Takes L names, weights (R, L) and a bias (L,)."""
        self.languages, self._weights, self._bias = list(languages), weights, bias
        self._of_word = lru_cache(maxsize=50_000)(self._word)

    @classmethod
    def load(cls, path: Path) -> "Identifier":
        """Reads what `save` wrote."""
        stored = load_file(path)
        (names,) = (name for name in stored if name.startswith(WEIGHTS))
        weights = stored[names].astype(np.float32) * stored[SCALE]
        return cls(names.split()[1:], weights, stored[BIAS])

    def save(self, path: Path) -> None:
        """Writes one byte for each weight."""
        scale = np.abs(self._weights).max(axis=0) / 127
        levels = np.round(self._weights / scale).astype(np.int8)
        name = " ".join([WEIGHTS, *self.languages])
        save_file({name: levels, SCALE: scale.astype(np.float32), BIAS: self._bias.astype(np.float32)}, path)

    def scores(self, words: Iterable[str]) -> np.ndarray:
        """(L,) log odds of the languages, up to a constant, for words of `words_of`."""
        total = self._bias.copy()
        for word in words:
            total += self._of_word(word)
        return total

    def _word(self, word: str) -> np.ndarray:
        total: np.ndarray = self._weights[pieces_of(word, len(self._weights))].sum(axis=0)
        return total
