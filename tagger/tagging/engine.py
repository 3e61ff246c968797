"""Tokens -> tag ids: runs a trained network as fast as one thread can; everything that tags goes through it.

It computes what `TaggerNetwork.forward` computes, from the same weights, in float32 or bfloat16. What depends on a
word's form alone, up to the first layer's product with its input, is computed once per form (`form_vectors`,
`form_cache`). The recurrent layers read packed sentences (`batches`, `packed`).
"""

# U forms, E embedding of a form, N tokens of a batch, X columns of a layer's product with its input, S states of all
# layers, D size of a transformer, K tags

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import NO_CORPUS
from tagger.model.decoder import Decoder
from tagger.model.device import PRECISIONS, choose_device, choose_precision, own_turn
from tagger.model.forms import FormTable
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.pieces import PieceTokenizer, windows
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.batches import BATCH_TOKENS, POOL_SENTENCES, plan_batches
from tagger.tagging.checks import checked_corpus, checked_number
from tagger.tagging.decoding import BatchScores
from tagger.tagging.form_cache import FormCache, embed_forms
from tagger.tagging.packed import Stack, product
from tagger.tagging.scoring import ScoringEngine

CACHE_SIZE = 50_000  # forms
MAX_NARROW_SENTENCES = 7  # a batch of at most this many is computed in float32, also by a tagger in bfloat16


