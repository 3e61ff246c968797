"""Tokens -> tag ids: the one way in which everything that tags runs a network, on one thread as fast as it can.

It computes what `TaggerNetwork.forward` computes, from the same weights, in float32 or bfloat16: what depends on a
word's form alone, up to the first layer's product with its input, is computed once per form (`form_cache`), and the
recurrent layers read packed sentences (`recurrence`).
"""

# U forms, E embedding of a form, N tokens of a batch, X columns of a layer's product with its input, S states of all
# layers, K tags

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.collate import collate
from tagger.model.decoder import Decoded, decode
from tagger.model.encoder import BidirectionalLayer
from tagger.model.forms import FormTable
from tagger.model.hidden_words import MaskedWordNetwork
from tagger.model.masked_batch import masked_batch
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer, windows
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.form_cache import FormCache
from tagger.tagging.packed import Layer, padded, product, spare

BATCH_TOKENS = 16_000  # tokens of a batch, at most
LONGEST = 1_000  # tokens that the network reads at once; a longer sentence, if it is one, is read in pieces
CACHE_SIZE = 50_000  # forms
REACH = 100  # tokens on either side from which a hidden one is predicted
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_BLOCK = 64  # forms that are embedded at a time, neither more nor fewer, so that a form's values are always the same
_FILL = [f"\x00{i}" for i in range(_BLOCK)]  # forms that stand for none


