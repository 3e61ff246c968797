"""The tanh RNN for tagging; `cells.RNNCell` and `nn.RNN` compute it for training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tagger.model.recurrent import Steps


class RNNSteps(Steps):
    """h' = tanh(x W_xh + h W_hh + b_h), equation 10.4.1."""

    def step(self, x: Sequence[Tensor], h: Tensor, out: Tensor) -> None:  # noqa: D102
        torch.tanh(x[0].baddbmm_(h, self.W_h)[:, : out.shape[1]], out=out)
