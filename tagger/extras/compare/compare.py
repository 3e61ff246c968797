"""The tags of two sides beside gold tags -> accuracies, whether they differ significantly, and the words that differ.

Both computations take sentences as what was sampled. The p-value is that of paired approximate randomization (Noreen
1989, Computer-Intensive Methods for Testing Hypotheses; Yeh 2000, More accurate tests for the statistical significance
of result differences): how often would a difference at least as large come about if, for each sentence, a coin decided
which side gave which answer? The interval is that of the bootstrap (Efron 1979): the differences on samples of as many
sentences, drawn with replacement.

Sentences that have the same numbers are drawn together, as a binomial or a multinomial count. That gives the same
distribution as drawing them one by one, in a time and a memory that hardly depend on the number of sentences.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted, is_annotated, is_given

ROUNDS = 10_000
LEVEL = 0.05  # p-values below it are called significant; the interval has the share 1 - LEVEL
TABLE_WIDTH = 80  # terminal cells
_SEED = 1  # the same for all: the same files give the same numbers
_SHOWN = 10  # rows in a terminal, for each side
_WIDTHS = (28, 13, 13, 13)  # cells of a word and of its three tags

# S sentences; R rounds; K distinct sentences, by their numbers


class Difference(NamedTuple):
    """The accuracy of the first side less that of the second, in [-1, 1], its interval, and its two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    gains: np.ndarray, words: np.ndarray, rounds: int = ROUNDS, max_cells: int = 4_000_000
) -> Difference:
    """Compares two sides: `gains` (S,) is how many words more the first gets right of the `words` (S,) of a sentence.

    `max_cells` are the numbers that a part of the bootstrap's rounds may draw at once.
    """
    low, high = np.quantile(_bootstrap(gains, words, rounds, max_cells), [LEVEL / 2, 1 - LEVEL / 2])
    return Difference(float(gains.sum() / words.sum()), float(low), float(high), _p_value(gains, rounds))


def _p_value(gains: np.ndarray, rounds: int) -> float:
    """The p-value of whole numbers (S,): exchanging the sides of a sentence turns the sign of its gain."""
    draw = np.random.default_rng(_SEED)
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)  # (K,) (K,)
    sums = np.zeros(rounds, dtype=np.int64)  # (R,)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2 * draw.binomial(count, 0.5, size=rounds) - count)
    return (int((np.abs(sums) >= abs(gains.sum())).sum()) + 1) / (rounds + 1)


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


def same_sentences(
    tagged: Iterable[Sentence], gold: Iterable[Sentence], path: str, gold_path: str
) -> Iterator[Sentence]:
    """Yields the sentences of a tagged file, while they have the words of the gold sentences."""
    for number, (one, other) in enumerate(zip_longest(tagged, gold), 1):
        if one is None or other is None or one.tokens != other.tokens:
            found, wanted = ("nothing" if each is None else shorten(" ".join(each.tokens)) for each in (one, other))
            raise InputError(
                f"{path}, sentence {number:,}: {found} where {gold_path} has {wanted}; a tagged file must have the"
                " sentences and words of the gold file"
            )
        yield one


class _Column:
    """The counts of one column, while sentences are read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_tags = [False, False, False]  # of gold, A and B: whether there are more than blanks
        self.right = [0, 0]
        self.gains, self.words = array("q"), array("q")  # of each sentence
        self.different: Counter[tuple[str, str, str, str]] = Counter()  # word, gold tag, A's and B's

    def add(self, gold: Sentence, a: Sentence, b: Sentence) -> None:
        tags = [side.tags.get(self.name) or [""] * len(gold) for side in (gold, a, b)]
        self.has_tags = [known or any(map(is_given, each)) for known, each in zip(self.has_tags, tags, strict=True)]
        rows = [row for row in zip(gold.tokens, *tags, strict=True) if is_annotated(self.name, row[1], row[0])]
        right = [sum(row[side] == row[1] for row in rows) for side in (2, 3)]
        self.right = [total + one for total, one in zip(self.right, right, strict=True)]
        self.gains.append(right[0] - right[1])
        self.words.append(len(rows))
        self.different.update(row for row in rows if row[2] != row[3])

    def result(self) -> dict[str, Any]:
        words = sum(self.words)
        value, low, high, p = paired_difference(np.array(self.gains), np.array(self.words))
        return {
            "words": words,
            "a": self.right[0] / words,
            "b": self.right[1] / words,
            "difference": value,
            "interval": [low, high],
            "p": p,
            "significant": p < LEVEL,
            "rounds": ROUNDS,
            "different": [[*row, n] for row, n in sorted(self.different.items(), key=lambda row: (-row[1], row[0]))],
        }


def compare(
    sentences: Iterable[tuple[Sentence, Sentence, Sentence]], columns: Sequence[str], names: Sequence[str], every: bool
) -> dict[str, dict[str, Any]]:
    """Compares sentences with gold tags, with the tags of side A and with those of side B in some columns.

    If `every`, all three must have each of the columns; else those count that all three have. `names` are those of the
    gold files, of A and of B.

    Returns:
        For each column: `words`, those with a gold tag; `a` and `b`, the accuracies; `difference` of the two, its
        `interval`, `p`, `significant` and `rounds`; and `different`: [word, gold tag, A's tag, B's tag, count], the
        most frequent first. Shares are in [0, 1].
    """
    found = [_Column(column) for column in columns]
    for gold, a, b in sentences:
        for column in found:
            column.add(gold, a, b)
    for column in found if every else ():
        for name, there in zip(names, column.has_tags, strict=True):
            if not there:
                raise InputError(f"{name}: no tags in the column {column.name}; name another --column, or none")
    common = {column.name: column.result() for column in found if all(column.has_tags)}
    if not common:
        have = (", ".join(c.name for c in found if c.has_tags[i]) or "none" for i in range(3))
        shown = "; ".join(f"{name}: {columns}" for name, columns in zip(names, have, strict=True))
        raise InputError(f"no column with tags in all three ({shown}); compare others")
    return common


def format_comparison(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The result of `compare` as text at most TABLE_WIDTH cells wide."""
    lines = []
    for column, values in found.items():
        low, high = (f"{100 * bound:+.2f}" for bound in values["interval"])
        significant = "significant" if values["significant"] else "not significant"
        lines += [
            f"{column}, {values['words']:,} words: A {100 * values['a']:.2f}%, B {100 * values['b']:.2f}%",
            f"  A - B: {100 * values['difference']:+.2f} points (95 %: {low} to {high}), p = {values['p']:.4f},"
            f" {significant}",
        ]
        for side, place in (("A", 2), ("B", 3)):
            rows = [row for row in values["different"] if row[place] == row[1]]
            lines.append(f"  {side} alone is right: {sum(row[-1] for row in rows):,} words")
            lines += [_row("word", "gold", "A", "B", "count")] if rows else []
            lines += [_row(*row[:4], f"{row[4]:,}") for row in rows[:_SHOWN]]
            lines += [f"    ({len(rows) - _SHOWN:,} more; --csv FILE has all)"] if len(rows) > _SHOWN else []
        lines.append("")
    return "\n".join(lines)


def _row(*cells: str) -> str:
    shown = [fitted(cell, width - 1) for cell, width in zip(cells, _WIDTHS, strict=False)]
    padded = "".join(cell + " " * (width - display_width(cell)) for cell, width in zip(shown, _WIDTHS, strict=True))
    return f"    {padded}{cells[-1]:>7}"
