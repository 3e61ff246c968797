"""The networks of a tagger that have equal shape -> what they add to the scores of packed tokens.

Each network turns forms into vectors by its own vocabulary. What depends on a form alone, up to the first layer's
product with its input, is computed once per form, for all networks (`form_cache`). From there on their weights are
stacked (`stack`).
"""

# k networks, U forms, N tokens of a batch, X columns of the first layer's products with its input, S states of all
# layers, E embedding of a form, D size of a transformer

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.bundle.bundle import Member
from tagger.model.batch import FormTable
from tagger.model.device import PRECISIONS
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import windows
from tagger.model.vocabulary import NO_CORPUS
from tagger.tagging.batches import FIXED_BLOCK, PackedBatch
from tagger.tagging.form_cache import FormBlock, FormCache, embed_forms
from tagger.tagging.stack import Stack, padded_rows

# Forms that are multiplied at once, always as many, and no fewer than `embed_forms` gives at a time. In bfloat16 the
# weights are repacked for every product.
PRODUCT_FORMS = {torch.float32: 64, torch.bfloat16: 256}
MAX_NARROW_SENTENCES = 7  # a batch of at most this many is computed in float32, also by a tagger in bfloat16

Scores = Callable[[PackedBatch], Mapping[str, Tensor]]


NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Scorer(Protocol):
    """Members of a tagger, whatever computes their scores.

    Attributes:
        cache: of what depends on a form alone.
    """

    cache: FormCache

    def scores(
        self,
        forms: Sequence[str],
        columns: Sequence[str],
        fixed_shapes: bool,
        decided: Mapping[str, np.ndarray] = NOTHING,
    ) -> Scores:
        """What gives the scores of a batch: of each column that these members know (N, K), the sum over them.

        A member's scores are divided by its temperatures, and multiplied by its weight.

        Args:
            fixed_shapes: see `Stack.states`.
            decided: for some columns the tag (tokens,) of every token, or -1. Only tokens with -1 are scored then, so
                there are fewer rows.
        """


