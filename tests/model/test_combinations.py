"""The tags of several columns that are chosen together."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tagger.model import decoder
from tagger.model.decoder import Combinations

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
    chosen = torch.stack(choose(KNOWN, columns), dim=1).tolist()
    logs = [column.log_softmax(-1) for column in columns]
    for token, found in enumerate(chosen):
        sums = [sum(float(log[token, tag]) for log, tag in zip(logs, tags, strict=True)) for tags in KNOWN]
        assert found == KNOWN[int(np.argmax(sums))]


def test_the_best_tags_of_each_column_stay_where_training_has_them_together(columns: list[Tensor]) -> None:
    every = [[a, b, c] for a in range(5) for b in range(4) for c in range(3)]
    for column, chosen in zip(columns, choose(every, columns), strict=True):
        assert torch.equal(chosen, column.argmax(-1))


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
