"""`EnsembleEngine`: sentences -> the weighted mean of the scores that the members of a tagger give to tags -> tags."""

# N tokens of a batch, T tokens of its longest sentence, B sentences, K tags of a column

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder, Decoder, SoftmaxDecoder
from tagger.tagging.batches import POOL_SENTENCES, PackedBatch, plan_batches
from tagger.tagging.decoding import BatchScores
from tagger.tagging.engine import Engine
from tagger.tagging.scoring import ScoringEngine


class EnsembleEngine(ScoringEngine):
    """Runs the engines of the members of a tagger."""

    def __init__(self, engines: Sequence[Engine], bundle: Bundle) -> None:
        """Takes the engines of the members, on the same device and in the same precision."""
        first = engines[0]
        decoders = {column: _mean_decoder(bundle, column).to(first.device) for column in bundle.vocabulary.columns}
        temperatures = bundle.config.get("temperatures")
        super().__init__(decoders, bundle.vocabulary, first.device, first.precision, temperatures)
        self.engines, self._bundle = list(engines), bundle

    @property
    def has_pools(self) -> bool:
        """See `ScoringEngine.has_pools`: all members must have them."""
        return all(engine.has_pools for engine in self.engines)

    @property
    def widths(self) -> list[int]:
        """See `Engine.widths`; the states of all members stand side by side."""
        widths = [engine.widths for engine in self.engines]
        if len({len(each) for each in widths}) > 1:
            raise InputError("the members of this tagger have different numbers of layers, so it has no vectors")
        return [sum(each) for each in zip(*widths, strict=True)]

    def states(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """See `Engine.states`; layer by layer those of all members side by side."""
        found = []
        for engine in self.engines:
            ends = np.cumsum(engine.widths)
            found.append(np.split(engine.states(sentences), ends[:-1], axis=1))
        return np.concatenate([part for layer in zip(*found, strict=True) for part in layer], axis=1)

    def embeddings(self, forms: Sequence[str]) -> np.ndarray:
        """See `Engine.embeddings`; those of all members side by side."""
        return np.concatenate([engine.embeddings(forms) for engine in self.engines], axis=1)

    def single(self) -> "Engine":
        """See `ScoringEngine.single`."""
        raise InputError(f"this tagger has {len(self.engines)} networks; for this, load a tagger of one")

    def clear_cache(self) -> None:
        """See `ScoringEngine.clear_cache`."""
        for engine in self.engines:
            engine.clear_cache()

    def flop_per_word(self, columns: Sequence[str] | None = None) -> int:
        """See `ScoringEngine.flop_per_word`."""
        return sum(engine.flop_per_word(columns) for engine in self.engines)

    def flop_per_form(self) -> int:
        """See `ScoringEngine.flop_per_form`."""
        return sum(engine.flop_per_form() for engine in self.engines)

    def score(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], pool: bool = False
    ) -> Iterator[BatchScores]:
        """The mean scores. Which sentences are read together follows from their list alone."""
        forms = [form for sentence in sentences for form in sentence]
        for batch in plan_batches(sentences, max_sentences=POOL_SENTENCES if pool else None):
            own, places = _unpacked(batch, forms)
            totals = {c: torch.zeros(len(batch.tokens), len(self.vocabulary.tags[c])) for c in columns}
            for engine, member in zip(self.engines, self._bundle.members, strict=True):
                for found in engine.score(own, columns, pool):
                    rows = torch.from_numpy(found.tokens)
                    for column in columns:
                        share = member.weight / member.temperatures.get(column, 1.0)
                        totals[column][rows] += found.scores[column].float().cpu() * share
            packed = torch.from_numpy(places)
            scores = {column: total[packed].to(self.device) for column, total in totals.items()}
            yield BatchScores(scores, batch.tokens, batch.counts, POOL_SENTENCES if pool else None)


@torch.no_grad()
def _mean_decoder(bundle: Bundle, column: str) -> Decoder:
    """The decoder of a column, whose transitions are the mean of the members'."""
    decoders = [(member, member.network.decoders[column]) for member in bundle.members]
    crfs = [(member, decoder) for member, decoder in decoders if isinstance(decoder, CRFDecoder)]
    if not crfs:
        return SoftmaxDecoder()
    mean = copy.deepcopy(crfs[0][1])
    for name, parameter in mean.named_parameters():
        parts = [each.get_parameter(name) * (m.weight / m.temperatures.get(column, 1.0)) for m, each in crfs]
        parameter.copy_(torch.stack(parts).sum(0))
    return mean


def _unpacked(batch: PackedBatch, forms: Sequence[str]) -> tuple[list[list[str]], np.ndarray]:
    """The sentences of a batch, and for each packed token its number among their tokens, (N,)."""
    here = np.array(batch.counts)[:, None] > np.arange(batch.counts[0])  # (T, B)
    tokens = np.zeros(here.shape, dtype=np.int64)
    tokens[here] = batch.tokens
    lengths = here.sum(axis=0)
    own = [[forms[i] for i in tokens[:length, b].tolist()] for b, length in enumerate(lengths)]
    places = (np.cumsum(lengths) - lengths) + np.arange(len(here))[:, None]  # (T, B)
    return own, places[here]
