"""Scores to the loss, tags, and probabilities."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tagger.model.decoder import Decoded, Decoder, top_tags
from tagger.model.vocabulary import IGNORE
from tagger.tagging import decoding
from tagger.tagging.decoding import Combinations

N, K = 12, 6
COUNTS = [4, 4, 3, 1]  # of 12 tokens in 4 sentences
SOFTMAX = Decoder()


@pytest.fixture
def scores() -> Tensor:
    torch.manual_seed(1)
    return 3 * torch.randn(N, K)


def decode(scores: Tensor, top: int, temperature: float = 1.0) -> Decoded:
    """The best tags of independent tokens."""
    return top_tags(SOFTMAX.log_probabilities(scores, COUNTS, temperature), SOFTMAX.best(scores, COUNTS), top)


def shares_of(decoded: Decoded) -> np.ndarray:
    assert decoded.probabilities is not None
    return decoded.probabilities


def test_the_loss_is_the_cross_entropy_of_tokens_with_a_tag() -> None:
    torch.manual_seed(1)
    scores, targets = torch.randn(5, 3, K), torch.randint(K, (5, 3))
    targets[3:, 1] = IGNORE
    loss = SOFTMAX.loss(scores, targets, torch.tensor([5, 3, 5]))
    known = targets != IGNORE
    torch.testing.assert_close(loss, cross_entropy(scores[known], targets[known]))
    assert SOFTMAX.loss(scores, torch.full_like(targets, IGNORE), torch.tensor([5, 3, 5])) == 0


def test_tokens_of_a_softmax_do_not_depend_on_the_tags_of_others(scores: Tensor) -> None:
    at = torch.tensor([9, 2])
    found = SOFTMAX.log_conditionals(scores, COUNTS, SOFTMAX.best(scores, COUNTS), at)
    torch.testing.assert_close(found, scores[at].log_softmax(-1))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_probabilities_are_the_softmax(scores: Tensor, temperature: float) -> None:
    found = decode(scores, K, temperature=temperature)
    expected = (scores / temperature).softmax(-1).sort(descending=True)
    assert np.array_equal(found.ids, expected.indices.numpy())
    assert np.allclose(shares_of(found), expected.values.numpy(), atol=1e-6)
    assert np.array_equal(shares_of(decode(scores, 2, temperature=temperature)), shares_of(found)[:, :2])
    assert decode(scores, top=K + 5).ids.shape == (N, K)


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
    monkeypatch.setattr(decoding, "MAX_SCORES", held)
    chosen = torch.stack(choose(KNOWN, columns), dim=1).tolist()
    logs = [column.log_softmax(-1) for column in columns]
    for token, found in enumerate(chosen):
        sums = [sum(float(log[token, tag]) for log, tag in zip(logs, tags, strict=True)) for tags in KNOWN]
        assert found == KNOWN[int(np.argmax(sums))]


def choose(known: list[list[int]], columns: list[Tensor]) -> list[Tensor]:
    """The tags that are chosen from scores."""

    def logs(at: Tensor) -> list[Tensor]:
        return [column[at].log_softmax(-1) for column in columns]

    return Combinations(known, SIZES).choose([column.argmax(-1) for column in columns], logs)


def test_a_token_that_can_have_no_known_combination_keeps_its_best_tags(columns: list[Tensor]) -> None:
    columns[0][:100, :] = -torch.inf
    columns[0][:100, 4] = 1.0  # KNOWN has it with tag 0 of the second column alone
    columns[1][:100, 0] = -torch.inf
    chosen = choose(KNOWN, columns)
    for column, tags in zip(columns, chosen, strict=True):
        assert torch.equal(tags[:100], column[:100].argmax(-1))
    assert set(map(tuple, torch.stack(chosen, dim=1)[100:].tolist())) <= set(map(tuple, KNOWN))


@pytest.mark.parametrize("tags", [1, 5, 300])
def test_the_best_tags_follow_the_chosen_one_in_the_order_of_a_stable_sort(tags: int) -> None:
    logs = torch.randn(200, tags, generator=torch.Generator().manual_seed(1)).bfloat16().float().log_softmax(-1)
    logs[:50, ::2] = -torch.inf
    logs[50:100] = logs[50:100].round()  # many are equal
    chosen = torch.arange(200) % tags
    expected = logs.sort(dim=-1, descending=True, stable=True).indices
    for top in (1, 2, 9):
        found = top_tags(logs, chosen, top)
        for row, first, order in zip(found.ids.tolist(), chosen.tolist(), expected.tolist(), strict=True):
            assert row == [first, *(tag for tag in order if tag != first)][:top]
        assert np.allclose(shares_of(found), np.take_along_axis(logs.exp().numpy(), found.ids, 1), atol=1e-6)
