"""The gold tags of words and the tags that two sides give them -> accuracies side by side, and what differs.

A side is a tagger, or several that were trained alike with other seeds. Its accuracy is the mean of theirs. What it
gets right where the other side is wrong is counted over all pairs of a tagger of each side, and divided by the number
of pairs: so the two counts of a column differ by as many words as the sides differ in right ones.
"""

# A, B taggers of the two sides; M words with a gold tag; S sentences; F distinct forms; K tags of a column

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tagger.evaluation.significance import LEVEL, ROUNDS, paired_difference
from tagger.evaluation.word_table import WordTable

Tags = Mapping[str, np.ndarray]  # what one tagger says: column -> (W,) numbers of tags


def compare(
    gold: WordTable,
    a: Sequence[Tags],
    b: Sequence[Tags],
    columns: Sequence[str],
    known: Sequence[frozenset[str]],
    ambiguous: Mapping[str, frozenset[str]],
) -> dict[str, dict[str, Any]]:
    """Compares two sides in some columns.

    Args:
        gold: the words with their gold tags, at least one in each of the columns.
        a: the tags of each tagger of the first side.
        b: the same of the second side.
        columns: the columns to compare.
        known: for each training data that is known, its forms. A form is seen if all have it, and unseen if none has.
        ambiguous: for each column, the forms that have several tags.

    Returns:
        For each column a dictionary, in which accuracies and differences are shares in [0, 1]:
        `words`, their number;
        `groups`: `all`, `seen`, `partly` (seen by some taggers), `unseen` and `ambiguous`, as far as they have words;
        each has `words`, `a` and `b` (the mean accuracies), and `a_each` and `b_each` (those of each tagger);
        `tags`: the same for the words of each gold tag, the most frequent tag first;
        `difference`: the accuracy of the first side less that of the second; its `interval`; `p`; `significant`; and
        the `rounds` of both computations;
        `only_a` and `only_b`: the words that one side alone gets right, by confusion, the most frequent first: the
        `gold` tag, the other side's `wrong` tag, `count`, and `words`, which are [form, count].
    """
    return {column: _Column(gold, column, a, b).compared(known, ambiguous[column]) for column in columns}


class _Side(NamedTuple):
    """What a side says of the words with a gold tag."""

    tags: np.ndarray  # (A, M) numbers of tags
    right: np.ndarray  # (A, M) whether they are the gold tags


class _Column:
    """The words that have a gold tag in a column, and what both sides say of them."""

    def __init__(self, gold: WordTable, column: str, a: Sequence[Tags], b: Sequence[Tags]) -> None:
        scored = gold.scored(column)
        self.form_names, self.names = gold.form_names, gold.tag_names(column)
        self.forms, self.gold = gold.forms[scored], gold.gold(column)  # (M,) (M,)
        self.sentences = len(gold)
        self.sentence = np.repeat(np.arange(len(gold)), np.diff(gold.starts))[scored]  # (M,) the sentence of each word
        tags = [np.stack([one[column][scored] for one in side]) for side in (a, b)]
        self.a, self.b = (_Side(side, side == self.gold) for side in tags)

    def compared(self, known: Sequence[frozenset[str]], ambiguous: frozenset[str]) -> dict[str, Any]:
        """The dictionary of the column; see `compare`."""
        difference = paired_difference(
            self._errors(self.a), self._errors(self.b), np.bincount(self.sentence, minlength=self.sentences)
        )
        return {
            "words": len(self.gold),
            "groups": {
                name: _accuracies(int(mask.sum()), *(side.right[:, mask].sum(1) for side in (self.a, self.b)))
                for name, mask in self._groups(known, ambiguous).items()
                if mask.any()
            },
            "tags": self._tags(),
            "difference": difference.value,
            "interval": [difference.low, difference.high],
            "p": difference.p,
            "significant": difference.p < LEVEL,
            "rounds": ROUNDS,
            "only_a": self._only_right(self.a, self.b),
            "only_b": self._only_right(self.b, self.a),
        }

    def _errors(self, side: _Side) -> np.ndarray:
        """(A, S) the errors of each tagger in each sentence."""
        return np.stack([np.bincount(self.sentence[~right], minlength=self.sentences) for right in side.right])

    def _groups(self, known: Sequence[frozenset[str]], ambiguous: frozenset[str]) -> dict[str, np.ndarray]:
        """The groups of words, each as (M,) whether a word belongs to it."""
        groups = {"all": np.ones(len(self.gold), dtype=bool)}
        if known:
            times = np.sum([self._among(forms) for forms in known], axis=0)
            groups["seen"] = times == len(known)
            groups["partly"] = (times > 0) & (times < len(known))
            groups["unseen"] = times == 0
        groups["ambiguous"] = self._among(ambiguous)
        return groups

    def _among(self, forms: frozenset[str]) -> np.ndarray:
        """(M,) whether the form of each word is one of these."""
        found: np.ndarray = np.array([form in forms for form in self.form_names], dtype=bool)[self.forms]
        return found

    def _tags(self) -> dict[str, dict[str, Any]]:
        """The accuracies of the words of each gold tag, the most frequent tag first."""
        size = len(self.names)
        counts = np.bincount(self.gold, minlength=size)
        right = [
            np.stack([np.bincount(self.gold[one], minlength=size) for one in side.right]) for side in (self.a, self.b)
        ]  # (A, K) (B, K)
        order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
        return {self.names[i]: _accuracies(int(counts[i]), right[0][:, i], right[1][:, i]) for i in order}

    def _only_right(self, side: _Side, other: _Side) -> list[dict[str, Any]]:
        """The words that a side gets right and the other wrong, by confusion; see `compare`."""
        rows = []
        for right in side.right:
            for tags, their_right in zip(other.tags, other.right, strict=True):
                mask = right & ~their_right
                rows.append(np.stack([self.gold[mask], tags[mask], self.forms[mask]], axis=1))
        kinds, counts = np.unique(np.concatenate(rows), axis=0, return_counts=True)
        confusions: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for (gold, wrong, form), count in zip(kinds.tolist(), counts.tolist(), strict=True):
            confusions.setdefault((self.names[gold], self.names[wrong]), []).append((count, self.form_names[form]))
        found = [
            {
                "gold": gold,
                "wrong": wrong,
                "count": _per_pair(sum(count for count, _ in words), len(rows)),
                "words": [
                    [form, _per_pair(count, len(rows))]
                    for count, form in sorted(words, key=lambda word: (-word[0], word[1]))
                ],
            }
            for (gold, wrong), words in confusions.items()
        ]
        return sorted(found, key=lambda one: (-one["count"], one["gold"], one["wrong"]))


def _accuracies(words: int, right_a: np.ndarray, right_b: np.ndarray) -> dict[str, Any]:
    """The accuracies in a group of words, of which each tagger of a side gets so many right."""
    each_a, each_b = ((right / words).tolist() for right in (right_a, right_b))
    return {
        "words": words,
        "a": sum(each_a) / len(each_a),
        "b": sum(each_b) / len(each_b),
        "a_each": each_a,
        "b_each": each_b,
    }


def _per_pair(count: int, pairs: int) -> float:
    """A count over all pairs of taggers as the mean of a pair; a whole number where there is one pair."""
    return count if pairs == 1 else count / pairs
