"""Lemmas of training -> the parts of compounds, and where a lemma that it lacks has the marks between them.

A treebank may mark the parts of compounds, or the particles of verbs (`maa#ilma`, `aan_stellen`). An edit script cannot
say where the mark is: that depends on the word. So a lemma without a mark is cut where compounds of the training data
begin or end with its parts, if words without a mark seldom do, and if the parts are words of training or a dictionary.
"""

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tagger.words.dictionary import Dictionary

MARKED = 0.01  # share of the forms of the training data whose lemmas add a symbol to them that stands between parts
SYMBOLS = "PS"  # general categories of Unicode: punctuation and symbols
MIN_PART, MIN_END = 2, 3  # characters of a part of a lemma; and of both parts of a form, of which no lemma is known
# A logistic regression, fitted on four fifths of the lemmas of Finnish and Dutch together: log odds that a lemma is cut
BIAS, WORD = -1.0, -1.3  # at a place, and what it loses if it is a word of the dictionary as it is;
SHARES = (1.4, 1.6)  # times the log of the share of words with that beginning, and that end, that are cut there;
COUNTS = (-0.4, -0.8)  # times the log of how many these are, and one;
KNOWN = (2.4, 3.4)  # if the first part is a word, and the last one a lemma;
LETTERS = 1.1  # times the characters of the last part, three at most.
LEAST = 0.4  # log odds from which a lemma is cut
CACHE = 1 << 16  # lemmas


class Compounds:
    """The parts of compounds, counted in the lemmas of each form of the training data."""

    def __init__(self, lemmas: Mapping[str, Collection[str]], dictionary: Dictionary | None = None) -> None:
        self.marks = _marks(lemmas)  # between parts, such as `#`; most treebanks have none
        lemmas = lemmas if self.marks else {}  # of most treebanks nothing else is needed
        self._dictionary = dictionary
        self._lemmas = frozenset(lemma.lower() for found in lemmas.values() for lemma in found)
        self._firsts, self._lasts = Counter[str](), Counter[str]()  # how many compounds have a part there
        self._cut: dict[str, str] = {}  # a word -> its parts with marks between them
        whole: set[str] = set()
        for lemma in sorted(self._lemmas):
            parts = self._parts(lemma)
            if len(parts) > 1 and all(parts):
                for place in range(1, len(parts)):
                    first, last = "".join(parts[:place]), "".join(parts[place:])
                    self._firsts.update({first, parts[place - 1]})
                    self._lasts.update({last, parts[place]})
                    self._cut[first] = self.marks[0].join(parts[:place])
                self._cut["".join(parts)] = lemma
            else:
                whole.add(lemma)
        self._whole = frozenset(whole)
        self._sorted = sorted(whole), sorted(lemma[::-1] for lemma in whole)  # by their beginnings, and by their ends

    def cut(self, lemma: str) -> str:
        """A new lemma in lower case with a mark between its two parts, if it is likely to be a compound."""
        if not self.marks or not lemma.islower() or not lemma.isalpha() or lemma in self._whole:
            return lemma
        found = self._cut.get(lemma)
        if found is None:
            best = self.best([pair for pair in self.pairs(lemma) if pair[0] in self._firsts or pair[1] in self._lasts])
            found = lemma if best is None else self.join(*best)
            if len(self._cut) < CACHE:
                self._cut[lemma] = found
        return found

    @staticmethod
    def pairs(word: str, least: int = MIN_PART) -> list[tuple[str, str]]:
        """A word in two parts of so many characters at least, wherever it can be cut."""
        return [(word[:place], word[place:]) for place in range(least, len(word) - least + 1)]

    def join(self, first: str, last: str) -> str:
        """Two parts, whose own parts are marked, too, with a mark between them."""
        return f"{self.cut(first)}{self.marks[0]}{self.cut(last)}"

    def best(self, pairs: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """The likeliest of some pairs of parts of a word; None if none is likely."""
        # A dictionary is asked only of pairs that it can make likely: most are not, whatever it says.
        near = [pair for pair in pairs if self._odds(*pair, None) > LEAST]
        if not near:
            return None
        parts = sorted({part for first, last in near for part in (first, last, first + last)})
        words = {} if self._dictionary is None else self._dictionary.lemmas_of(parts)
        odds, best = max((self._odds(*pair, words), pair) for pair in near)
        return best if odds > LEAST else None

    def _odds(self, first: str, last: str, words: Mapping[str, str] | None) -> float:
        """The log odds that a word is a compound of two parts.

        `words` are those of a dictionary, with their lemmas; None: as many as make it likelier.
        """
        known = first in self._whole, last in self._whole
        odds = BIAS + LETTERS * min(len(last), 3)
        if words is None:
            known = True, True
        else:
            known = known[0] or first in words, known[1] or words.get(last) == last
            odds += WORD * (first + last in words)
        ends = (self._firsts[first], self._sorted[0], first), (self._lasts[last], self._sorted[1], last[::-1])
        for (count, whole, end), is_known, share, log, weight in zip(ends, known, SHARES, COUNTS, KNOWN, strict=True):
            others = bisect_left(whole, f"{end}\U0010ffff") - bisect_right(whole, end)  # longer words
            odds += share * math.log((count + 0.1) / (count + others + 1)) + log * math.log1p(count) + weight * is_known
        return odds

    def _parts(self, lemma: str) -> list[str]:
        return re.split(f"[{re.escape(self.marks)}]", lemma) if self.marks else [lemma]


def _marks(lemmas: Mapping[str, Collection[str]]) -> str:
    """The symbols that many lemmas add to their forms, between a part with which the form begins and the next one."""
    counts = Counter[str]()
    for form, found in lemmas.items():
        small = form.lower()
        for lemma in map(str.lower, found):
            if not lemma.isalnum():
                symbols = [i for i in range(1, len(lemma) - 1) if unicodedata.category(lemma[i])[0] in SYMBOLS]
                counts.update({lemma[i] for i in symbols if small.startswith(lemma[:i] + lemma[i + 1])})
    least = MARKED * len(lemmas)
    return "".join(sign for sign, count in counts.items() if count >= least)
