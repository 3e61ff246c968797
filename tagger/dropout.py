"""Dropout with masks that a processor draws quickly."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """`nn.Dropout`, whose masks on a processor take a random byte per number: p is rounded to 1/256.

    Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Zeroes numbers with probability p in training, and divides the others by 1 - p."""
        dropped = round(256 * self.p)
        if not self.training or not dropped or dropped == 256 or input.device.type != "cpu":
            return super().forward(input)
        bytes_ = torch.empty(input.shape, dtype=torch.uint8).random_(0, 256)
        return input * (bytes_ >= dropped).to(input.dtype).mul_(256 / (256 - dropped))
