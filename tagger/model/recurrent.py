"""What all recurrent cells share: layers that train over padded sentences, and steps that tag.

A cell takes part as a `Cell`, named in `encoder.CELLS`: its layer for training, and its `Steps` for tagging. `Steps`
computes what the layer computes, without gradients, of several directions of equal shape at once: both directions of a
layer if they are equally large, and those of several networks whose scores are averaged. `tagging/stack.py` runs the
steps. tests/tagging/test_engine.py compares `Steps` with the layers, of which the GRU's is `nn.GRU` where no gradients
are recorded; tests/model/test_fast_cpu.py compares the training of a GRU with `nn.GRU`.
"""

# T tokens in the longest sentence, B sentences, I input size, H hidden size of a direction, G gates of a cell,
# M directions of equal shape, n sentences that have a token at a step

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from tagger.model.cells import Weights

State = Any  # what a layer carries from step to step: h (B, H); for an LSTM (h, c)


class RecurrentLayer(nn.Module):
    """One direction: any cell of ours, one step per token."""

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


def last_states(output: Tensor, lengths: Tensor) -> Tensor:
    """The outputs (T, B, H) at each sentence's last token, (B, H)."""
    return output[lengths - 1, torch.arange(len(lengths), device=output.device)]


class Steps:
    """The steps of M directions of equal shape, for tagging. A cell overrides `step`, and what else differs.

    Attributes:
        hidden_size: H.
        state_size: of the state that goes from step to step. The first H numbers of a state are the output.
        W_x, b_x: (M, I, G * H) and (M, 1, G * H), of the product with the input, which needs no earlier state. b_x
            includes a bias that is only added to the product with the state; one within a gate's product is apart.
        W_h: (M, H, G * H), of the product with the state.
    """

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        """Takes copies of the weights of M layers that read I numbers, rounded to `dtype`."""
        weights = [layer.weights for layer in layers]
        self.hidden_size = self.state_size = layers[0].hidden_size
        self.W_x = stacked([each.W_x for each in weights], dtype)
        self.W_h = stacked([each.W_h for each in weights], dtype)
        self.b_x = stacked([(each.b_x + each.b_h)[None] for each in weights], dtype)

    def __getitem__(self, directions: slice) -> "Steps":
        """The steps of some of the directions."""
        part = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor | list):
                setattr(part, name, value[directions])
        return part

    def prepare(self, x: Tensor) -> None:
        """Computes in place what depends on the products with the input, (..., G * H), alone."""

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """What `step` reads, all of it (M, tokens, ...), from the products with the input of several steps.

        Args:
            x: (M, tokens, G * H); it may be changed, and be part of the result.
        """
        return (x,)

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:
        """One time step.

        Args:
            x: from `split`, of at least n tokens; the step may change it.
            h: (M, as many, state_size), the states before.
            out: (M, n, state_size), where the new states of the first n are written; may be the memory of `h`.
        """
        raise NotImplementedError


class OwnSteps(Steps):
    """The steps of any cell of ours by its `forward`: slow, but a cell needs nothing else to tag.

    W_x is the identity matrix, so `step` gets the input itself.
    """

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        self.hidden_size = self.state_size = layers[0].hidden_size
        self.cells = [copy.deepcopy(layer.cell).to(dtype) for layer in layers]
        like = next(self.cells[0].parameters())
        self.W_x = torch.eye(input_size, dtype=dtype, device=like.device).repeat(len(layers), 1, 1)
        self.b_x = like.new_zeros(len(layers), 1, input_size)

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        n = out.shape[1]
        for cell, x_t, before, after in zip(self.cells, x[0], h, out, strict=True):
            after.copy_(cell(x_t[:n], before[:n]))


def stacked(weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Weights of several directions, one after the other, without gradients."""
    return torch.stack([each.detach().to(dtype) for each in weights])


_MINUS_ONE = torch.tensor(-1.0)


def tanh_of_half(x: Tensor) -> Tensor:
    """tanh(x / 2) in place, as 2 sigmoid(x) - 1: that takes a third of the time of `torch.tanh`."""
    return torch.add(_MINUS_ONE, x.sigmoid_(), alpha=2, out=x)


class Cell(NamedTuple):
    """A recurrent cell, as `encoder.CELLS` names it.

    Attributes:
        layer: reads sentences in one direction, for training; made from a cell.
        core: the module in `layer`, made from (I, H): a cell of `cells.py`, or a recurrent layer of torch.
        steps: the same steps for tagging.
        operator: of ONNX, RNN, GRU or LSTM, that computes the same with the layer's `weights`; None: there is none.
    """

    layer: type[nn.Module]
    core: type[nn.Module]
    steps: type[Steps] = OwnSteps
    operator: str | None = None

    def make(self, input_size: int, hidden_size: int) -> nn.Module:
        """One direction of a layer."""
        return self.layer(self.core(input_size, hidden_size))
