"""The GRU: `nn.GRU` with a faster backward pass on a CPU, and its steps for tagging; see `cells.GRUCell`.

torch computes the gradient of the weights step by step, in T products of a few rows each. Here all steps share one
product, and everything that does not depend on later steps is computed for all steps at once.
"""

# T steps, B sentences, H hidden size, M directions of equal shape, n sentences that have a token at a step

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from tagger.model.fast_cpu import trains_on_cpu
from tagger.model.recurrent import State, Steps, TorchLayer, last_states, stacked, tanh_of_half


class GRULayer(TorchLayer):
    """`nn.GRU`, with the faster backward pass of `gru` where `trains_on_cpu` is true."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        if not trains_on_cpu(x):
            return super().forward(x, lengths, state)
        W_x, W_h, b_x, b_h = cast(Sequence[Tensor], self.rnn.all_weights[0])
        output = gru(linear(x, W_x, b_x), W_h, b_h, state)
        return output, last_states(output, lengths)


def gru(x: Tensor, W_h: Tensor, b_h: Tensor, initial: Tensor | None = None) -> Tensor:
    """The states of a GRU; see `cells.GRUCell` for the equations.

    Args:
        x: (T, B, 3 H), the products x W_x + b_x of all steps: gates r, z, n side by side.
        W_h: (3 H, H), as in `nn.GRU.weight_hh_l0`: the transpose of `GRUCell.W_h`.
        b_h: (3 H,).
        initial: the state before the first step, (B, H); zeros if None.

    Returns:
        (T, B, H).
    """
    h = x.new_zeros(x.shape[1], W_h.shape[1]) if initial is None else initial
    states: Tensor = _GRU.apply(x, W_h, b_h, h)  # type: ignore[no-untyped-call]
    return states


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, W_h: Tensor, b_h: Tensor, initial: Tensor) -> Tensor:
        steps, sentences, size = x.shape[0], x.shape[1], W_h.shape[1]
        W, b = W_h.to(x.dtype).T, b_h.to(x.dtype)
        r_z = x[:, :, : 2 * size].clone()  # (T, B, 2 H)
        n = x.new_empty(steps, sentences, size)
        products = x.new_empty(steps, sentences, 3 * size)  # h W_h + b_h
        h = x.new_empty(steps + 1, sentences, size)
        h[0] = initial
        for t in range(steps):
            g = torch.addmm(b, h[t], W, out=products[t])  # (B, 3 H)
            r_z[t].add_(g[:, : 2 * size]).sigmoid_()
            r, z = r_z[t, :, :size], r_z[t, :, size:]
            torch.addcmul(x[t, :, 2 * size :], r, g[:, 2 * size :], out=n[t]).tanh_()
            torch.lerp(n[t], h[t], z, out=h[t + 1])  # (1 - z) * n + z * h
        ctx.save_for_backward(W_h, r_z, n, products[:, :, 2 * size :], h)
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        W_h, r_z, n, g_n, h = ctx.saved_tensors
        steps, sentences, size = n.shape
        W = W_h.to(n.dtype)
        r, z = r_z[:, :, :size], r_z[:, :, size:]
        # The gradient of h' times these factors is the gradient of the three parts of h W_h + b_h, for r, z and n.
        n_factor = (1 - z) * (1 - n * n)  # from h' to the argument of n's tanh
        factors = torch.stack([n_factor * g_n * r * (1 - r), (h[:-1] - n) * z * (1 - z), n_factor * r], dim=2)
        dg = torch.empty_like(factors)  # (T, B, 3, H) the gradient of h W_h + b_h
        dh_next = torch.empty_like(n)  # (T, B, H) the gradient of h'
        dh = torch.zeros_like(n[0])  # (B, H) the part of it that comes from the step after
        for t in reversed(range(steps)):
            torch.add(dh, gradient[t], out=dh_next[t])
            torch.mul(dh_next[t, :, None], factors[t], out=dg[t])
            dh = torch.addmm(dh_next[t] * z[t], dg[t].view(sentences, -1), W)
        rows = dg.view(steps * sentences, -1)
        dW_h = (rows.T @ h[:-1].reshape(steps * sentences, size)).to(W_h.dtype)
        dx = torch.cat([dg[:, :, :2].flatten(2), dh_next * n_factor], dim=2)
        return dx, dW_h, rows.sum(0).to(W_h.dtype), dh


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
