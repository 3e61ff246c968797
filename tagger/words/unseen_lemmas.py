"""Words that training lacks -> the lemmas that a dictionary gives them, and how reliable these are by the words' UPOS.

What is known of a form is remembered. A dictionary's lemma comes first if its reliability is above the probability that
the network gives its own best edit script.
"""

# n tokens, K tags of UPOS

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tagger.words.dictionary import open_dictionary
from tagger.words.lemma_reliability import LemmaReliability
from tagger.words.tag_codec import ShownTags, TagCodec


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
        self._tables = reliability.tables(upos)
        self._shares = np.concatenate([table.shares for table in self._tables])
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
        entries = [*map(remembered.get, forms)]
        missing = sorted({form for form, entry in zip(forms, entries, strict=True) if entry is None})
        if missing and len(remembered) + len(missing) > self._capacity:
            remembered = self._entries = {}
            missing = sorted(set(forms))
        remembered.update(self._entries_of(missing))
        return [entry or remembered[form] for form, entry in zip(forms, entries, strict=True)]

    def _entries_of(self, forms: Sequence[str]) -> dict[str, _Entry]:
        """What the dictionary knows of forms, each of them once."""
        entries = dict.fromkeys(forms, _NOTHING)
        unseen = [form for form in forms if not self._codec.has_form(form)]
        if unseen:
            new, known = self._tables
            found = self._dictionary.look_up(unseen)
            for form, lemma, change in zip(unseen, found.lemmas, found.changes.tolist(), strict=True):
                if lemma:
                    is_known = lemma in self._codec.lemmas
                    row = len(new.shares) + known.rows.get(change, 0) if is_known else new.rows.get(change, 0)
                    entries[form] = _Entry(row, self._codec.compounds.cut(lemma), {})
        return entries
