"""The words of a reading -> facts of each form, found once; and what a judge of words is, and sees.

Judges ask for words by the row of their form. So a fact costs as much as a text has different words, and none is looked
for twice. See `judges.py` for the judges, and the order in which they act.
"""

# N tokens of a batch, n of them that are open in a column (the others are settled), K tags of a column, F forms

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from tagger.words.edit_scripts import length
from tagger.words.numbers import is_marked_number
from tagger.words.reading import Reading
from tagger.words.symbols import KINDS, is_word, kinds_of
from tagger.words.tag_codec import TagCodec


class FormFacts:
    """What is known of the F forms of a reading. A fact is found when a judge first asks for it.

    Attributes:
        reading: whose forms they are.
        codec: of lemmas that are learned as edit scripts.
    """

    def __init__(
        self, reading: Reading, known: Collection[str] = (), marks: Collection[str] = (), codec: TagCodec | None = None
    ) -> None:
        """Takes the words of training, and those of them that are punctuation although they have letters."""
        self.reading, self.codec, self._known, self._marks = reading, codec, known, marks

    @cached_property
    def scripts(self) -> list[Sequence[int]]:
        """(F,) the edit scripts that a form has in training; none for one that training lacks."""
        of_forms = self.codec.form_tags if self.codec is not None else {}
        return [*map(of_forms.get, self.reading.distinct, repeat(()))]

    @cached_property
    def counts(self) -> np.ndarray:
        """(F,) how many scripts a form has in training."""
        return np.array([*map(len, self.scripts)], dtype=np.int64)

    @cached_property
    def only_script(self) -> np.ndarray:
        """(F,) the only script that a form has in training; -1 for other forms."""
        return np.array([ids[0] if len(ids) == 1 else -1 for ids in self.scripts], dtype=np.int64)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(F,) how many characters scripts find in a form.

        An empty form has what one character has: no script is for it, and its lemma is empty.
        """
        return np.array([max(1, length(form)) for form in self.reading.distinct], dtype=np.int64)

    @cached_property
    def are_titles(self) -> np.ndarray:
        """(F,) whether training lacks a form, which has a capital and then small letters."""
        forms = zip(self.reading.distinct, self.scripts, strict=True)
        return np.array([form.istitle() and not ids for form, ids in forms], dtype=bool)

    @cached_property
    def are_marked_numbers(self) -> np.ndarray:
        """(F,) whether training lacks a form, which is a number with marks."""
        forms = zip(self.reading.distinct, self.scripts, strict=True)
        return np.array([is_marked_number(form) and not ids for form, ids in forms], dtype=bool)

    @cached_property
    def kinds(self) -> np.ndarray:
        """(F,) the place in `KINDS` of forms that training lacks, such as emoji; 0 for those of no kind."""
        kinds = np.zeros(len(self.reading.distinct), dtype=np.int64)
        for row, kind in kinds_of(self.reading.distinct, self._known).items():
            kinds[row] = KINDS.index(kind)
        return kinds

    @cached_property
    def are_words(self) -> np.ndarray:
        """(F,) whether a letter or a digit is at an end of a form that is no punctuation in training."""
        return np.array([is_word(form) and form not in self._marks for form in self.reading.distinct], dtype=bool)


@dataclass(eq=False)
class Tokens:
    """The n tokens of a batch that are open in a column: what judges see, and change."""

    column: str
    facts: FormFacts
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
    def form_rows(self) -> np.ndarray:
        """(n,) the row of the form of each open token among the facts."""
        rows: np.ndarray = self.facts.reading.rows[self.places[self.rows]]
        return rows

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
