"""The LSTM: torch's layer, and its steps for tagging."""

# B sentences, H hidden size, M directions of equal shape, n sentences that have a token at a step

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tagger.model.recurrent import State, Steps, TorchLayer


class LSTMLayer(TorchLayer):
    """`nn.LSTM`; its state is (h, c), each (B, H)."""

    def forward(self, x: Tensor, lengths: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The same as `RecurrentLayer.forward`, but for the state."""
        # The output has h at every token, but c at none: only packing gives c at each sentence's last token.
        initial = None if state is None else (state[0][None], state[1][None])
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        output, (h, c) = self.rnn(packed, initial)
        return pad_packed_sequence(output, total_length=len(x))[0], (h[0], c[0])


class LSTMSteps(Steps):
    """The step of `nn.LSTM`, gates i, f, g, o; its state is [h c]."""

    def __init__(self, layers: Sequence[Any], input_size: int, dtype: torch.dtype) -> None:
        super().__init__(layers, input_size, dtype)
        self.state_size = 2 * self.hidden_size

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        size, n = self.hidden_size, out.shape[1]
        gates = x[0].baddbmm_(h[..., :size], self.W_h)[:, :n]
        i, f = gates[..., : 2 * size].sigmoid_().chunk(2, dim=-1)
        g, o = gates[..., 2 * size : 3 * size].tanh_(), gates[..., 3 * size :].sigmoid_()
        c = torch.mul(h[:, :n, size:], f, out=out[..., size:]).addcmul_(i, g)
        torch.mul(o, c.tanh(), out=out[..., :size])
