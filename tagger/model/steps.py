"""The steps of recurrent cells, for tagging: without gradients, and several directions at once.

`Steps` computes what a layer computes, of several directions of equal shape: both directions of a layer if they are
equally large, and those of several networks whose scores are averaged. `tagging/stack.py` runs them. A cell of ours
needs no steps of its own, see `OwnSteps`. tests/tagging/test_engine.py compares all of them with the layers.
"""

# I input size, H hidden size of a direction, G gates of a cell, M directions of equal shape, n sentences that have a
# token at a step

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Steps:
    """The steps of M directions of equal shape, for tagging. A cell overrides `step`, and what else differs.

    Attributes:
        hidden_size: H.
        state_size: of the state that goes from step to step. The first H numbers of a state are the output.
        W_x, b_x: (M, I, G * H) and (M, 1, G * H), of the product with the input, which needs no earlier state. b_x
            includes a bias that is only added to the product with the state; one within a gate's product is apart.
        W_h: (M, H, G * H), of the product with the state.
    """

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        """Takes copies of the weights of M layers that read I numbers, rounded to `dtype`."""
        weights = [layer.weights for layer in layers]
        self.hidden_size = self.state_size = layers[0].hidden_size
        self.W_x = stacked([each.W_x for each in weights], dtype)
        self.W_h = stacked([each.W_h for each in weights], dtype)
        self.b_x = stacked([(each.b_x + each.b_h)[None] for each in weights], dtype)

    def __getitem__(self, directions: slice) -> "Steps":
        part = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor | list):
                setattr(part, name, value[directions])
        return part

    def prepare(self, x: Tensor) -> None:
        """Computes in place what depends on the products with the input, (..., G * H), alone."""

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """What `step` reads, all of it (M, tokens, ...), from the products with the input (M, tokens, G * H) of several
        steps.

        The products may be changed, and be part of the result.
        """
        return (x,)

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:
        """One time step.

        Args:
            x: from `split`, of at least n tokens; the step may change it.
            h: (M, as many, state_size), the states before.
            out: (M, n, state_size), where the new states of the first n are written; may be the memory of `h`.
        """
        raise NotImplementedError


class OwnSteps(Steps):
    """The steps of any cell of ours by its `forward`, slow; W_x is the identity, so `step` gets the input itself."""

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        self.hidden_size = self.state_size = layers[0].hidden_size
        self.cells = [copy.deepcopy(layer.cell).to(dtype) for layer in layers]
        like = next(self.cells[0].parameters())
        self.W_x = torch.eye(input_size, dtype=dtype, device=like.device).repeat(len(layers), 1, 1)
        self.b_x = like.new_zeros(len(layers), 1, input_size)

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        n = out.shape[1]
        for cell, x_t, before, after in zip(self.cells, x[0], h, out, strict=True):
            after.copy_(cell(x_t[:n], before[:n]))


class RNNSteps(Steps):
    """h' = tanh(x W_xh + h W_hh + b_h), equation 10.4.1."""

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        torch.tanh(x[0].baddbmm_(h, self.W_h)[:, : out.shape[1]], out=out)


class GRUSteps(Steps):
    """The step of `cells.GRUCell`, gates r, z, n. The weights of n are doubled, as `tanh_of_half(x)` is tanh(x / 2)."""

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        super().__init__(layers, input_size, dtype)
        size = self.hidden_size
        # The biases of r and z that are added to h W_h can be part of b_x. That of n cannot: r multiplies it.
        b_x, b_h = zip(*[(layer.weights.b_x, layer.weights.b_h) for layer in layers], strict=True)
        added = [torch.cat([h[: 2 * size], torch.zeros_like(h[2 * size :])]) for h in b_h]
        self.b_x = stacked([(x + h)[None] for x, h in zip(b_x, added, strict=True)], dtype)
        self.b_n = stacked([h[None, 2 * size :] for h in b_h], dtype)  # (M, 1, H)
        for each in (self.W_x, self.b_x, self.W_h):
            each[..., 2 * size :] *= 2
        self.b_n *= 2

    def split(self, x: Tensor) -> tuple[Tensor, ...]:  # noqa: D102
        size = self.hidden_size
        n = x[..., 2 * size :]
        x_n = n.clone()
        n.copy_(self.b_n)  # so that one product gives all sums with the state
        return x, x[..., : 2 * size], x[..., :size], x[..., size : 2 * size], n, x_n

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        sums, r_z, r, z, n, x_n = x
        sums.baddbmm_(h, self.W_h)
        r_z.sigmoid_()
        tanh_of_half(torch.addcmul(x_n, r, n, out=n))
        count = out.shape[1]
        if count < n.shape[1]:
            n, h, z = n[:, :count], h[:, :count], z[:, :count]
        torch.lerp(n, h, z, out=out)  # (1 - z) n + z h


class LSTMSteps(Steps):
    """The step of `nn.LSTM`, gates i, f, g, o; its state is [h c]."""

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        super().__init__(layers, input_size, dtype)
        self.state_size = 2 * self.hidden_size

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        size, n = self.hidden_size, out.shape[1]
        gates = x[0].baddbmm_(h[..., :size], self.W_h)[:, :n]
        i, f = gates[..., : 2 * size].sigmoid_().chunk(2, dim=-1)
        g, o = gates[..., 2 * size : 3 * size].tanh_(), gates[..., 3 * size :].sigmoid_()
        c = torch.mul(h[:, :n, size:], f, out=out[..., size:]).addcmul_(i, g)
        torch.mul(o, c.tanh(), out=out[..., :size])


class MinGRUSteps(Steps):
    """The step of `cells.MinGRUCell`, gates z, n. All that n sums is doubled, since `tanh_of_half` halves it."""

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        cells = [layer.cell for layer in layers]
        self.hidden_size = self.state_size = cells[0].hidden_size
        self.W_x = stacked([cell.W_x for cell in cells], dtype)
        self.b_x = stacked([cell.b_x[None] for cell in cells], dtype)
        self.W_h = self.W_x[:, :0]
        for each in (self.W_x, self.b_x):
            each[..., self.hidden_size :] *= 2

    def prepare(self, x: Tensor) -> None:  # noqa: D102
        x[..., : self.hidden_size].sigmoid_()
        tanh_of_half(x[..., self.hidden_size :])

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        n = out.shape[1]
        gates = x[0][:, :n]
        torch.lerp(h[:, :n], gates[..., self.hidden_size :], gates[..., : self.hidden_size], out=out)


def stacked(weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Weights of several directions, one after the other, without gradients."""
    return torch.stack([each.detach().to(dtype) for each in weights])


_MINUS_ONE = torch.tensor(-1.0)


def tanh_of_half(x: Tensor) -> Tensor:
    """tanh(x / 2) in place, as 2 sigmoid(x) - 1: that takes a third of the time of `torch.tanh`."""
    return torch.add(_MINUS_ONE, x.sigmoid_(), alpha=2, out=x)
