"""Scores -> tags, with their probabilities."""

# T tokens in the longest sentence, B sentences, K tags, k best of them

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (B, T, k)
    probabilities: np.ndarray | None  # (B, T, k), or None where nobody asked


def decode(scores: Tensor, top: int = 1, probabilities: bool = False) -> Decoded:
    """The `top` best tags of scores (T, B, K), and on request their probabilities (softmax)."""
    scores = scores.transpose(0, 1)  # (B, T, K)
    if top == 1 and not probabilities:
        return Decoded(scores.argmax(-1, keepdim=True).cpu().numpy(), None)
    best, ids = scores.float().softmax(-1).topk(min(top, scores.shape[-1]), dim=-1)
    return Decoded(ids.cpu().numpy(), torch.round(best, decimals=6).cpu().numpy() if probabilities else None)
