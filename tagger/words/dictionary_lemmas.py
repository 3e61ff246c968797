"""Words that training lacks -> the lemmas that a dictionary gives them, where it is more reliable than the network.

The network gives such a word an ending by analogy, which can leave no word. A dictionary gives it a lemma that is one,
but not always as the treebank writes it. How often it is right is counted on rare words of training, by the words' UPOS
and by the change from form to lemma (`LemmaReliability`). A dictionary's lemma comes first if this share is above the
probability that the network gives its own best edit script (`UnseenLemmas`). A tag that the dictionary knows little of,
such as PROPN, guards itself.
"""

# n tokens, K tags of UPOS

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta

from tagger.text.schema import Count, ShortName, Size
from tagger.text.strings import LEMMA, UPOS, is_annotated
from tagger.words.dictionary import Dictionary, open_dictionary
from tagger.words.tag_codec import ShownTags, TagCodec

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


class _Entry(NamedTuple):
    row: int  # of the reliabilities, those of new lemmas first
    lemma: str
    differs: dict[int, bool]  # whether an edit script gives another lemma, of those that the network chose


_NOTHING = _Entry(0, "", {})  # of a form that training has, or no dictionary


class UnseenLemmas:
    """The dictionary of a tagger at work; `capacity` forms are remembered."""

    def __init__(self, reliability: LemmaReliability, codec: TagCodec, upos: Sequence[str], capacity: int) -> None:
        self._dictionary = open_dictionary(**reliability.dictionary)
        self._codec, self._capacity = codec, capacity
        (self._new, shares), (self._known, of_known) = (
            reliabilities(counts, upos) for counts in (reliability.new, reliability.known)
        )
        self._shares, self._first_known = np.concatenate([shares, of_known]), len(shares)
        self._entries: dict[str, _Entry] = {}

    def rivals(
        self, forms: Sequence[str], scripts: np.ndarray, upos: np.ndarray | None, names: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The places of the tokens to which the dictionary gives another lemma, and how reliable each is, (rivals,).

        `scripts` (n,) are ids of the network's edit scripts, `upos` (n,) ids, None if the tagger does not know them,
        and `names` (n,) says whether a token is a name, whose lemma has a capital.
        """
        entries = self._look_up(forms)
        places = []
        for place, ((_, lemma, differs), script) in enumerate(zip(entries, scripts.tolist(), strict=True)):
            if lemma and not (names[place] and lemma[0].islower()):
                is_other = differs.get(script)
                if is_other is None:
                    is_other = differs[script] = lemma != self._codec.tag(forms[place], script)
                if is_other:
                    places.append(place)
        rows = [entries[place].row for place in places]
        return np.array(places, dtype=np.int64), self._shares[rows, 0 if upos is None else upos[places]]

    def put(self, shown: ShownTags, forms: Sequence[str], reliability: np.ndarray, top: int) -> None:
        """Puts the dictionary's lemma of tokens with a `reliability` (n,) above 0 before the others, whose shares
        shrink.
        """
        (places,) = np.nonzero(reliability)
        entries = self._look_up([forms[place] for place in places.tolist()])
        shares = reliability[places].round(6).tolist()
        for place, share, (_, lemma, _) in zip(places.tolist(), shares, entries, strict=True):
            shown.best[place] = lemma
            if shown.probabilities is not None:
                shown.probabilities[place] = share
            if shown.alternatives is not None:
                others = dict(shown.alternatives[place])
                rest = 1 - others.pop(lemma, 0.0)
                scale = (1 - share) / rest if rest > 0 else 0.0
                pairs = [(other, round(p * scale, 6)) for other, p in others.items()]
                shown.alternatives[place] = [(lemma, share), *sorted(pairs, key=lambda pair: -pair[1])][:top]

    def clear_cache(self) -> None:
        """Forgets what was looked up."""
        self._entries = {}

    def _look_up(self, forms: Sequence[str]) -> list[_Entry]:
        remembered = self._entries  # other threads may begin a new one
        missing = {form for form in forms if form not in remembered}
        if missing and len(remembered) + len(missing) > self._capacity:
            remembered, missing = {}, set(forms)
            self._entries = remembered
        entries = dict.fromkeys(missing, _NOTHING)
        unseen = sorted(form for form in missing if not self._codec.has_form(form))
        if unseen:
            found = self._dictionary.look_up(unseen)
            for form, lemma, change in zip(unseen, found.lemmas, found.changes.tolist(), strict=True):
                if lemma in self._codec.lemmas:
                    row = self._first_known + self._known.get(change, 0)
                else:
                    row = self._new.get(change, 0)
                if lemma:
                    entries[form] = _Entry(row, self._codec.compounds.cut(lemma), {})
        remembered.update(entries)
        return [remembered[form] for form in forms]
