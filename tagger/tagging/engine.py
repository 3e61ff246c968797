"""Tokens -> tag ids: runs the members of a tagger as fast as one thread can; everything that tags goes through it.

It computes the weighted mean of what the members compute: networks (`TaggerNetwork.forward`, from the same weights, in
float32 or bfloat16) and linear members. The scores come from `networks.py`, the tags of the scores from `decoding.py`.
"""

# E embedding of a form, N tokens of a batch, S states of all layers, K tags of a column

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from tagger.bundle.bundle import Member
from tagger.bundle.linear_members import Linear, networks_share
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder, Decoded, Decoder, mean_decoder
from tagger.model.device import own_turn
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.batches import FIXED_SENTENCES, PackedBatch, plan_batches
from tagger.tagging.chains import LinearScorer
from tagger.tagging.decoding import BatchScores, Constraint, Decoding, Request, joined
from tagger.tagging.networks import NOTHING, Networks, Scorer

CACHE_SIZE = 50_000  # forms


class Engine:
    """Finds the tags of sentences; threads take turns.

    Attributes:
        members: whose scores are averaged.
        precision: float32 or bfloat16, of the products and states.
        groups: the members of equal shape.
    """

    def __init__(
        self,
        members: Sequence[Member],
        vocabulary: Vocabulary,
        device: str = "cpu",
        precision: str = "float32",
        cache_size: int = CACHE_SIZE,
        corpus: str | None = None,
        temperatures: Mapping[str, float] | None = None,
        linear: Sequence[Linear] = (),
    ) -> None:
        """Takes a copy of the weights of the recurrent layers and the heads.

        Args:
            cache_size: number of forms to cache, at least those of a batch.
            corpus: the corpus of training that all sentences are like; None: that is not known.
            temperatures: that the mean scores of a column are divided by before they become probabilities; 1 by
                default.
            linear: members of another kind, for some columns.
        """
        self.members, self.vocabulary, self.device, self.precision = list(members), vocabulary, device, precision
        rest = {column: networks_share(linear, column) for column in vocabulary.columns}
        self.decoders = {column: self._mean_decoder(column, rest[column], linear) for column in vocabulary.columns}
        self._temperatures, self._linear = temperatures or {}, linear
        self._decoding = Decoding(self.decoders, vocabulary, device, self._temperatures)
        shapes: dict[tuple[object, ...], list[Member]] = {}
        for member in members:
            shapes.setdefault(Networks.shape(member.network), []).append(member)
        self.groups = [Networks(group, device, precision, cache_size, corpus, rest) for group in shapes.values()]
        self._scorers: list[Scorer] = [*self.groups, *(LinearScorer(each, device, cache_size) for each in linear)]

    def _mean_decoder(self, column: str, rest: float, linear: Sequence[Linear]) -> Decoder:
        """The decoder of the mean scores of a column, of which the networks' mean has the share `rest`."""
        decoders = [(cast(Decoder, m.network.decoders[column]), rest * m.share(column)) for m in self.members]
        decoders += [(each.chain.decoder, each.share) for each in linear if each.column == column]
        return mean_decoder(*zip(*decoders, strict=True)).to(self.device)

    @property
    def has_fixed_shapes(self) -> bool:
        """Whether `tag` can use fixed shapes: a transformer computes sentences that are padded to a common length."""
        return all(group.has_fixed_shapes for group in self.groups)

    @property
    def widths(self) -> list[int]:
        """The width of each recurrent layer: F + R, of all members together."""
        widths = [group.widths for group in self.groups]
        if len({len(each) for each in widths}) > 1:
            raise InputError("the members of this tagger have different numbers of layers, so it has no vectors")
        return [sum(each) for each in zip(*widths, strict=True)]

    def tag(
        self,
        sentences: Sequence[Sequence[str]],
        request: Request,
        fixed_shapes: bool = False,
        constraints: Mapping[str, Constraint] | None = None,
    ) -> dict[str, Decoded]:
        """The tags of all tokens.

        Args:
            request: what is wanted of them. The tags of several columns are chosen together, among the combinations
                of training, if the vocabulary has these.
            fixed_shapes: whether the tags of a sentence must not depend on the other sentences, to the last bit of a
                score. See `has_fixed_shapes`.
        """
        columns = list(self.vocabulary.columns if request.columns is None else request.columns)
        parts: dict[str, list[Decoded]] = {column: [] for column in columns}
        places = []
        forms = [form for sentence in sentences for form in sentence]
        constraints = constraints or {}
        open_columns = [c for c in columns if c not in constraints]
        decided = self._decided(forms, open_columns) if request.top == 1 else {}  # alternatives need all scores
        with own_turn():
            for batch in self.score(sentences, columns, fixed_shapes, decided):
                places.append(batch.tokens)
                for column, found in self._decoding.decode(batch, forms, request, constraints, decided).items():
                    parts[column].append(found)
        return {column: joined(parts[column], places, self._nothing(column, request)) for column in columns}

    def _decided(self, forms: Sequence[str], columns: Sequence[str]) -> dict[str, np.ndarray]:
        """Of columns of edit scripts, the scripts of those forms that have only one; see `Scorer.scores`."""
        taken = {each.column for each in self._linear}
        return {
            column: self.vocabulary.codecs[column].decided(forms)
            for column in columns
            if self.vocabulary.codecs[column].edits
            and column not in taken
            and not isinstance(self.decoders[column], CRFDecoder)
        }

    def score(
        self,
        sentences: Sequence[Sequence[str]],
        columns: Sequence[str],
        fixed_shapes: bool = False,
        decided: Mapping[str, np.ndarray] = NOTHING,
    ) -> Iterator[BatchScores]:
        """The mean scores of all tokens, batch by batch; to be used within `own_turn`.

        Args:
            decided: see `Scorer.scores`.
        """
        forms = [form for sentence in sentences for form in sentence]
        of_members = [scorer.scores(forms, columns, fixed_shapes, decided) for scorer in self._scorers]
        for batch in self._batches(sentences, fixed_shapes):
            first, *others = [scores(batch) for scores in of_members]
            scores = dict(first)
            for each in others:
                scores |= {column: scores[column].float() + more.float() for column, more in each.items()}
            yield BatchScores(scores, batch.tokens, batch.counts, FIXED_SENTENCES if fixed_shapes else None)

    def batches(self, sentences: Sequence[Sequence[str]]) -> list[BatchScores]:
        """The scores of all columns and tokens, as the decoders read them: -inf for a tag that a word cannot have.

        All scores are in memory at once.
        """
        with own_turn():
            return list(self._restricted(sentences, self.vocabulary.columns, fixed_shapes=False))

    def log_probabilities(
        self,
        sentences: Sequence[Sequence[str]],
        calibrated: bool = True,
        columns: Sequence[str] | None = None,
        fixed_shapes: bool = False,
    ) -> dict[str, Tensor]:
        """For each column the logarithm of the probability of every tag of every token, (tokens, K), float32.

        The tokens are in the order of the sentences, the tags in that of the vocabulary. The tensors are on the
        engine's device, all in memory at once. -inf stands for an edit script that a word cannot have.

        Args:
            calibrated: whether scores are divided by the temperature of their column; else the temperature is 1.
        """
        columns = self.vocabulary.columns if columns is None else columns
        count = sum(map(len, sentences))
        # They are made outside `own_turn`, so that autograd may read them.
        logs = {c: torch.empty(count, len(self.vocabulary.tags[c]), device=self.device) for c in columns}
        with own_turn():
            for batch in self._restricted(sentences, columns, fixed_shapes):
                places = torch.from_numpy(batch.tokens).to(self.device)
                for column, scores in batch.scores.items():
                    temperature = self._temperatures.get(column, 1.0) if calibrated else 1.0
                    logs[column][places] = self.decoders[column].log_probabilities(
                        scores, batch.counts, temperature, batch.rows
                    )
        return logs

    def states(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """The states of all recurrent layers side by side, of all tokens: float32, (tokens, S).

        Within a layer, those of all members stand side by side.
        """
        forms = [form for sentence in sentences for form in sentence]
        states = np.empty((len(forms), sum(self.widths)), dtype=np.float32)
        with own_turn():
            of_groups = [group.states(forms) for group in self.groups]
            for batch in self._batches(sentences):
                layers = zip(*[of_group(batch) for of_group in of_groups], strict=True)
                found = torch.cat([each for layer in layers for each in layer], dim=1)
                states[batch.tokens] = found.float().cpu().numpy()
        return states

    def embeddings(self, forms: Sequence[str]) -> np.ndarray:
        """The embeddings of forms, without a transformer's part: float32, (forms, E), of all members side by side."""
        row = {form: i for i, form in enumerate(dict.fromkeys(forms))}
        parts = []
        with own_turn():
            for group in self.groups:
                width = sum(network.embedding.width for network in group.networks)
                vectors = np.empty((len(row), width), dtype=np.float32)
                for places, block in group.embeddings(list(row)):
                    vectors[places] = block.cpu().numpy()
                parts.append(vectors)
        found: np.ndarray = np.concatenate(parts, axis=1)[[row[form] for form in forms]]
        return found

    def clear_cache(self) -> None:
        """Forgets what was computed of word forms."""
        for scorer in self._scorers:
            scorer.cache.clear()

    def _batches(self, sentences: Sequence[Sequence[str]], fixed_shapes: bool = False) -> Iterator[PackedBatch]:
        """Which sentences are read together; it follows from their list alone."""

        def size(sentence: Sequence[str]) -> int:
            return max(group.size(sentence) for group in self.groups)

        return plan_batches(
            sentences, len if self.has_fixed_shapes else size, FIXED_SENTENCES if fixed_shapes else None
        )

    def _restricted(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], fixed_shapes: bool
    ) -> Iterator[BatchScores]:
        """The scores in float32, with -inf for a tag that a word cannot have."""
        forms = [form for sentence in sentences for form in sentence]
        for batch in self.score(sentences, columns, fixed_shapes):
            scores = {column: each.float() for column, each in batch.scores.items()}
            for column, each in scores.items():
                self.vocabulary.codecs[column].weigh(each, forms, batch.tokens)
            yield batch._replace(scores=scores)

    def _nothing(self, column: str, request: Request) -> Decoded:
        """What is found of no sentences."""
        top = self.vocabulary.codecs[column].candidates(request.top, request.weighs)
        ids = np.zeros((0, top), dtype=np.int64)
        return Decoded(ids, ids.astype(np.float32) if request.weighs else None)
