"""The scores of a batch -> the tags of its tokens, in all columns that are wanted, under constraints."""

# N packed tokens of a batch, L tokens of a sentence, K tags of a column

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.decoder import CRFDecoder, Decoded, Decoder, top_tags
from tagger.model.vocabulary import Vocabulary
from tagger.text.spans import is_span_column


class Request(NamedTuple):
    """The results that are wanted for every token."""

    columns: Sequence[str] | None = None  # None: all
    top: int = 1
    probabilities: bool = False
    keep: bool = False  # whether tags that sentences have stay as they are

    @property
    def weighs(self) -> bool:
        """Whether probabilities are needed."""
        return self.probabilities or self.top > 1


class Constraint(NamedTuple):
    """Which tags of a column some tokens may have.

    Attributes:
        sets: ids of tags.
        of_token: (tokens,) for each token the number of its set from 1; 0: it may have every tag.
    """

    sets: list[tuple[int, ...]]
    of_token: np.ndarray


class BatchScores(NamedTuple):
    """The scores of a batch, and what they are of."""

    scores: dict[str, Tensor]  # of each column (N, K)
    tokens: np.ndarray  # (N,) number of each packed token among all tokens
    counts: list[int]  # (T,) sentences that have a token at each step
    rows: int | None  # of every product of a decoder; see `Decoder.log_probabilities`


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


class Decoding:
    """Decodes the batches of one engine."""

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        vocabulary: "Vocabulary",
        device: str,
        temperatures: Mapping[str, float],
    ) -> None:
        """Prepares nothing but the temperatures.

        Args:
            temperatures: that the scores of a column are divided by before they become probabilities; 1 by default.
        """
        self._decoders, self._vocabulary, self._device, self._temperatures = decoders, vocabulary, device, temperatures
        self._combinations: dict[tuple[str, ...], Combinations | None] = {}  # of columns

    def decode(
        self,
        batch: BatchScores,
        forms: Sequence[str],
        request: Request,
        constraints: Mapping[str, Constraint],
        decided: Mapping[str, np.ndarray],
    ) -> dict[str, Decoded]:
        """Decodes a batch. The tags of several columns are chosen together, among the combinations of training.

        Args:
            batch: its scores may be changed in place.
            decided: for some columns the tags of all tokens, or -1; only those with -1 have scores.
        """
        tags = {}
        for column, scores in batch.scores.items():
            known = decided.get(column)
            tokens = batch.tokens if known is None else batch.tokens[known[batch.tokens] < 0]
            self._vocabulary.codecs[column].weigh(scores, forms, tokens)
            if column in constraints:
                _constrain(scores, constraints[column], batch.tokens)
            tags[column] = self._decoders[column].best(scores, batch.counts)
        self._fit(tags, batch)
        found = {column: self._found(column, best, batch, request) for column, best in tags.items()}
        return {c: _completed(each, decided[c][batch.tokens]) if c in decided else each for c, each in found.items()}

    def _fit(self, tags: dict[str, Tensor], batch: BatchScores) -> None:
        """Changes the best tags of columns to those that are most probable together."""
        together = [column for column in tags if self._fits_others(column)]
        combinations = self._combinations_of(together)
        if combinations is None:
            return

        def logs(at: Tensor) -> list[Tensor]:
            return [self._decoders[c].log_conditionals(batch.scores[c], batch.counts, tags[c], at) for c in together]

        tags.update(zip(together, combinations.choose([tags[c] for c in together], logs), strict=True))

    def _fits_others(self, column: str) -> bool:
        """Whether the tags of a column may change to fit other columns; the spans of a CRF must stay whole."""
        whole = isinstance(self._decoders[column], CRFDecoder) and is_span_column(self._vocabulary.tags[column])
        return not whole and not self._vocabulary.codecs[column].edits

    def _found(self, column: str, best: Tensor, batch: BatchScores, request: Request) -> Decoded:
        decoder, scores, counts = self._decoders[column], batch.scores[column], batch.counts
        temperature = self._temperatures.get(column, 1.0)
        if request.weighs:
            logs = decoder.log_probabilities(scores, counts, temperature, batch.rows)
            return top_tags(logs, best, self._vocabulary.codecs[column].candidates(request.top, True))
        return Decoded(best[:, None].cpu().numpy(), None)

    def _combinations_of(self, columns: Sequence[str]) -> Combinations | None:
        """The tag combinations of several columns, made when they are first needed; None if none are known."""
        key = tuple(columns)
        if key not in self._combinations:
            places = [self._vocabulary.combined.index(column) for column in columns]
            tags = sorted({tuple(tags[place] for place in places) for tags in self._vocabulary.combinations})
            sizes = [len(self._vocabulary.tags[column]) for column in columns]
            known = len(columns) > 1 and len(tags) > 0
            self._combinations[key] = Combinations(tags, sizes).to(self._device) if known else None
        return self._combinations[key]


def joined(parts: Sequence[Decoded], tokens: Sequence[np.ndarray], nothing: Decoded) -> Decoded:
    """What was found in batches, in the order of the tokens."""
    if not parts:
        return nothing
    order = np.argsort(np.concatenate(tokens))
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    ids = np.concatenate([part.ids for part in parts])[order]
    return Decoded(ids, np.concatenate(shares)[order] if shares else None)


def _completed(found: Decoded, known: np.ndarray) -> Decoded:
    """What was found of some tokens, with the others, whose only tag is known, (N,); -1 for those that were found."""
    here = known < 0
    ids = np.zeros((len(known), found.ids.shape[1]), dtype=found.ids.dtype)
    ids[:, 0] = known
    ids[here] = found.ids
    if found.probabilities is None:
        return Decoded(ids, None)
    shares = np.zeros(ids.shape, dtype=found.probabilities.dtype)
    shares[:, 0] = 1
    shares[here] = found.probabilities
    return Decoded(ids, shares)


def _constrain(scores: Tensor, constraint: Constraint, tokens: np.ndarray) -> None:
    """Makes the scores -inf of the tags that tokens may not have; (N, K), changed in place."""
    numbers = torch.from_numpy(constraint.of_token[tokens]).to(scores.device)
    (rows,) = torch.nonzero(numbers, as_tuple=True)
    if len(rows):
        refused = torch.ones(len(constraint.sets), scores.shape[1], dtype=torch.bool)
        for row, ids in zip(refused, constraint.sets, strict=True):
            row[list(ids)] = False
        scores[rows] = scores[rows].masked_fill(refused.to(scores.device)[numbers[rows] - 1], -torch.inf)
