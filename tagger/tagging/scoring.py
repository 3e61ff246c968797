"""`ScoringEngine`: sentences -> the scores of their tags -> the tags; the interface of everything that tags.

`engine.Engine` scores with one trained network, `ensemble.EnsembleEngine` with several taggers.
"""

# N tokens of a batch, K tags of a column

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tagger.model.decoder import Decoded, Decoder
from tagger.model.device import own_turn
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import BatchScores, Constraint, Decoding, Request, joined

if TYPE_CHECKING:
    from tagger.tagging.engine import Engine


class ScoringEngine(ABC):
    """Finds the tags of sentences; threads take turns.

    Attributes:
        decoders: of each column, what its scores mean.
        device: where it computes.
        precision: float32 or bfloat16, of the products and states.
        vocabulary: has the tags of each column.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        vocabulary: "Vocabulary",
        device: str,
        precision: str,
        temperatures: Mapping[str, float] | None,
    ) -> None:
        """Prepares the decoding.

        Args:
            decoders: of each column, on that device.
            vocabulary: has the tags of each column, and what is known of them.
            device: where to compute.
            precision: float32 or bfloat16.
            temperatures: that the scores of a column are divided by before they become probabilities; 1 by default.
        """
        self.decoders, self.device, self.precision = decoders, device, precision
        self.vocabulary, self._temperatures = vocabulary, temperatures or {}
        self._decoding = Decoding(decoders, vocabulary, device, self._temperatures)

    @property
    @abstractmethod
    def has_pools(self) -> bool:
        """Whether `tag` can be given a pool: a transformer computes sentences that are padded to a common length."""

    @abstractmethod
    def score(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], pool: bool = False
    ) -> Iterator[BatchScores]:
        """The scores of all tokens, batch by batch; to be used within `own_turn`.

        Args:
            sentences: lists of forms, of any length.
            columns: that are scored.
            pool: whether the scores of a sentence must not depend on the other sentences, to the last bit.
        """

    @abstractmethod
    def single(self) -> "Engine":
        """The engine of the one network that scores.

        Raises:
            InputError: several networks score.
        """

    @abstractmethod
    def clear_cache(self) -> None:
        """Forgets what was computed of word forms."""

    @abstractmethod
    def flop_per_word(self, columns: Sequence[str] | None = None) -> int:
        """Floating-point operations of the matrix products that every word needs; a transformer's are not counted."""

    @abstractmethod
    def flop_per_form(self) -> int:
        """Floating-point operations of the product that is computed once per cached form, without its embedding."""

    def tag(
        self,
        sentences: Sequence[Sequence[str]],
        request: Request,
        pool: bool = False,
        constraints: Mapping[str, Constraint] | None = None,
    ) -> dict[str, Decoded]:
        """The tags of all tokens.

        Args:
            sentences: lists of forms, of any length.
            request: what is wanted of them. The tags of several columns are chosen together, among the combinations
                of training, if the vocabulary has these.
            pool: whether the tags of a sentence must not depend on the other sentences, to the last bit of a score.
                See `has_pools`.
            constraints: for some columns, which tags tokens may have.
        """
        columns = list(self.vocabulary.columns if request.columns is None else request.columns)
        parts: dict[str, list[Decoded]] = {column: [] for column in columns}
        places = []
        forms = [form for sentence in sentences for form in sentence]
        with own_turn():
            for batch in self.score(sentences, columns, pool):
                places.append(batch.tokens)
                for column, found in self._decoding.decode(batch, forms, request, constraints or {}).items():
                    parts[column].append(found)
        return {column: joined(parts[column], places, self._nothing(column, request)) for column in columns}

    def _nothing(self, column: str, request: Request) -> Decoded:
        """What is found of no sentences."""
        top = self.vocabulary.codecs[column].candidates(request.top, request.weighs)
        ids = np.zeros((0, top), dtype=np.int64)
        return Decoded(ids, ids.astype(np.float32) if request.weighs else None)

    def batches(self, sentences: Sequence[Sequence[str]]) -> list[BatchScores]:
        """The scores of all columns and tokens, as the decoders read them: -inf for a tag that a word cannot have.

        All scores are in memory at once.
        """
        with own_turn():
            return list(self._restricted(sentences, self.vocabulary.columns, pool=False))

    def log_probabilities(
        self,
        sentences: Sequence[Sequence[str]],
        calibrated: bool = True,
        columns: Sequence[str] | None = None,
        pool: bool = False,
    ) -> dict[str, Tensor]:
        """For each column the logarithm of the probability of every tag of every token, (tokens, K), float32.

        The tokens are in the order of the sentences, the tags in that of the vocabulary. The tensors are on the
        engine's device, all in memory at once. -inf stands for an edit script that a word cannot have.

        Args:
            sentences: lists of forms, of any length.
            calibrated: whether scores are divided by the temperature of their column; else the temperature is 1.
            columns: that are wanted; None: all.
            pool: see `score`.
        """
        columns = self.vocabulary.columns if columns is None else columns
        count = sum(map(len, sentences))
        # They are made outside `own_turn`, so that autograd may read them.
        logs = {c: torch.empty(count, len(self.vocabulary.tags[c]), device=self.device) for c in columns}
        with own_turn():
            for batch in self._restricted(sentences, columns, pool):
                places = torch.from_numpy(batch.tokens).to(self.device)
                for column, scores in batch.scores.items():
                    temperature = self._temperatures.get(column, 1.0) if calibrated else 1.0
                    logs[column][places] = self.decoders[column].log_probabilities(
                        scores, batch.counts, temperature, batch.rows
                    )
        return logs

    def _restricted(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], pool: bool
    ) -> Iterator[BatchScores]:
        """The scores in float32, with -inf for a tag that a word cannot have."""
        forms = [form for sentence in sentences for form in sentence]
        for batch in self.score(sentences, columns, pool):
            scores = {column: each.float() for column, each in batch.scores.items()}
            for column, each in scores.items():
                self.vocabulary.codecs[column].restrict(each, forms, batch.tokens)
            yield batch._replace(scores=scores)
