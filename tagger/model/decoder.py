"""Scores -> tags and their probabilities: for one column, or for several whose tags must fit each other."""

# N tokens, K tags of a column, k best of them

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

MAX_SCORES = 1 << 22  # the most scores of combinations in memory at a time


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (N, k)
    probabilities: np.ndarray | None  # (N, k); None if nobody asked for them


def decode(scores: Tensor, top: int = 1, probabilities: bool = False, chosen: Tensor | None = None) -> Decoded:
    """The best tags of each token and, on request, their probabilities (softmax).

    Args:
        scores: logits, (N, K).
        top: how many tags of each token to return.
        probabilities: whether to return probabilities.
        chosen: (N,), the tags that come first, such as `Combinations.choose` found; None: the best.
    """
    if top == 1 and not probabilities:
        best = scores.argmax(-1) if chosen is None else chosen
        return Decoded(best[:, None].cpu().numpy(), None)
    ordered, ids = scores.float().sort(dim=-1, descending=True, stable=True)  # stable: the first of equals, as argmax
    shares = ordered.softmax(-1)
    if chosen is not None:
        # Where the chosen tag is not the best, it moves to the front, and the others keep their order.
        (moved,) = torch.nonzero(ids[:, 0] != chosen, as_tuple=True)
        order = (ids[moved] != chosen[moved, None]).to(torch.uint8).argsort(dim=-1, stable=True)
        ids[moved], shares[moved] = ids[moved].gather(1, order), shares[moved].gather(1, order)
    best = torch.round(shares[:, :top], decimals=6)
    return Decoded(ids[:, :top].cpu().numpy(), best.cpu().numpy() if probabilities else None)


class Combinations:
    """Chooses the tags of several columns together, among the combinations that training has."""

    def __init__(self, combinations: Sequence[Sequence[int]], sizes: Sequence[int]) -> None:
        """Takes the combinations, each of one tag id per column, and the K of each column."""
        self._tags = torch.tensor(combinations, dtype=torch.int64).T.contiguous()  # (columns, combinations)
        self._sizes = list(sizes)
        self._codes = torch.unique(self._code(list(self._tags)))  # sorted

    def choose(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """The tags of each column, (N,), that are most probable together.

        The network takes the columns for independent. So if the best tags of all columns are a known combination, no
        other combination is more probable. The combinations are compared for the other tokens only.

        Args:
            scores: logits of each column, (N, K).
        """
        best = [column.argmax(-1) for column in scores]
        codes = self._code(best)
        found = torch.searchsorted(self._codes, codes).clamp_(max=len(self._codes) - 1)  # its place if it is known
        (unknown,) = torch.nonzero(self._codes[found] != codes, as_tuple=True)
        for rows in torch.split(unknown, max(1, MAX_SCORES // self._tags.shape[1])):
            logs = [column[rows].float().log_softmax(-1) for column in scores]
            together = sum(log[:, tags] for log, tags in zip(logs, self._tags, strict=True))  # (rows, combinations)
            chosen = torch.as_tensor(together).argmax(-1)
            for column, tags in zip(best, self._tags, strict=True):
                column[rows] = tags[chosen]
        return best

    def to(self, device: torch.device | str) -> "Combinations":
        """Moves the table to a device."""
        self._tags, self._codes = self._tags.to(device), self._codes.to(device)
        return self

    def _code(self, tags: Sequence[Tensor]) -> Tensor:
        """A number for each combination of tags, different for different combinations."""
        code = torch.zeros_like(tags[0])
        for column, size in zip(tags, self._sizes, strict=True):
            code = code * size + column
        return code
