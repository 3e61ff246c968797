"""Lemmas of training -> the parts of compounds, and where a lemma that it lacks has the marks between them.

A treebank may mark the parts of compounds. An edit script cannot say where the mark is: that depends on the word. So a
lemma without a mark is cut where both parts are words of the training data, and one of them stands at this end of a
compound there.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping

MARKED = 0.01  # share of the forms of the training data whose lemmas add a symbol to them that stands between parts
SYMBOLS = "PS"  # general categories of Unicode: punctuation and symbols
MIN_PART = 3  # characters of a part that no compound of the training data begins or ends with


class Compounds:
    """The parts of compounds, counted in the lemmas of each form of the training data."""

    def __init__(self, lemmas: Mapping[str, Collection[str]]) -> None:
        self.marks = _marks(lemmas)  # between parts, such as `#`; most treebanks have none
        lemmas = lemmas if self.marks else {}  # of most treebanks nothing else is needed
        self._lemmas = frozenset(lemma.lower() for found in lemmas.values() for lemma in found)
        self._firsts, self._lasts = Counter[str](), Counter[str]()  # how many compounds have a part there
        whole: set[str] = set()
        for lemma in self._lemmas:
            first, *others = self._parts(lemma)
            if others and all((first, *others)):
                self._firsts.update([first, *others[:-1]])
                self._lasts[others[-1]] += 1
            else:
                whole.add(lemma)
        self._words = frozenset(whole.union(map(str.lower, lemmas)))

    def has_parts(self, lemma: str) -> bool:
        """Whether a lemma has marks, and training all of its parts."""
        parts = self._parts(lemma.lower())
        known = (self._words, self._firsts, self._lasts)
        return len(parts) > 1 and all(any(part in each for each in known) for part in parts)

    def cut(self, lemma: str) -> str:
        """A new lemma in lower case with a mark between its two parts, if training has both."""
        if not self.marks or lemma != lemma.lower() or lemma in self._lemmas or len(self._parts(lemma)) > 1:
            return lemma
        best = (0, 0, 0)  # how well the parts are known, the length of the last one, and where it begins
        for place in range(2, len(lemma) - 1):
            first, last = lemma[:place], lemma[place:]
            begins, ends = self._firsts[first], self._lasts[last]
            both = all(
                n or (len(part) >= MIN_PART and part in self._words) for n, part in ((begins, first), (ends, last))
            )
            if both and (begins or ends):
                best = max(best, (min(begins, 3) + min(ends, 3), len(last), place))
        place = best[2]
        return f"{lemma[:place]}{self.marks[0]}{lemma[place:]}" if place else lemma

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
