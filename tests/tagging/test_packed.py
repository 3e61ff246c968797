"""Numbers of rows: few different ones, none much larger than it must be. Which layers can tag, and what copies keep."""

import copy

import pytest
import torch
from tagger.tagging.packed import GRUPair, Layer, direction, max_extra_rows, padded_rows
from torch import Tensor, nn

from tagger.model.cells import RNNCell
from tagger.model.encoder import CELLS, BidirectionalLayer, RecurrentLayer, TorchLayer, make_layer


def test_few_numbers_of_rows() -> None:
    numbers = range(1, 20_000)
    assert all(n <= padded_rows(n) <= n + max_extra_rows(n) for n in numbers)
    assert all(max_extra_rows(n) <= max_extra_rows(n + 1) for n in numbers)
    assert all(padded_rows(padded_rows(n)) == padded_rows(n) for n in numbers)
    assert len({padded_rows(n) for n in numbers}) < 150
    assert [padded_rows(n, torch.float32) for n in (1, 7, 9)] == [1, 7, 16]
    assert [padded_rows(n) for n in (1, 8, 9, 100, 300, 16_000)] == [8, 8, 16, 104, 304, 16_384]


class _Leaky(RNNCell):
    """A cell that is made from another and computes something else."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return 0.5 * h + 0.5 * super().forward(x, h)


class _OwnLayer(TorchLayer):
    """A layer that may compute something else than the torch layer in it."""


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (RecurrentLayer(nn.GRUCell(3, 4)), "GRUCell"),
        (RecurrentLayer(_Leaky(3, 4)), "_Leaky"),
        (nn.Linear(3, 4), "Linear"),
        (_OwnLayer(nn.GRU(3, 4)), "_OwnLayer"),
    ],
)
def test_an_unknown_cell_or_layer_says_what_to_add(layer: nn.Module, name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"^{name} cannot tag: add a Direction .*packed\.py.*cells\.md"):
        direction(layer, torch.float32)


@pytest.mark.parametrize("cell", CELLS)
def test_a_copy_has_no_states(cell: str) -> None:
    packed = direction(make_layer(cell, 3, 4), torch.float32)
    before = set(vars(packed))
    packed.start(8)
    gates = torch.randn(8, 3) @ packed.W_x + packed.b_x
    packed.prepare(gates)
    expected = packed.step(gates.clone(), 8).clone()
    copied = copy.deepcopy(packed)
    assert set(vars(copied)) == before
    copied.start(8)
    assert torch.equal(copied.step(gates.clone(), 8), expected)


def layer(cell: str = "gru", forward: int = 24, backward: int = 24, dtype: torch.dtype = torch.float32) -> Layer:
    torch.manual_seed(1)
    directions = [make_layer(cell, 10, size) if size else None for size in (forward, backward)]
    return Layer(BidirectionalLayer(*directions), dtype)


@pytest.mark.parametrize("cell", ["gru", "gru_scratch"])
@pytest.mark.parametrize("tokens", [1, 2, 7, 30])
def test_states_are_those_of_the_directions(cell: str, tokens: int) -> None:
    trained = layer(cell)
    pair = GRUPair.of(trained.directions)
    assert pair is not None
    gates = trained.prepare(torch.randn(tokens + 8, trained.W_x.shape[1]))
    expected, found = torch.empty(2, tokens, 48)
    with torch.inference_mode():
        trained.scan(gates, [1] * tokens, expected)
        pair.scan(gates[:tokens], found)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert expected.abs().max() > 0.01


def test_other_layers_are_no_pair() -> None:
    assert GRUPair.of(layer(backward=16).directions) is None
    assert GRUPair.of(layer("lstm").directions) is None
    assert GRUPair.of(layer(dtype=torch.bfloat16).directions) is None
    assert GRUPair.of(layer(backward=0).directions) is None
