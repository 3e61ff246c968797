"""The tags of a corpus <-> the tags that a network learns: for a lemma, the edit script from the word to it.

Every other column is learned as it is. A script that is learned on some words gives lemmas for all words that it fits.
The table of `judges.py` says in which order a lemma is decided; `Compounds` marks the parts of a new one.
"""

# N tokens, K tags of a column, k best of them

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tagger.text.strings import LEMMA, NO_TAG, is_annotated
from tagger.words.compounds import Compounds
from tagger.words.dictionary import Dictionary
from tagger.words.edit_scripts import apply_script, apply_to_all, edit_script, least_characters

OTHER_SCRIPTS = 8  # that are tried besides the best ones, since they may give the same lemma
_Alternatives = list[list[tuple[str, float]]]


class ShownTags(NamedTuple):
    """What users see of the tags of N tokens."""

    best: list[str]
    probabilities: list[float] | None
    alternatives: _Alternatives | None


def learned_tags(column: str, forms: Sequence[str], tags: Sequence[str]) -> Sequence[str]:
    """What a network learns of the tags of a sentence; a lemma that is not annotated stays as it is."""
    if column != LEMMA:
        return tags
    words = zip(forms, tags, strict=True)
    return [_script(form, tag) if is_annotated(column, tag, form) else NO_TAG for form, tag in words]


