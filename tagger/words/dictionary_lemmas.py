"""Rare words of training and a dictionary -> how often the dictionary's lemma is right, for words that training lacks.

The network gives such a word an ending by analogy, which can leave no word. A dictionary gives it a lemma that is one,
but not always as the treebank writes it. How often it is right is counted on rare words of training, by the words' UPOS
and by the change from form to lemma (`LemmaReliability`). The judge `DictionaryLemmas` puts a dictionary's lemma first
if this share is above the probability that the network gives its own best edit script. A tag that the dictionary knows
little of, such as PROPN, guards itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from tagger.text.schema import Count, ShortName, Size
from tagger.text.strings import LEMMA, UPOS, is_annotated
from tagger.words.dictionary import Dictionary

RARE = 3  # occurrences of a form in training, at most, by which words that training lacks are judged
PRIOR_OF_TAG = 5.0  # words that a tag is smoothed with, as reliable as all
PRIOR_OF_CHANGE = 1.0  # words that a change is smoothed with, as reliable as its tag; all on dev of thirty treebanks
Change = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
Counts = dict[ShortName, list[tuple[Change, Size, Count]]]


@dataclass(frozen=True)
class LemmaReliability:
    """How often a dictionary's lemma is right, counted on rare words of training.

    Counts have for each UPOS (an empty string, if there is no such column) and each change from a form to its lemma
    (see `dictionary.Found`): the change, the words whose lemma is right, and all words.

    Attributes:
        dictionary: the codes of the dictionaries, in the order in which they are asked, and their digests.
        known: of words whose lemma by the dictionary is that of other words of training, too.
        new: of the others. Their lemma is often one that the treebank never has, such as that of a participle.
    """

    dictionary: dict[ShortName, ShortName]
    known: Counts
    new: Counts

    @classmethod
    def count(cls, sentences: Iterable[Mapping[str, Any]], dictionary: Dictionary) -> "LemmaReliability | None":
        """Counts the words of sentences that have `tokens`, lemmas and perhaps UPOS; None if no word can be counted."""
        words = [
            word
            for sentence in sentences
            for word in zip(
                sentence["tokens"], sentence[LEMMA], sentence.get(UPOS) or [""] * len(sentence["tokens"]), strict=True
            )
        ]
        seen = Counter(form for form, _, _ in words)
        forms_of: dict[str, set[str]] = {}
        for form, lemma, _ in words:
            forms_of.setdefault(lemma, set()).add(form)
        rare = [form for form, count in seen.items() if count <= RARE]
        found = dictionary.look_up(rare)
        entries = dict(zip(rare, zip(found.lemmas, found.changes.tolist(), strict=True), strict=True))
        right: Counter[tuple[bool, str, int]] = Counter()
        every: Counter[tuple[bool, str, int]] = Counter()
        for form, lemma, tag in words:
            entry, change = entries.get(form, (None, 0))
            if entry and is_annotated(LEMMA, lemma, form):
                key = len(forms_of.get(entry, set()) - {form}) > 0, tag, change
                every[key] += 1
                right[key] += lemma == entry
        counts: tuple[Counts, Counts] = {}, {}  # new, known
        for is_known, tag, change in sorted(every):
            key = is_known, tag, change
            counts[is_known].setdefault(tag, []).append((change, right[key], every[key]))
        return cls(dictionary.digests, counts[True], counts[False]) if every else None


def reliabilities(counts: Counts, tags: Sequence[str]) -> tuple[dict[int, int], np.ndarray]:
    """The row of each change, from 1, and the shares of right lemmas, (rows, tags); nothing is reliable without counts.

    The share of a change is smoothed with that of its tag, and this with that of all. Row 0 is of other changes.
    """
    found = [each for of_tag in counts.values() for each in of_tag]
    rows = {change: row for row, change in enumerate(sorted({change for change, _, _ in found}), 1)}
    right, every = np.zeros((1 + len(rows), len(tags))), np.zeros((1 + len(rows), len(tags)))
    for column, tag in enumerate(tags):
        for change, *numbers in counts.get(tag, ()):
            right[rows[change], column], every[rows[change], column] = numbers
    of_all = sum(number for _, number, _ in found) / max(1, sum(number for _, _, number in found))
    of_tag = (right.sum(0) + PRIOR_OF_TAG * of_all) / (every.sum(0) + PRIOR_OF_TAG)
    return rows, (right + PRIOR_OF_CHANGE * of_tag) / (every + PRIOR_OF_CHANGE)
