"""What makes training on a CPU faster: a GRU with a backward pass of its own, and cheap masks for dropout.

Both are used where `trains_on_cpu` is true. On a GPU, or when no gradients are recorded, as on dev, torch's own layers
run. torch computes the gradient of a GRU's weights step by step, in T products of a few rows each. Here all steps share
one product, and everything that does not depend on later steps is computed for all steps at once.
"""

# T steps, B sentences, H hidden size

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from tagger.model.recurrent import State, TorchLayer, last_states


def trains_on_cpu(x: Tensor) -> bool:
    """Whether `x` is on the CPU and gradients are recorded."""
    return x.device.type == "cpu" and torch.is_grad_enabled()


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
    states: Tensor = _GRU.apply(x, W_h, b_h, h)  # type: ignore[no-untyped-call,unused-ignore]  # until torch 2.13
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


class Dropout(nn.Dropout):
    """`nn.Dropout`, with masks that take 16 random bits per number when training on a CPU.

    So p is rounded to a multiple of 1/65536. The numbers that stay are divided by 1 - p for the rounded p, which keeps
    the mean. Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Zeroes each number with probability p in training, and divides the others by 1 - p."""
        levels = 1 << 16
        dropped = round(levels * self.p)
        if not self.training or not 0 < dropped < levels or not trains_on_cpu(input):
            return super().forward(input)
        words = torch.empty(-(-input.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)  # all 64 bits
        random = words.view(torch.int16)[: input.numel()].view(input.shape)  # uniform in [-32768, 32768)
        return input * (random >= dropped - levels // 2).to(input.dtype).mul_(levels / (levels - dropped))
