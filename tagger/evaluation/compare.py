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
from typing import Any, NamedTuple

import numpy as np

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_annotated

# W words, S sentences, F distinct forms, K distinct tags of a column


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


# A, B taggers of the two sides; S sentences; R rounds; K distinct sentences, by their numbers


ROUNDS = 10_000
LEVEL = 0.05  # p-values below it are called significant; the interval has the share 1 - LEVEL
_SEED = 1  # the same for all: the same files give the same numbers
_MAX_CELLS = 4_000_000  # numbers that a part of the rounds may draw at once


class Difference(NamedTuple):
    """The accuracy of the first side less that of the second, in [-1, 1]."""

    value: float
    low: float  # its interval
    high: float
    p: float  # in (0, 1]; two-sided


def paired_difference(
    errors_a: np.ndarray, errors_b: np.ndarray, words: np.ndarray, rounds: int = ROUNDS
) -> Difference:
    """Compares two sides. What counts of a side in a sentence is the mean number of errors of its taggers.

    Args:
        errors_a: (A, S) the errors of each tagger of the first side in each sentence.
        errors_b: (B, S) the same of the second side.
        words: (S,) the words of each sentence, at least one in all.
        rounds: of the randomization, and of the bootstrap.
    """
    # (S,) how many errors fewer the first side makes, times A times B: whole numbers are compared without rounding
    gains = len(errors_a) * errors_b.sum(0, dtype=np.int64) - len(errors_b) * errors_a.sum(0, dtype=np.int64)
    scale = len(errors_a) * len(errors_b)
    value = float(gains.sum() / (scale * words.sum()))
    low, high = np.quantile(_bootstrap(gains, words, rounds) / scale, [LEVEL / 2, 1 - LEVEL / 2])
    return Difference(value, float(low), float(high), _p_value(gains, rounds))


def _p_value(gains: np.ndarray, rounds: int) -> float:
    """The p-value by paired approximate randomization.

    Exchanging the sides of a sentence turns its gain round. So a round is a sum of the gains with random signs.

    Args:
        gains: (S,) whole numbers.
        rounds: R.
    """
    draw = np.random.default_rng(_SEED)
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)  # (K,) (K,)
    sums = np.zeros(rounds, dtype=np.int64)  # (R,)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2 * draw.binomial(count, 0.5, size=rounds) - count)
    as_large = int((np.abs(sums) >= abs(gains.sum())).sum())
    return (as_large + 1) / (rounds + 1)


def _bootstrap(gains: np.ndarray, words: np.ndarray, rounds: int) -> np.ndarray:
    """(R,) the gain per word in samples of S sentences."""
    draw = np.random.default_rng(_SEED)
    gains, words = gains[words > 0], words[words > 0]
    kinds, counts = np.unique(np.stack([gains, words], axis=1), axis=0, return_counts=True)  # (K, 2) (K,)
    part = max(1, _MAX_CELLS // len(kinds))
    found = []
    for start in range(0, rounds, part):
        drawn = draw.multinomial(len(gains), counts / len(gains), size=min(part, rounds - start))
        sums = drawn @ kinds
        found.append(sums[:, 0] / sums[:, 1])
    return np.concatenate(found)


FORMATS = ("conllu", "tsv", "csv", "slash")  # of which it is known how many lines a sentence takes
_LINE_PER_WORD = ("tsv", "csv")
_REMEDY = "a tagged file must have the sentences and words of the gold file"


def same_sentences(
    tagged: Iterable[Sentence], gold: Iterable[list[str]], path: str, format: str, gold_path: str
) -> Iterator[Sentence]:
    """Yields the sentences of a tagged file that have words, while they are those of the gold file.

    Args:
        tagged: all sentences of the file, as `readers.read` yields them.
        gold: the words of each sentence that has words.
        path: the tagged file, for error messages.
        format: one of `FORMATS`, which says how many lines a sentence has.
        gold_path: the gold file, for error messages.

    Raises:
        InputError: a word differs, or a sentence begins or ends elsewhere.
    """
    rest = iter(gold)
    line = 1
    number = 0
    for sentence in tagged:
        if sentence.tokens:
            number += 1
            _check(sentence, next(rest, None), line, number, path, format, gold_path)
            yield sentence
        line += _line_count(sentence, format)
    missing = next(rest, None)
    if missing is not None:
        raise InputError(
            f"{path}, line {line}: the file ends after sentence {number:,}, and {gold_path} goes on with"
            f" {shorten(' '.join(missing))}; {_REMEDY}"
        )


def _check(
    sentence: Sentence, gold: list[str] | None, line: int, number: int, path: str, format: str, gold_path: str
) -> None:
    """Raises InputError if the words of a sentence, which begins in a line, are not those of the gold sentence."""
    if sentence.tokens == gold:
        return
    if gold is None:
        found, expected, place = sentence.tokens[0], f"{gold_path} has ended", 0
    else:
        common = min(len(sentence), len(gold))
        place = next((i for i in range(common) if sentence.tokens[i] != gold[i]), common)
        found = sentence.tokens[place] if place < len(sentence) else ""
        expected = f"{gold_path} has {shorten(gold[place])}" if place < len(gold) else f"{gold_path} ends the sentence"
    where = f"{path}, line {line + _line_of_word(sentence, place, format)}"
    shown = shorten(found) if found else "the sentence ends"
    raise InputError(f"{where}: {shown} where {expected}, in sentence {number:,}, word {place + 1}; {_REMEDY}")


def _line_count(sentence: Sentence, format: str) -> int:
    """The lines of a file that a sentence takes, with the one that ends it."""
    return _line_of_word(sentence, len(sentence), format) + 1 if sentence.lines is None else len(sentence.lines)


def _line_of_word(sentence: Sentence, place: int, format: str) -> int:
    """The lines of a sentence before that of a word; after the last word, those before the line that ends it."""
    if sentence.lines is not None:
        words = [i for i, line in enumerate(sentence.lines) if line.partition("\t")[0].isdecimal()]
        return words[place] if place < len(words) else len(sentence.lines) - (not sentence.lines[-1].strip())
    return place if format in _LINE_PER_WORD else 0


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
