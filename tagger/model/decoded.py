"""The probabilities of tags -> the best tags of every token."""

# N tokens, K tags of a column, k best of them

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (N, k)
    probabilities: np.ndarray | None  # (N, k); None if nobody asked for them


def top_tags(log_probabilities: Tensor, chosen: Tensor, top: int) -> Decoded:
    """The best tags of each token and their probabilities.

    Args:
        log_probabilities: (N, K).
        chosen: (N,) the tags that come first, whatever their probability.
        top: k, how many tags of each token to return.
    """
    if top == 1:
        ids, logs = chosen[:, None], log_probabilities.gather(1, chosen[:, None])
    else:
        logs, ids = log_probabilities.sort(dim=-1, descending=True, stable=True)  # stable: as argmax takes them
        # Where the chosen tag is not the best, it moves to the front, and the others keep their order.
        (moved,) = torch.nonzero(ids[:, 0] != chosen, as_tuple=True)
        order = (ids[moved] != chosen[moved, None]).to(torch.uint8).argsort(dim=-1, stable=True)
        ids[moved], logs[moved] = ids[moved].gather(1, order), logs[moved].gather(1, order)
        ids, logs = ids[:, :top], logs[:, :top]
    return Decoded(ids.cpu().numpy(), torch.round(logs.exp(), decimals=6).cpu().numpy())
