"""Numbers of rows: few different ones, none much larger than it must be. Steps for tagging are those of training."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tagger.model.cells import GRUCell, RNNCell
from tagger.model.encoder import CELLS, BidirectionalLayer
from tagger.model.recurrent import Cell, RecurrentLayer
from tagger.tagging.stack import Layer, max_extra_rows, padded_rows


class _Leaky(RNNCell):
    """A cell that has no steps of its own."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return 0.5 * h + 0.5 * super().forward(x, h)


ALL = {**CELLS, "leaky": Cell(RecurrentLayer, _Leaky), "own GRU": Cell(RecurrentLayer, GRUCell)}


def test_few_numbers_of_rows() -> None:
    numbers = range(1, 20_000)
    assert all(n <= padded_rows(n) <= n + max_extra_rows(n) for n in numbers)
    assert all(max_extra_rows(n) <= max_extra_rows(n + 1) for n in numbers)
    assert all(padded_rows(padded_rows(n)) == padded_rows(n) for n in numbers)
    assert len({padded_rows(n) for n in numbers}) < 150
    assert [padded_rows(n, torch.float32) for n in (1, 7, 9)] == [1, 7, 9]
    assert [padded_rows(n) for n in (1, 8, 9, 100, 300, 16_000)] == [8, 8, 16, 104, 304, 16_384]


@dataclass
class Trained:
    """Directions of one cell and their steps for tagging."""

    layers: list[Any]
    steps: Any

    @classmethod
    def of(cls, cell: Cell, count: int, dtype: torch.dtype = torch.float32) -> "Trained":
        torch.manual_seed(1)
        layers = [cell.make(5, 16) for _ in range(count)]
        return cls(layers, cell.steps(layers, 5, dtype))


@pytest.mark.parametrize("cell", ALL)
@pytest.mark.parametrize(
    ("count", "spare"), [(1, 0), (3, 0), (2, 4)]
)  # spare: rows of a step that belong to no sentence
@torch.no_grad()
def test_steps_are_those_of_the_layer(cell: str, count: int, spare: int) -> None:
    """All sentences have a token at each step, and the last `spare` rows are ignored."""
    trained, sentences = Trained.of(ALL[cell], count), 6
    steps = trained.steps
    x = torch.randn(7, sentences, 5)
    expected = torch.stack([layer(x, torch.full((sentences,), len(x)))[0] for layer in trained.layers], dim=1)
    h = torch.zeros(count, sentences + spare, steps.state_size)
    for x_t, states in zip(x, expected, strict=True):
        rows = torch.cat([x_t, torch.randn(spare, 5)])
        products = torch.baddbmm(steps.b_x, rows.expand(count, -1, -1), steps.W_x)
        steps.prepare(products)
        steps.step(steps.split(products), h, h[:, :sentences])
        torch.testing.assert_close(h[:, :sentences, :16], states, atol=1e-6, rtol=1e-5)
    assert expected.abs().max() > 0.01


@pytest.mark.parametrize("cell", ALL)
@torch.no_grad()
def test_some_of_the_directions(cell: str) -> None:
    steps = Trained.of(ALL[cell], 4).steps
    part = steps[1:3]
    x = torch.randn(2, 8, steps.W_x.shape[2])
    h, other = torch.zeros(2, 2, 8, steps.state_size)
    part.step(part.split(x.clone()), h, h)
    whole = torch.zeros(4, 8, steps.state_size)
    steps.step(steps.split(torch.cat([x[:1], x, x[:1]])), whole, whole)
    assert torch.allclose(h, whole[1:3], atol=1e-6)
    assert not torch.allclose(h, other)


@pytest.mark.parametrize(("forward", "backward", "stacked"), [(4, 4, [4]), (4, 3, [2, 2]), (4, 0, [2]), (0, 3, [2])])
def test_directions_of_one_size_take_their_steps_together(forward: int, backward: int, stacked: list[int]) -> None:
    cell = CELLS["gru"]

    def direction(size: int) -> nn.Module | None:
        return cell.make(5, size) if size else None

    layers = [BidirectionalLayer(direction(forward), direction(backward)) for _ in range(2)]
    layer = Layer(cell, layers, 5, torch.float32)
    assert [len(steps.W_x) for steps in layer.steps] == stacked
    assert layer.width == forward + backward
    assert [one.backward for one in layer.passes] == [False] * bool(forward) + [True] * bool(backward)
    assert layer.passes[-1].gates.stop == 2 * 3 * (forward + backward)
    assert "passes" not in layer.__getstate__()
