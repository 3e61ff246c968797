"""Lemmas of training -> the parts of compounds, and where a lemma that it lacks has the marks between them.

A treebank may mark the parts of compounds, or the particles of verbs (`maa#ilma`, `aan_stellen`). An edit script cannot
say where the mark is: that depends on the word. So a lemma without a mark is cut where compounds of the training data
begin or end with its parts, if words without a mark seldom do, and if the parts are words of training or a dictionary.
Of a new form that ends in a word of a dictionary the parts may be known from that alone.
"""

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from tagger.words.dictionary import Dictionary

MARKED = 0.01  # share of the forms of the training data whose lemmas add a symbol to them that stands between parts
SYMBOLS = "PS"  # general categories of Unicode: punctuation and symbols
MIN_PART, MIN_END = 2, 3  # characters of a part of a lemma; and of both parts of a form, of which no lemma is known
MAX_WORD = 60  # characters of a word that is cut: the time grows with the square of their number
CACHE = 1 << 16  # lemmas
# Weights of a logistic regression that says whether a lemma is cut at a place. It was fitted on lemmas of Finnish and
# Dutch together; fitted on one of them alone it loses 0.3 to 0.7 points on the other.
BIAS = -1.0
SHARES = (1.4, 1.6)  # of the log of the share of training's words with that beginning, or that end, that are cut there
COUNTS = (-0.4, -0.8)  # of the log of one more than the number of these
IS_WORD = (2.4, 3.4)  # of whether the first part is a word, and the last one a lemma
LETTERS = 1.1  # of the number of characters of the last part, three at most
IN_DICTIONARY = -1.3  # of whether the dictionary has the whole word
MIN_LOG_ODDS = 0.4  # from which a lemma is cut: chosen on lemmas that the fit had not seen


