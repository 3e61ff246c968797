"""One time step, from scratch: input and state in, next state out.

The tanh cell computes equation 10.4.1 of the chapter (https://d2l.ai/chapter_recurrent-modern/bi-rnn.html). The GRU is
that of Cho et al. (2014, https://arxiv.org/abs/1406.1078) in the form that cuDNN and `nn.GRU` use: the reset gate
applies after the product with the state, and both products have a bias. So weights can be copied between ours and
theirs.

The default cell, `gru`, is torch's `nn.GRU`. `GRUCell` runs as `gru_scratch`, and shows what `gru` computes; see
`encoder.CELLS`.

A cell of your own needs `hidden_size`, and a `forward` that takes and returns what `RNNCell.forward` does. Name it in
`encoder.CELLS`. docs/cells.md shows how.
"""

# B sentences, I input size, H hidden size, G gates

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Weights(NamedTuple):
    """The weights of a cell or of a layer of torch: x W_x + b_x and h W_h + b_h, the gates side by side."""

    W_x: Tensor  # (I, G * H)
    W_h: Tensor  # (H, G * H)
    b_x: Tensor  # (G * H,)
    b_h: Tensor  # (G * H,)


class RNNCell(nn.Module):
    """h' = tanh(x W_xh + h W_hh + b_h)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.W_xh = nn.Parameter(torch.empty(input_size, hidden_size))
        self.W_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.b_h = nn.Parameter(torch.empty(hidden_size))
        initialize(self, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """One step: x (B, I) and h (B, H) to h' (B, H)."""
        return torch.tanh(x @ self.W_xh + h @ self.W_hh + self.b_h)

    @property
    def weights(self) -> Weights:
        """As those of `nn.RNN`, which has two biases."""
        return Weights(self.W_xh, self.W_hh, torch.zeros_like(self.b_h), self.b_h)


class GRUCell(nn.Module):
    """The gated recurrent unit.

    r = sigmoid(x W_xr + b_xr + h W_hr + b_hr)
    z = sigmoid(x W_xz + b_xz + h W_hz + b_hz)
    n = tanh(x W_xn + b_xn + r * (h W_hn + b_hn))
    h' = (1 - z) * n + z * h

    The three matrices of each product are stored side by side: W_x = [W_xr W_xz W_xn].
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.W_x = nn.Parameter(torch.empty(input_size, 3 * hidden_size))
        self.W_h = nn.Parameter(torch.empty(hidden_size, 3 * hidden_size))
        self.b_x = nn.Parameter(torch.empty(3 * hidden_size))
        self.b_h = nn.Parameter(torch.empty(3 * hidden_size))
        initialize(self, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """One step: x (B, I) and h (B, H) to h' (B, H)."""
        x_r, x_z, x_n = (x @ self.W_x + self.b_x).chunk(3, dim=-1)  # each (B, H)
        h_r, h_z, h_n = (h @ self.W_h + self.b_h).chunk(3, dim=-1)  # each (B, H)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return (1 - z) * n + z * h

    @property
    def weights(self) -> Weights:
        """As those of `nn.GRU`."""
        return Weights(self.W_x, self.W_h, self.b_x, self.b_h)


class MinGRUCell(nn.Module):
    """A GRU whose gates depend on the input alone. So `recurrent.ScanLayer` can compute all steps at once.

    z = sigmoid(x W_xz + b_xz)
    n = tanh(x W_xn + b_xn)
    h' = (1 - z) * h + z * n

    Beware: here z is the share of the new n, as in Feng et al. (2024), https://arxiv.org/abs/2410.01201, section 3.1.
    In `GRUCell` it is the share of the old h. Unlike theirs, this cell has the GRU's tanh. The two matrices are stored
    side by side: W_x = [W_xz W_xn].
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.W_x = nn.Parameter(torch.empty(input_size, 2 * hidden_size))
        self.b_x = nn.Parameter(torch.empty(2 * hidden_size))
        initialize(self, hidden_size)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z and n for any number of inputs at once: x (..., I) to two tensors (..., H)."""
        z, n = (x @ self.W_x + self.b_x).chunk(2, dim=-1)
        return torch.sigmoid(z), torch.tanh(n)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """One step: x (B, I) and h (B, H) to h' (B, H)."""
        z, n = self.gates(x)
        return (1 - z) * h + z * n

    @property
    def weights(self) -> Weights:
        """Those of a `GRUCell` that computes the same: any r, no products with the state, and its z is 1 - ours."""
        W_z, W_n = self.W_x.chunk(2, dim=1)
        b_z, b_n = self.b_x.chunk(2)
        W_x, b_x = torch.cat([torch.zeros_like(W_z), -W_z, W_n], dim=1), torch.cat([torch.zeros_like(b_z), -b_z, b_n])
        return Weights(W_x, W_x.new_zeros(self.hidden_size, W_x.shape[1]), b_x, torch.zeros_like(b_x))


def initialize(cell: nn.Module, hidden_size: int) -> None:
    """Draws all weights uniformly from ±1/sqrt(H), as torch does."""
    bound = 1 / math.sqrt(hidden_size)
    for parameter in cell.parameters():
        nn.init.uniform_(parameter, -bound, bound)
