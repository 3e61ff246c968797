"""Scores -> tags, with their probabilities."""

# N tokens, K tags, k best of them

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (N, k)
    probabilities: np.ndarray | None  # (N, k), or None where nobody asked


def decode(scores: Tensor, top: int = 1, probabilities: bool = False) -> Decoded:
    """The `top` best tags of scores (N, K), and on request their probabilities (softmax)."""
    if top == 1 and not probabilities:
        return Decoded(scores.argmax(-1, keepdim=True).cpu().numpy(), None)
    ordered, ids = scores.float().sort(dim=-1, descending=True, stable=True)  # of equals the first, as argmax takes it
    best = torch.round(ordered.softmax(-1)[:, :top], decimals=6).cpu().numpy()
    return Decoded(ids[:, :top].cpu().numpy(), best if probabilities else None)
