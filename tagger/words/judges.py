"""What is known of words -> tags that they cannot have, and answers that are better than those of the networks.

A judge has columns and does one of two things. It refuses: it lowers scores of a batch, or raises others, before the
tags of a column are chosen. Or it replaces: it changes the tags that were chosen. They act in
this order, which `judges_of` makes:

| judge | columns | what it does |
|---|---|---|
| `KnownLemmas.settled` | lemma | a word of training with one script has it, and needs no scores |
| `Constraints` | all but lemma | refuses the tags that a user or a lexicon excludes; `Signs` leaves these words alone |
| `Capitals` | lemma | refuses to lower-case a name that training lacks, and a capital of a verb |
| `KnownLemmas` | lemma | refuses scripts that a word cannot have; prefers those that give a known lemma |
| `Signs` | upos, lemma | refuses the tags that emoji, addresses, numbers, marks and words of letters cannot have |
| (the decoder) | all | chooses the best tags of the column |
| `DictionaryLemmas` | lemma | gives a word that training lacks the lemma of a dictionary |
| `Numbers` | lemma | gives a number that training lacks the lemma that such numbers have there |
| `Combinations` | all but lemma and spans | replaces tags of a word that training never has together |
| `GivenTags` | all | puts back the tags that a user gave |
| (`TagCodec`) | lemma | makes a lemma of each script; what a judge put `instead` of it counts |

Columns are decided one after another, those that need others last. A judge gets the tokens of a batch, the names of
tags and tables of words. It knows neither networks nor decoders.
"""

# N tokens of a batch, n of them that are open in a column (the others are settled), K tags of a column

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from tagger.text.strings import LEMMA, NO_TAG, UPOS, is_given
from tagger.text.tags import Lexicon
from tagger.words.dictionary import LemmaReliability, open_dictionary, reliabilities
from tagger.words.edit_scripts import length
from tagger.words.numbers import NumberLemmas, is_marked_number
from tagger.words.reading import Reading
from tagger.words.symbols import OTHER, PUNCT, SAME, TAGS, WORD, is_word, kinds_of
from tagger.words.tag_codec import TagCodec, made

CAPITALS = 0.1  # share of the training data's capitalized forms whose lemmas have a capital; treebanks: 0.02 or 0.2
KNOWN_LEMMA = 2.5  # points that a known lemma adds to a score: chosen on dev of eleven treebanks
NAME, SURE = "PROPN", 0.8  # how probably a word is a name, or a verb: chosen on dev of seventeen treebanks
VERBS = ("VERB", "AUX")  # in train and dev of 44 treebanks 37 of 17,500 with a capital have a lemma with one
NEAR = 5.0  # points below the best tag of a word down to which PUNCT is refused, so that other probabilities stay
NUMBER_SHARE = 0.98  # of lemmas of numbers that are right; see `numbers.py`
MAX_SCORES = 1 << 22  # the most scores of combinations in memory at a time


@dataclass(eq=False)
class Tokens:
    """The n tokens of a batch that are open in a column: what judges see, and change."""

    column: str
    reading: Reading
    places: np.ndarray  # (N,) where the tokens of the batch are in the reading
    rows: np.ndarray  # (n,) which of them are open
    scores: Tensor  # (n, K)
    decided: Mapping[str, "Tokens"]  # the columns that have tags by now
    conditionals: Callable[..., Tensor]  # see `logs`
    temperature: float
    limited: set[int] = field(default_factory=set)  # rows of which a user or a lexicon says which tags they may have
    names: set[int] = field(default_factory=set)  # rows of names, whose lemmas have a capital
    verbs: set[int] = field(default_factory=set)  # rows of words with a capital whose lemmas have none
    best: Tensor = field(init=False)  # (n,) the ids of the tags that are chosen
    # Place in the reading -> a tag that comes in place of the best one and needs no id, with its probability.
    instead: dict[int, tuple[str, float]] = field(default_factory=dict)

    @cached_property
    def forms(self) -> list[str]:
        """(n,) the words as they are read."""
        return [self.reading.forms[place] for place in self.places[self.rows].tolist()]

    def tensor(self, numbers: ArrayLike) -> Tensor:
        """Numbers where the scores are computed."""
        return torch.from_numpy(np.asarray(numbers)).to(self.scores.device)

    def refuse(self, rows: ArrayLike, refused: np.ndarray) -> None:
        """Makes the scores -inf of the tags that some rows cannot have: `refused` is (K,) or (rows, K) of bool."""
        at = self.tensor(rows)
        self.scores[at] = self.scores[at].masked_fill(self.tensor(refused), -torch.inf)

    def logs(self, rows: Tensor, temperature: float | None = None) -> Tensor:
        """The logarithm of the probability of each tag of some rows, (rows, K), if all others have their best tags."""
        temperature = self.temperature if temperature is None else temperature
        return self.conditionals(self.scores, best=self.best, at=rows, temperature=temperature)


