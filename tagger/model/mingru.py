"""The minGRU: all steps at once for training, and its steps for tagging; see `cells.MinGRUCell`."""

# T steps, B sentences, H hidden size, M directions of equal shape, n sentences that have a token at a step

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tagger.model.recurrent import RecurrentLayer, State, Steps, last_states, stacked, tanh_of_half


class ScanLayer(RecurrentLayer):
    """Computes what `RecurrentLayer` computes, but all steps at once.

    The cell's gates must depend on the input alone.
    """

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        z, n = self.cell.gates(x)
        output = scan(1 - z, z * n, state)
        return output, last_states(output, lengths)


def scan(a: Tensor, b: Tensor, initial: Tensor | None = None) -> Tensor:
    """h_t = a_t h_(t-1) + b_t for all t, in log2(T) rounds instead of T steps.

    This is the parallel scan of Hillis and Steele (1986), https://doi.org/10.1145/7902.7903. After k rounds
    h_t = a_t h_(t-d) + b_t with d = 2**k, and h_(t-d) = 0 before the first step. Each round puts the equation of
    h_(t-d) into that of h_t.

    Args:
        a: (T, B, H).
        b: (T, B, H).
        initial: h before the first step, (B, H); zeros if None.

    Returns:
        All h, (T, B, H).
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


class MinGRUSteps(Steps):
    """The step of `cells.MinGRUCell`, gates z, n; there is no product with the state.

    All that n sums is doubled, since `tanh_of_half` halves it.
    """

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
