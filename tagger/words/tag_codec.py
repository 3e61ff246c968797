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
from tagger.words.edit_scripts import apply_script, edit_script, least_characters

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

    def read(self, forms: Sequence[str], ids: np.ndarray, probabilities: np.ndarray | None, top: int) -> ShownTags:
        """The tags of N words, from the ids of the k best tags of each, (N, k), best first, and their probabilities."""
        if not self.edits:
            names = self.names[ids]
            first: list[str] = names[:, 0].tolist()
            if probabilities is None or top == 1:
                return ShownTags(first, None if probabilities is None else probabilities[:, 0].tolist(), None)
            words = zip(names.tolist(), probabilities.tolist(), strict=True)
            pairs = [list(zip(*word, strict=True)) for word in words]
            return ShownTags(first, [each[0][1] for each in pairs], pairs)
        if probabilities is None:
            return ShownTags(self.lemmas_of(forms, ids[:, 0].tolist()), None, None)
        used = probabilities > 0  # a word cannot have the scripts of the others
        used[:, 0] = True
        rows, columns = np.nonzero(used)
        of_used = rows.tolist()
        lemmas = self.lemmas_of([forms[row] for row in of_used], ids[used].tolist())
        first = [lemma for lemma, column in zip(lemmas, columns.tolist(), strict=True) if not column]
        if top == 1:
            same = np.array([lemma == first[row] for lemma, row in zip(lemmas, of_used, strict=True)], dtype=bool)
            total = np.zeros(len(forms))
            np.add.at(total, rows[same], probabilities[used][same])
            return ShownTags(first, np.minimum(total, 1).round(6).tolist(), None)
        shares = probabilities[used].tolist()
        ends = np.cumsum(used.sum(1)).tolist()
        pairs = [_merged(lemmas[a:b], shares[a:b], top) for a, b in pairwise([0, *ends])]
        return ShownTags(first, [each[0][1] for each in pairs], pairs)

    def lemmas_of(self, forms: Sequence[str], scripts: Sequence[int]) -> list[str]:
        """What the script of each word makes of it, or the word itself if it does not fit.

        Parts of a word that training lacks are marked; those of all such words together, which is faster.
        """
        pairs = [*zip(forms, scripts, strict=True)]
        lemmas = dict.fromkeys(pairs, "")
        new = []
        for pair in lemmas:
            form, script = pair
            lemma = made(self.names[script], form)
            lemmas[pair] = form if lemma is None else lemma
            if not self.form_tags.get(form):
                lemmas[pair] = _in_one_case(lemmas[pair], form)
                new.append(pair)
        cut = self.compounds.cut_all([lemmas[pair] for pair in new]) if new else []
        lemmas.update(zip(new, cut, strict=True))
        return [lemmas[pair] for pair in pairs]


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
made = lru_cache(maxsize=1 << 17)(apply_script)
