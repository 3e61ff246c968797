"""What is known of words -> tags that they cannot have, and answers that are better than those of the networks.

A judge has columns and does one of two things. It refuses: it lowers scores of a batch, or raises others, before the
tags of a column are chosen. Or it replaces: it changes the tags that were chosen. They act in
this order, which `Knowledge.judges` makes:

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
tags and facts of forms (`facts.py`). It knows neither networks nor decoders. Those of lemmas are in `lemmas.py`.
"""

# n tokens of a batch that are open in a column, K tags of a column

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from tagger.text.strings import LEMMA, NO_TAG, UPOS, is_given
from tagger.text.tags import Lexicon
from tagger.words.dictionary import LemmaReliability, open_dictionary
from tagger.words.facts import FormFacts, Judge, Refusing, Replacing, Tokens
from tagger.words.lemmas import Capitals, DictionaryLemmas, KnownLemmas, Numbers
from tagger.words.reading import Reading
from tagger.words.symbols import KINDS, OTHER, PUNCT, SAME, TAGS, WORD
from tagger.words.tag_codec import TagCodec

NAME = "PROPN"
VERBS = ("VERB", "AUX")  # in train and dev of 44 treebanks 37 of 17,500 with a capital have a lemma with one
NEAR = 5.0  # points below the best tag of a word down to which PUNCT is refused, so that other probabilities stay
MAX_SCORES = 1 << 22  # the most scores of combinations in memory at a time


@dataclass(eq=False)
class Constraints(Refusing):
    """Lexicons and tags that are given say which tags a word may have. A tag that is given counts before a lexicon."""

    columns: Mapping[str, Mapping[str, int]]  # with the ids of their tags
    lexicons: Mapping[str, Lexicon]

    def refuse(self, tokens: Tokens) -> None:
        """Refuses all tags but those that a word may have; it is `limited` then."""
        column, reading = tokens.column, tokens.facts.reading
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


class Signs(Refusing):
    """Emoji, addresses, numbers and marks that training lacks have few tags; see `symbols`.

    A word that begins or ends with a letter or a digit is no punctuation, unless training has it so. Tags that are not
    those of Universal Dependencies stay free.
    """

    columns = (UPOS, LEMMA)

    def __init__(self, tag_ids: Mapping[str, Mapping[str, int]]) -> None:
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
        kinds = tokens.facts.kinds[tokens.form_rows]
        if tokens.column == UPOS and self._punctuation is not None:
            near = (tokens.scores[:, self._punctuation] > tokens.scores.amax(1) - NEAR).cpu().numpy()
            kinds[near & (kinds == 0) & tokens.facts.are_words[tokens.form_rows]] = KINDS.index(WORD)
        kinds[[*tokens.limited]] = 0
        for kind in np.unique(kinds[kinds > 0]).tolist():
            if (refused := self._refused.get((tokens.column, KINDS[kind]))) is not None:
                tokens.refuse(np.flatnonzero(kinds == kind), refused)


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
            given = tokens.facts.reading.given.get(column)
            if given is not None:
                places = [place for place in tokens.places.tolist() if is_given(given[place])]
                tokens.instead |= {place: (given[place], 1.0) for place in places}


@dataclass(eq=False)
class Knowledge:
    """What a tagger knows of words besides its networks."""

    tag_ids: Mapping[str, Mapping[str, int]]  # of each column
    codecs: Mapping[str, TagCodec]
    forms: Collection[str]  # the words of training
    marks: Collection[str]  # those of them that are punctuation although they have letters or digits
    combinations: Sequence[Sequence[int]]  # of tags in training: an id for each column but lemmas
    fitting: Collection[str]  # the columns whose tags may change to fit each other
    lexicons: Mapping[str, Lexicon]
    reliability: LemmaReliability | None  # of a dictionary's lemmas
    capacity: int  # words whose lemmas in a dictionary are remembered

    def __post_init__(self) -> None:
        lemmas = self.codecs.get(LEMMA)
        self.lemmas = lemmas if lemmas is not None and lemmas.edits else None  # that are learned as edit scripts

    def facts(self, reading: Reading) -> FormFacts:
        """What is known of the forms of a reading."""
        return FormFacts(reading, self.forms, self.marks, self.lemmas)

    def judges(self) -> list[Judge]:
        """The judges in the order in which they act."""
        plain = {column: ids for column, ids in self.tag_ids.items() if not self.codecs[column].edits}
        sizes = {column: len(ids) for column, ids in plain.items()}
        upos, lemmas, reliability = self.tag_ids.get(UPOS, {}), self.lemmas, self.reliability
        judges: list[Judge] = [Constraints(plain, self.lexicons)]
        if lemmas is not None:
            lemmas.use(None if reliability is None else open_dictionary(**reliability.dictionary))
            if upos:
                judges.append(Capitals(lemmas, upos.get(NAME, -1), [upos[tag] for tag in VERBS if tag in upos]))
            judges.append(KnownLemmas(lemmas))
        judges.append(Signs(self.tag_ids))
        if lemmas is not None:
            if reliability is not None:
                judges.append(DictionaryLemmas(reliability, lemmas, [*upos] or [""], self.capacity))
            judges.append(Numbers(lemmas))
        return [*judges, Combinations(self.fitting, sizes, self.combinations), GivenTags(self.tag_ids)]