class Judge(ABC):
    """What is known of some words."""

    columns: Collection[str]  # that it judges
    needs: Collection[str] = ()  # columns that must be decided before


class Refusing(Judge):
    """A judge that acts before tags are chosen."""

    @abstractmethod
    def refuse(self, tokens: Tokens) -> None:
        """Changes the scores of tokens in a column; each word keeps a tag that it can have."""


class Replacing(Judge):
    """A judge that acts after tags are chosen."""

    @abstractmethod
    def replace(self, batch: Mapping[str, Tokens]) -> None:
        """Changes `best`, or adds to `instead`, in its columns; it gets all that are wanted, one of them at least."""


@dataclass(eq=False)
class Constraints(Refusing):
    """Lexicons and tags that are given say which tags a word may have. A tag that is given counts before a lexicon."""

    columns: Mapping[str, Mapping[str, int]]  # with the ids of their tags
    lexicons: Mapping[str, Lexicon]

    def refuse(self, tokens: Tokens) -> None:
        """Refuses all tags but those that a word may have; it is `limited` then."""
        column, reading = tokens.column, tokens.reading
        ids, lexicon, given = self.columns[column], self.lexicons.get(column), reading.given.get(column)
        if lexicon is None and given is None:
            return
        numbers: dict[tuple[str, ...], int] = {}  # of each set of tags
        rows, of_rows = [], []
        for row, place in enumerate(tokens.places.tolist()):
            tag = NO_TAG if given is None else given[place]
            allowed: tuple[str, ...] | None = (tag,) if tag in ids and is_given(tag) else None
            if allowed is None and lexicon is not None:
                allowed = lexicon.get(reading.written[place])
            if allowed is not None:
                rows.append(row)
                of_rows.append(numbers.setdefault(allowed, len(numbers)))
        if rows:
            refused = np.ones((len(numbers), len(ids)), dtype=bool)
            for number, tags in enumerate(numbers):
                refused[number, [ids[tag] for tag in tags]] = False
            tokens.refuse(rows, refused[of_rows])
            tokens.limited.update(rows)


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
        (rows,) = np.nonzero(np.isin(best, [self.name, *self.verbs]))
        words = [tokens.forms[row] for row in rows.tolist()]
        rows = rows[[word.istitle() and not self.codec.form_tags.get(word) for word in words]]
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

    def settled(self, forms: Sequence[str]) -> np.ndarray:
        """(N,) the only script that a form of training has; -1 for other forms."""
        of_forms = map(self.codec.form_tags.get, forms, repeat(()))
        return np.fromiter((ids[0] if len(ids) == 1 else -1 for ids in of_forms), dtype=np.int64, count=len(forms))

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
        scores, words, least = tokens.scores, tokens.forms, self.codec.least
        allowed = [self.codec.form_tags.get(word, ()) for word in words]
        counts = np.array([len(ids) for ids in allowed], dtype=np.int64)
        # An empty word has what one character has: no script is for it, and its lemma is empty.
        lengths = [0 if ids else max(1, length(word)) for word, ids in zip(words, allowed, strict=True)]
        (known,) = np.nonzero(counts)
        if len(known):
            rows = tokens.tensor(np.repeat(np.arange(len(words)), counts))
            scripts = tokens.tensor([script for ids in allowed for script in ids])
            kept = scores[rows, scripts]
            scores[tokens.tensor(known)] = -torch.inf
            scores[rows, scripts] = kept
        of_words = np.array(lengths, dtype=np.int64)
        (short,) = np.nonzero((of_words < least.max(initial=0)) & (counts == 0))
        if len(short):
            unfit = least > of_words[short, None]  # (short words, K)
            unfit[unfit.all(axis=1)] = False  # nothing fits: the lemma is the word itself
            tokens.refuse(short, unfit)
        (new,) = np.nonzero(counts == 0)
        if len(new) and self.codec.form_tags:
            at = tokens.tensor(new)
            if len(self._lone):
                scores[at[:, None], tokens.tensor(self._lone)] = -torch.inf
            self._prefer_known(tokens, at)

    def _prefer_known(self, tokens: Tokens, new: Tensor) -> None:
        """Raises the scores of scripts that give a known lemma, and lowers unfit ones, in the rows of `new` words."""
        codec, scores = self.codec, tokens.scores
        of_new = scores[new]
        near = of_new > of_new.amax(1, keepdim=True) - KNOWN_LEMMA
        near &= near.sum(1, keepdim=True) > 1  # a script with no rival stays the best
        near &= tokens.tensor(codec.least > 0)  # a whole lemma is known whatever the word
        rows, scripts = torch.nonzero(near, as_tuple=True)
        at, change = new[rows], []
        for row, script in zip(at.tolist(), scripts.tolist(), strict=True):
            lemma = made(codec.names[script], tokens.forms[row])
            change.append(-KNOWN_LEMMA if lemma is None else KNOWN_LEMMA if lemma in codec.lemmas else 0)
        scores[at, scripts] += torch.tensor(change, dtype=scores.dtype, device=scores.device)


