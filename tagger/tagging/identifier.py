"""A text -> its words, and the languages that it looks like: how a document and a paragraph get their language.

`Identifier` is a linear model over pieces of words, which `python -m tagger.extras.languages.fit_identifier` trains. It
knows languages that have no tagger, too. Whoever tags the text may know better: see `tagging/languages.py`.
"""

# L languages, R rows of weights

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tagger.bundled import bundled
from tagger.text.strings import text_hash
from tagger.words.language_table import language_table

IDENTIFIER = "languages.safetensors"  # a file of `data`
WEIGHTS, SCALE, BIAS = "weights", "scale", "bias"  # names in that file
MAX_PIECE = 4  # characters of a piece of a word
MAX_WORD = 24  # characters of a word that are read
LATIN = "LATIN"
# Log odds, chosen on short texts, names, quotations and pieces of dev.
PRIOR = 0.4  # of each unit of log of the number of people who write a language
FEWEST_WRITERS = 0.01  # millions; languages that fewer people write count as much
NAME = 0.5  # of the score of a word that may be a name, since names are alike in all languages
LINE_ODDS, WORD_ODDS = 4.0, 2.0  # that a language loses in a line of a document, and for each word of it, at most
LINE_REST = 0.01  # of what it would lose beyond that
OTHER_SCRIPT = 100.0  # that a language loses in a document that has no letter of its scripts
PARAGRAPH_ODDS = 10.0  # from which a paragraph has another language than its document
CLEAR_ODDS = 5.0  # the same in a document in several languages; and from which a line shows that it is one
PARAGRAPH_CHARACTERS = 300  # of a paragraph that are looked at

_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4e\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces between words
_MARKS = "".join(sign for sign in map(chr, range(0x900, 0xE00)) if unicodedata.category(sign)[0] == "M")  # of India
_LETTER = rf"[^\W\d_{_UNSPACED}]"
_IN_ADDRESS = rf"[^\s@{_UNSPACED}]"  # since in Chinese, words may follow an address without a space
_ADDRESS = (
    rf"(?:https?://|www\.)(?:[^\s{_UNSPACED}]|(?<=[/=])[{_UNSPACED}]+)+"
    rf"|{_IN_ADDRESS}{{0,64}}@(?:{_IN_ADDRESS}+|[{_UNSPACED}]+)"
)
_WORD = re.compile(rf"{_ADDRESS}|([{_UNSPACED}]{{1,2}}|{_LETTER}+(?:['’ʼ׳״-]{_LETTER}+|[{_MARKS}]+{_LETTER}*)*)")
_BY_LETTER = {  # the languages that have a letter for themselves
    letter: row.name for row in language_table().values() for letter in row.letters + row.letters.upper()
}


def words_of(text: str, names: bool = False) -> list[str]:
    """The words of a text in lower case: runs of letters, cut to `MAX_WORD`; in scripts without spaces two letters.

    Addresses of the web and of e-mail, and names of users (`@name`), have none. With `names` all words but the first
    are as they are written: one with a capital may be a name.
    """
    words = [word[:MAX_WORD] for word in _WORD.findall(text) if any(map(str.isalpha, word))]  # ½ is none
    return [*map(str.lower, words[:1]), *words[1:]] if names else [*map(str.lower, words)]


