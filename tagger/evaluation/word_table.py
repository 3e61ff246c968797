"""Sentences -> arrays of their words: forms, tags and sentences as numbers, small enough for millions of words."""

# W words, S sentences, F distinct forms, K distinct tags of a column

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from tagger.text.gold_tags import NO_TAG, is_annotated
from tagger.text.sentence import Sentence


class Numbers:
    """Strings <-> numbers, counted from 0 in the order in which they come."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def of(self, strings: Iterable[str]) -> list[int]:
        """The numbers of strings; new ones get the next numbers."""
        ids = self._ids
        return [ids.setdefault(string, len(ids)) for string in strings]

    @property
    def names(self) -> list[str]:
        """The strings in the order of their numbers."""
        return list(self._ids)


class WordTable:
    """The words of sentences that have gold tags. Sentences without words are left out.

    Attributes:
        forms: (W,) the number of each word's form.
        form_names: the F forms.
        starts: (S + 1,) the words before each sentence, and all words.
        columns: the columns that have gold tags: at least one tag other than `_`.
    """

    def __init__(self, sentences: Iterable[Sentence], columns: Sequence[str]) -> None:
        """Reads all sentences.

        Args:
            sentences: with tags in some of the columns.
            columns: the tag columns to keep.
        """
        self._numbers = {column: Numbers() for column in columns}  # of gold tags and of predicted ones
        names = Numbers()
        forms, starts = array("i"), array("q", [0])
        gold, scored = {column: array("i") for column in columns}, {column: array("b") for column in columns}
        for sentence in sentences:
            if not sentence.tokens:
                continue
            forms.extend(names.of(sentence.tokens))
            starts.append(len(forms))
            for column in columns:
                tags = _tags(sentence, column)
                gold[column].extend(self._numbers[column].of(tags))
                scored[column].extend(
                    is_annotated(column, tag, form) for tag, form in zip(tags, sentence.tokens, strict=True)
                )
        self.form_names = names.names
        self.forms, self.starts = np.array(forms, dtype=np.int32), np.array(starts, dtype=np.int64)
        self._gold = {column: np.array(ids, dtype=np.int32) for column, ids in gold.items()}
        self._scored = {column: np.array(flags, dtype=bool) for column, flags in scored.items()}
        self.columns = [c for c in columns if any(self.tag_names(c)[i] != NO_TAG for i in np.unique(self.gold(c)))]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def tag_names(self, column: str) -> list[str]:
        """The K tags of a column, gold and predicted ones."""
        return self._numbers[column].names

    def scored(self, column: str) -> np.ndarray:
        """(W,) whether each word has a gold tag."""
        return self._scored[column]

    def gold(self, column: str) -> np.ndarray:
        """The numbers of the gold tags, of the words that have one."""
        found: np.ndarray = self._gold[column][self._scored[column]]
        return found

    def predicted(self, sentences: Iterable[Sentence], columns: Sequence[str]) -> dict[str, np.ndarray]:
        """The tags that a tagger or a person gives to the words of this table.

        Args:
            sentences: those of this table, with tags in some of the columns.
            columns: the tag columns to keep.

        Returns:
            For each column (W,) the numbers of the tags.
        """
        found = {column: array("i") for column in columns}
        for sentence in sentences:
            for column, ids in found.items():
                ids.extend(self._numbers[column].of(_tags(sentence, column)))
        return {column: np.array(ids, dtype=np.int32) for column, ids in found.items()}

    def has_tags(self, tags: Mapping[str, np.ndarray], column: str) -> bool:
        """Whether predicted tags of a column are there, and more than blanks."""
        names = self.tag_names(column)
        return column in tags and any(names[i] not in ("", NO_TAG) for i in np.unique(tags[column]))

    def sentences(self) -> Iterator[Sentence]:
        """The sentences again, without tags."""
        for tokens in self.tokens():
            yield Sentence(tokens)

    def tokens(self) -> Iterator[list[str]]:
        """The words of each sentence."""
        names, ids = self.form_names, self.forms
        for start, stop in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            yield [names[i] for i in ids[start:stop].tolist()]

    def ambiguous(self, column: str) -> frozenset[str]:
        """The forms that have more than one gold tag in a column."""
        mask = self.scored(column)
        pairs = np.unique(np.stack([self.forms[mask], self.gold(column)], axis=1), axis=0)
        forms, counts = np.unique(pairs[:, 0], return_counts=True)
        return frozenset(self.form_names[i] for i in forms[counts > 1])


def _tags(sentence: Sentence, column: str) -> list[str]:
    """The tags of a sentence in a column; blanks if it does not have the column."""
    return sentence.tags.get(column) or [""] * len(sentence)
