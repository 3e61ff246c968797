"""Scores to tags and probabilities."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tagger.model.decoder import decode

N, K = 12, 6


@pytest.fixture
def scores() -> Tensor:
    torch.manual_seed(1)
    return 3 * torch.randn(N, K)


def test_the_best_tag_is_the_argmax(scores: Tensor) -> None:
    expected = scores.argmax(-1).numpy()
    plain = decode(scores)
    assert plain.ids.shape == (N, 1)
    assert plain.probabilities is None
    for decoded in (plain, decode(scores, probabilities=True), decode(scores, top=3), decode(scores, 3, True)):
        assert np.array_equal(decoded.ids[..., 0], expected)


def test_asking_for_probabilities_does_not_change_a_tag_that_ties() -> None:
    scores = torch.tensor([[1.0, 1.0, 0.0, 1.0], [20.0, 20.000002, 0.0, 0.0]])
    expected = decode(scores).ids
    assert np.array_equal(decode(scores, probabilities=True).ids, expected)
    assert np.array_equal(decode(scores, top=2, probabilities=True).ids[..., :1], expected)


def test_probabilities_are_the_softmax(scores: Tensor) -> None:
    ids, probabilities = decode(scores, top=K, probabilities=True)
    assert probabilities is not None
    assert ids.shape == probabilities.shape == (N, K)
    assert np.allclose(probabilities.sum(-1), 1, atol=1e-5)
    expected = scores.softmax(-1).numpy()
    assert np.allclose(probabilities, np.take_along_axis(expected, ids, axis=-1), atol=1e-6)
    assert (np.sort(ids, axis=-1) == np.arange(K)).all()
    assert (np.diff(probabilities, axis=-1) <= 0).all()


def test_top_is_the_head_of_the_whole_ranking(scores: Tensor) -> None:
    whole, part = decode(scores, K, True), decode(scores, 2, True)
    assert whole.probabilities is not None
    assert part.probabilities is not None
    assert np.array_equal(part.ids, whole.ids[..., :2])
    assert np.array_equal(part.probabilities, whole.probabilities[..., :2])


def test_more_than_all_tags_are_all_tags(scores: Tensor) -> None:
    assert decode(scores, top=K + 5, probabilities=True).ids.shape == (N, K)


def test_half_precision_scores_give_probabilities_that_add_up(scores: Tensor) -> None:
    _, probabilities = decode(scores.bfloat16(), top=K, probabilities=True)
    assert probabilities is not None
    assert np.allclose(probabilities.sum(-1), 1, atol=1e-5)