class Engine(ScoringEngine):
    """Runs a trained network; threads take turns.

    Attributes:
        network: the network.
        tokenizer: of its transformer, if it has one; a transformer has a precision of its own.
        widths: F + R of each recurrent layer.
        cache: the first layer's product with each form.
    """

    def __init__(
        self,
        network: "TaggerNetwork",
        vocabulary: "Vocabulary",
        config: NetworkConfig,
        tokenizer: PieceTokenizer | None = None,
        device: str = "cpu",
        precision: str = "float32",
        cache_size: int = CACHE_SIZE,
        corpus: int = NO_CORPUS,
        temperatures: Mapping[str, float] | None = None,
    ) -> None:
        """Takes a copy of the weights of the recurrent layers and the heads.

        Args:
            network: on that device.
            vocabulary: the network's.
            config: of the network.
            tokenizer: of the network's transformer, if it has one.
            device: where to compute.
            precision: float32 or bfloat16.
            cache_size: number of forms to cache, at least those of a batch.
            corpus: id of the corpus whose sentences are read; NO_CORPUS: it is unknown.
            temperatures: that the scores of a column are divided by before they become probabilities; 1 by default.
        """
        super().__init__(cast(Mapping[str, Decoder], network.decoders), vocabulary, device, precision, temperatures)
        self.network, self.tokenizer = network, tokenizer
        self._stack = Stack(network, PRECISIONS[precision])
        # Few rows are faster in float32: bfloat16 weights are repacked for every product, and rows padded to 8.
        self._narrow_stack = (
            Stack(network, torch.float32) if (device, precision) == ("cpu", "bfloat16") else self._stack
        )
        self._table = FormTable(vocabulary, config, limit=0)  # keeps nothing: the cache does
        self._pieces = FormTable(vocabulary, {}, tokenizer, cache_size) if tokenizer is not None else None
        self.widths = self._stack.widths
        self._form_product = self._stack.layers[0].W_x[: network.embedding.width], self._input_bias(corpus)
        self._columns = list(network.heads)
        self.cache = FormCache(self._first_products, cache_size)

    @classmethod
    def of(
        cls,
        network: "TaggerNetwork",
        vocabulary: "Vocabulary",
        config: Mapping[str, Any],
        tokenizer: PieceTokenizer | None = None,
        device: str = "cpu",
        precision: str = "auto",
        cache_size: int = CACHE_SIZE,
        corpus: str | None = None,
    ) -> "Engine":
        """The engine of a network that training made or a folder holds.

        Args:
            network: it is moved to the device.
            vocabulary: the network's.
            config: at least `network` (a NetworkConfig), and `temperatures` if there are any.
            tokenizer: of the network's transformer, if it has one.
            device: auto, cpu, cuda, the second GPU cuda:1, or mps.
            precision: auto, float32 or bfloat16.
            cache_size: number of word forms to cache, at least those of a batch.
            corpus: the corpus of training that all sentences are like; None: that is not known.

        Raises:
            InputError: an option has another value, or the network does not know the corpus.
        """
        device = choose_device(device)
        precision = choose_precision(precision, device)
        checked_number("cache_size", cache_size, BATCH_TOKENS, ", the forms that one batch may have")
        return cls(
            network.eval().to(device),
            vocabulary,
            config["network"],
            tokenizer,
            device,
            precision,
            cache_size,
            checked_corpus(corpus, vocabulary.corpus_ids),
            config.get("temperatures"),
        )

    @property
    def has_pools(self) -> bool:
        """See `ScoringEngine.has_pools`."""
        return self.tokenizer is None

    def score(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[str], pool: bool = False
    ) -> Iterator[BatchScores]:
        """See `ScoringEngine.score`."""
        for tokens, counts, states, stack in self._read(sentences, pool):
            scores = {column: stack.scores(states, column, pool)[: len(tokens)] for column in columns}
            yield BatchScores(scores, tokens, counts, POOL_SENTENCES if pool else None)

    def states(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """The states of all recurrent layers side by side, of all tokens: float32, (tokens, S)."""
        count = sum(map(len, sentences))
        states = np.empty((count, sum(self.widths)), dtype=np.float32)
        with own_turn():
            for order, _, found, _ in self._read(sentences):
                states[order] = found[: len(order)].float().cpu().numpy()
        return states

    def embeddings(self, forms: Sequence[str]) -> np.ndarray:
        """The embeddings of forms, without a transformer's part: float32, (forms, E)."""
        row = {form: i for i, form in enumerate(dict.fromkeys(forms))}
        vectors = np.empty((len(row), self.network.embedding.width), dtype=np.float32)
        with own_turn():
            for places, block in embed_forms(list(row), self.network.embedding, self._table, self.device):
                vectors[places] = block[: len(places)].cpu().numpy()
        return vectors[[row[form] for form in forms]]

    def scores(self, sentences: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """For each column the scores (logits) of all tokens, (tokens, K), of sentences that fit in a batch."""
        with own_turn():
            ((order, _, states, stack),) = self._read(sentences)
            inverse = torch.from_numpy(np.argsort(order)).to(self.device)
            return {column: stack.scores(states, column)[: len(order)][inverse].float() for column in self._columns}

    def single(self) -> "Engine":
        """See `ScoringEngine.single`."""
        return self

    def clear_cache(self) -> None:
        """See `ScoringEngine.clear_cache`."""
        self.cache.clear()

    def flop_per_word(self, columns: Sequence[str] | None = None) -> int:
        """See `ScoringEngine.flop_per_word`."""
        return self._stack.flop_per_word(columns or self._columns)

    def flop_per_form(self) -> int:
        """See `ScoringEngine.flop_per_form`."""
        return 2 * self._form_product[0].numel()

    def _read(
        self, sentences: Sequence[Sequence[str]], pool: bool = False
    ) -> Iterator[tuple[np.ndarray, list[int], Tensor, Stack]]:
        """Yields for each batch its tokens and counts (see `PackedBatch`), states (N or more rows, S) and the stack."""
        forms = [form for sentence in sentences for form in sentence]
        at_once = self.cache.rows(forms) if len(forms) <= self.cache.capacity else None
        size = len if self._pieces is None else self._pieces.size
        for tokens, counts in plan_batches(sentences, size, POOL_SENTENCES if pool else None):
            packed = [forms[i] for i in tokens.tolist()] if at_once is None or self.tokenizer is not None else []
            rows = self.cache.rows(packed) if at_once is None else at_once[tokens]
            stack = self._narrow_stack if counts[0] <= MAX_NARROW_SENTENCES and not pool else self._stack
            context = None if self.tokenizer is None else self._context(packed, counts)
            states = stack.states(self.cache.values, rows, counts, context, self.tokenizer is None, pool)
            yield tokens, counts, states, stack

    def _first_products(self, forms: list[str]) -> Tensor:
        """The first layer's product with the embeddings of forms, (U, X); a transformer's part is added later."""
        layer = self._stack.layers[0]
        products = layer.b_x.new_empty(len(forms), layer.W_x.shape[1])
        for places, block in embed_forms(forms, self.network.embedding, self._table, self.device):
            x = product(block.to(self._stack.dtype), *self._form_product)
            products[torch.from_numpy(places).to(self.device)] = (
                x if self.tokenizer is not None else layer.prepare(x)
            )[: len(places)]
        return products

    @torch.no_grad()
    def _input_bias(self, corpus: int) -> Tensor:
        """The bias of the first layer's product with its input, (X,), and the product with the vector of a corpus."""
        W, b = self._stack.layers[0].W_x, self._stack.layers[0].b_x
        if corpus == NO_CORPUS or self.network.corpora is None:
            return b
        vector = self.network.corpora.weight[corpus].float()  # (E,)
        return (b.float() + vector @ W.float()).to(b.dtype)

    def _context(self, forms: list[str], counts: list[int]) -> Tensor:
        """The transformer's vectors of packed tokens, (N, D)."""
        transformer, table = self.network.transformer, self._pieces
        assert transformer is not None
        assert table is not None
        assert table.tokenizer is not None
        n = np.array(counts)
        starts = np.cumsum(n) - n
        lengths = (n[:, None] > np.arange(counts[0])).sum(axis=0)  # of each sentence
        rows = table.rows(forms)
        pieces = [[table.pieces[rows[starts[t] + b]] for t in range(length)] for b, length in enumerate(lengths)]
        vectors = transformer(windows(pieces, table.tokenizer).to(self.device))  # (T, B, D)
        here = torch.arange(counts[0])[None] < torch.tensor(counts)[:, None]  # (T, B)
        packed: Tensor = vectors[here.to(self.device)]
        return packed
