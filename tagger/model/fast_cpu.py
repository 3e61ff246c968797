"""What makes training faster on a processor: a GRU whose backward pass is one product, and dropout with cheap masks.

The GRU equals `nn.GRU` in value and gradient. There the gradient of the weights is a sum of T products of a few rows
each; here it is one product, and what does not depend on later steps is computed for all steps together.
"""

# T steps, B sentences, H hidden size

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def gru(x: Tensor, W_h: Tensor, b_h: Tensor, initial: Tensor | None = None) -> Tensor:
    """The states of a GRU.

    Args:
        x: (T, B, 3 H), the product of the input with its weights and their bias: gates r, z, n side by side.
        W_h: (3 H, H), as in `nn.GRU.weight_hh_l0`.
        b_h: (3 H,).
        initial: (B, H), zeros if None.

    Returns:
        (T, B, H).
    """
    h = x.new_zeros(x.shape[1], W_h.shape[1]) if initial is None else initial
    states: Tensor = _Gru.apply(x, W_h, b_h, h)  # type: ignore[no-untyped-call]
    return states


class _Gru(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, W_h: Tensor, b_h: Tensor, initial: Tensor) -> Tensor:
        steps, sentences, size = x.shape[0], x.shape[1], W_h.shape[1]
        W, b = W_h.to(x.dtype).T, b_h.to(x.dtype)
        gates = x[:, :, : 2 * size].clone()  # r and z
        new = x.new_empty(steps, sentences, size)  # n
        product = x.new_empty(steps, sentences, 3 * size)  # h W_h + b_h
        states = x.new_empty(steps + 1, sentences, size)
        states[0] = initial
        for t in range(steps):
            g = torch.addmm(b, states[t], W, out=product[t])
            r_z = gates[t].add_(g[:, : 2 * size]).sigmoid_()
            n = torch.addcmul(x[t, :, 2 * size :], r_z[:, :size], g[:, 2 * size :], out=new[t]).tanh_()
            torch.lerp(n, states[t], r_z[:, size:], out=states[t + 1])  # (1 - z) n + z h
        ctx.save_for_backward(W_h, gates, new, product[:, :, 2 * size :], states)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        W_h, gates, n, g_n, states = ctx.saved_tensors
        steps, sentences, size = n.shape
        W = W_h.to(n.dtype)
        r, z = gates[:, :, :size], gates[:, :, size:]
        # What the gradient of h' is multiplied with to give those of what enters sigmoid, sigmoid and tanh.
        to_n = (1 - z) * (1 - n * n)
        factors = torch.stack([to_n * g_n * r * (1 - r), (states[:-1] - n) * z * (1 - z), to_n * r], dim=2)
        inner = torch.empty_like(factors)  # (T, B, 3, H), of the product with the state
        later = torch.empty_like(n)  # of h'
        dh = torch.zeros_like(n[0])
        for t in reversed(range(steps)):
            torch.add(dh, gradient[t], out=later[t])
            torch.mul(later[t, :, None], factors[t], out=inner[t])
            dh = torch.addmm(later[t] * z[t], inner[t].view(sentences, -1), W)
        rows = inner.view(steps * sentences, -1)
        dW = (rows.T @ states[:-1].reshape(steps * sentences, size)).to(W_h.dtype)
        outer = torch.cat([inner[:, :, :2].flatten(2), later * to_n], dim=2)
        return outer, dW, rows.sum(0).to(W_h.dtype), dh


class Dropout(nn.Dropout):
    """`nn.Dropout`, whose masks on a processor take a random byte per number: p is rounded to 1/256.

    Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Zeroes numbers with probability p in training, and divides the others by 1 - p."""
        dropped = round(256 * self.p)
        if not self.training or not dropped or dropped == 256 or input.device.type != "cpu":
            return super().forward(input)
        bytes_ = torch.empty(input.shape, dtype=torch.uint8).random_(0, 256)
        return input * (bytes_ >= dropped).to(input.dtype).mul_(256 / (256 - dropped))
