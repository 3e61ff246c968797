"""The gold tags of words and the tags that two sides give them -> accuracies side by side, and what differs.

Both computations take sentences as what was sampled. The p-value is that of paired approximate randomization (Noreen
1989, Computer-Intensive Methods for Testing Hypotheses; Yeh 2000, More accurate tests for the statistical significance
of result differences): how often would a difference at least as large come about if, for each sentence, a coin decided
which side gave which answer? The interval is that of the bootstrap (Efron 1979): the differences on samples of as many
sentences, drawn with replacement.

Sentences that have the same numbers are drawn together, as a binomial or a multinomial count. That gives the same
distribution as drawing them one by one, in a time and a memory that hardly depend on the number of sentences.

A side is a tagger, or several that were trained alike with other seeds. Its accuracy is the mean of theirs. What it
gets right where the other side is wrong is counted over all pairs of a tagger of each side, and divided by the number
of pairs: so the two counts of a column differ by as many words as the sides differ in right ones.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat, zip_longest
from typing import Any, NamedTuple

import numpy as np

from tagger.errors import InputError, shorten
from tagger.text.formats import FORMATS
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_annotated

# W words, S sentences, F distinct forms, K distinct tags of a column


class WordTable:
    """The words of sentences that have gold tags. Sentences without words are left out.

    Attributes:
        forms: (W,) the number of each word's form.
        form_names: the F forms.
        starts: (S + 1,) the words before each sentence, and all words.
        columns: the columns that have gold tags: at least one tag other than `_`.
    """

    def __init__(self, sentences: Iterable[Sentence], columns: Sequence[str]) -> None:
        """Reads all sentences; the columns are the tag columns to keep."""
        self._ids: dict[str, dict[str, int]] = {column: {} for column in columns}  # of gold tags and of predicted ones
        names: dict[str, int] = {}
        forms, starts = array("i"), array("q", [0])
        gold, scored = {column: array("i") for column in columns}, {column: array("b") for column in columns}
        for sentence in sentences:
            if not sentence.tokens:
                continue
            forms.extend(_numbers(sentence.tokens, names))
            starts.append(len(forms))
            for column in columns:
                tags = _tags(sentence, column)
                gold[column].extend(_numbers(tags, self._ids[column]))
                scored[column].extend(map(is_annotated, repeat(column), tags, sentence.tokens))
        self.form_names = list(names)
        self.forms, self.starts = np.array(forms, dtype=np.int32), np.array(starts, dtype=np.int64)
        self._gold = {column: np.array(ids, dtype=np.int32) for column, ids in gold.items()}
        self._scored = {column: np.array(flags, dtype=bool) for column, flags in scored.items()}
        self.columns = [column for column in columns if self.has_tags({column: self.gold(column)}, column)]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def tag_names(self, column: str) -> list[str]:
        """The K tags of a column, gold and predicted ones."""
        return list(self._ids[column])

    def scored(self, column: str) -> np.ndarray:
        """(W,) whether each word has a gold tag."""
        return self._scored[column]

    def gold(self, column: str) -> np.ndarray:
        """The numbers of the gold tags, of the words that have one."""
        found: np.ndarray = self._gold[column][self._scored[column]]
        return found

    def predicted(self, sentences: Iterable[Sentence], columns: Sequence[str]) -> dict[str, np.ndarray]:
        """The tags of the same sentences by a tagger or a person: for each column (W,) the numbers of the tags."""
        found = {column: array("i") for column in columns}
        for sentence in sentences:
            for column, ids in found.items():
                ids.extend(_numbers(_tags(sentence, column), self._ids[column]))
        return {column: np.array(ids, dtype=np.int32) for column, ids in found.items()}

    def has_tags(self, tags: Mapping[str, np.ndarray], column: str) -> bool:
        """Whether tags of a column are there, and more than blanks."""
        names = self.tag_names(column)
        return column in tags and any(names[i] not in ("", NO_TAG) for i in np.unique(tags[column]))

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


def _numbers(strings: Iterable[str], ids: dict[str, int]) -> list[int]:
    """The numbers of strings, counted from 0; new ones get the next numbers."""
    return [ids.setdefault(string, len(ids)) for string in strings]


def _tags(sentence: Sentence, column: str) -> list[str]:
    """The tags of a sentence in a column; blanks if it does not have the column."""
    return sentence.tags.get(column) or [""] * len(sentence)


# A, B taggers of the two sides; S sentences; R rounds; K distinct sentences, by their numbers


ROUNDS = 10_000
LEVEL = 0.05  # p-values below it are called significant; the interval has the share 1 - LEVEL
_SEED = 1  # the same for all: the same files give the same numbers


class Difference(NamedTuple):
    """The accuracy of the first side less that of the second, in [-1, 1]."""

    value: float
    low: float  # its interval
    high: float
    p: float  # in (0, 1]; two-sided


def paired_difference(
    errors_a: np.ndarray,
    errors_b: np.ndarray,
    words: np.ndarray,
    rounds: int = ROUNDS,
    max_cells: int = 4_000_000,
) -> Difference:
    """Compares two sides. What counts of a side in a sentence is the mean number of errors of its taggers.

    Args:
        errors_a: (A, S) the errors of each tagger of the first side in each sentence.
        errors_b: (B, S) the same of the second side.
        words: (S,) the words of each sentence, at least one in all.
        rounds: of the randomization, and of the bootstrap.
        max_cells: numbers that a part of the bootstrap's rounds may draw at once.
    """
    # (S,) how many errors fewer the first side makes, times A times B: whole numbers are compared without rounding
    gains = len(errors_a) * errors_b.sum(0, dtype=np.int64) - len(errors_b) * errors_a.sum(0, dtype=np.int64)
    scale = len(errors_a) * len(errors_b)
    value = float(gains.sum() / (scale * words.sum()))
    low, high = np.quantile(_bootstrap(gains, words, rounds, max_cells) / scale, [LEVEL / 2, 1 - LEVEL / 2])
    return Difference(value, float(low), float(high), _p_value(gains, rounds))


def _p_value(gains: np.ndarray, rounds: int) -> float:
    """The p-value of whole numbers (S,): exchanging the sides of a sentence turns the sign of its gain."""
    draw = np.random.default_rng(_SEED)
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)  # (K,) (K,)
    sums = np.zeros(rounds, dtype=np.int64)  # (R,)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2 * draw.binomial(count, 0.5, size=rounds) - count)
    as_large = int((np.abs(sums) >= abs(gains.sum())).sum())
    return (as_large + 1) / (rounds + 1)


def _bootstrap(gains: np.ndarray, words: np.ndarray, rounds: int, max_cells: int) -> np.ndarray:
    """(R,) the gain per word in samples of S sentences."""
    draw = np.random.default_rng(_SEED)
    gains, words = gains[words > 0], words[words > 0]
    kinds, counts = np.unique(np.stack([gains, words], axis=1), axis=0, return_counts=True)  # (K, 2) (K,)
    part = max(1, max_cells // len(kinds))
    found = []
    for start in range(0, rounds, part):
        drawn = draw.multinomial(len(gains), counts / len(gains), size=min(part, rounds - start))
        sums = drawn @ kinds
        found.append(sums[:, 0] / sums[:, 1])
    return np.concatenate(found)


COMPARED = ("conllu", "tsv", "csv", "slash")  # formats of which it is known how many lines a sentence takes
_REMEDY = "a tagged file must have the sentences and words of the gold file"


def same_sentences(
    tagged: Iterable[Sentence], gold: Iterable[list[str]], path: str, format: str, gold_path: str
) -> Iterator[Sentence]:
    """Yields the sentences of a tagged file that have words, while they are those of the gold file.

    Args:
        tagged: all sentences of the file, as `readers.read` yields them.
        gold: the words of each sentence that has words.
        path: the tagged file, for error messages.
        format: one of `COMPARED`, which says how many lines a sentence has.
        gold_path: the gold file, for error messages.

    Raises:
        InputError: a word differs, or a sentence begins or ends elsewhere.
    """
    rest = iter(gold)
    line, number = 1, 0
    for sentence in tagged:
        words = sentence.tokens
        lines = _lines_of_words(sentence, format)
        if words:
            number += 1
            expected = next(rest, None)
            if words != expected:
                place = next(i for i, (one, other) in enumerate(zip_longest(words, expected or [])) if one != other)
                shown = shorten(words[place]) if place < len(words) else "the sentence ends"
                due = "has ended" if expected is None else "ends the sentence"
                if expected is not None and place < len(expected):
                    due = f"has {shorten(expected[place])}"
                raise InputError(
                    f"{path}, line {line + lines[place]}: {shown} where {gold_path} {due}, in sentence {number:,}, word"
                    f" {place + 1}; {_REMEDY}"
                )
            yield sentence
        line += len(sentence.lines) if sentence.lines is not None else lines[-1] + 1
    missing = next(rest, None)
    if missing is not None:
        raise InputError(
            f"{path}, line {line}: the file ends after sentence {number:,}, and {gold_path} goes on with"
            f" {shorten(' '.join(missing))}; {_REMEDY}"
        )


def _lines_of_words(sentence: Sentence, format: str) -> list[int]:
    """For each word, and for the end of the sentence, the lines of the sentence before it."""
    lines = sentence.lines
    if lines is None:
        return list(range(len(sentence) + 1)) if FORMATS[format].has_rows else [0] * (len(sentence) + 1)
    words = [i for i, line in enumerate(lines) if line.partition("\t")[0].isdecimal()]
    return [*words, len(lines) - (not lines[-1].strip())]


# A, B taggers of the two sides; M words with a gold tag; S sentences; F distinct forms; K tags of a column


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
    return {column: _compared(gold, column, (a, b), known, ambiguous[column]) for column in columns}


def _compared(
    gold: WordTable,
    column: str,
    sides: tuple[Sequence[Tags], Sequence[Tags]],
    known: Sequence[frozenset[str]],
    ambiguous: frozenset[str],
) -> dict[str, Any]:
    """The dictionary of a column; see `compare`."""
    scored, names, size = gold.scored(column), gold.tag_names(column), len(gold)
    forms, right_tags = gold.forms[scored], gold.gold(column)  # (M,) (M,)
    sentence = np.repeat(np.arange(size), np.diff(gold.starts))[scored]  # (M,) the sentence of each word
    said = [np.stack([one[column][scored] for one in side]) for side in sides]  # (A, M) (B, M) numbers of tags
    right = [tags == right_tags for tags in said]  # (A, M) (B, M)
    errors = [np.stack([np.bincount(sentence[~each], minlength=size) for each in side]) for side in right]
    difference = paired_difference(errors[0], errors[1], np.bincount(sentence, minlength=size))

    def among(chosen: frozenset[str]) -> np.ndarray:
        """(M,) whether the form of each word is one of these."""
        found: np.ndarray = np.array([form in chosen for form in gold.form_names], dtype=bool)[forms]
        return found

    groups = {"all": np.ones(len(forms), dtype=bool)}
    if known:
        times = np.sum([among(each) for each in known], axis=0)
        groups["seen"], groups["partly"] = times == len(known), (times > 0) & (times < len(known))
        groups["unseen"] = times == 0
    groups["ambiguous"] = among(ambiguous)

    counts = np.bincount(right_tags, minlength=len(names))
    of_tags = [np.stack([np.bincount(right_tags[each], minlength=len(names)) for each in side]) for side in right]
    only = [
        [
            np.stack([right_tags, tags, forms], axis=1)[one & ~too]
            for one in right[side]
            for tags, too in zip(said[1 - side], right[1 - side], strict=True)
        ]
        for side in (0, 1)
    ]
    return {
        "words": len(forms),
        "groups": {
            name: _accuracies(int(mask.sum()), *(side[:, mask].sum(1) for side in right))
            for name, mask in groups.items()
            if mask.any()
        },
        "tags": {
            names[i]: _accuracies(int(counts[i]), *(side[:, i] for side in of_tags))
            for i in np.argsort(-counts, kind="stable").tolist()
            if counts[i]
        },
        "difference": difference.value,
        "interval": [difference.low, difference.high],
        "p": difference.p,
        "significant": difference.p < LEVEL,
        "rounds": ROUNDS,
        "only_a": _confusions(only[0], names, gold.form_names),
        "only_b": _confusions(only[1], names, gold.form_names),
    }


def _confusions(pairs: Sequence[np.ndarray], names: Sequence[str], form_names: Sequence[str]) -> list[dict[str, Any]]:
    """The words that a side alone gets right, by confusion; see `compare`.

    Args:
        pairs: for each pair of taggers, rows of a gold tag, the other side's tag and a form, as numbers.
        names: of the tags.
        form_names: of the forms.
    """
    kinds, counts = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
    confusions: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for (gold, wrong, form), count in zip(kinds.tolist(), counts.tolist(), strict=True):
        confusions.setdefault((names[gold], names[wrong]), []).append((count, form_names[form]))

    def mean(count: int) -> float:
        return count if len(pairs) == 1 else count / len(pairs)  # one pair has whole numbers

    found = [
        {
            "gold": gold,
            "wrong": wrong,
            "count": mean(sum(count for count, _ in words)),
            "words": [[form, mean(count)] for count, form in sorted(words, key=lambda word: (-word[0], word[1]))],
        }
        for (gold, wrong), words in confusions.items()
    ]
    return sorted(found, key=lambda one: (-one["count"], one["gold"], one["wrong"]))


def _accuracies(words: int, right_a: np.ndarray, right_b: np.ndarray) -> dict[str, Any]:
    """The accuracies in a group of words, of which each tagger of a side gets so many right."""
    a, b = ((right / words).tolist() for right in (right_a, right_b))
    return {"words": words, "a": sum(a) / len(a), "b": sum(b) / len(b), "a_each": a, "b_each": b}