class Compounds:
    """The parts of compounds, counted in the lemmas of each form of the training data."""

    def __init__(self, lemmas: Mapping[str, Collection[str]], dictionary: Dictionary | None = None) -> None:
        self.marks = _marks(lemmas)  # between parts, such as `#`; most treebanks have none
        self._dictionary = dictionary
        self._firsts, self._lasts = Counter[str](), Counter[str]()  # how many compounds have a part there
        self._marked: dict[str, str] = {}  # compounds of training without marks -> with them
        self._cache: dict[str, str] = {}
        forms = Counter(lemma.lower() for found in lemmas.values() for lemma in found) if self.marks else Counter[str]()
        whole, firsts = set[str](), dict[str, str]()
        for lemma, _ in sorted(forms.items(), key=lambda each: (-each[1], each[0])):
            parts = re.split(f"[{re.escape(self.marks)}]", lemma)
            if len(parts) == 1 or not all(parts):
                whole.add(lemma)
                continue
            self._marked.setdefault("".join(parts), lemma)  # that of most forms
            for place in range(1, len(parts)):
                first, last = "".join(parts[:place]), "".join(parts[place:])
                self._firsts.update({first, parts[place - 1]})
                self._lasts.update({last, parts[place]})
                firsts.setdefault(first, self.marks[0].join(parts[:place]))
        self._marked = firsts | self._marked
        self._whole = frozenset(whole)
        self._sorted = sorted(whole), sorted(lemma[::-1] for lemma in whole)  # by their beginnings, and by their ends

    def cut(self, lemma: str) -> str:
        """A new lemma with a mark between its parts; see `cut_all`."""
        return self.cut_all([lemma])[0]

    def cut_all(self, lemmas: Sequence[str]) -> list[str]:
        """New lemmas, those in lower case with a mark between their two parts if they are likely to be compounds.

        The dictionary is asked once for all, and once for each level of parts of parts: a question has a fixed cost.
        """
        if not self.marks:
            return [*lemmas]
        cut = {}
        for lemma in {*lemmas}:
            found = None if lemma.islower() and lemma not in self._whole else lemma
            cut[lemma] = found or self._marked.get(lemma) or self._cache.get(lemma)
        pairs = {lemma: self.pairs(lemma, MIN_PART) for lemma, found in cut.items() if found is None}
        if pairs:
            firsts, lasts = self._firsts, self._lasts
            near = {each: [pair for pair in of if pair[0] in firsts or pair[1] in lasts] for each, of in pairs.items()}
            best = self.best(near)
            joined = dict(zip(best, self.join_all([*best.values()]), strict=True))
            new = {lemma: joined.get(lemma, lemma) for lemma in pairs}
            if len(self._cache) + len(new) > CACHE:
                self._cache = {}
            self._cache.update(new)
            cut |= new
        return [cut[lemma] or lemma for lemma in lemmas]

    def without_marks(self, lemmas: Sequence[str]) -> list[str]:
        """The lemmas without marks, which `cut_all` only adds."""
        for mark in self.marks:
            lemmas = [lemma.replace(mark, "") for lemma in lemmas]
        return [*lemmas]

    @staticmethod
    def pairs(word: str, least: int = MIN_END) -> list[tuple[str, str]]:
        """A word of letters in two parts of so many characters at least, wherever it can be cut."""
        if not word.isalpha() or len(word) > MAX_WORD:
            return []
        return [(word[:place], word[place:]) for place in range(least, len(word) - least + 1)]

    def join_all(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Pairs of parts, whose own parts are marked, too, with a mark between them."""
        parts = sorted({part for pair in pairs for part in pair})
        cut = dict(zip(parts, self.cut_all(parts), strict=True)) if parts else {}
        return [f"{cut[first]}{self.marks[0]}{cut[last]}" for first, last in pairs]

    def best(self, pairs: Mapping[str, Iterable[tuple[str, str]]]) -> dict[str, tuple[str, str]]:
        """The words that are likely to be one of their pairs of parts -> the likeliest pair."""
        # A dictionary is asked only of pairs that it can make likely: most are not, whatever it says.
        likely = (
            (word, [pair for pair in of if self._log_odds(*pair, None) > MIN_LOG_ODDS]) for word, of in pairs.items()
        )
        near = {word: found for word, found in likely if found}
        parts = sorted({part for found in near.values() for a, b in found for part in (a, b, a + b)})
        words = {} if self._dictionary is None or not parts else self._dictionary.lemmas_of(parts)
        odds = {word: max((self._log_odds(*pair, words), pair) for pair in found) for word, found in near.items()}
        return {word: pair for word, (of_pair, pair) in odds.items() if of_pair > MIN_LOG_ODDS}

    def _log_odds(self, first: str, last: str, words: Mapping[str, str] | None) -> float:
        """The log odds that a word is a compound of two parts.

        `words` are those of a dictionary, with their lemmas; None: as many as make it likelier.
        """
        odds = BIAS + LETTERS * min(len(last), 3)
        known = True, True
        if words is not None:
            known = first in self._whole or first in words, last in self._whole or words.get(last) == last
            odds += IN_DICTIONARY * (first + last in words)
        ends = (self._firsts[first], self._sorted[0], first), (self._lasts[last], self._sorted[1], last[::-1])
        for (count, whole, end), is_known, *weights in zip(ends, known, SHARES, COUNTS, IS_WORD, strict=True):
            others = bisect_left(whole, f"{end}\U0010ffff") - bisect_right(whole, end)  # longer words
            values = math.log((count + 0.1) / (count + others + 1)), math.log1p(count), is_known
            odds += sum(weight * value for weight, value in zip(weights, values, strict=True))
        return odds


def _marks(lemmas: Mapping[str, Collection[str]]) -> str:
    """The symbols that many lemmas add to their forms, between a part with which the form begins and the next one."""
    counts = Counter[str]()
    for form, found in lemmas.items():
        small = form.lower()
        for lemma in map(str.lower, found):
            if not lemma.isalnum():
                symbols = [i for i in range(1, len(lemma) - 1) if unicodedata.category(lemma[i])[0] in SYMBOLS]
                counts.update({lemma[i] for i in symbols if small.startswith(lemma[:i] + lemma[i + 1])})
    by_count = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return "".join(sign for sign, count in by_count if count >= MARKED * len(lemmas))
