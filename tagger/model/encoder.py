"""Token embeddings -> states of every token: both directions of a layer, and a stack of layers.

A forward state has seen its token and those before it. A backward state has seen its token and those after it. If the
layer below has both directions, each of the two has seen the whole sentence.

Tensors are time-major and padded on the right. As in the chapter
(https://d2l.ai/chapter_recurrent-modern/bi-rnn.html), each layer takes initial states and returns its outputs and its
last states. The tagger starts from zeros and ignores the last states. Outputs at padding mean nothing. The next layer
and the heads compute with them, but no token's value depends on them: padding comes last in both directions. The loss
leaves it out.

To add a cell, write it in a file of its own and name it in `CELLS` below. docs/cells.md shows how.
"""

# T tokens in the longest sentence, B sentences, I input size, H hidden size of one direction,
# F hidden size forward, R hidden size backward. f and r are outputs of these two, since b is a bias

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from tagger.errors import InputError
from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.recurrent import Dropout, GRULayer, LSTMLayer, RecurrentLayer, ScanLayer, State, TorchLayer
from tagger.model.steps import GRUSteps, LSTMSteps, MinGRUSteps, OwnSteps, RNNSteps, Steps


class Cell(NamedTuple):
    """A recurrent cell, as `CELLS` names it."""

    layer: type[nn.Module]  # reads sentences in one direction, for training; made from `core`
    core: type[nn.Module]  # made from (I, H): a cell of `cells.py`, or a recurrent layer of torch
    steps: type[Steps] = OwnSteps  # the same steps for tagging


# `gru`, the default, runs in four forms, which compute what `cells.GRUCell` does: in training on a CPU
# `recurrent.GRULayer`, elsewhere in training and on dev torch's `nn.GRU`, which it holds; in tagging `steps.GRUSteps`.
# `gru_scratch` runs `GRUCell` itself, step by step, and tags with the same steps.
CELLS = {
    "rnn_scratch": Cell(RecurrentLayer, RNNCell, RNNSteps),
    "gru_scratch": Cell(RecurrentLayer, GRUCell, GRUSteps),
    "mingru": Cell(ScanLayer, MinGRUCell, MinGRUSteps),
    "rnn": Cell(TorchLayer, nn.RNN, RNNSteps),
    "gru": Cell(GRULayer, nn.GRU, GRUSteps),
    "lstm": Cell(LSTMLayer, nn.LSTM, LSTMSteps),
}


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
        """Reads x (T, B, I) in both directions, from initial states of each; None: zeros.

        Returns outputs (T, B, F + R), and the last states of the forward and of the backward direction, None if that is
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
    """A stack of bidirectional layers; the outputs of one, F + R wide, are the inputs of the next.

    `forward` and `backward` have F and R of each layer; 0 leaves the direction out.
    """

    def __init__(
        self, cell: str, input_size: int, forward: Sequence[int], backward: Sequence[int], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.cell, self.input_size = CELLS[cell], input_size
        layers = []
        for f, r in zip(forward, backward, strict=True):
            directions = [self.cell.layer(self.cell.core(input_size, size)) if size else None for size in (f, r)]
            layers.append(BidirectionalLayer(*directions))
            input_size = layers[-1].width
        self.layers = nn.ModuleList(layers)
        self.dropout = Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor, states: Sequence[tuple[State, State]] | None = None
    ) -> tuple[list[Tensor], list[tuple[State, State]]]:
        """Reads x (T, B, I), from initial states of both directions of each layer; None: zeros.

        Returns the outputs of every layer, each (T, B, F + R), and their last states, from the first layer on.
        """
        outputs, last = [], []
        for depth, layer in enumerate(self.layers):
            if depth:
                x = self.dropout(x)
            x, state = layer(x, lengths, states[depth] if states is not None else (None, None))
            outputs.append(x)
            last.append(state)
        return outputs, last
