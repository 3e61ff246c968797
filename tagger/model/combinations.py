"""The best tags of several columns -> tags that fit each other, among the combinations that training has."""

# N tokens, K tags of a column

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MAX_SCORES = 1 << 22  # the most scores of combinations in memory at a time


class Combinations:
    """Chooses the tags of several columns together, among the combinations that training has."""

    def __init__(self, combinations: Sequence[Sequence[int]], sizes: Sequence[int]) -> None:
        """Takes the combinations, each of one tag id per column, and the K of each column."""
        self._tags = torch.tensor(combinations, dtype=torch.int64).T.contiguous()  # (columns, combinations)
        self._sizes = list(sizes)
        self._codes = torch.unique(self._code(list(self._tags)))  # sorted

    def choose(self, best: Sequence[Tensor], logs: Callable[[Tensor], Sequence[Tensor]]) -> list[Tensor]:
        """The tags of each column, (N,), that are most probable together.

        The network takes the columns for independent. So if the best tags of all columns are a known combination, no
        other combination is more probable. The combinations are compared for the other tokens only. A token that
        cannot have any of them, because of constraints, keeps its best tags.

        Args:
            best: of each column the best tags, (N,).
            logs: from some tokens, (n,), to the logarithm of the probabilities of their tags, (n, K) of each column.
        """
        best = [column.clone() for column in best]
        codes = self._code(best)
        found = torch.searchsorted(self._codes, codes).clamp_(max=len(self._codes) - 1)  # its place if it is known
        (unknown,) = torch.nonzero(self._codes[found] != codes, as_tuple=True)
        if not len(unknown):
            return best
        size = max(1, MAX_SCORES // self._tags.shape[1])
        of_columns = [torch.split(each, size) for each in logs(unknown)]
        for rows, *columns in zip(torch.split(unknown, size), *of_columns, strict=True):
            sums = sum(log[:, tags] for log, tags in zip(columns, self._tags, strict=True))  # (rows, combinations)
            most, chosen = torch.as_tensor(sums).max(-1)
            possible = most > -torch.inf
            for column, tags in zip(best, self._tags, strict=True):
                column[rows[possible]] = tags[chosen[possible]]
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