class Engine:
    """Runs a trained network.

    Attributes:
        precision: float32 or bfloat16, of the products and states; a transformer has one of its own.
        widths: F + R of each recurrent layer.
        cache: what is known of forms.
        masked: the network that predicts hidden words, if this one is the body of such a network.
    """

    masked: MaskedWordNetwork | None = None

    def __init__(
        self,
        network: TaggerNetwork,
        vocabulary: Vocabulary,
        buckets: int,
        tokenizer: PieceTokenizer | None = None,
        device: str = "cpu",
        precision: str = "float32",
        cache_size: int = CACHE_SIZE,
    ) -> None:
        """Takes a copy of the weights of the recurrent layers and the heads.

        Args:
            network: on that device.
            vocabulary: the network's.
            buckets: rows of the hash table of each affix.
            tokenizer: of the network's transformer, if it has one.
            device: where to compute.
            precision: float32 or bfloat16.
            cache_size: forms to remember, at least those of a batch.
        """
        self.network, self.tokenizer, self.device, self.precision = network, tokenizer, device, precision
        self._dtype = PRECISIONS[precision]
        self._table = FormTable(vocabulary, buckets, limit=0)  # forgets: the cache remembers
        self._pieces = FormTable(vocabulary, 1, tokenizer, cache_size) if tokenizer is not None else None
        layers = [cast(BidirectionalLayer, layer) for layer in network.encoder.layers]
        self._layers = [Layer(layer, self._dtype) for layer in layers]
        self.widths = [layer.width for layer in self._layers]
        width = network.embedding.width
        self._form_product = self._layers[0].W_x[:width], self._layers[0].b_x
        self._context_product = self._layers[0].W_x[width:]  # (D, X), of the transformer's vectors
        self._columns = list(network.heads)
        self._heads = {
            column: (head.weight.detach().to(self._dtype).T.contiguous(), head.bias.detach().to(self._dtype))
            for column, head in cast(Mapping[str, nn.Linear], network.heads).items()
        }
        self.cache = FormCache(self._first_products, cache_size)
        self._buffers = [torch.empty(0), torch.empty(0)]

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process writes to memory of its own."""
        return vars(self) | {"_buffers": [torch.empty(0), torch.empty(0)]}

    @torch.inference_mode()
    def tag(
        self,
        sentences: Sequence[Sequence[str]],
        columns: Sequence[str] | None = None,
        top: int = 1,
        probabilities: bool = False,
    ) -> dict[str, Decoded]:
        """The tags of all tokens.

        Args:
            sentences: lists of forms, of any length.
            columns: those wanted; all by default.
            top: how many tags of each token, the best first.
            probabilities: whether to give them theirs.
        """
        columns = self._columns if columns is None else columns
        parts: dict[str, list[Decoded]] = {column: [] for column in columns}
        places = []
        for order, states in self._read(sentences):
            places.append(order)
            for column in columns:
                parts[column].append(decode(product(states, *self._heads[column])[: len(order)], top, probabilities))
        place = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        return {column: _in_place(found, place, top, probabilities) for column, found in parts.items()}

    @torch.inference_mode()
    def states(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """What every recurrent layer says of all tokens, side by side: float32, (tokens, S), S = sum of `widths`."""
        count = sum(map(len, sentences))
        states = np.empty((count, sum(self.widths)), dtype=np.float32)
        for order, found in self._read(sentences):
            states[order] = found[: len(order)].float().cpu().numpy()
        return states

    @torch.inference_mode()
    def predictions(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """What `masked` expects in the place of every token when that one is hidden: float32, (tokens, D).

        Each is predicted from at most `REACH` tokens on either side, in a sentence of its own: this takes as many
        times longer than `states` as sentences have tokens.
        """
        assert self.masked is not None
        parts = [np.empty((0, cast(nn.Embedding, self.network.embedding.words).embedding_dim), dtype=np.float32)]
        for sentence in sentences:
            at_once = max(1, BATCH_TOKENS // min(len(sentence) or 1, 2 * REACH + 1))
            for start in range(0, len(sentence), at_once):
                places = range(start, min(start + at_once, len(sentence)))
                windows = [sentence[max(0, place - REACH) : place + REACH + 1] for place in places]
                hidden = [np.array([min(place, REACH)]) for place in places]
                batch = masked_batch(windows, hidden, self._table).to(self.device)
                parts.append(self.masked.predict(batch.batch, batch.masked).cpu().numpy())
        return np.concatenate(parts)

    @torch.inference_mode()
    def embeddings(self, forms: Sequence[str]) -> np.ndarray:
        """What the network knows of forms before it reads any sentence: float32, (forms, E), a transformer aside."""
        row = {form: i for i, form in enumerate(dict.fromkeys(forms))}
        parts = [np.empty((0, self.network.embedding.width), dtype=np.float32)]
        parts += [block.cpu().numpy() for block in self._embedded(list(row))]
        return np.concatenate(parts)[[row[form] for form in forms]]

    @torch.inference_mode()
    def scores(self, sentences: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """For each column the scores (logits) of all tokens, (tokens, K), of sentences that fit in a batch."""
        ((order, states),) = self._read(sentences)
        inverse = torch.from_numpy(np.argsort(order)).to(self.device)
        return {column: product(states, *head)[: len(order)][inverse].float() for column, head in self._heads.items()}

    def flop_per_word(self, columns: Sequence[str] | None = None) -> int:
        """Floating-point operations of the matrix products that every word needs; a transformer's are not counted."""
        count = below = 0
        for layer in self._layers:
            count += 2 * below * layer.W_x.shape[1]
            count += sum(2 * each.weights for each in layer.directions if each is not None)
            below = layer.width
        return count + sum(2 * self._heads[column][0].numel() for column in columns or self._columns)

    def flop_per_form(self) -> int:
        """Floating-point operations of the product that is computed once per remembered form; embeddings aside."""
        return 2 * self._form_product[0].numel()

    def _batches(self, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[np.ndarray, list[int]]]:
        """For each batch the numbers of its tokens, packed, and how many of them every step reads."""
        if any(len(sentence) > LONGEST for sentence in sentences):
            sentences = [s[start : start + LONGEST] for s in sentences for start in range(0, len(s), LONGEST)]
        lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        by_length = np.argsort(-lengths, kind="stable")
        starts, lengths = starts[by_length], lengths[by_length]
        ends = np.cumsum(lengths)  # or the ends of what a transformer reads:
        if self._pieces is not None:
            ends = np.cumsum([self._pieces.size(sentences[i]) for i in by_length.tolist()])
        first, total = 0, int((lengths > 0).sum())
        while first < total:
            room = BATCH_TOKENS + (ends[first - 1] if first else 0)
            last = max(first + 1, min(total, int(np.searchsorted(ends, room, side="right"))))
            here = np.arange(lengths[first])[:, None] < lengths[first:last]  # (T, B)
            order = (starts[first:last] + np.arange(lengths[first])[:, None])[here]
            yield order, here.sum(axis=1).tolist()
            first = last

    def _read(self, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """For each batch the numbers of its N tokens, packed, and their states; see `_states`."""
        forms = [form for sentence in sentences for form in sentence]
        at_once = self.cache.rows(forms) if len(forms) <= self.cache.capacity else None
        for order, counts in self._batches(sentences):
            packed = [forms[i] for i in order.tolist()] if at_once is None or self.tokenizer is not None else []
            rows = self.cache.rows(packed) if at_once is None else at_once[order]
            yield order, self._states(rows, packed, counts)

    def _states(self, rows: np.ndarray, forms: list[str], counts: list[int]) -> Tensor:
        """The states of every layer side by side, of packed tokens: their rows in the cache, and their forms.

        Returns:
            (padded(N), S), of which N rows are of tokens; valid until the next batch.
        """
        values, count = self.cache.values, len(rows)
        found = np.zeros(count + spare(count), dtype=rows.dtype)
        found[:count] = rows
        here = torch.from_numpy(found).to(self.device)
        states = self._buffer(1, values, count, sum(self.widths))[: padded(count)]
        place = 0
        for depth, layer in enumerate(self._layers):
            out = states[:, place : place + layer.width]
            if depth == 0 and self.tokenizer is None:
                layer.scan(values, counts, out, here)
            else:
                x = self._buffer(0, values, count, layer.W_x.shape[1])
                if depth:
                    below = states[:, place - self._layers[depth - 1].width : place]
                    product(below, layer.W_x, layer.b_x, out=x[: padded(count)])
                else:
                    torch.index_select(values, 0, here, out=x)
                    x[:count].addmm_(self._context(forms, counts).to(self._dtype), self._context_product)
                layer.scan(layer.prepare(x), counts, out)
            place += layer.width
        return states

    def _buffer(self, number: int, like: Tensor, tokens: int, columns: int) -> Tensor:
        """Memory for numbers that the next batch writes over: to take and give back so much would scatter it.

        Returns:
            (tokens + spare(tokens), columns), the last rows zero.
        """
        size = (tokens + spare(tokens)) * columns
        if len(self._buffers[number]) < size:
            most = max(tokens, BATCH_TOKENS)
            self._buffers[number] = like.new_empty((most + spare(most)) * columns)
        buffer = self._buffers[number][:size].view(-1, columns)
        buffer[tokens:] = 0
        return buffer

    def _first_products(self, forms: list[str]) -> Tensor:
        """What the first layer makes of forms before any step, (U, X); with a transformer, their part of it."""
        products = self._layers[0].b_x.new_empty(-(-len(forms) // _BLOCK) * _BLOCK, self._layers[0].W_x.shape[1])
        for block, x in zip(self._embedded(forms), torch.split(products, _BLOCK), strict=True):
            product(block.to(self._dtype), *self._form_product, out=x)
        return (products if self.tokenizer is not None else self._layers[0].prepare(products))[: len(forms)]

    def _embedded(self, forms: list[str]) -> Iterator[Tensor]:
        """The embeddings of forms alone, in blocks (_BLOCK, E); what follows the last form is of no form."""
        for start in range(0, len(forms), _BLOCK):
            part = forms[start : start + _BLOCK]
            batch = collate([[*part, *_FILL[len(part) :]]], self._table).to(self.device)
            yield self.network.embedding(batch)

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
        padded = transformer(windows(pieces, table.tokenizer).to(self.device))  # (T, B, D)
        here = torch.arange(counts[0])[None] < torch.tensor(counts)[:, None]  # (T, B)
        packed: Tensor = padded[here.to(self.device)]
        return packed


def _in_place(parts: list[Decoded], place: np.ndarray, top: int, probabilities: bool) -> Decoded:
    """Tags of packed batches in the order of the tokens."""
    if not parts:
        return Decoded(
            np.zeros((0, top), dtype=np.int64), np.zeros((0, top), dtype=np.float32) if probabilities else None
        )
    inverse = np.argsort(place)
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    return Decoded(
        np.concatenate([part.ids for part in parts])[inverse], np.concatenate(shares)[inverse] if shares else None
    )
