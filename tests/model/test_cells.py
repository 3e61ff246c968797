"""The scratch cells against torch's, with the same weights."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tagger.model.cells import GRUCell, MinGRUCell, RNNCell

B, I, H = 3, 5, 4  # noqa: E741


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(B, I, requires_grad=True), torch.randn(B, H, requires_grad=True)


def gradients(output: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    """Of a sum whose terms all count differently."""
    weights = torch.arange(1.0, output.numel() + 1).reshape(output.shape)
    return list(torch.autograd.grad((weights * output).sum(), parameters))


def test_rnn_cell_equals_torch(inputs: tuple[Tensor, Tensor]) -> None:
    theirs, ours = nn.RNNCell(I, H), RNNCell(I, H)
    with torch.no_grad():
        ours.W_xh.copy_(theirs.weight_ih.T)
        ours.W_hh.copy_(theirs.weight_hh.T)
        ours.b_h.copy_(theirs.bias_ih + theirs.bias_hh)
    expected, actual = theirs(*inputs), ours(*inputs)
    assert actual.shape == (B, H)
    assert_close(actual, expected)
    x, h, w_ih, w_hh, b = gradients(expected, [*inputs, theirs.weight_ih, theirs.weight_hh, theirs.bias_ih])
    assert_close(gradients(actual, [*inputs, ours.W_xh, ours.W_hh, ours.b_h]), [x, h, w_ih.T, w_hh.T, b])


def test_gru_cell_equals_torch(inputs: tuple[Tensor, Tensor]) -> None:
    theirs, ours = nn.GRUCell(I, H), GRUCell(I, H)
    with torch.no_grad():
        ours.W_x.copy_(theirs.weight_ih.T)
        ours.W_h.copy_(theirs.weight_hh.T)
        ours.b_x.copy_(theirs.bias_ih)
        ours.b_h.copy_(theirs.bias_hh)
    expected, actual = theirs(*inputs), ours(*inputs)
    assert actual.shape == (B, H)
    assert_close(actual, expected)
    x, h, w_ih, w_hh, b_ih, b_hh = gradients(
        expected, [*inputs, theirs.weight_ih, theirs.weight_hh, theirs.bias_ih, theirs.bias_hh]
    )
    assert_close(
        gradients(actual, [*inputs, ours.W_x, ours.W_h, ours.b_x, ours.b_h]), [x, h, w_ih.T, w_hh.T, b_ih, b_hh]
    )


@pytest.mark.parametrize("cell", [RNNCell, GRUCell])
def test_weights_start_within_torchs_bound(cell: type[RNNCell | GRUCell]) -> None:
    for parameter in cell(3, 16).parameters():
        assert 0.2 < parameter.abs().max() <= 0.25


def test_mingru_by_hand() -> None:
    cell = MinGRUCell(1, 1)
    with torch.no_grad():
        cell.W_x.copy_(torch.tensor([[2.0, 0.5]]))
        cell.b_x.copy_(torch.tensor([0.0, -1.0]))
    z, n = 1 / (1 + math.exp(-6)), math.tanh(0.5)  # of x = 3
    assert cell(torch.tensor([[3.0]]), torch.tensor([[0.25]])).item() == pytest.approx((1 - z) * 0.25 + z * n)
