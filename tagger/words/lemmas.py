"""The judges of lemmas: what training, a dictionary and marks of numbers say of words.

`judges.py` says when they act.
"""

# n tokens that are open in a column, K scripts, F forms of a reading

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import torch

from tagger.text.strings import LEMMA, UPOS
from tagger.words.dictionary import LemmaReliability, open_dictionary, reliabilities
from tagger.words.facts import FormFacts, Refusing, Replacing, Tokens
from tagger.words.numbers import NumberLemmas, is_marked_number
from tagger.words.tag_codec import TagCodec

CAPITALS = 0.1  # share of the training data's capitalized forms whose lemmas have a capital; treebanks: 0.02 or 0.2
KNOWN_LEMMA = 2.5  # points that a known lemma adds to a score: chosen on dev of eleven treebanks
SURE = 0.8  # how probably a word is a name, or a verb: chosen on dev of seventeen treebanks
NUMBER_SHARE = 0.98  # of lemmas of numbers that are right; see `numbers.py`


@dataclass(eq=False)
class Capitals(Refusing):
    """Where lemmas have capitals: that of a name that training lacks keeps its own, and that of a verb has none."""

    columns, needs = (LEMMA,), (UPOS,)
    codec: TagCodec
    name: int  # the id of their tag; -1: there is none
    verbs: Sequence[int]

    def refuse(self, tokens: Tokens) -> None:
        """Refuses the scripts that lower-case a name, and all others for a verb; says which words these are."""
        upos = tokens.decided[UPOS]
        best = upos.best.cpu().numpy()[tokens.rows]
        (rows,) = np.nonzero(np.isin(best, [self.name, *self.verbs]) & tokens.facts.are_titles[tokens.form_rows])
        if len(rows) and self._small.any():
            at = tokens.tensor(tokens.rows[rows])
            shares = upos.logs(at).gather(1, upos.best[at][:, None])[:, 0].exp()
            rows = rows[(shares > SURE).cpu().numpy()]
            names, verbs = rows[best[rows] == self.name], rows[best[rows] != self.name]
            tokens.names.update(names.tolist())
            tokens.verbs.update(verbs.tolist())
            tokens.refuse(names, self._small)
            tokens.refuse(verbs, ~self._small)

    @cached_property
    def _small(self) -> np.ndarray:
        """(K,) whether a script lower-cases a word; none does if lemmas have no capitals, as in some treebanks."""
        codec = self.codec
        capitalized = [form for form, ids in codec.form_tags.items() if ids and form.istitle()]
        kept = sum(any(codec.tag(form, tag)[:1].isupper() for tag in codec.form_tags[form]) for form in capitalized)
        small = np.array([script.startswith("lower:") for script in codec.names], dtype=bool)
        both = all(np.any(each & (codec.least <= 1)) for each in (small, ~small))
        return small & (kept > CAPITALS * len(capitalized) and both)


