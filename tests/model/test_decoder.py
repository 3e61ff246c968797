"""Scores to tags and probabilities."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tagger.model import decoder
from tagger.model.decoder import Combinations, decode

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


SIZES = [5, 4, 3]
KNOWN = [[0, 0, 0], [0, 1, 2], [1, 1, 1], [2, 3, 0], [3, 2, 2], [4, 0, 1]]


@pytest.fixture
def columns() -> list[Tensor]:
    torch.manual_seed(2)
    return [2 * torch.randn(200, size) for size in SIZES]


@pytest.mark.parametrize("held", [1, 1 << 22])
def test_the_most_probable_known_combination_is_chosen(
    columns: list[Tensor], monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(decoder, "MAX_SCORES", held)
    chosen = torch.stack(Combinations(KNOWN, SIZES).choose(columns), dim=1).tolist()
    logs = [column.log_softmax(-1) for column in columns]
    for token, found in enumerate(chosen):
        sums = [sum(float(log[token, tag]) for log, tag in zip(logs, tags, strict=True)) for tags in KNOWN]
        assert found == KNOWN[int(np.argmax(sums))]


def test_the_best_tags_of_each_column_stay_where_training_has_them_together(columns: list[Tensor]) -> None:
    every = [[a, b, c] for a in range(5) for b in range(4) for c in range(3)]
    for column, chosen in zip(columns, Combinations(every, SIZES).choose(columns), strict=True):
        assert torch.equal(chosen, column.argmax(-1))


def test_a_chosen_tag_stands_first_with_its_own_probability(scores: Tensor) -> None:
    plain, chosen = decode(scores, K, True), torch.arange(N) % K
    found = decode(scores, K, True, chosen)
    assert found.probabilities is not None
    assert plain.probabilities is not None
    assert np.array_equal(found.ids[:, 0], chosen.numpy())
    shares = scores.softmax(-1).numpy()
    for token in range(N):
        rest = [tag for tag in plain.ids[token].tolist() if tag != chosen[token]]
        assert found.ids[token].tolist() == [int(chosen[token]), *rest]
        assert np.allclose(found.probabilities[token], shares[token, found.ids[token]], atol=1e-6)
    assert np.array_equal(decode(scores, chosen=chosen).ids[:, 0], chosen.numpy())
    assert np.array_equal(decode(scores, 2, True, chosen).ids, found.ids[:, :2])
