"""`EnsembleEngine`: sentences -> the weighted mean of the probabilities that several taggers give to tags -> tags.

Each member divides its scores by its own temperatures, and a CRF gives its marginals. The mean is decoded token by
token: its logarithm takes the place of scores. Constraints, and the choice of the tags of several columns together,
apply to the mean.
"""

# N tokens of a batch, T tokens of its longest sentence, B sentences, K tags of a column

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tagger.errors import InputError
from tagger.model.softmax import SoftmaxDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.batches import POOL_SENTENCES, PackedBatch, plan_batches
from tagger.tagging.decoding import BatchScores
from tagger.tagging.engine import Engine
from tagger.tagging.scoring import ScoringEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

SPARE = 64  # numbers behind those of the last token: more than a vector of any processor holds


class EnsembleEngine(ScoringEngine):
    """Runs the engines of several taggers that have the same tags."""

    def __init__(
        self,
        members: Sequence[ScoringEngine],
        weights: Sequence[float],
        vocabulary: "Vocabulary",
        temperatures: "Mapping[str, float] | None" = None,
        example: str = "members/1",
    ) -> None:
        """Finds the places of the tags in the members' vocabularies.

        Args:
            members: engines on the same device, in the same precision.
            weights: of the members, above 0, with the sum 1.
            vocabulary: of the ensemble, see `join_vocabularies`.
            temperatures: of the ensemble's own probabilities, beside those of the members; 1 by default.
            example: the folder of a member, for messages.
        """
        decoders = {column: SoftmaxDecoder() for column in vocabulary.columns}
        super().__init__(decoders, vocabulary, members[0].device, members[0].precision, temperatures)
        self.members, self.weights, self._example = list(members), list(weights), example
        self._orders = [
            {column: _order(tags, member.vocabulary.tag_ids[column]) for column, tags in vocabulary.tags.items()}
            for member in members
        ]

    @property
    def has_pools(self) -> bool:
        """See `ScoringEngine.has_pools`: all members must have them."""
        return all(member.has_pools for member in self.members)

    def single(self) -> "Engine":
        """See `ScoringEngine.single`."""
        raise InputError(
            f"this tagger is an ensemble of {len(self.members)}, which has tags but no network or vectors of its own;"
            f" for this, load one of its members, such as {self._example}"
        )

    def clear_cache(self) -> None:
        """See `ScoringEngine.clear_cache`."""
        for member in self.members:
            member.clear_cache()

    def flop_per_word(self, columns: Sequence[str] | None = None) -> int:
        """See `ScoringEngine.flop_per_word`."""
        return sum(member.flop_per_word(columns) for member in self.members)

    def flop_per_form(self) -> int:
        """See `ScoringEngine.flop_per_form`."""
        return sum(member.flop_per_form() for member in self.members)

    def score(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], pool: bool = False
    ) -> Iterator[BatchScores]:
        """The logarithms of mean probabilities. Which sentences are read together follows from their list alone."""
        forms = [form for sentence in sentences for form in sentence]
        for batch in plan_batches(sentences, max_sentences=POOL_SENTENCES if pool else None):
            own, places = _unpacked(batch, forms)
            totals: dict[str, Tensor] = {}
            for member, weight, orders in zip(self.members, self.weights, self._orders, strict=True):
                logs = member.log_probabilities(own, columns=columns, pool=pool)
                for column in columns:
                    added = _with_spare(logs[column], orders[column]).add_(math.log(weight))
                    totals[column] = torch.logaddexp(totals[column], added) if column in totals else added
            packed = torch.from_numpy(places).to(self.device)
            scores = {column: total[packed] for column, total in totals.items()}
            yield BatchScores(scores, batch.tokens, batch.counts, POOL_SENTENCES if pool else None)


def _order(tags: Sequence[str], ids: "Mapping[str, int]") -> Tensor | None:
    """The place of each tag in a member's vocabulary; None if all are where they are here."""
    places = [ids[tag] for tag in tags]
    return None if places == list(range(len(places))) else torch.tensor(places)


def _unpacked(batch: PackedBatch, forms: Sequence[str]) -> tuple[list[list[str]], np.ndarray]:
    """The sentences of a batch, and for each packed token its number among their tokens, (N,)."""
    here = np.array(batch.counts)[:, None] > np.arange(batch.counts[0])  # (T, B)
    tokens = np.zeros(here.shape, dtype=np.int64)
    tokens[here] = batch.tokens
    lengths = here.sum(axis=0)
    own = [[forms[i] for i in tokens[:length, b].tolist()] for b, length in enumerate(lengths)]
    places = (np.cumsum(lengths) - lengths) + np.arange(len(here))[:, None]  # (T, B)
    return own, places[here]


def _with_spare(logs: Tensor, order: Tensor | None) -> Tensor:
    """Log-probabilities (N, K) with the tags in another order, and with rows behind them that nothing reads.

    A processor computes the last numbers of a tensor in another way than whole vectors of numbers, with other last
    bits. With spare numbers at the end, no token is among these, so its values do not depend on those beside it.
    """
    count, tags = logs.shape
    spare = logs.new_zeros(count + -(-SPARE // max(tags, 1)), tags)
    spare[:count] = logs if order is None else logs[:, order.to(logs.device)]
    return spare
