"""The errors of two sides in each sentence -> the difference of their accuracies, its interval and its p-value.

Both computations take sentences as what was sampled. The p-value is that of paired approximate randomization (Noreen
1989, Computer-Intensive Methods for Testing Hypotheses; Yeh 2000, More accurate tests for the statistical significance
of result differences): how often would a difference at least as large come about if, for each sentence, a coin decided
which side gave which answer? The interval is that of the bootstrap (Efron 1979): the differences on samples of as many
sentences, drawn with replacement.

Sentences that have the same numbers are drawn together, as a binomial or a multinomial count. That gives the same
distribution as drawing them one by one, in a time and a memory that hardly depend on the number of sentences.
"""

# A, B taggers of the two sides; S sentences; R rounds; K distinct sentences, by their numbers

from typing import NamedTuple

import numpy as np

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
