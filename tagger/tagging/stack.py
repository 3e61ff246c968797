"""The recurrent layers and the heads of a trained network, in one precision: packed tokens -> states -> scores."""

# N tokens of a batch, U forms, X columns of a layer's product with its input, S states of all layers, D size of a
# transformer, K tags

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.tagging.batches import BATCH_TOKENS, POOL_BLOCK, POOL_SENTENCES
from tagger.tagging.packed import Layer, head_weights, max_extra_rows, padded_rows, product
from tagger.tagging.pair import GRUPair

if TYPE_CHECKING:
    from tagger.model.encoder import BidirectionalLayer
    from tagger.model.network import TaggerNetwork

FEW_TOKENS = 2_000  # of a batch whose buffers need not have room for BATCH_TOKENS


class Stack:
    """A copy of the weights of a network's recurrent layers and heads.

    Attributes:
        layers: the recurrent layers.
        dtype: of weights and states.
    """

    def __init__(self, network: "TaggerNetwork", dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.layers = [Layer(cast("BidirectionalLayer", layer), dtype) for layer in network.encoder.layers]
        self._pairs = [GRUPair.of(layer.directions) for layer in self.layers]
        heads = cast(Mapping[str, nn.Linear], network.heads)
        self._heads = {column: head_weights(head, dtype) for column, head in heads.items()}
        self._tags = {column: head.out_features for column, head in heads.items()}
        self._context_product = self.layers[0].W_x[network.embedding.width :]  # (D, X), of a transformer's vectors
        self._buffers = [torch.empty(0), torch.empty(0)]

    def __getstate__(self) -> dict[str, Any]:
        """A copy has buffers of its own; they are made when it is used."""
        return vars(self) | {"_buffers": [torch.empty(0), torch.empty(0)]}

    @property
    def widths(self) -> list[int]:
        """F + R of each layer."""
        return [layer.width for layer in self.layers]

    def states(
        self,
        forms: Tensor,
        rows: np.ndarray,
        counts: Sequence[int],
        context: Tensor | None,
        prepared: bool,
        pool: bool = False,
    ) -> Tensor:
        """The states of every layer side by side, of packed tokens.

        Args:
            forms: (U, X), the first layer's product with the embedding of each form, of any type.
            rows: (N,), the form of each token.
            counts: sentences that have a token at each step.
            context: (N, D), a transformer's vectors.
            prepared: whether `forms` comes from `Layer.prepare`.
            pool: whether every product has a fixed number of rows; see `batches`. There are at most POOL_SENTENCES
                sentences then, and no context.

        Returns:
            (padded_rows(N), S); in a pool (N rounded up to a multiple of POOL_BLOCK, S). The first N rows are those of
            tokens. Valid until the next batch.
        """
        count = len(rows)
        fixed = POOL_SENTENCES if pool else None
        total = -(-count // POOL_BLOCK) * POOL_BLOCK if pool else padded_rows(count)
        extra = max(POOL_SENTENCES, total - count) if pool else max_extra_rows(count)
        padded = np.zeros(count + extra, dtype=rows.dtype)
        padded[:count] = rows
        here = torch.from_numpy(padded).to(forms.device)
        states = self._buffer(1, forms, count, extra, sum(self.widths))[:total]
        place = 0
        for depth, layer in enumerate(self.layers):
            out = states[:, place : place + layer.width]
            if depth:
                x = self._buffer(0, forms, count, extra, layer.W_x.shape[1])
                below = states[:, place - self.layers[depth - 1].width : place]
                for block in _blocks(total, pool):
                    product(below[block], layer.W_x, layer.b_x, out=x[:total][block])
                self._scan(depth, layer.prepare(x), counts, out, fixed=fixed)
            elif prepared and forms.dtype == self.dtype:
                self._scan(depth, forms, counts, out, here, fixed)
            else:
                x = self._buffer(0, forms, count, extra, layer.W_x.shape[1])
                x.copy_(torch.index_select(forms, 0, here))
                if context is not None:
                    x[:count].addmm_(context.to(self.dtype), self._context_product)
                self._scan(depth, x if prepared else layer.prepare(x), counts, out, fixed=fixed)
            place += layer.width
        return states

    def _scan(
        self,
        depth: int,
        x: Tensor,
        counts: Sequence[int],
        out: Tensor,
        rows: Tensor | None = None,
        fixed: int | None = None,
    ) -> None:
        """See `Layer.scan`; one sentence alone takes the steps of both directions at once, if that is possible."""
        pair = self._pairs[depth]
        if pair is None or counts[0] > 1 or fixed is not None:
            self.layers[depth].scan(x, counts, out, rows, fixed)
            return
        count = len(counts)
        pair.scan(x[:count] if rows is None else torch.index_select(x, 0, rows[:count]), out[:count])

    def scores(self, states: Tensor, column: str, pool: bool = False) -> Tensor:
        """The scores (logits) of the tags of a column, (rows, K), of what `states` returned for the same `pool`."""
        W, b = self._heads[column]
        scores = states.new_empty(len(states), len(b))
        for block in _blocks(len(states), pool):
            product(states[block], W, b, out=scores[block])
        return scores[:, : self._tags[column]]

    def flop_per_word(self, columns: Sequence[str]) -> int:
        """Floating-point operations of the matrix products that every word needs; a transformer's are not counted."""
        count = below = 0
        for layer in self.layers:
            count += 2 * below * layer.W_x.shape[1]
            count += sum(2 * each.weights for each in layer.directions if each is not None)
            below = layer.width
        return count + sum(2 * len(self._heads[column][0]) * self._tags[column] for column in columns)

    def _buffer(self, number: int, like: Tensor, tokens: int, extra: int, columns: int) -> Tensor:
        """Memory that the next batch uses again: new memory for every batch would fragment the heap.

        Returns:
            (tokens + extra, columns), the last rows zero.
        """
        size = (tokens + extra) * columns
        if len(self._buffers[number]) < size:
            # Batches of few sentences, which have a stack of their own, get by with little memory.
            most = max(tokens + extra, BATCH_TOKENS if tokens + extra > FEW_TOKENS else FEW_TOKENS)
            # Zeros: if rows are not contiguous, oneDNN's bfloat16 product on AMX multiplies the memory beside them
            # by 0, and the product is NaN if that memory holds NaN.
            self._buffers[number] = like.new_zeros((most + max_extra_rows(most)) * columns, dtype=self.dtype)
        buffer = self._buffers[number][:size].view(-1, columns)
        buffer[tokens:] = 0
        return buffer


def _blocks(rows: int, pool: bool) -> list[slice]:
    """All rows at once, in a pool POOL_BLOCK rows at a time."""
    return [slice(start, start + POOL_BLOCK) for start in range(0, rows, POOL_BLOCK)] if pool else [slice(0, rows)]
