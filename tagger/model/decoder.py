"""What every decoder is: scores of a tag column -> a loss, the best tags, and their probabilities.

`softmax.py` takes each token by itself, `crf.py` a sentence's tags together. A network has one for each column.
To add one, write a subclass of `Decoder` in a file of its own and name it in `decoders.DECODERS`.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

# N tokens, K tags of a column, k best of them


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
        ids = _best(log_probabilities, top)
        # The chosen tag moves to the front, where it is not, and the others keep their order.
        absent = (ids != chosen[:, None]).all(dim=1)
        ids[absent, -1] = chosen[absent]
        order = (ids != chosen[:, None]).to(torch.uint8).argsort(dim=-1, stable=True)
        ids = ids.gather(1, order)
        logs = log_probabilities.gather(1, ids)
    return Decoded(ids.cpu().numpy(), torch.round(logs.exp(), decimals=6).cpu().numpy())


def _best(logs: Tensor, top: int) -> Tensor:
    """The ids of the largest numbers in each row, (N, K) to (N, top), largest first, as a stable sort orders them.

    A column of lemmas has thousands of tags, and to sort them takes longer than all else. So an integer stands for each
    number: its upper half orders as the number does, and its lower half as the ids do.
    """
    K = logs.shape[1]
    bits = (logs.float() + 0.0).view(torch.int32)  # -0.0 becomes 0.0
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32
    ordered |= torch.arange(K - 1, -1, -1, device=logs.device)
    return K - 1 - (ordered.topk(min(top, K), dim=1).values & 0xFFFFFFFF)


# N tokens, K tags of a column


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


# T tokens in the longest sentence, B sentences, N tokens of all, K tags of a column


MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 5.0  # of a column


class Decoder(nn.Module):
    """How the tags of a column follow from the scores of its tokens.

    Packed tokens are the first tokens of all sentences, the longest sentence's first, then the second ones, and so on;
    `counts` (T,) says how many sentences have a token at each step. A score of -inf says that a token cannot have a
    tag.

    Attributes:
        can_be_added: whether training may put it on a tagger that has another one, since it begins by changing no tag.
        learns_from_teacher: whether a teacher's probabilities of each token can replace the gold tags.
        keeps_spans: whether it decides the tags of a sentence together, so that what they span stays whole.
    """

    can_be_added: ClassVar[bool] = False
    learns_from_teacher: ClassVar[bool] = False
    keeps_spans: ClassVar[bool] = False

    @classmethod
    def build(cls, tags: int) -> "Decoder":
        """Makes the decoder of a column with so many tags; of another class if there are too many for this one."""
        return cls()

    def take_from(self, other: "Decoder", rows: Sequence[int], its_rows: Sequence[int]) -> None:
        """Copies the weights of the decoder of another tagger, from which training starts.

        Args:
            other: perhaps of another class.
            rows: tags that both have, as this column numbers them.
            its_rows: the same tags as the other tagger numbers them.
        """

    def forbid(self, first: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        """Says which tags cannot begin a sentence, and which cannot follow one another, when tags are chosen.

        A decoder that takes each token by itself has no use for it.
        """

    def settle(self) -> None:
        """Writes what is forbidden into the weights, after training."""

    def loss(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """What training makes small: the negative log-probability of the gold tags, a mean over the tokens with one.

        Args:
            scores: (T, B, K) of sentences that are padded on the right.
            targets: (T, B) gold tags, or IGNORE.
            lengths: (B,).
        """
        raise NotImplementedError

    def best(self, scores: Tensor, counts: Sequence[int]) -> Tensor:
        """The tags, (N,), from the scores of packed tokens, (N, K)."""
        raise NotImplementedError

    def log_probabilities(
        self,
        scores: Tensor,
        counts: Sequence[int],
        temperature: float = 1.0,
        rows: int | None = None,
    ) -> Tensor:
        """The logarithm of the probability of each tag, (N, K).

        Args:
            scores: (N, K) of packed tokens.
            counts: (T,).
            temperature: that all scores are divided by: Guo et al. (2017), https://arxiv.org/abs/1706.04599.
            rows: of every product, at least B, so that a sentence's values do not depend on the other sentences, to
                the last bit; None: as many as are needed.
        """
        raise NotImplementedError

    def log_conditionals(self, scores: Tensor, counts: Sequence[int], best: Tensor, at: Tensor) -> Tensor:
        """The logarithm of the probability of each tag of some tokens, (n, K), if all others have their best tags.

        Args:
            scores: (N, K) of packed tokens.
            counts: (T,).
            best: (N,) the tags of all tokens.
            at: (n,) the tokens.
        """
        raise NotImplementedError
