"""The members of a tagger -> what they add to the scores of packed tokens: networks of equal shape, or a linear member.

Each network turns forms into vectors by its own vocabulary. What depends on a form alone, up to the first layer's
product with its input, is computed once per form, for all networks (`form_cache`). From there on their weights are
stacked (`stack`). The terms of a linear member also depend on forms alone, and its scores are sums of them, as in
`model/linear_chain.py`.
"""

# k networks, U forms, N tokens of a batch, X columns of the first layer's products with its input, S states of all
# layers, E embedding of a form, D size of a transformer, K tags of a column

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.bundle.bundle import Member
from tagger.bundle.linear_members import Linear
from tagger.model.batch import FormTable
from tagger.model.device import PRECISIONS
from tagger.model.embeddings import Feature, features
from tagger.model.linear_chain import EDGE, term_places, token_scores
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import windows
from tagger.model.vocabulary import NO_CORPUS
from tagger.tagging.arguments import TaggerOptions
from tagger.tagging.form_cache import FormBlock, FormCache, embed_forms
from tagger.tagging.stack import Stack
from tagger.tagging.windows import PackedBatch

# Forms that are multiplied at once, always as many, and no fewer than `embed_forms` gives at a time. In bfloat16 the
# weights are repacked for every product.
PRODUCT_FORMS = {torch.float32: 64, torch.bfloat16: 256}
MAX_NARROW_SENTENCES = 7  # a batch of at most this many is computed in float32, also by a tagger in bfloat16


class Scorer(Protocol):
    """Members of a tagger, whatever computes their scores.

    Attributes:
        cache: of what depends on a form alone.
    """

    cache: FormCache

    def scores(
        self,
        forms: Sequence[str],
        batches: Iterable[PackedBatch],
        columns: Sequence[str],
        fixed_shapes: bool,
        decided: Mapping[str, np.ndarray],
    ) -> Iterator[Mapping[str, Tensor]]:
        """For each batch the scores of each column that these members know, (N, K), the sum over them.

        A member's scores are divided by its temperatures, and multiplied by its weight.

        Args:
            forms: of all tokens.
            fixed_shapes: see `Stack.states`.
            decided: for some columns the tag of every token, or -1. Only tokens with -1 are scored then, so there are
                fewer rows.
        """


