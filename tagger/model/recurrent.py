"""A direction of a layer, for training: what runs a cell of ours over padded sentences, and the layers of torch.

All take x (T, B, I) and give outputs (T, B, H) and last states. `encoder.CELLS` names the layer of each cell.

Training on a CPU is made faster: by a GRU with a backward pass of its own, and by cheap masks for dropout. On a GPU, or
when no gradients are recorded, as on dev, torch's own run.
"""

# T tokens in the longest sentence, B sentences, I input size, H hidden size of a direction

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tagger.model.cells import Weights

State = Any  # what a layer carries from step to step: h (B, H); for an LSTM (h, c)


class RecurrentLayer(nn.Module):
    """One direction: any cell of ours, in a loop over time, one step per token."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell
        self.hidden_size = cell.hidden_size

    @property
    def weights(self) -> Weights:
        """Those of the cell."""
        return cast(Weights, self.cell.weights)

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Reads each sentence of x (T, B, I) from its first token to its last; the state before it is (B, H), zeros if
        None.

        Returns outputs (T, B, H) and the state after each sentence's last token (B, H).
        """
        h = x.new_zeros(x.shape[1], self.hidden_size) if state is None else state
        outputs = []
        for x_t in x:  # (B, I)
            h = self.cell(x_t, h)
            outputs.append(h)
        output = torch.stack(outputs)
        return output, last_states(output, lengths)


class ScanLayer(RecurrentLayer):
    """What `RecurrentLayer` computes, all steps at once; the cell's gates must depend on the input alone."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        z, n = self.cell.gates(x)
        output = scan(1 - z, z * n, state)
        return output, last_states(output, lengths)


def scan(a: Tensor, b: Tensor, initial: Tensor | None = None) -> Tensor:
    """h_t = a_t h_(t-1) + b_t for all t, (T, B, H), in log2(T) rounds instead of T steps.

    This is the parallel scan of Hillis and Steele (1986), https://doi.org/10.1145/7902.7903. After k rounds h_t = a_t
    h_(t-d) + b_t with d = 2**k, and h_(t-d) = 0 before the first step. Each round puts the equation of h_(t-d) into
    that of h_t. `initial` is h before the first step, (B, H).
    """
    if initial is not None:
        b = torch.cat([b[:1] + a[:1] * initial, b[1:]])
    distance = 1  # d
    while distance < len(a):
        b = torch.cat([b[:distance], torch.addcmul(b[distance:], a[distance:], b[:-distance])])
        if 2 * distance < len(a):
            a = torch.cat([a[:distance], a[distance:] * a[:-distance]])
        distance *= 2
    return b


class TorchLayer(nn.Module):
    """One direction: a recurrent layer of torch, which runs on cuDNN when on a GPU."""

    def __init__(self, rnn: nn.RNN | nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self.rnn = rnn
        self.hidden_size = rnn.hidden_size

    @property
    def weights(self) -> Weights:
        """Those of torch's layer, transposed."""
        W_x, W_h, b_x, b_h = cast(Sequence[Tensor], self.rnn.all_weights[0])
        return Weights(W_x.T, W_h.T, b_x, b_h)

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        output, _ = self.rnn(x, None if state is None else state[None])
        return output, last_states(output, lengths)


class LSTMLayer(TorchLayer):
    """`nn.LSTM`; its state is (h, c), each (B, H)."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`, but for the state."""
        # The output has h at every token, but c at none: only packing gives c at each sentence's last token.
        initial = None if state is None else (state[0][None], state[1][None])
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        output, (h, c) = self.rnn(packed, initial)
        return pad_packed_sequence(output, total_length=len(x))[0], (h[0], c[0])


def last_states(output: Tensor, lengths: Tensor) -> Tensor:
    """The outputs (T, B, H) at each sentence's last token, (B, H)."""
    return output[lengths - 1, torch.arange(len(lengths), device=output.device)]


def trains_on_cpu(x: Tensor) -> bool:
    """Whether `x` is on the CPU and gradients are recorded."""
    return x.device.type == "cpu" and torch.is_grad_enabled()


class GRULayer(TorchLayer):
    """`nn.GRU`, with the backward pass of `gru` where `trains_on_cpu` is true.

    torch computes the gradient of a GRU's weights step by step, in T products of a few rows each. Here all steps share
    one product, and everything that does not depend on later steps is computed for all steps at once.
    """

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        if not trains_on_cpu(x):
            return super().forward(x, lengths, state)
        W_x, W_h, b_x, b_h = cast(Sequence[Tensor], self.rnn.all_weights[0])
        output = gru(linear(x, W_x, b_x), W_h, b_h, state)
        return output, last_states(output, lengths)


def gru(x: Tensor, W_h: Tensor, b_h: Tensor, initial: Tensor | None = None) -> Tensor:
    """The states of a GRU, (T, B, H); see `cells.GRUCell` for the equations.

    `x` (T, B, 3 H) has the products x W_x + b_x of all steps, gates r, z, n side by side. W_h is (3 H, H), as in
    `nn.GRU.weight_hh_l0`: the transpose of `GRUCell.W_h`. The state before the first step is (B, H), zeros if None.
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