class Signs(Refusing):
    """Emoji, addresses, numbers and marks that training lacks have few tags; see `symbols`.

    A word that begins or ends with a letter or a digit is no punctuation, unless training has it so. Tags that are not
    those of Universal Dependencies stay free.
    """

    columns = (UPOS, LEMMA)

    def __init__(
        self, tag_ids: Mapping[str, Mapping[str, int]], known: Collection[str], marks: Collection[str] = ()
    ) -> None:
        """Takes the words of training, and those of them that are punctuation although they have letters."""
        self._known, self._marks = known, marks
        upos, lemmas = (tag_ids.get(column, {}) for column in self.columns)
        self._punctuation = upos.get(PUNCT)
        refused = {(UPOS, WORD): [tag == PUNCT for tag in upos]}
        for kind, names in TAGS.items():
            if not upos.keys() & names and upos.keys() >= {*OTHER[1:]}:
                names = tuple(tag for tag in OTHER if tag in upos)[:1]
            refused[UPOS, kind] = [tag not in names for tag in upos]
            if kind != "number":
                refused[LEMMA, kind] = [script != SAME for script in lemmas]
        # Of a column and a kind, (K,) of bool; none where these are all tags.
        self._refused = {key: np.array(tags, dtype=bool) for key, tags in refused.items() if not all(tags)}

    def refuse(self, tokens: Tokens) -> None:
        """Refuses the tags that such words cannot have."""
        forms, places, rows = tokens.reading.forms, tokens.places[tokens.rows], dict[str, list[int]]()
        if (signs := tokens.reading.signs) is None:
            kinds = kinds_of(forms, self._known)
            signs = {place: kinds[form] for place, form in enumerate(forms) if form in kinds} if kinds else {}
            tokens.reading.signs = signs
        for row in np.flatnonzero(np.isin(places, [*signs])).tolist():
            rows.setdefault(signs[int(places[row])], []).append(row)
        if tokens.column == UPOS and self._punctuation is not None:
            is_near = tokens.scores[:, self._punctuation] > tokens.scores.amax(1) - NEAR
            near = np.flatnonzero(is_near.cpu().numpy())
            of_near = [forms[place] for place in places[near].tolist()]
            letters = {form for form in set(of_near) if is_word(form) and form not in self._marks}
            for row, form in zip(near.tolist(), of_near, strict=True):
                if form in letters and int(places[row]) not in signs:
                    rows.setdefault(WORD, []).append(row)
        for kind, of_kind in rows.items():
            free = [row for row in of_kind if row not in tokens.limited] if tokens.limited else of_kind
            if free and (refused := self._refused.get((tokens.column, kind))) is not None:
                tokens.refuse(free, refused)


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
        entries, rivals = self._look_up(tokens.forms), list[int]()
        words = [*zip(tokens.forms, entries, tokens.best.tolist(), strict=True)]
        new = {(form, script): entry for form, entry, script in words if entry[1] and script not in entry[2]}
        of_scripts = self._codec.lemmas_of(*zip(*new, strict=True)) if new else []
        for ((_, script), (_, lemma, differs)), of_script in zip(new.items(), of_scripts, strict=True):
            differs[script] = lemma != of_script
        for row, (_, (_, lemma, differs), script) in enumerate(words):
            odd = (row in tokens.names and lemma[:1].islower()) or (row in tokens.verbs and lemma[:1].isupper())
            if lemma and not odd and differs[script]:
                rivals.append(row)
        rows = np.array(rivals, dtype=np.int64)
        upos = tokens.decided[UPOS].best.cpu().numpy()[tokens.rows[rows]] if UPOS in tokens.decided else 0
        reliable = self._shares[[entries[row][0] for row in rivals], upos]
        at = tokens.tensor(rows)
        own = tokens.logs(at).gather(1, tokens.best[at][:, None])[:, 0]
        better = reliable > own.exp().cpu().numpy()
        places = tokens.places[tokens.rows[rows[better]]].tolist()
        for place, row, share in zip(places, rows[better].tolist(), reliable[better].round(6).tolist(), strict=True):
            tokens.instead[place] = entries[row][1], share

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
        numbers = {form for form in {*tokens.forms} if is_marked_number(form) and not self.codec.form_tags.get(form)}
        for row, form in enumerate(tokens.forms) if numbers else ():
            if form in numbers:
                place, own = int(tokens.places[tokens.rows[row]]), self.codec.tag(form, int(tokens.best[row]))
                lemma = self._lemmas.lemma(form)
                if lemma is not None and lemma != tokens.instead.get(place, (own, 1.0))[0]:
                    tokens.instead[place] = lemma, NUMBER_SHARE

    @cached_property
    def _lemmas(self) -> NumberLemmas:
        codec = self.codec
        numbers = filter(is_marked_number, codec.form_tags)
        return NumberLemmas({form: [codec.tag(form, tag) for tag in codec.form_tags[form]] for form in numbers})