class Networks:
    """Runs k networks of equal shape; a `Scorer`.

    Attributes:
        widths: F + R of each recurrent layer, times k.
        cache: the first layer's products with each form.
        has_fixed_shapes: not of a transformer, which computes sentences that are padded to a common length.
    """

    def __init__(
        self,
        members: Sequence[Member],
        device: str,
        precision: str,
        cache_size: int,
        corpus: str | None = None,
        share: Mapping[str, float] | None = None,
    ) -> None:
        """Takes a copy of the weights of the recurrent layers and the heads.

        Args:
            corpus: whose sentences are read; None, or one that a member does not know: it is unknown.
            share: of the networks in the scores of a column, beside which there are linear members; None: 1 in all.
        """
        self.networks = [member.network for member in members]
        self._device = device
        share = share or {}
        shares = {c: [share.get(c, 1.0) * member.share(c) for member in members] for c in self.networks[0].heads}
        self._stack = Stack(self.networks, shares, PRECISIONS[precision])
        # Few rows are faster in float32: bfloat16 weights are repacked for every product, and rows padded to 8.
        narrow = (device, precision) == ("cpu", "bfloat16")
        self._narrow_stack = Stack(self.networks, shares, torch.float32) if narrow else self._stack
        self.widths = [self._stack.count * layer.width for layer in self._stack.layers]
        self._product_forms = PRODUCT_FORMS[self._stack.dtype]
        self.cache = FormCache(self._products, cache_size)
        embeddings = [network.embedding.for_tagging() for network in self.networks]
        self._embeddings = list(zip(embeddings, _tables(members), strict=True))
        self._transformers = [
            (member.network.transformer, member.tokenizer)
            for member in members
            if member.network.transformer is not None and member.tokenizer is not None
        ]
        self._pieces = {id(t): FormTable(members[0].vocabulary, {}, t, cache_size) for _, t in self._transformers}
        self.has_fixed_shapes = not self._transformers
        ids = [NO_CORPUS if corpus is None else m.vocabulary.corpus_ids.get(corpus, NO_CORPUS) for m in members]
        self._bias = self._input_bias(ids)

    @staticmethod
    def shape(network: TaggerNetwork) -> tuple[object, ...]:
        """What networks have in common whose weights can be stacked."""
        sizes = [
            tuple(each and each.hidden_size for each in (layer.forward_layer, layer.backward_layer))
            for layer in cast(Iterable[Any], network.encoder.layers)
        ]
        encoder = network.encoder
        return encoder.cell, encoder.input_size, network.embedding.width, *sizes

    def size(self, sentence: Sequence[str]) -> int:
        """How much of `BATCH_TOKENS` a sentence takes: tokens, or pieces if a transformer reads it."""
        return max([len(sentence), *(table.size(sentence) for table in self._pieces.values())])

    def scores(
        self,
        forms: Sequence[str],
        columns: Sequence[str],
        fixed_shapes: bool = False,
        decided: Mapping[str, np.ndarray] = NOTHING,
    ) -> Scores:
        """See `Scorer.scores`."""
        read = self._reader(forms, fixed_shapes)

        def scores(batch: PackedBatch) -> dict[str, Tensor]:
            states, stack = read(batch)
            found = {}
            for column in columns:
                here, count = states, len(batch.tokens)
                if column in decided:
                    rows = np.flatnonzero(decided[column][batch.tokens] < 0)
                    count = len(rows)
                    blocks = -(-count // FIXED_BLOCK)
                    total = blocks * FIXED_BLOCK if fixed_shapes else padded_rows(count, states.dtype)
                    here = states.new_zeros(total, states.shape[1])
                    torch.index_select(states, 0, torch.from_numpy(rows).to(states.device), out=here[:count])
                found[column] = stack.scores(here, column, fixed_shapes)[:count]
            return found

        return scores

    def states(self, forms: Sequence[str]) -> Callable[[PackedBatch], list[Tensor]]:
        """What gives the states of each layer of a batch, (N, k * (F + R)), those of all networks side by side."""
        read = self._reader(forms, fixed_shapes=False)
        return lambda batch: list(read(batch)[0][: len(batch.tokens)].split_with_sizes(self.widths, dim=1))

    def embeddings(self, forms: Sequence[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The places of some of the forms and their embeddings, those of all networks side by side, (n, k * E)."""
        for places, vectors in embed_forms(forms, self._embeddings, self._device):
            yield places, vectors[:, : len(places)].transpose(0, 1).flatten(1)

    def _reader(self, forms: Sequence[str], fixed_shapes: bool) -> Callable[[PackedBatch], tuple[Tensor, Stack]]:
        """What gives the states of a batch, (N or more, S), and the stack that computed them."""
        at_once = self.cache.rows(forms) if len(forms) <= self.cache.capacity else None

        def read(batch: PackedBatch) -> tuple[Tensor, Stack]:
            tokens, counts = batch
            packed = [forms[i] for i in tokens.tolist()] if at_once is None or self._transformers else []
            rows = self.cache.rows(packed) if at_once is None else at_once[tokens]
            contexts = self._contexts(packed, counts) if self._transformers else None
            stack = self._narrow_stack if counts[0] <= MAX_NARROW_SENTENCES and not fixed_shapes else self._stack
            return stack.states(self.cache.values, rows, counts, contexts, fixed_shapes), stack

        return read

    def _products(self, forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The first layer's products with the embeddings of forms, block by block; see `FormCache`.

        A transformer's part is added later.
        """
        waiting: list[FormBlock] = []
        for block in embed_forms(forms, self._embeddings, self._device):
            if sum(len(each.places) for each in [*waiting, block]) > self._product_forms:
                yield self._multiplied(waiting)
                waiting = []
            waiting.append(block)
        if waiting:
            yield self._multiplied(waiting)

    def _multiplied(self, blocks: Sequence[FormBlock]) -> tuple[np.ndarray, Tensor]:
        """The products with all forms of some blocks at once, and the places of the forms."""
        places = np.concatenate([block.places for block in blocks])
        vectors = torch.cat([block.vectors[:, : len(block.places)] for block in blocks], dim=1)
        vectors = nn.functional.pad(vectors, (0, 0, 0, self._product_forms - len(places)))
        products = self._stack.form_products(vectors, self._bias, prepared=not self._transformers)
        return places, products[: len(places)]

    @torch.no_grad()
    def _input_bias(self, corpora: Sequence[int]) -> list[Tensor]:
        """For each pass the bias of the first layer's product with its input, with that of the vectors of corpora."""
        found = []
        for one in self._stack.layers[0].passes:
            W, bias = one.steps.W_x, one.steps.b_x.clone()
            for network, corpus, weights, b in zip(self.networks, corpora, W, bias, strict=True):
                if corpus != NO_CORPUS and network.corpora is not None:
                    b += network.corpora.weight[corpus].float() @ weights.float()
            found.append(bias)
        return found

    def _contexts(self, forms: list[str], counts: list[int]) -> Tensor:
        """The transformers' vectors of packed tokens, (k, N, D)."""
        n = np.array(counts)
        starts = np.cumsum(n) - n
        lengths = (n[:, None] > np.arange(counts[0])).sum(axis=0)  # of each sentence
        here = torch.arange(counts[0])[None] < torch.tensor(counts)[:, None]  # (T, B)
        found: dict[int, Tensor] = {}
        for transformer, tokenizer in self._transformers:
            if id(transformer) not in found:
                table = self._pieces[id(tokenizer)]
                rows = table.rows(forms)
                pieces = [[table.pieces[rows[starts[t] + b]] for t in range(size)] for b, size in enumerate(lengths)]
                vectors = transformer(windows(pieces, tokenizer).to(self._device))  # (T, B, D)
                found[id(transformer)] = vectors[here.to(self._device)]
        of_members = [found[id(transformer)] for transformer, _ in self._transformers]
        if len(found) == 1:
            return of_members[0].expand(len(of_members), -1, -1)
        return torch.stack(of_members)


def _tables(members: Sequence[Member]) -> list[FormTable]:
    """The features that each member reads; like members share them. They keep nothing: the cache does."""
    tables: list[FormTable] = []
    for member in members:
        config = member.network.config
        same = (each for each in tables if each.config == config and each.vocabulary == member.vocabulary)
        tables.append(next(same, None) or FormTable(member.vocabulary, config, limit=0))
    return tables