class TagCodec:
    """The tags of one column: what its corpus has <-> what the network learns, and its ids -> what users see.

    `tags` are those that the network has learned, by their ids, and `form_tags` the edit scripts of each form of the
    training data. Lemmas that were learned as they are, and not as edit scripts (`edits`), stay as they are.
    """

    def __init__(self, column: str, tags: Sequence[str], form_tags: Mapping[str, Sequence[int]] | None = None) -> None:
        self._column, self.form_tags = column, form_tags or {}
        self._dictionary: Dictionary | None = None
        self.names = np.array(tags, dtype=object)
        least = [n for n in map(least_characters, tags) if n is not None] if column == LEMMA else []
        self.edits = column == LEMMA and len(least) == len(tags)
        self.least = np.array(least if self.edits else [], dtype=np.int64)  # (K,) characters that each script needs

    def __len__(self) -> int:
        return len(self.names)

    def learned(self, forms: Sequence[str], tags: Sequence[str]) -> Sequence[str]:
        """See `learned_tags`."""
        return learned_tags(self._column, forms, tags) if self.edits else tags

    def tag(self, form: str, tag: int) -> str:
        """The tag of a word that has an id."""
        name: str = self.names[tag]
        return self.lemmas_of([form], [tag])[0] if self.edits else name

    def use(self, dictionary: Dictionary | None) -> None:
        """Takes the dictionary that knows parts of compounds."""
        self._dictionary = dictionary
        self.__dict__.pop("compounds", None)

    @cached_property
    def lemmas(self) -> frozenset[str]:
        """The lemmas of the training data."""
        return frozenset(lemma for found in self._lemmas_of.values() for lemma in found)

    @cached_property
    def compounds(self) -> Compounds:
        """The parts of the lemmas of the training data."""
        return Compounds(self._lemmas_of, self._dictionary)

    @cached_property
    def _lemmas_of(self) -> dict[str, set[str]]:
        names: list[str] = self.names.tolist()
        return {
            form: {lemma for tag in ids if (lemma := apply_script(names[tag], form)) is not None}
            for form, ids in self.form_tags.items()
        }

    def candidates(self, top: int, probabilities: bool) -> int:
        """How many tags of each token `read` needs for `top` alternatives."""
        return min(len(self.names), top + OTHER_SCRIPTS if self.edits and probabilities else top)

    def read(
        self, forms: Sequence[str], rows: np.ndarray, ids: np.ndarray, probabilities: np.ndarray | None, top: int
    ) -> ShownTags:
        """The tags of N words, from the ids of the k best tags of each, (N, k), best first, and their probabilities.

        `forms` are the distinct words, and `rows` (N,) says which of them each word is.
        """
        if not self.edits:
            names = self.names[ids]
            first: list[str] = names[:, 0].tolist()
            if probabilities is None or top == 1:
                return ShownTags(first, None if probabilities is None else probabilities[:, 0].tolist(), None)
            words = zip(names.tolist(), probabilities.tolist(), strict=True)
            pairs = [list(zip(*word, strict=True)) for word in words]
            return ShownTags(first, [each[0][1] for each in pairs], pairs)
        used = np.zeros(ids.shape, dtype=bool) if probabilities is None else probabilities > 0
        used[:, 0] = True  # a word cannot have the scripts of the others
        word, column = np.nonzero(used)
        # Each script of each form once; `at` says which of these a script of a word is.
        distinct, at = np.unique(rows[word] * len(self) + ids[used], return_inverse=True)
        of_forms = [forms[row] for row in (distinct // len(self)).tolist()]
        plain = self._plain(of_forms, (distinct % len(self)).tolist())
        best = at[column == 0]  # (N,)
        if probabilities is not None and top > 1:
            lemmas = self._marked(of_forms, plain)
            of_used, shares = [lemmas[each] for each in at.tolist()], probabilities[used].tolist()
            ends = np.cumsum(used.sum(1)).tolist()
            pairs = [_merged(of_used[a:b], shares[a:b], top) for a, b in pairwise([0, *ends])]
            return ShownTags([lemmas[each] for each in best.tolist()], [each[0][1] for each in pairs], pairs)
        # Marks are slow to find, and lemmas that differ in other characters differ with marks, too.
        bare = self.compounds.without_marks(plain)
        same = _equal(bare, at, best[word])
        needed = np.unique(at[same]).tolist()
        lemmas = [*plain]
        marked = self._marked([of_forms[each] for each in needed], [plain[each] for each in needed])
        for each, lemma in zip(needed, marked, strict=True):
            lemmas[each] = lemma
        first = [lemmas[each] for each in best.tolist()]
        if probabilities is None:
            return ShownTags(first, None, None)
        same &= _equal(lemmas, at, best[word])
        total = np.bincount(word[same], weights=probabilities[used][same], minlength=len(rows))
        return ShownTags(first, np.minimum(total, 1).round(6).tolist(), None)

    def lemmas_of(self, forms: Sequence[str], scripts: Sequence[int]) -> list[str]:
        """What the script of each word makes of it, or the word itself if it does not fit.

        Parts of a word that training lacks are marked; those of all such words together, which is faster.
        """
        return self._marked(forms, self._plain(forms, scripts))

    def _plain(self, forms: Sequence[str], scripts: Sequence[int]) -> list[str]:
        """The lemmas of words by their scripts, in which no parts are marked but those that a script marks."""
        made = zip(self.applied(forms, scripts), forms, strict=True)
        lemmas = [form if lemma is None else lemma for lemma, form in made]
        for place, form in enumerate(forms):
            if (form.isupper() or "İ" in form) and not self.form_tags.get(form):
                lemmas[place] = _in_one_case(lemmas[place], form)
        return lemmas

    def applied(self, forms: Sequence[str], scripts: Sequence[int]) -> list[str | None]:
        """What the script of each word makes of it, without marks of parts; None where it does not fit."""
        places: dict[int, list[int]] = {}  # of each script
        for place, script in enumerate(scripts):
            places.setdefault(script, []).append(place)
        lemmas: list[str | None] = [None] * len(forms)
        for script, own in places.items():
            for place, lemma in zip(own, apply_to_all(self.names[script], [forms[each] for each in own]), strict=True):
                lemmas[place] = lemma
        return lemmas

    def _marked(self, forms: Sequence[str], lemmas: list[str]) -> list[str]:
        """The lemmas of words; in those of words that training lacks, parts are marked."""
        new = [number for number, form in enumerate(forms) if not self.form_tags.get(form)]
        for number, lemma in zip(new, self.compounds.cut_all([lemmas[each] for each in new]), strict=True):
            lemmas[number] = lemma
        return lemmas


def _equal(strings: Sequence[str], one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n,) whether the strings at the places `one` (n,) are those at the places `other` (n,)."""
    numbers: dict[str, int] = {}
    of_strings = np.array([numbers.setdefault(string, len(numbers)) for string in strings], dtype=np.int64)
    equal: np.ndarray = of_strings[one] == of_strings[other]
    return equal


def _merged(lemmas: list[str], shares: list[float], top: int) -> list[tuple[str, float]]:
    """The distinct lemmas that scripts give a word, with summed probabilities; the first script's lemma is first."""
    total: dict[str, float] = {}
    for lemma, share in zip(lemmas, shares, strict=True):
        total[lemma] = total.get(lemma, 0.0) + share
    first, *others = [(lemma, round(min(share, 1.0), 6)) for lemma, share in total.items()]
    return [first, *sorted(others, key=lambda pair: -pair[1])][:top]


def _in_one_case(lemma: str, form: str) -> str:
    """The lemma of a word that training lacks: `Praha` for what a script for names makes of `PRAHY`, which is `PRAHa`.

    In small letters the Turkish `İ` is `i`, not one with two dots.
    """
    if form.isupper() and lemma[:2].isupper() and not lemma.isupper():
        lemma = lemma[0] + lemma[1:].lower()
    return lemma.replace("i\u0307", "i") if "İ" in form else lemma


_script = lru_cache(maxsize=1 << 17)(edit_script)