@dataclass(eq=False)
class Combinations(Replacing):
    """Tags of several columns are chosen together, among the combinations that training has.

    The networks take the columns for independent. So if the best tags of all columns are a known combination, no other
    combination is more probable. The combinations are compared for the other tokens only, by the product of the
    probabilities of their tags. A token that can have none of them, because of constraints, keeps its best tags.
    """

    columns: Collection[str]  # whose tags may change to fit each other
    sizes: Mapping[str, int]  # the number of tags of all columns of `known`
    known: Sequence[Sequence[int]]  # an id for each of these columns
    _tables: dict[tuple[str, ...], tuple[Tensor, list[int], Tensor]] = field(default_factory=dict)  # of `_table`

    def replace(self, batch: Mapping[str, Tokens]) -> None:
        """Changes the best tags of columns to those that are most probable together."""
        together = [tokens for column, tokens in batch.items() if column in self.columns]
        columns = tuple(tokens.column for tokens in together)
        if len(columns) < 2 or not self.known:
            return
        if columns not in self._tables:
            self._tables[columns] = self._table(columns, together[0].scores.device)
        tags_of_columns, weights, known = self._tables[columns]
        codes = sum(tokens.best * weight for tokens, weight in zip(together, weights, strict=True))
        found = torch.searchsorted(known, codes).clamp_(max=len(known) - 1)  # its place if it is known
        (unknown,) = torch.nonzero(known[found] != codes, as_tuple=True)
        if not len(unknown):
            return
        size = max(1, MAX_SCORES // tags_of_columns.shape[1])
        of_columns = [torch.split(tokens.logs(unknown, 1.0), size) for tokens in together]
        best = [tokens.best.clone() for tokens in together]
        for rows, *logs in zip(torch.split(unknown, size), *of_columns, strict=True):
            sums = sum(log[:, tags] for log, tags in zip(logs, tags_of_columns, strict=True))  # (rows, combinations)
            most, chosen = torch.as_tensor(sums).max(-1)
            possible = most > -torch.inf
            for column, tags in zip(best, tags_of_columns, strict=True):
                column[rows[possible]] = tags[chosen[possible]]
        for tokens, column in zip(together, best, strict=True):
            tokens.best = column

    def _table(self, columns: Sequence[str], device: torch.device) -> tuple[Tensor, list[int], Tensor]:
        """The combinations of the tags of some columns, (columns, combinations), and their codes, sorted.

        A code is the sum of the ids, each times the weight of its column: different combinations have different ones.
        """
        places = [[*self.sizes].index(column) for column in columns]
        distinct = sorted({tuple(tags[place] for place in places) for tags in self.known})
        tags = torch.tensor(distinct, dtype=torch.int64, device=device).T.contiguous()
        weights = [math.prod(self.sizes[column] for column in columns[place + 1 :]) for place in range(len(columns))]
        codes = sum(ids * weight for ids, weight in zip(tags, weights, strict=True))
        return tags, weights, torch.unique(torch.as_tensor(codes))


@dataclass(eq=False)
class GivenTags(Replacing):
    """Tags that are given come back as they are, certain and without alternatives; a lemma needs no script."""

    columns: Collection[str]

    def replace(self, batch: Mapping[str, Tokens]) -> None:
        """Puts the tags of words in place of those that were found."""
        for column, tokens in batch.items():
            given = tokens.reading.given.get(column)
            if given is not None:
                places = [place for place in tokens.places.tolist() if is_given(given[place])]
                tokens.instead |= {place: (given[place], 1.0) for place in places}


def judges_of(
    tag_ids: Mapping[str, Mapping[str, int]],
    codecs: Mapping[str, TagCodec],
    forms: Collection[str],
    combinations: Sequence[Sequence[int]],
    fitting: Collection[str],
    lexicons: Mapping[str, Lexicon],
    marks: Collection[str],
    reliability: LemmaReliability | None,
    capacity: int,
) -> list[Judge]:
    """The judges of a tagger in the order in which they act.

    `forms` are the words of training, and `marks` those of them that are punctuation although they have letters or
    digits. Combinations have an id for each column but lemmas; the tags of `fitting` columns may change to fit each
    other. Of `capacity` words a dictionary's lemmas are remembered.
    """
    plain = {column: ids for column, ids in tag_ids.items() if not codecs[column].edits}
    sizes = {column: len(ids) for column, ids in plain.items()}
    upos, lemmas = tag_ids.get(UPOS, {}), codecs.get(LEMMA)
    judges: list[Judge] = [Constraints(plain, lexicons)]
    edited = lemmas if lemmas is not None and lemmas.edits else None
    if edited is not None:
        edited.use(None if reliability is None else open_dictionary(**reliability.dictionary))
        if upos:
            judges.append(Capitals(edited, upos.get(NAME, -1), [upos[tag] for tag in VERBS if tag in upos]))
        judges.append(KnownLemmas(edited))
    judges.append(Signs(tag_ids, forms, marks))
    if edited is not None:
        if reliability is not None:
            judges.append(DictionaryLemmas(reliability, edited, [*upos] or [""], capacity))
        judges.append(Numbers(edited))
    return [*judges, Combinations(fitting, sizes, combinations), GivenTags(tag_ids)]