def telling(words: Iterable[str]) -> list[str]:
    """Those of the words of a text that tell its language: short ones of Latin letters are alike in many languages."""
    return [word for word in words if len(word) > 2 or not word.isascii()]


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
    Weinberger et al. 2009, https://arxiv.org/abs/0902.2206). Where words say little, the language that most people
    write is the likeliest (`prior`).
    """

    def __init__(self, languages: Sequence[str], weights: np.ndarray, bias: np.ndarray, scale: Any = 1.0) -> None:
        """Takes L names, weights (R, L), a bias (L,), and what a step of the weights of each language stands for."""
        self.languages, self._bias = list(languages), bias
        writers = [max(language_table()[name].writers, FEWEST_WRITERS) for name in languages]
        self.prior = PRIOR * np.log(np.array(writers) / max(writers))
        rows, self._lack = len(weights), lru_cache(maxsize=1000)(self._lack_scripts)
        self._of_word = lru_cache(maxsize=50_000)(
            lambda word: (
                weights[pieces_of(word.lower(), rows)].sum(axis=0, dtype=np.float32)
                * scale
                * (NAME if word[0].isupper() else 1.0)
            )
        )

    def scores(self, words: Iterable[str]) -> np.ndarray:
        """(L,) log odds of the languages, up to a constant, for words of `words_of`, whatever most people write."""
        total = self._bias.copy()
        for word in words:
            total += self._of_word(word)
        return total

    def of_document(self, lines: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """The log odds of the languages, up to a constant, of a document (L,) and of each of its n lines (n, L).

        Every line has words. What a language loses in a line is limited. Else a document in many languages would get
        one that is in none of its lines, but is not as unlikely as others in any.
        """
        scores = np.array([self.scores(words) for words in lines])
        lost = scores.max(1, keepdims=True) - scores
        most = LINE_ODDS + WORD_ODDS * np.array([len(words) for words in lines])[:, None]
        lost = np.minimum(lost, most + LINE_REST * np.maximum(lost - most, 0)).sum(0)
        used = frozenset(map(script_of, {*chain.from_iterable(chain.from_iterable(lines))}))
        return self.prior - lost - OTHER_SCRIPT * self._lack(used), scores

    def _lack_scripts(self, used: frozenset[str]) -> np.ndarray:
        """(L,) whether a language uses none of some scripts."""
        table = language_table()
        return np.array([used.isdisjoint(table[name].scripts) for name in self.languages])

    def of_paragraph(self, words: Sequence[str], document: str, there: Collection[str], least: float) -> str | None:
        """The language of a paragraph of a document in a language; None if no language has the paragraph's script.

        That is the document's, unless the log odds of another one are more than `least` better: else it may be a name,
        or words that both have. Where the paragraph is in a script that the document's language does not use, those
        that are `there` and use that script take its place.
        """
        odds, names, table = self.scores(words) + self.prior, self.languages, language_table()
        own, usual = table[document].scripts, [document]
        scripts = Counter(map(script_of, filter(str.isalpha, re.sub("[ʰ-˿]", "", "".join(words)))))  # all have ʼ, ʿ
        has_own = not own.isdisjoint(scripts)
        if len(scripts) > 1:
            del scripts[LATIN]  # all languages write names in Latin letters
        others = [script for script, _ in scripts.most_common() if script not in own]
        foreign = others[0] if sum(map(scripts.__getitem__, others)) >= 2 else None  # the commonest
        if foreign is not None:
            usual = [name for name in there if foreign in table[name].scripts]
            if has_own:
                usual.append(document)
            elif foreign != LATIN or not usual:
                return max(usual, key=lambda name: odds[names.index(name)], default=None)
            else:
                usual = [max(usual, key=lambda name: table[name].writers)]
        language = max(usual, key=lambda name: odds[names.index(name)])
        likeliest = names[int(odds.argmax())]
        if foreign is None and table[likeliest].scripts.isdisjoint(own):
            return language  # for a single letter, such as α
        return likeliest if odds.max() - odds[names.index(language)] > least else language


@cache
def load_identifier(path: Path | None = None) -> Identifier:
    """Reads weights of one byte each: those that come with the package, or others."""
    stored = load_file(path or bundled("data") / IDENTIFIER)
    (names,) = (name for name in stored if name.startswith(WEIGHTS))
    return Identifier(names.split()[1:], stored[names], stored[BIAS], stored[SCALE])


def language_by_letters(text: str) -> str | None:
    """The language of which a text has a letter that no other one has, if most of its letters are of that script.

    >>> language_by_letters("Дечак ће доћи."), language_by_letters("Ђ ist ein Buchstabe.")
    ('serbian', None)
    """
    found = next((letter for letter in _BY_LETTER if letter in text), None)
    if found is None:
        return None
    scripts = Counter(map(script_of, filter(str.isalpha, text)))
    return _BY_LETTER[found] if scripts[script_of(found)] > scripts.total() / 2 else None
