"""A direction of a layer, for training: what runs a cell of ours over padded sentences, and the layers of torch.

All take x (T, B, I) and give outputs (T, B, H) and last states. `encoder.CELLS` names the layer of each cell.
"""

# T tokens in the longest sentence, B sentences, I input size, H hidden size of a direction

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
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
        return output, last_states(output, lengths)


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
