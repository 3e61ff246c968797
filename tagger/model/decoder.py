"""Scores -> tags, with their probabilities: of one column, or of several that must fit each other."""

# N tokens, K tags of a column, k best of them, C combinations of tags

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

MAX_SCORES = 1 << 22  # scores of combinations that are held in memory at a time


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (N, k)
    probabilities: np.ndarray | None  # (N, k), or None if they were not asked for


def decode(scores: Tensor, top: int = 1, probabilities: bool = False, chosen: Tensor | None = None) -> Decoded:
    """The `top` best tags of scores (N, K), and on request their probabilities (softmax).

    Args:
        scores: logits.
        top: how many.
        probabilities: whether they are wanted.
        chosen: (N,), the tags that come first, where these are not the best; see `choose_together`.
    """
    if top == 1 and not probabilities:
        best = scores.argmax(-1) if chosen is None else chosen
        return Decoded(best[:, None].cpu().numpy(), None)
    ordered, ids = scores.float().sort(dim=-1, descending=True, stable=True)  # of equal ones the first, as argmax does
    shares = ordered.softmax(-1)
    if chosen is not None:
        (moved,) = torch.nonzero(ids[:, 0] != chosen, as_tuple=True)
        order = (ids[moved] != chosen[moved, None]).to(torch.uint8).argsort(dim=-1, stable=True)
        ids[moved], shares[moved] = ids[moved].gather(1, order), shares[moved].gather(1, order)
    best = torch.round(shares[:, :top], decimals=6)
    return Decoded(ids[:, :top].cpu().numpy(), best.cpu().numpy() if probabilities else None)


class Combinations:
    """The combinations of tags that training has, to choose the tags of several columns together."""

    def __init__(self, combinations: Sequence[Sequence[int]], sizes: Sequence[int]) -> None:
        """Takes C combinations, of one tag id per column, and K of each column."""
        self._tags = torch.tensor(combinations, dtype=torch.int64).T.contiguous()  # (columns, C)
        self._sizes = list(sizes)
        self._codes = torch.unique(self._code(list(self._tags)))  # sorted

    def choose(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """The tags (N,) of each column that are most probable together, from scores (N, K) of each column.

        The columns' probabilities are independent of each other. So where the best tags of the columns are a known
        combination, no other is more probable; only elsewhere the combinations are compared.
        """
        best = [column.argmax(-1) for column in scores]
        codes = self._code(best)
        nearest = torch.searchsorted(self._codes, codes).clamp_(max=len(self._codes) - 1)
        (unknown,) = torch.nonzero(self._codes[nearest] != codes, as_tuple=True)
        for rows in torch.split(unknown, max(1, MAX_SCORES // self._tags.shape[1])):
            logs = [column[rows].float().log_softmax(-1) for column in scores]
            together = sum(log[:, tags] for log, tags in zip(logs, self._tags, strict=True))  # (rows, C)
            chosen = torch.as_tensor(together).argmax(-1)
            for column, tags in zip(best, self._tags, strict=True):
                column[rows] = tags[chosen]
        return best

    def to(self, device: torch.device | str) -> "Combinations":
        """Moves the table to a device."""
        self._tags, self._codes = self._tags.to(device), self._codes.to(device)
        return self

    def _code(self, tags: Sequence[Tensor]) -> Tensor:
        """A number for each combination of tags."""
        code = torch.zeros_like(tags[0])
        for column, size in zip(tags, self._sizes, strict=True):
            code = code * size + column
        return code
