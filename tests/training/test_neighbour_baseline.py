"""The count model backs off from both neighbours to the better one, and to the most frequent word."""

import numpy as np
import pytest

from tagger.training.pretrain import NeighbourModel

A, B, C, D = range(1, 5)  # neighbours; 0 is a sentence's edge


def model(*triples: tuple[int, int, int]) -> NeighbourModel:
    left, word, right = np.array(triples).T
    return NeighbourModel(left, word, right)


def guess(found: NeighbourModel, left: int, right: int) -> int:
    return int(found.predict(np.array([left]), np.array([right]))[0])


def test_what_stood_most_often_between_both() -> None:
    found = model((A, 7, B), (A, 8, B), (A, 8, B), (A, 7, C), (A, 7, C), (0, 9, 0))
    assert guess(found, A, B) == 8
    assert guess(found, A, C) == 7
    assert guess(found, 0, 0) == 9


def test_the_neighbour_that_says_more() -> None:
    found = model((A, 7, B), (A, 7, B), (A, 7, B), (C, 5, D), (C, 6, D), (C, 8, B))
    assert guess(found, A, D) == 7  # 3 of 3 beside A; of D's two words each has one
    assert guess(found, C, B) == 8  # seen so
    assert guess(found, C, 99) == 5  # C alone: the smaller of equals
    assert guess(found, 99, D) == 5


def test_the_most_frequent_word_where_neither_is_known() -> None:
    assert guess(model((A, 7, B), (A, 7, B), (C, 5, D)), 98, 99) == 7


def test_words_that_cannot_be_predicted_are_not() -> None:
    found = model((A, -1, B), (A, -1, B), (A, 6, B), (C, -1, D))
    assert guess(found, A, B) == 6
    assert guess(found, C, D) == 6


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_counting_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 5, (2, 300))
    word = rng.integers(-1, 6, 300)
    found = NeighbourModel(left, word, right)
    for a in range(5):
        for b in range(5):
            here = word[(left == a) & (right == b) & (word >= 0)]
            if len(here):
                assert guess(found, a, b) == np.bincount(here).argmax()