class Networks:
    """Runs k networks of equal shape; a `Scorer`.

    Attributes:
        widths: F + R of each recurrent layer, times k.
        cache: the first layer's products with each form.
        has_fixed_shapes: not of a transformer, which computes sentences that are padded to a common length.
    """

    def __init__(self, members: Sequence[Member], parts: Mapping[str, float], options: TaggerOptions) -> None:
        """Takes a copy of the weights of the recurrent layers and the heads.

        Args:
            parts: the part of the networks in the scores of each column, beside which there are linear members.
        """
        self.networks = [member.network for member in members]
        self._device = options.device
        shares = {column: [part * member.share(column) for member in members] for column, part in parts.items()}
        self._stack = Stack(self.networks, shares, PRECISIONS[options.precision])
        # Few rows are faster in float32: bfloat16 weights are repacked for every product, and rows padded to 8.
        narrow = (options.device, options.precision) == ("cpu", "bfloat16")
        self._narrow_stack = Stack(self.networks, shares, torch.float32) if narrow else self._stack
        self.widths = [self._stack.count * layer.width for layer in self._stack.layers]
        self._product_forms = PRODUCT_FORMS[self._stack.dtype]
        self.cache = FormCache(self._products, options.cache_size)
        self._embeddings = [
            (network.embedding.for_tagging(), compute)
            for network, compute in zip(self.networks, _features(members), strict=True)
        ]
        self._transformers = [
            (member.network.transformer, member.tokenizer)
            for member in members
            if member.network.transformer is not None and member.tokenizer is not None
        ]
        self._pieces = {
            id(tokenizer): FormTable(members[0].vocabulary, {}, tokenizer, options.cache_size)
            for _, tokenizer in self._transformers
        }
        self.has_fixed_shapes = not self._transformers
        corpus = options.corpus
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
        batches: Iterable[PackedBatch],
        columns: Sequence[str],
        fixed_shapes: bool,
        decided: Mapping[str, np.ndarray],
    ) -> Iterator[dict[str, Tensor]]:
        """See `Scorer.scores`."""
        for (tokens, _), (states, stack) in self._states(forms, batches, fixed_shapes):
            found = {}
            for column in columns:
                here, count = states, len(tokens)
                if column in decided:
                    rows = np.flatnonzero(decided[column][tokens] < 0)
                    count = len(rows)
                    here = states.new_zeros(stack.rows(count, fixed_shapes), states.shape[1])
                    torch.index_select(states, 0, torch.from_numpy(rows).to(states.device), out=here[:count])
                found[column] = stack.scores(here, column, fixed_shapes)[:count]
            yield found

    def states(self, forms: Sequence[str], batches: Iterable[PackedBatch]) -> Iterator[list[Tensor]]:
        """For each batch the states of each layer, (N, k * (F + R)), those of all networks side by side."""
        for (tokens, _), (states, _) in self._states(forms, batches, fixed_shapes=False):
            yield list(states[: len(tokens)].split_with_sizes(self.widths, dim=1))

    def embeddings(self, forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The places of some of the forms and their embeddings, those of all networks side by side, (n, k * E)."""
        for places, vectors in embed_forms(forms, self._embeddings, self._device):
            yield places, vectors[:, : len(places)].transpose(0, 1).flatten(1)

    def _states(
        self, forms: Sequence[str], batches: Iterable[PackedBatch], fixed_shapes: bool
    ) -> Iterator[tuple[PackedBatch, tuple[Tensor, Stack]]]:
        """Each batch with its states, (N or more, S), and the stack that computed them."""
        rows_of = self.cache.lookup(forms)
        for batch in batches:
            tokens, counts = batch
            rows = rows_of(tokens)
            contexts = self._contexts([forms[i] for i in tokens.tolist()], counts) if self._transformers else None
            stack = self._narrow_stack if counts[0] <= MAX_NARROW_SENTENCES and not fixed_shapes else self._stack
            yield batch, (stack.states(self.cache.values, rows, counts, contexts, fixed_shapes), stack)

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
        if vectors.shape[2]:  # not of a transformer alone: torch 2.6 pads no empty vectors
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


class LinearScorer:
    """Runs one linear member, in float32; a `Scorer`. Its scores are sums of rows, the same in every shape."""

    def __init__(self, member: Linear, options: TaggerOptions) -> None:
        """Takes the member, which stays on the CPU."""
        self._member, self._device = member, options.device
        self.cache = FormCache(self._terms, options.cache_size + 1)  # and `EDGE`

    def scores(
        self,
        forms: Sequence[str],
        batches: Iterable[PackedBatch],
        columns: Sequence[str],
        fixed_shapes: bool,
        decided: Mapping[str, np.ndarray],
    ) -> Iterator[Mapping[str, Tensor]]:
        """See `Scorer.scores`; the tags of its column are never decided."""
        column = self._member.column
        rows_of = self.cache.lookup([EDGE, *forms]) if column in columns else None
        for tokens, counts in batches:
            if rows_of is None:
                yield {}
                continue
            edge, *_ = rows = rows_of(np.append(0, tokens + 1))
            places = [each.to(self._device) for each in term_places(rows[1:], edge, counts)]
            yield {column: token_scores(self.cache.values, places)}

    @torch.no_grad()
    def _terms(self, forms: list[str]) -> list[tuple[np.ndarray, Tensor]]:
        """The terms of all forms at once, times the member's share, (U, 5 * K); see `FormCache`."""
        chain = self._member.chain
        terms: Tensor = chain(chain.rows(forms)) * self._member.share
        return [(np.arange(len(forms)), terms.to(self._device))]


def _features(members: Sequence[Member]) -> list[dict[str, Feature]]:
    """What computes the features that each member reads; like members share it, so that it is done once."""
    found: list[tuple[Member, dict[str, Feature]]] = []
    for member in members:
        config, vocabulary = member.network.config, member.vocabulary
        like = [own for other, own in found if (other.network.config, other.vocabulary) == (config, vocabulary)]
        found.append((member, like[0] if like else features(vocabulary, config)))
    return [own for _, own in found]
