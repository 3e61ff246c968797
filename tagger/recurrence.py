"""The recurrent layers of a trained network for tagging alone: nothing is padded, no step waits for more than it must.

Tokens are packed: those that stand first in their sentences, the longest sentence's first, then those that
stand second, and so on. A step reads its rows from one slice and writes them to one.
"""

# N tokens, n sentences that still have a token at this step, I input size, G gates, H hidden size

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tagger.cells import GRUCell, MinGRUCell, RNNCell
from tagger.encoder import BidirectionalLayer, RecurrentLayer, ScanLayer, TorchLayer

ROWS = 8  # a product of fewer takes another path through the processor's library, where sums round differently


def product(x: Tensor, W: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """x W + b, in which a row (of N) is the same to the bit whatever the other rows are; in `out` if there is room."""
    count = len(x)
    if count < ROWS:
        return torch.addmm(b, torch.cat([x, x.new_zeros(ROWS - count, x.shape[1])]), W)[:count]
    return torch.addmm(b, x, W, out=out)


class Direction:
    """One direction of one layer.

    Attributes:
        W_x, b_x: (I, G * H) and (G * H,), of the product with the input, in which no step waits for another.
        hidden_size: H.
        waits: whether each step has a product with the state before it, W_h (H, G * H).
    """

    waits = True

    def __init__(self, W_x: Tensor, b_x: Tensor, W_h: Tensor, b_h: Tensor) -> None:
        """Takes the weights of both products, `(I, G * H)`, `(G * H,)`, `(H, G * H)` and `(G * H,)`."""
        self.hidden_size = len(W_h)
        self.W_x, self.b_x, self.W_h, self.b_h = W_x, b_x, W_h.contiguous(), b_h

    def prepare(self, x: Tensor) -> None:
        """Does in place what can be done to products with the input, (N, G * H), before any step."""

    def start(self, sentences: int) -> None:
        """Sets the states of all sentences to zero."""
        self._h = self.W_h.new_zeros(max(ROWS, sentences), self.hidden_size)
        self._g = self.W_h.new_empty(max(ROWS, sentences), self.W_h.shape[1])

    def step(self, x: Tensor) -> Tensor:
        """One time step.

        Args:
            x: (n, G * H), the product with the input; it may be overwritten.

        Returns:
            The states (n, H) of the first n sentences, valid until the next step.
        """
        raise NotImplementedError

    def _products(self, n: int) -> tuple[Tensor, Tensor]:
        rows = max(ROWS, n)
        torch.addmm(self.b_h, self._h[:rows], self.W_h, out=self._g[:rows])
        return self._h[:n], self._g[:n]


class RNN(Direction):
    """h' = tanh(x W_xh + h W_hh + b_h), equation 10.4.1."""

    def step(self, x: Tensor) -> Tensor:  # noqa: D102
        h, g = self._products(len(x))
        return torch.tanh(g.add_(x), out=h)


class GRU(Direction):
    """The unit of `cells.GRUCell`: gates r, z, n."""

    def step(self, x: Tensor) -> Tensor:  # noqa: D102
        size = self.hidden_size
        h, g = self._products(len(x))
        rz = g[:, : 2 * size].add_(x[:, : 2 * size]).sigmoid_()
        n = torch.addcmul(x[:, 2 * size :], rz[:, :size], g[:, 2 * size :]).tanh_()
        return torch.lerp(n, h, rz[:, size:], out=h)  # (1 - z) n + z h


class LSTM(Direction):
    """The unit of `nn.LSTM`: gates i, f, g, o."""

    def start(self, sentences: int) -> None:  # noqa: D102
        super().start(sentences)
        self._c = self._h.clone()

    def step(self, x: Tensor) -> Tensor:  # noqa: D102
        size = self.hidden_size
        h, gates = self._products(len(x))
        c = self._c[: len(x)]
        gates.add_(x)
        i, f = gates[:, : 2 * size].sigmoid_().chunk(2, dim=1)
        c.mul_(f).addcmul_(i, gates[:, 2 * size : 3 * size].tanh_())
        return torch.mul(gates[:, 3 * size :].sigmoid_(), c.tanh(), out=h)


class MinGRU(Direction):
    """The unit of `cells.MinGRUCell`: gates z, n, and no product with the state."""

    waits = False

    def __init__(self, W_x: Tensor, b_x: Tensor) -> None:
        """Takes the weights of the product with the input, (I, 2 * H) and (2 * H,)."""
        self.hidden_size = W_x.shape[1] // 2
        self.W_x, self.b_x = W_x, b_x

    def prepare(self, x: Tensor) -> None:  # noqa: D102
        x[:, : self.hidden_size].sigmoid_()
        x[:, self.hidden_size :].tanh_()

    def start(self, sentences: int) -> None:  # noqa: D102
        self._h = self.W_x.new_zeros(sentences, self.hidden_size)

    def step(self, x: Tensor) -> Tensor:  # noqa: D102
        h = self._h[: len(x)]
        return torch.lerp(h, x[:, self.hidden_size :], x[:, : self.hidden_size], out=h)


def direction(layer: nn.Module, dtype: torch.dtype) -> Direction:
    """One direction of a trained layer, its weights rounded to `dtype`."""
    if isinstance(layer, RecurrentLayer | ScanLayer):
        return _from_cell(layer.cell, dtype)
    rnn = cast(TorchLayer, layer).rnn
    weights = [
        getattr(rnn, name).detach().to(dtype) for name in ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
    ]
    kind = {nn.RNN: RNN, nn.GRU: GRU, nn.LSTM: LSTM}[type(rnn)]
    return kind(weights[0].T, weights[1], weights[2].T, weights[3])


def _from_cell(cell: RNNCell | GRUCell | MinGRUCell, dtype: torch.dtype) -> Direction:
    weights = {name: parameter.detach().to(dtype) for name, parameter in cell.named_parameters()}
    if isinstance(cell, RNNCell):
        return RNN(weights["W_xh"], weights["b_h"], weights["W_hh"], torch.zeros_like(weights["b_h"]))
    if isinstance(cell, MinGRUCell):
        return MinGRU(weights["W_x"], weights["b_x"])
    return GRU(weights["W_x"], weights["b_x"], weights["W_h"], weights["b_h"])


class Layer:
    """Both directions of a layer; either may be absent.

    Attributes:
        W_x, b_x: (I, X) and (X,), of the product with the input for both directions side by side.
        width: F + R.
    """

    def __init__(self, layer: BidirectionalLayer, dtype: torch.dtype) -> None:
        modules = (layer.forward_layer, layer.backward_layer)
        self.directions = [None if module is None else direction(module, dtype) for module in modules]
        present = [each for each in self.directions if each is not None]
        self.W_x = torch.cat([each.W_x for each in present], dim=1)
        self.b_x = torch.cat([each.b_x for each in present])
        self.width = sum(each.hidden_size for each in present)

    def prepare(self, x: Tensor) -> Tensor:
        """Products with the input, (N, X), with what can be done to them in place before any step."""
        column = 0
        for each in self.directions:
            if each is not None:
                each.prepare(x[:, column : column + each.W_x.shape[1]])
                column += each.W_x.shape[1]
        return x

    def scan(self, x: Tensor, counts: Sequence[int], out: Tensor) -> None:
        """Reads packed sentences in both directions.

        Args:
            x: (N, X), what `prepare` made of the product with the input; it may be overwritten.
            counts: n of each step, the first step's first; they never grow.
            out: (N, F + R), where the states go.
        """
        ends: list[int] = []
        total = 0
        for n in counts:
            total += n
            ends.append(total)
        steps = list(zip(ends, counts, strict=True))
        column = place = 0
        for each, order in zip(self.directions, (steps, steps[::-1]), strict=True):
            if each is None:
                continue
            gates = x[:, column : column + each.W_x.shape[1]]
            states = out[:, place : place + each.hidden_size]
            each.start(counts[0])
            for end, n in order:
                states[end - n : end] = each.step(gates[end - n : end])
            column += each.W_x.shape[1]
            place += each.hidden_size
