"""Token embeddings -> states of every token: a direction, both directions, a stack.

A forward state has seen its token and those before it. A backward state has seen its token and those after it. From the
second layer on, both have seen the whole sentence if both directions exist.

Tensors are time-major and padded on the right. As in the chapter
(https://d2l.ai/chapter_recurrent-modern/bi-rnn.html), each layer takes initial states and returns its outputs and its
last states. The tagger starts from zeros and ignores the last states.

To add a cell, write it in `cells.py`, name it in `CELLS` below, and write its step for tagging in `tagging/packed.py`.
docs/cells.md shows how.
"""

# T tokens in the longest sentence, B sentences, I input size, H hidden size of one direction,
# F hidden size forward, R hidden size backward. f and r are outputs of these two, since b is a bias

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tagger.errors import InputError
from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.fast_cpu import Dropout, gru, trains_on_cpu

State = Any  # what a layer carries from step to step: h (B, H); for an LSTM (h, c)


class RecurrentLayer(nn.Module):
    """One direction: any cell of `cells.py`, one step per token."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell
        self.hidden_size = cell.hidden_size

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Reads each sentence from its first token to its last.

        Args:
            x: (T, B, I).
            lengths: (B,), tokens per sentence.
            state: the state before the first token, (B, H); zeros if None.

        Returns:
            Outputs (T, B, H) and the state after each sentence's last token (B, H).
        """
        h = x.new_zeros(x.shape[1], self.hidden_size) if state is None else state
        outputs = []
        for x_t in x:  # (B, I)
            h = self.cell(x_t, h)
            outputs.append(h)
        output = torch.stack(outputs)
        return output, _last_states(output, lengths)


class ScanLayer(nn.Module):
    """Computes what `RecurrentLayer` computes, but all steps at once.

    The cell's gates must depend on the input alone.
    """

    def __init__(self, cell: MinGRUCell) -> None:
        super().__init__()
        self.cell = cell
        self.hidden_size = cell.hidden_size

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        z, n = self.cell.gates(x)
        output = scan(1 - z, z * n, state)
        return output, _last_states(output, lengths)


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