@dataclass(eq=False)
class KnownLemmas(Refusing):
    """A word of training has only the edit scripts that it has there; one that has a single script needs no scores.

    For other words a script is preferred that gives a lemma of training: most words of a text are forms of words that
    are known, and many scripts that fit leave no word. They get no script that needs a longer word, and none that is a
    whole lemma and that training has for one form alone, such as `be` where `was` is its only form: that is no rule.
    This judge is a part of what was trained: temperatures, which say how sure the networks are, are fitted after it.
    """

    columns = (LEMMA,)
    codec: TagCodec

    @staticmethod
    def settled(facts: FormFacts) -> np.ndarray:
        """(N,) the only script that a word of training has; -1 for other words of a reading."""
        return facts.only_script[facts.reading.rows]

    @cached_property
    def _lone(self) -> np.ndarray:
        """The ids of scripts that keep nothing of a word, and that training has for one form alone.

        There are none if no other script fits words of one character: a word must keep one that it can have.
        """
        codec = self.codec
        forms = np.bincount([*chain.from_iterable(codec.form_tags.values())], minlength=len(codec))
        lone = (forms == 1) & (codec.least == 0)
        return np.nonzero(lone & np.any(~lone & (codec.least <= 1)))[0]

    def refuse(self, tokens: Tokens) -> None:
        """Refuses scripts that a word cannot have, and raises the scores of those that give a known lemma."""
        scores, facts, least = tokens.scores, tokens.facts, self.codec.least
        counts = facts.counts[tokens.form_rows]
        (known,) = np.nonzero(counts)
        if len(known):
            rows = tokens.tensor(np.repeat(np.arange(len(counts)), counts))
            of_known = [facts.scripts[form] for form in tokens.form_rows[known].tolist()]
            scripts = tokens.tensor([*chain.from_iterable(of_known)])
            kept = scores[rows, scripts]
            scores[tokens.tensor(known)] = -torch.inf
            scores[rows, scripts] = kept
        lengths = facts.lengths[tokens.form_rows]
        (short,) = np.nonzero((lengths < least.max(initial=0)) & (counts == 0))
        if len(short):
            unfit = least > lengths[short, None]  # (short words, K)
            unfit[unfit.all(axis=1)] = False  # nothing fits: the lemma is the word itself
            tokens.refuse(short, unfit)
        (new,) = np.nonzero(counts == 0)
        if len(new) and self.codec.form_tags:
            if len(self._lone):
                scores[tokens.tensor(new)[:, None], tokens.tensor(self._lone)] = -torch.inf
            self._prefer_known(tokens, new)

    def _prefer_known(self, tokens: Tokens, new: np.ndarray) -> None:
        """Raises the scores of scripts that give a known lemma, and lowers unfit ones, in the rows of `new` words."""
        codec, forms, at = self.codec, tokens.facts.reading.distinct, tokens.tensor(new)
        of_new = tokens.scores[at]
        near = of_new > of_new.amax(1, keepdim=True) - KNOWN_LEMMA
        near &= near.sum(1, keepdim=True) > 1  # a script with no rival stays the best
        near &= tokens.tensor(codec.least > 0)  # a whole lemma is known whatever the word
        rows, scripts = torch.nonzero(near, as_tuple=True)
        keys = tokens.form_rows[new][rows.cpu().numpy()] * len(codec) + scripts.cpu().numpy()
        pairs, places = np.unique(keys, return_inverse=True)  # each script of each form once
        of_pairs, of_scripts = (each.tolist() for each in np.divmod(pairs, len(codec)))
        lemmas = codec.applied([forms[form] for form in of_pairs], of_scripts)
        of_lemmas = {None: -KNOWN_LEMMA} | dict.fromkeys(codec.lemmas.intersection(lemmas), KNOWN_LEMMA)
        changes = [of_lemmas.get(lemma, 0.0) for lemma in lemmas]
        tokens.scores[at[rows], scripts] += tokens.tensor(np.array(changes, dtype=np.float32)[places]).to(of_new)


# Of a form the row of its reliabilities, those of new lemmas first; its lemma, empty if training has the form or no
# dictionary has it or its end; and whether an edit script gives another one, of those that were best.
_Entry = tuple[int, str, dict[int, bool]]
_NOTHING: _Entry = (0, "", {})


