"""A token -> the ways to split it that training has seen: those of its form, or of forms that end or begin alike.

A way is an edit script, see `tagger.words.edit_scripts`, so that no token gets letters from nowhere: it is one that
training has for this form, or one that it has at an ending (or beginning) of this form, which holds all that the script
reads but the rest. UDPipe's tokenizer (Straka and Straková, 2017) splits by whole forms and by endings, too; here the
network has the last word.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from tagger.words.edit_scripts import affixes_of

ONE_WORD = 0  # the number of no script
MIN_AFFIX, MAX_AFFIX = 2, 6  # characters of an affix at which a script is used, and of which training is counted
MIN_SHARE = 0.1  # of the forms with an affix, for a script that is used there
BACKING = 2.0  # forms for which the shares at the affix that is one character shorter count

Affixes = Mapping[str, Sequence[tuple[int, int]]]


def count_affixes(
    scripts: Sequence[str], multiwords: Mapping[str, Iterable[int]], plain: Iterable[str]
) -> dict[str, list[tuple[int, int]]]:
    """The endings (`*ing`) and beginnings (`un*`) of longer forms -> numbers of scripts, and of the forms with each.

    Affixes of one word alone are left out, unless the affix that is one character shorter is split somewhere. A script
    that reads characters on both sides of the rest, or keeps no rest, is for whole forms alone. `plain` are the other
    tokens of training; all are in lower case.
    """
    sizes = [None, *map(affixes_of, scripts)]
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for form, numbers in chain(((form, (ONE_WORD,)) for form in plain), multiwords.items()):
        for number in numbers:
            before, after = (0, 0) if number == ONE_WORD else sizes[number] or (1, 1)
            for size in range(1, min(MAX_AFFIX, len(form) - 1) + 1):
                if not before:
                    counts["*" + form[-size:]][number] += 1
                if not after:
                    counts[form[:size] + "*"][number] += 1
    split = {affix for affix, numbers in counts.items() if max(numbers)}
    return {
        affix: sorted(numbers.items())
        for affix, numbers in sorted(counts.items())
        if affix in split or _shorter(affix) in split
    }


def _shorter(affix: str) -> str:
    return "*" + affix[2:] if affix[0] == "*" else affix[:-2] + "*"


class Multiwords:
    """The multiword tokens of training, and what forms with the same affixes are split into.

    Attributes:
        marks: the last two characters and the last one, with a star before them, of all that may be split by its
            form or ending; and likewise the first ones of beginnings, with a star behind them.
    """

    def __init__(self, scripts: Sequence[str], multiwords: Mapping[str, Sequence[int]], affixes: Affixes) -> None:
        self._multiwords, self._affixes = multiwords, affixes
        self._sizes = [None, *map(affixes_of, scripts)]
        self._known_odds = lru_cache(maxsize=10_000)(self._odds)
        used = [affix for affix in affixes if len(affix) > MIN_AFFIX]
        ends = [*multiwords, *(affix[1:] for affix in used if affix[0] == "*")]
        begins = [affix[:-1] for affix in used if affix[0] != "*"]
        self.marks = {"*" + end[-size:] for end in ends for size in (1, 2)}
        self.marks |= {begin[:size] + "*" for begin in begins for size in (1, 2)}

    def choices(self, form: str, without: int | None = None) -> list[tuple[int, float]]:
        """The scripts that a token may have, and ONE_WORD: their numbers, and the logarithms of their odds against it.

        `without` is the script of a token of training, whose form is then looked up as if training did not have it.
        Only a form with several scripts is one that training has in any case.
        """
        own = form.lower()
        known = self._multiwords.get(own, ())
        if len(known) > (without is not None):
            return [(number, 0.0) for number in known]
        found = [(ONE_WORD, 0.0)]
        sizes = range(min(MAX_AFFIX, len(own) - 1), MIN_AFFIX - 1, -1)
        for affixes in (["*" + own[-size:] for size in sizes], [own[:size] + "*" for size in sizes]):
            longest = next((affix for affix in affixes if self._has(affix, without)), None)
            if longest:
                found += self._known_odds(longest, without)
        return found

    def _has(self, affix: str, without: int | None) -> bool:
        """Whether training has the affix, also without one form that has this script."""
        return any(count > (number == without) for number, count in self._affixes.get(affix, ()))

    def _odds(self, affix: str, without: int | None) -> list[tuple[int, float]]:
        shares, counts = self._shares(affix, without)
        found = []
        for number, count in counts.items():
            sizes = self._sizes[number]
            if sizes and count and shares[number] >= MIN_SHARE and max(sizes) < len(affix):
                found.append((number, math.log(shares[number] / shares[ONE_WORD])))
        return found

    def _shares(self, affix: str, without: int | None) -> tuple[dict[int, float], dict[int, int]]:
        """The share of each script among the forms with this affix, and their numbers."""
        if affix == "*":
            return {ONE_WORD: 1.0}, {}
        shares, _ = self._shares(_shorter(affix), without)
        counts = dict(self._affixes.get(affix, ()))
        if without in counts:
            counts[without] -= 1
        total = sum(counts.values()) + BACKING
        numbers = {*shares, *counts}
        return {n: (counts.get(n, 0) + BACKING * shares.get(n, 0.0)) / total for n in numbers}, counts