class TorchLayer(nn.Module):
    """One direction: a recurrent layer of torch, which runs on cuDNN when on a GPU."""

    def __init__(self, rnn: nn.RNN | nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self.rnn = rnn
        self.hidden_size = rnn.hidden_size

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        output, _ = self.rnn(x, None if state is None else state[None])
        return output, _last_states(output, lengths)


class GRULayer(TorchLayer):
    """`nn.GRU`, with the faster backward pass of `fast_cpu.gru` where that is used."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`."""
        if not trains_on_cpu(x):
            return super().forward(x, lengths, state)
        W_x, W_h, b_x, b_h = cast(Sequence[Tensor], self.rnn.all_weights[0])
        output = gru(linear(x, W_x, b_x), W_h, b_h, state)
        return output, _last_states(output, lengths)


class LSTMLayer(TorchLayer):
    """`nn.LSTM`; its state is (h, c), each (B, H)."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`, but for the state."""
        # The output has h at every token, but c at none: only packing gives c at each sentence's last token.
        initial = None if state is None else (state[0][None], state[1][None])
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        output, (h, c) = self.rnn(packed, initial)
        return pad_packed_sequence(output, total_length=len(x))[0], (h[0], c[0])


def _last_states(output: Tensor, lengths: Tensor) -> Tensor:
    """The outputs (T, B, H) at each sentence's last token, (B, H)."""
    return output[lengths - 1, torch.arange(len(lengths), device=output.device)]


# Name -> the layer that reads a sentence, and what computes its steps, made from (I, H): a cell of ours, or a recurrent
# layer of torch, which has its cell inside.
CELLS: dict[str, tuple[Any, Any]] = {
    "rnn_scratch": (RecurrentLayer, RNNCell),
    "gru_scratch": (RecurrentLayer, GRUCell),
    "mingru": (ScanLayer, MinGRUCell),
    "rnn": (TorchLayer, nn.RNN),
    "gru": (GRULayer, nn.GRU),
    "lstm": (LSTMLayer, nn.LSTM),
}


def make_layer(cell: str, input_size: int, hidden_size: int) -> nn.Module:
    """Makes one direction with a cell of `CELLS`.

    Raises:
        InputError: no cell has that name.
    """
    if cell not in CELLS:
        raise InputError(f"model.cell={cell} is no cell; choose one of {', '.join(CELLS)}")
    layer_type, cell_type = CELLS[cell]
    layer: nn.Module = layer_type(cell_type(input_size, hidden_size))
    return layer


def reverse_padded(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sentence of x (T, B, ...) reversed within its own length; padding stays where it is."""
    if bool((lengths == len(x)).all()):
        return x.flip(0)
    t = torch.arange(len(x), device=x.device)[:, None]  # (T, 1)
    source = torch.where(t < lengths, lengths - 1 - t, t)  # (T, B)
    return x[source, torch.arange(x.shape[1], device=x.device)]


class BidirectionalLayer(nn.Module):
    """Two layers that read the same input in opposite directions, of any two sizes (10.4.1).

    H_f(t) = phi(X(t) W_xh_f + H_f(t-1) W_hh_f + b_f)
    H_r(t) = phi(X(t) W_xh_r + H_r(t+1) W_hh_r + b_r)
    H = [H_f H_r], F + R wide. The chapter writes b for our r, the backward direction. Either direction may be absent
    (None).
    """

    def __init__(self, forward_layer: nn.Module | None, backward_layer: nn.Module | None) -> None:
        super().__init__()
        if forward_layer is None and backward_layer is None:
            raise InputError("a layer needs at least one direction: forward and backward sizes are both 0")
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        present = [layer for layer in (forward_layer, backward_layer) if layer is not None]
        self.width = sum(cast(int, layer.hidden_size) for layer in present)

    def forward(
        self, x: Tensor, lengths: Tensor, states: tuple[State, State] = (None, None)
    ) -> tuple[Tensor, tuple[State, State]]:
        """Reads x (T, B, I) in both directions.

        Args:
            x: (T, B, I).
            lengths: (B,), tokens per sentence.
            states: the initial states of the forward and of the backward direction; None: zeros.

        Returns:
            Outputs (T, B, F + R), and the last states of the forward and of the backward direction, None if that is
            absent. The backward direction ends at each sentence's first token.
        """
        h, last_f, last_r = [], None, None
        if self.forward_layer is not None:
            f, last_f = self.forward_layer(x, lengths, states[0])  # (T, B, F)
            h.append(f)
        if self.backward_layer is not None:
            r, last_r = self.backward_layer(reverse_padded(x, lengths), lengths, states[1])  # (T, B, R), reversed
            h.append(reverse_padded(r, lengths))
        return torch.cat(h, dim=-1), (last_f, last_r)


class Encoder(nn.Module):
    """A stack of bidirectional layers; the outputs of one, F + R wide, are the inputs of the next."""

    def __init__(
        self, cell: str, input_size: int, forward: Sequence[int], backward: Sequence[int], dropout: float = 0.0
    ) -> None:
        """Builds len(forward) layers.

        Args:
            cell: a name in `CELLS`.
            input_size: I of the first layer.
            forward: F of each layer; 0 leaves the direction out.
            backward: R of each layer; 0 leaves the direction out.
            dropout: the probability with which training zeroes a number between two layers.
        """
        super().__init__()
        layers = []
        for f, r in zip(forward, backward, strict=True):
            layers.append(
                BidirectionalLayer(
                    make_layer(cell, input_size, f) if f else None, make_layer(cell, input_size, r) if r else None
                )
            )
            input_size = layers[-1].width
        self.layers = nn.ModuleList(layers)
        self.dropout = Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, states: Sequence[tuple[State, State]] | None = None
    ) -> tuple[list[Tensor], list[tuple[State, State]]]:
        """Reads x (T, B, I).

        Args:
            x: token embeddings.
            lengths: (B,), tokens per sentence.
            states: for each layer the initial states of both directions; None: zeros.

        Returns:
            The outputs of every layer, each (T, B, F + R), and their last states, from the first layer on.
        """
        outputs, last = [], []
        for depth, layer in enumerate(self.layers):
            if depth:
                x = self.dropout(x)
            x, state = layer(x, lengths, states[depth] if states is not None else (None, None))
            outputs.append(x)
            last.append(state)
        return outputs, last
