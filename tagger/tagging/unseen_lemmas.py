"""Words that training lacks -> the lemmas that a dictionary gives them, and how reliable these are by the words' UPOS.

What is known of a form is remembered. A dictionary's lemma comes first if its reliability is above the probability that
the network gives its own best edit script.
"""

# n tokens, K tags of UPOS

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tagger.model.dictionary import open_dictionary
from tagger.model.lemma_reliability import LemmaReliability
from tagger.model.tag_codec import ShownTags
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import LEMMA, UPOS


class _Entry(NamedTuple):
    row: int  # of the reliabilities, those of new lemmas first
    lemma: str
    differs: dict[int, bool]  # whether the lemma by an edit script is another, of those that the network gave it


_NOTHING = _Entry(0, "", {})  # of a form that training has, or no dictionary


class UnseenLemmas:
    """The dictionary of a tagger at work.

    Attributes:
        needs: the columns whose tags decide about lemmas.
    """

    def __init__(self, reliability: LemmaReliability, vocabulary: Vocabulary, capacity: int) -> None:
        """Opens the dictionary.

        Args:
            vocabulary: of the tagger.
            capacity: forms that are remembered.

        Raises:
            InputError: the installed simplemma has another one.
        """
        self._dictionary = open_dictionary(reliability.dictionary)
        self._codec, self._capacity = vocabulary.codecs[LEMMA], capacity
        self.needs = [column for column in vocabulary.columns if column == UPOS]
        self._tables = reliability.tables(vocabulary.tags.get(UPOS, [""]))
        self._shares = np.concatenate([table.shares for table in self._tables])
        self._entries: dict[str, _Entry] = {}

    def rivals(
        self, forms: Sequence[str], scripts: np.ndarray, upos: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The places of the tokens to which the dictionary gives another lemma, and how reliable each is, (rivals,).

        Args:
            scripts: (n,) ids of the network's edit scripts.
            upos: (n,) ids; None if the tagger does not know them.
        """
        entries = self._look_up(forms)
        places = []
        for place, ((_, lemma, differs), script) in enumerate(zip(entries, scripts.tolist(), strict=True)):
            if not lemma:
                continue
            if script not in differs:
                differs[script] = lemma != self._codec.tag(forms[place], script)
            if differs[script]:
                places.append(place)
        rows = [entries[place].row for place in places]
        return np.array(places, dtype=np.int64), self._shares[rows, 0 if upos is None else upos[places]]

    def put(self, shown: ShownTags, forms: Sequence[str], reliability: np.ndarray, top: int) -> None:
        """Puts the dictionary's lemma of tokens with a reliability before the others, whose probabilities shrink.

        Args:
            shown: the lemmas by the network, changed in place.
            reliability: (n,) or 0, where the network's lemma stands.
            top: the most alternatives that are shown.
        """
        (places,) = np.nonzero(reliability)
        entries = self._look_up([forms[place] for place in places.tolist()])
        for place, (_, lemma, _) in zip(places.tolist(), entries, strict=True):
            share = round(float(reliability[place]), 6)
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
        known = [*map(self._entries.get, forms)]
        entries = [entry for entry in known if entry is not None]
        if len(entries) == len(forms):
            return entries
        missing = sorted({form for form, entry in zip(forms, known, strict=True) if entry is None})
        remembered = self._entries
        if len(remembered) + len(missing) > self._capacity:  # a new one: other threads may read that of before
            remembered = self._entries = {}
            missing = sorted(set(forms))
        unseen = [form for form in missing if not self._codec.has_form(form)]
        found = self._dictionary.look_up(unseen)
        lemmas = self._codec.lemmas
        remembered.update(dict.fromkeys(missing, _NOTHING))
        for form, lemma, change in zip(unseen, found.lemmas, found.changes.tolist(), strict=True):
            if lemma:
                new, known = self._tables
                row = len(new.shares) + known.rows.get(change, 0) if lemma in lemmas else new.rows.get(change, 0)
                remembered[form] = _Entry(row, lemma, {})
        return [remembered[form] for form in forms]
