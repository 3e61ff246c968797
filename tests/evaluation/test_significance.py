"""p-values and intervals against all signs and against another way to compute them."""

from itertools import product

import numpy as np
import pytest

from tagger.evaluation.compare import paired_difference

WORDS = np.array([5, 8, 3, 12, 7, 9, 4, 6, 10, 2, 5, 5])
A = np.array([[0, 1, 0, 2, 1, 0, 0, 1, 1, 0, 2, 0]])
B = np.array([[1, 2, 0, 1, 2, 1, 1, 1, 3, 0, 3, 1]])


def exact_p(gains: np.ndarray) -> float:
    """The share of all choices of signs whose sum is at least as large."""
    sums = [abs(int(np.dot(signs, gains))) for signs in product((-1, 1), repeat=len(gains))]
    return sum(s >= abs(gains.sum()) for s in sums) / len(sums)


def test_the_p_value_is_that_of_all_signs() -> None:
    exact = exact_p((B - A)[0])
    assert 0.01 < exact < 0.2
    found = paired_difference(A, B, WORDS)
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    assert found.value == pytest.approx((B.sum() - A.sum()) / WORDS.sum())
    turned = paired_difference(B, A, WORDS)
    assert (turned.value, turned.p) == (-found.value, found.p)
    assert turned.low == pytest.approx(-found.high, abs=0.005)


def test_several_taggers_count_with_their_mean_errors() -> None:
    a = np.concatenate([A, A + (np.arange(12) % 3 == 0)])  # means with halves
    b = np.concatenate([B, B, B + (np.arange(12) % 4 == 0)])  # means with thirds
    gains = 6 * (b.mean(0) - a.mean(0))
    exact = exact_p(np.rint(gains).astype(int))
    found = paired_difference(a, b, WORDS)
    assert found.value == pytest.approx((b.mean(0) - a.mean(0)).sum() / WORDS.sum())
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    copies = paired_difference(np.repeat(A, 3, axis=0), np.repeat(B, 2, axis=0), WORDS)
    assert copies == pytest.approx(paired_difference(A, B, WORDS))


def test_the_interval_is_that_of_drawn_sentences() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(1, 30, size=300)
    a, b = rng.binomial(words, 0.05)[None], rng.binomial(words, 0.08)[None]
    gains = (b - a)[0]
    drawn = rng.integers(0, 300, size=(10_000, 300))
    low, high = np.quantile(gains[drawn].sum(1) / words[drawn].sum(1), [0.025, 0.975])
    found = paired_difference(a, b, words)
    assert found.low == pytest.approx(low, abs=0.0005)
    assert found.high == pytest.approx(high, abs=0.0005)
    assert found.low < found.value < found.high


def test_equal_sides_differ_by_nothing() -> None:
    assert paired_difference(A, A, WORDS) == (0.0, 0.0, 0.0, 1.0)


def test_the_least_p_value_counts_what_was_seen() -> None:
    none, all_wrong = np.zeros((1, 60), dtype=int), np.ones((1, 60), dtype=int)
    assert paired_difference(none, all_wrong, np.full(60, 4)).p == 1 / 10_001


def test_sentences_without_scored_words_are_not_drawn() -> None:
    wider = [np.concatenate([x, np.zeros((1, 5), dtype=int)], axis=1) for x in (A, B, WORDS[None])]
    assert paired_difference(wider[0], wider[1], wider[2][0]) == paired_difference(A, B, WORDS)


def test_the_rounds_in_parts_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = paired_difference(A, B, WORDS, rounds=500)
    monkeypatch.setattr("tagger.evaluation.compare._MAX_CELLS", 70)
    assert paired_difference(A, B, WORDS, rounds=500) == whole


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    """Of pairs of equally good taggers, about one in twenty has p < 0.05."""
    rng = np.random.default_rng(7)
    words = rng.integers(3, 30, size=200)
    ps = [
        paired_difference(rng.binomial(words, 0.1)[None], rng.binomial(words, 0.1)[None], words, rounds=400).p
        for _ in range(400)
    ]
    assert 8 <= sum(p < 0.05 for p in ps) <= 34  # binomial(400, 0.05): 20, deviation 4.4
