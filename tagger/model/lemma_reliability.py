"""Rare words of training and a dictionary -> how often the dictionary's lemma is right, for words that training lacks.

The network gives a word that training lacks an ending by analogy, which can leave no word. A dictionary gives it a
lemma that is one, but not always as the treebank writes it. So the dictionary decides if its reliability is above the
network's own probability. A tag that the dictionary knows little of, such as PROPN, guards itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from tagger.model.dictionary import Dictionary
from tagger.text.schema import Count, ShortName, Size
from tagger.text.strings import LEMMA, UPOS, is_annotated

RARE = 5  # occurrences of a form in training, at most, by which words that training lacks are judged
PRIOR_OF_TAG = 5.0  # words that a tag is smoothed with, as reliable as all
PRIOR_OF_CHANGE = 3.0  # words that a change is smoothed with, as reliable as its tag; chosen on dev of five treebanks
Change = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]


@dataclass(frozen=True)
class LemmaReliability:
    """How often a dictionary's lemma is right, counted on rare words of training.

    Attributes:
        dictionary: the codes of the dictionaries, in the order in which they are asked, and their digests.
        counts: for each UPOS (an empty string, if there is no such column) and each change from a form to its lemma
            (see `dictionary.Found`): the change, the words whose lemma is right, and all words.
    """

    dictionary: dict[ShortName, ShortName]
    counts: dict[ShortName, list[tuple[Change, Size, Count]]]

    @classmethod
    def count(cls, sentences: Iterable[Mapping[str, Any]], dictionary: Dictionary) -> "LemmaReliability | None":
        """Counts the words of sentences that have `tokens`, lemmas and perhaps UPOS; None if no word can be counted."""
        words = [
            (form, lemma, tag)
            for sentence in sentences
            for form, lemma, tag in zip(
                sentence["tokens"], sentence[LEMMA], sentence.get(UPOS) or [""] * len(sentence["tokens"]), strict=True
            )
        ]
        seen = Counter(form for form, _, _ in words)
        forms = [form for form, count in seen.items() if count <= RARE]
        found = dictionary.look_up(forms)
        entries = dict(zip(forms, zip(found.lemmas, found.changes.tolist(), strict=True), strict=True))
        right: Counter[tuple[str, int]] = Counter()
        known: Counter[tuple[str, int]] = Counter()
        for form, lemma, tag in words:
            entry, change = entries.get(form, (None, 0))
            if entry and is_annotated(LEMMA, lemma, form):
                known[tag, change] += 1
                right[tag, change] += lemma == entry
        counts: dict[str, list[tuple[int, int, int]]] = {}
        for tag, change in sorted(known):
            counts.setdefault(tag, []).append((change, right[tag, change], known[tag, change]))
        return cls(dictionary.digests, counts) if counts else None

    def table(self, tags: Sequence[str]) -> tuple[dict[int, int], np.ndarray]:
        """The row of each change, from 1, and the reliability for each row and tag, (rows, tags).

        Row 0 is of changes that were not counted. A share is smoothed with that of its tag, and this with that of all.
        """
        of_tags = list(self.counts.values())
        rows = {change: row for row, change in enumerate(sorted({c for counts in of_tags for c, *_ in counts}), 1)}
        right, known = np.zeros((1 + len(rows), len(tags))), np.zeros((1 + len(rows), len(tags)))
        for column, tag in enumerate(tags):
            for change, *numbers in self.counts.get(tag, ()):
                right[rows[change], column], known[rows[change], column] = numbers
        of_all = sum(r for counts in of_tags for _, r, _ in counts) / sum(n for counts in of_tags for _, _, n in counts)
        of_tag = (right.sum(0) + PRIOR_OF_TAG * of_all) / (known.sum(0) + PRIOR_OF_TAG)
        return rows, (right + PRIOR_OF_CHANGE * of_tag) / (known + PRIOR_OF_CHANGE)
