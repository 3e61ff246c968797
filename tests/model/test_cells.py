"""Cells and the GRU of training against torch's, with the same weights; how much dropout drops."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.testing import assert_close

from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.recurrent import Dropout, gru

T, B, I, H = 5, 3, 4, 6  # noqa: E741


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


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("steps", [1, T])
def test_equal_to_torch_in_value_and_gradient(started: bool, steps: int) -> None:
    torch.manual_seed(1)
    theirs = nn.GRU(I, H).double()
    x = torch.randn(steps, B, I, dtype=torch.float64, requires_grad=True)
    initial = torch.randn(B, H, dtype=torch.float64, requires_grad=True) if started else None
    weight = torch.randn(steps, B, H, dtype=torch.float64)
    wanted = [x, *theirs.parameters(), *([initial] if initial is not None else [])]
    expected, _ = theirs(x, None if initial is None else initial[None])
    products = linear(x, theirs.weight_ih_l0, theirs.bias_ih_l0)
    actual = gru(products, theirs.weight_hh_l0, theirs.bias_hh_l0, initial)
    assert_close(actual, expected)
    gradients = [torch.autograd.grad((output * weight).sum(), wanted) for output in (expected, actual)]
    for own, other in zip(*gradients, strict=True):
        assert_close(own, other)
    assert min(gradient.abs().max() for gradient in gradients[0]) > 0 or steps == 1


def test_bfloat16_products_give_float32_gradients_of_weights() -> None:
    torch.manual_seed(3)
    x = torch.randn(T, B, 3 * H)
    W, b = torch.randn(3 * H, H) / 3, torch.randn(3 * H)
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        weights = [W.clone().requires_grad_(), b.clone().requires_grad_()]
        gru(x.to(dtype), *weights).float().sum().backward()
        found.append([weight.grad for weight in weights])
    for exact, reduced in zip(*found, strict=True):
        assert exact is not None
        assert reduced is not None
        assert reduced.dtype == torch.float32
        assert (exact - reduced).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("p", [0.4, 0.002, 0.99])
def test_shares_are_exact_and_independent(p: float) -> None:
    torch.manual_seed(1)
    x = torch.ones(1_000_001, requires_grad=True)  # an odd number: the last random word is not used up
    y = Dropout(p)(x)
    kept = y != 0
    for part in range(4):  # of a random word of 64 bits; the probability is not rounded to a byte
        assert 1 - kept[part::4].float().mean().item() == pytest.approx(p, abs=0.003)
    assert (kept[:-1] & kept[1:]).float().mean().item() == pytest.approx((1 - p) ** 2, abs=0.003)
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=3e-3)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y.detach())


def test_no_mask_where_there_is_none() -> None:
    x = torch.randn(30, 30)
    assert Dropout(0.5).eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
    half = Dropout(0.5)(x.bfloat16())
    assert half.dtype == torch.bfloat16


def test_the_seed_decides() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.5)(torch.ones(20, 20)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
