"""Dropout: how much is dropped, and that the mean stays."""

import pytest
import torch

from tagger.model.fast_cpu import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.99])
def test_shares(p: float) -> None:
    torch.manual_seed(1)
    x = torch.ones(400, 500, requires_grad=True)
    y = Dropout(p)(x)
    dropped = (y == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=0.004)
    assert y.mean().item() == pytest.approx(1, abs=0.05)
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