class DictionaryLemmas(Replacing):
    """A word that training lacks has a dictionary's lemma, if that is more reliable than the best script is probable.

    Where lemmas mark the parts of compounds, a word that the dictionary lacks may have the lemma of its end.
    How reliable it is depends on the word's UPOS as it is before columns are fitted to each other: a lemma does not
    depend on which columns are wanted. What is known of a form is remembered.
    """

    columns, needs = (LEMMA,), (UPOS,)

    def __init__(self, reliability: LemmaReliability, codec: TagCodec, upos: Sequence[str], capacity: int) -> None:
        """Takes the UPOS by their ids (one if the tagger knows none), and how many forms are remembered."""
        self._dictionary = open_dictionary(**reliability.dictionary)
        self._codec, self._capacity = codec, capacity
        (self._new, shares), (self._known, of_known) = (
            reliabilities(counts, upos) for counts in (reliability.new, reliability.known)
        )
        self._shares, self._first_known = np.concatenate([shares, of_known]), len(shares)
        self._entries: dict[str, _Entry] = {}

    def replace(self, batch: Mapping[str, Tokens]) -> None:
        """Gives words the dictionary's lemma, if that is more reliable than their own script is probable."""
        tokens = batch[LEMMA]
        names, size = tokens.facts.reading.distinct, len(self._codec)
        distinct, of_tokens = np.unique(tokens.form_rows, return_inverse=True)
        entries = self._look_up([names[form] for form in distinct.tolist()])
        (rows,) = np.nonzero(np.array([lemma != "" for _, lemma, _ in entries], dtype=bool)[of_tokens])
        keys, of_rows = np.unique(
            of_tokens[rows] * size + tokens.best.cpu().numpy()[rows], return_inverse=True
        )  # each best script of each form once
        pairs = [*zip(*(each.tolist() for each in np.divmod(keys, size)), strict=True)]
        new = [(place, script) for place, script in pairs if script not in entries[place][2]]
        of_new = [names[distinct[place]] for place, _ in new]
        for (place, script), lemma in zip(new, self._codec.lemmas_of(of_new, [s for _, s in new]), strict=True):
            entries[place][2][script] = lemma != entries[place][1]
        differs = np.array([entries[place][2][script] for place, script in pairs], dtype=bool)
        rows = rows[differs[of_rows]]
        odd = [row for row in tokens.names if entries[of_tokens[row]][1][:1].islower()]
        odd += [row for row in tokens.verbs if entries[of_tokens[row]][1][:1].isupper()]
        rows = rows[~np.isin(rows, odd)]
        upos = tokens.decided[UPOS].best.cpu().numpy()[tokens.rows[rows]] if UPOS in tokens.decided else 0
        reliable = self._shares[[entries[place][0] for place in of_tokens[rows].tolist()], upos]
        at = tokens.tensor(rows)
        own = tokens.logs(at).gather(1, tokens.best[at][:, None])[:, 0]
        better = reliable > own.exp().cpu().numpy()
        places = tokens.places[tokens.rows[rows[better]]].tolist()
        for place, row, share in zip(places, rows[better].tolist(), reliable[better].round(6).tolist(), strict=True):
            tokens.instead[place] = entries[of_tokens[row]][1], share

    def _look_up(self, forms: Sequence[str]) -> list[_Entry]:
        remembered = self._entries  # other threads may begin a new one
        missing = {form for form in forms if form not in remembered}
        if missing and len(remembered) + len(missing) > self._capacity:
            remembered, missing = {}, set(forms)
            self._entries = remembered
        entries = dict.fromkeys(missing, _NOTHING)
        unseen = sorted(form for form in missing if not self._codec.form_tags.get(form))
        if unseen:
            found = self._dictionary.look_up(unseen)
            cut = self._codec.compounds.cut_all([lemma or "" for lemma in found.lemmas])
            for form, lemma, change, marked in zip(unseen, found.lemmas, found.changes.tolist(), cut, strict=True):
                if lemma:
                    entries[form] = self._row(lemma, change), marked, {}
            if self._codec.compounds.marks:
                entries |= self._compounds([form for form in unseen if entries[form] is _NOTHING])
        remembered.update(entries)
        return [remembered[form] for form in forms]

    def _row(self, lemma: str, change: int) -> int:
        """The row of the reliabilities of a change that gives a lemma."""
        if lemma in self._codec.lemmas:
            return self._first_known + self._known.get(change, 0)
        return self._new.get(change, 0)

    def _compounds(self, forms: Sequence[str]) -> dict[str, _Entry]:
        """The entries of forms that end in a word of the dictionary, and are likely to be compounds with its lemma."""
        compounds, entries = self._codec.compounds, dict[str, _Entry]()
        pairs = {form: compounds.pairs(form.lower()) for form in forms}
        ends = sorted({end for of_form in pairs.values() for _, end in of_form})
        found = self._dictionary.look_up(ends)
        known = dict(zip(ends, zip(found.lemmas, found.changes.tolist(), strict=True), strict=True))
        changes = dict[str, dict[tuple[str, str], int]]()
        for form, of_form in pairs.items():
            lemmas = ((first, *known[end]) for first, end in of_form)
            changes[form] = {(first, lemma): change for first, lemma, change in lemmas if lemma and lemma.islower()}
        best = compounds.best(changes)
        joined = compounds.join_all([*best.values()])
        for (form, pair), lemma in zip(best.items(), joined, strict=True):
            entries[form] = self._row(pair[1], changes[form][pair]), lemma, {}
        return entries


@dataclass(eq=False)
class Numbers(Replacing):
    """A number with marks that training lacks has the lemma that such numbers have there; see `NumberLemmas`."""

    columns = (LEMMA,)
    codec: TagCodec

    def replace(self, batch: Mapping[str, Tokens]) -> None:
        """Gives numbers such lemmas, where they have others."""
        tokens = batch[LEMMA]
        for row in np.flatnonzero(tokens.facts.are_marked_numbers[tokens.form_rows]).tolist():
            place, form = int(tokens.places[tokens.rows[row]]), tokens.facts.reading.distinct[tokens.form_rows[row]]
            own, lemma = self.codec.tag(form, int(tokens.best[row])), self._lemmas.lemma(form)
            if lemma is not None and lemma != tokens.instead.get(place, (own, 1.0))[0]:
                tokens.instead[place] = lemma, NUMBER_SHARE

    @cached_property
    def _lemmas(self) -> NumberLemmas:
        codec = self.codec
        numbers = filter(is_marked_number, codec.form_tags)
        return NumberLemmas({form: [codec.tag(form, tag) for tag in codec.form_tags[form]] for form in numbers})
