"""One direction of a trained recurrent layer -> the ONNX operator that computes the same steps, with its weights.

The operators are those of https://onnx.ai/onnx/operators/: RNN, GRU and LSTM. They have the equations of torch, but
their gates stand in another order.
"""

# I input size, G gates, H hidden size of a direction

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.errors import InputError
from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.encoder import GRULayer, LSTMLayer, RecurrentLayer, ScanLayer, TorchLayer

# Where each gate of the operator is among those of torch: the GRU's z, r, h among r, z, n; the LSTM's i, o, f, c among
# i, f, g, o.
_ORDERS = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}


class Operator(NamedTuple):
    """An operator with the weights of one direction, in the shapes that it wants."""

    kind: str  # RNN, GRU or LSTM
    W: np.ndarray  # (1, G * H, I) of the product with the input
    R: np.ndarray  # (1, G * H, H) of the product with the state
    B: np.ndarray  # (1, 2 * G * H) the biases of both
    hidden_size: int

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the operator, but for its direction. The GRU resets the state after the product, as cuDNN does."""
        more = {"linear_before_reset": 1} if self.kind == "GRU" else {}
        return {"hidden_size": self.hidden_size, **more}


def operator_of(layer: nn.Module) -> Operator:
    """The operator of one direction.

    Raises:
        InputError: its cell is none of those that come with the package.
    """
    if type(layer) in (TorchLayer, GRULayer, LSTMLayer):
        rnn = cast(TorchLayer, layer).rnn
        kind = {nn.RNN: "RNN", nn.GRU: "GRU", nn.LSTM: "LSTM"}[type(rnn)]
        return _operator(kind, *cast(Sequence[Tensor], rnn.all_weights[0]))
    if type(layer) in (RecurrentLayer, ScanLayer):
        cell = cast(Any, layer).cell
        if type(cell) is RNNCell:
            return _operator("RNN", cell.W_xh.T, cell.W_hh.T, cell.b_h, torch.zeros_like(cell.b_h))
        if type(cell) is GRUCell:
            return _operator("GRU", cell.W_x.T, cell.W_h.T, cell.b_x, cell.b_h)
        if type(cell) is MinGRUCell:
            return _min_gru(cell)
        layer = cell
    raise InputError(
        f"{type(layer).__name__} has no ONNX operator; export a tagger of another cell, such as model.cell=gru, or"
        " write the cell's in tagger/weights/onnx_cells.py"
    )


def _min_gru(cell: MinGRUCell) -> Operator:
    """A GRU that ignores its state: its reset gate and its products with the state are 0.

    Its z is the share of the old state, and that of `MinGRUCell` the share of the new one: 1 - sigmoid(a) is
    sigmoid(-a).
    """
    size = cell.hidden_size
    W_z, W_n = cell.W_x.T.chunk(2)
    b_z, b_n = cell.b_x.chunk(2)
    W, b = torch.cat([torch.zeros_like(W_z), -W_z, W_n]), torch.cat([torch.zeros_like(b_z), -b_z, b_n])
    return _operator("GRU", W, W.new_zeros(3 * size, size), b, torch.zeros_like(b))


def _operator(kind: str, W_x: Tensor, W_h: Tensor, b_x: Tensor, b_h: Tensor) -> Operator:
    """An operator from weights whose gates stand in torch's order: (G * H, I), (G * H, H), (G * H,) and (G * H,)."""
    size, order = W_h.shape[1], _ORDERS[kind]

    def reordered(weights: Tensor) -> np.ndarray:
        gates = weights.detach().float().chunk(len(order))
        array: np.ndarray = torch.cat([gates[place] for place in order]).numpy()
        return array

    B = np.concatenate([reordered(b_x), reordered(b_h)])
    return Operator(kind, reordered(W_x)[None], reordered(W_h)[None], B[None], size)
