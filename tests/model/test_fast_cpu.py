"""The GRU of training against `nn.GRU` and against numeric gradients."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.testing import assert_close

from tagger.model.fast_cpu import gru

T, B, I, H = 5, 3, 4, 6  # noqa: E741


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


def test_numeric_gradients() -> None:
    torch.manual_seed(2)
    shapes = ((3, 2, 3 * 4), (3 * 4, 4), (3 * 4,), (2, 4))
    inputs = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(gru, inputs)


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
