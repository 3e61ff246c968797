"""A text -> its words and their scripts, and how much it looks like each language.

The words of a text are not the tokens of a tagger: no language is known yet. `Identifier` is a linear model over pieces
of words, which `python -m tagger.extras.languages.fit_identifier` trains.
"""

# L languages, W words, R rows of weights

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tagger.text.strings import text_hash
from tagger.words.language_table import language_table, languages_by_letter

IDENTIFIER = "languages.safetensors"  # a file of `data`
WEIGHTS, SCALE, BIAS = "weights", "scale", "bias"  # names in that file
MAX_PIECE = 4  # characters of a piece of a word
MAX_WORD = 24  # characters of a word that are read
LATIN = "LATIN"

_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4e\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces between words
_VOWELS = "".join(
    mark for mark in map(chr, range(0x900, 0xE00)) if unicodedata.category(mark) in ("Mn", "Mc")
)  # of India
_LETTER = rf"[^\W\d_{_UNSPACED}]"
_IN_ADDRESS = rf"[^\s@{_UNSPACED}]"  # since in Chinese, words may follow an address without a space
_ADDRESS = (
    rf"(?:https?://|www\.)(?:[^\s{_UNSPACED}]|(?<=[/=])[{_UNSPACED}]+)+"
    rf"|{_IN_ADDRESS}{{0,64}}@(?:{_IN_ADDRESS}+|[{_UNSPACED}]+)"
)
_WORD = re.compile(rf"{_ADDRESS}|([{_UNSPACED}]{{1,2}}|{_LETTER}+(?:['’ʼ׳״-]{_LETTER}+|[{_VOWELS}]+{_LETTER}*)*)")


def words_of(text: str) -> Iterator[str]:
    """The words of a text in lower case: runs of letters, cut to `MAX_WORD`; in scripts without spaces two letters.

    Addresses of the web and of e-mail, and names of users (`@name`), have none.
    """
    return (match[1][:MAX_WORD].lower() for match in _WORD.finditer(text) if match[1])


def telling_words(text: str) -> list[str]:
    """The words of a text that tell its language: short ones of Latin letters are alike in many languages."""
    return [word for word in words_of(text) if len(word) > 2 or not word.isascii()]


@lru_cache(maxsize=10_000)
def script_of(letter: str) -> str:
    """The script of a letter: the first word of its name in Unicode.

    >>> script_of("ß"), script_of("я"), script_of("書")
    ('LATIN', 'CYRILLIC', 'CJK')
    """
    letter = unicodedata.normalize("NFKC", letter)[0]  # a letter of another width, or a mathematical one
    script = re.split("[ -]", unicodedata.name(letter, ""))[0]
    return "CJK" if script == "IDEOGRAPHIC" else script  # 々


def pieces_of(word: str, rows: int) -> list[int]:
    """The rows of the pieces of a word in lower case; a row that several pieces share is there several times."""
    bounded = f" {word} "
    pieces = [bounded[i : i + n] for n in range(1, MAX_PIECE + 1) for i in range(len(bounded) - n + 1)]
    return [text_hash(piece) % rows for piece in [*pieces[1:], bounded]]


class Identifier:
    """Scores languages, whose names stand in the order of the scores.

    The score of a language is the sum of the weights of all pieces of the words: sequences of one to four characters,
    the borders of the word among them, and the word itself. Different pieces may share a row of weights (hashing:
    Weinberger et al. 2009, https://arxiv.org/abs/0902.2206).
    """

    def __init__(self, languages: Sequence[str], weights: np.ndarray, bias: np.ndarray) -> None:
        """Takes L names, weights (R, L) and a bias (L,)."""
        self.languages, self._bias = list(languages), bias
        rows = len(weights)
        self._of_word = lru_cache(maxsize=50_000)(lambda word: weights[pieces_of(word, rows)].sum(axis=0))

    @classmethod
    def load(cls, path: Path) -> "Identifier":
        """Reads weights of one byte each, and what one step of each language stands for."""
        stored = load_file(path)
        (names,) = (name for name in stored if name.startswith(WEIGHTS))
        weights = stored[names].astype(np.float32) * stored[SCALE]
        return cls(names.split()[1:], weights, stored[BIAS])

    def scores(self, words: Iterable[str]) -> np.ndarray:
        """(L,) log odds of the languages, up to a constant, for words of `words_of`."""
        total = self._bias.copy()
        for word in words:
            total += self._of_word(word)
        return total


def foreign_script(words: Iterable[str], language: str) -> str | None:
    """The script of two or more letters of some words in which a language is not written; of several, the commonest.

    Since all languages write names in Latin letters, these are foreign only where there are no others.

    >>> foreign_script(["москва"], "german"), foreign_script(["iphone"], "russian"), foreign_script(["iphone"], "welsh")
    ('CYRILLIC', 'LATIN', None)
    >>> foreign_script(["новый", "smartphone"], "russian")
    """
    letters, own = "".join(words), language_table()[language].scripts
    if own.issuperset(map(script_of, letters)):  # so it is nearly always
        return None
    scripts = Counter(map(script_of, filter(str.isalpha, letters)))
    if len(scripts) > 1:
        del scripts[LATIN]
    foreign = {script: count for script, count in scripts.items() if script not in own}
    return max(foreign, key=foreign.__getitem__) if sum(foreign.values()) >= 2 else None


def language_by_letters(text: str) -> str | None:
    """The language of which a text has a letter that no other one has, if most of its letters are of that script.

    >>> language_by_letters("Дечак ће доћи."), language_by_letters("Ђ ist ein Buchstabe.")
    ('serbian', None)
    """
    found = next((letter for letter in languages_by_letter() if letter in text), None)
    if found is None:
        return None
    scripts = Counter(map(script_of, filter(str.isalpha, text)))
    return languages_by_letter()[found] if scripts[script_of(found)] > scripts.total() / 2 else None
