"""The recurrent layers of k networks of equal shape, for tagging: they read packed sentences, no padding.

The weights of the networks are stacked, so that they take each step together. Tokens are packed as in `batches.py`: the
tokens of one step are rows that follow each other. The steps themselves are those of each cell, see
`model.recurrent.Steps`.
"""

# k networks, N tokens, T steps, n sentences that have a token at a step, I input size of a layer, G gates, H hidden
# size of a direction, F hidden size forward, R hidden size backward, X the sum of k * G * H over both directions, S the
# sum of k * (F + R) over all layers, U distinct forms, D size of a transformer

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from tagger.model.encoder import BidirectionalLayer, Encoder
from tagger.model.recurrent import Cell, Steps
from tagger.tagging.batches import BATCH_TOKENS, POOL_BLOCK, POOL_SENTENCES

MIN_PRODUCT_ROWS = 8
CHUNK_TOKENS = 256  # of short steps whose products with the input are computed at once
FEW_TOKENS = 2_000  # of a batch whose buffers need not have room for BATCH_TOKENS


def padded_rows(n: int, dtype: torch.dtype = torch.bfloat16) -> int:
    """The rows of a product of n sentences or tokens: in float32 n, in bfloat16 n rounded up.

    oneDNN, which computes products in bfloat16, compiles and caches a kernel per row count; we round up so that there
    are few. The result is a multiple of 8, or of the power of 2 that is a 16th to a 32nd of n, whichever is more.
    """
    if dtype == torch.float32:
        return n
    step = max(MIN_PRODUCT_ROWS, 1 << max(0, n.bit_length() - 5))
    return -(-n // step) * step


def max_extra_rows(n: int) -> int:
    """The most rows that `padded_rows` adds to any number up to n."""
    return max(MIN_PRODUCT_ROWS, n // 16)


class Pass(NamedTuple):
    """One direction of a layer, in all k networks.

    Attributes:
        steps: of these k directions.
        backward: whether it reads from the last token to the first.
        gates: its columns in the products with the input, (rows, X).
        place: of its states among the F + R of a network.
    """

    steps: Steps
    backward: bool
    gates: slice
    place: slice


class Layer:
    """A layer of k networks: both directions, or one.

    Attributes:
        steps: of all directions, those that read forward first, if they have one size; else of each direction.
        width: F + R.
    """

    def __init__(self, cell: Cell, layers: Sequence[BidirectionalLayer], input_size: int, dtype: torch.dtype) -> None:
        """Takes copies of the weights."""
        forward, backward = ([getattr(each, f"{way}_layer") for each in layers] for way in ("forward", "backward"))
        self._ways = [way for way, part in ((False, forward), (True, backward)) if part[0] is not None]
        parts = [part for part in (forward, backward) if part[0] is not None]
        self.width = sum(cast(int, part[0].hidden_size) for part in parts)
        self._count = len(layers)
        if len({part[0].hidden_size for part in parts}) == 1:
            parts = [sum(parts, [])]
        self.steps: list[Steps] = [cell.steps(part, input_size, dtype) for part in parts]

    @property
    def passes(self) -> list[Pass]:
        """The directions."""
        k, found = self._count, []
        parts = [steps[start : start + k] for steps in self.steps for start in range(0, len(steps.W_x), k)]
        gates = place = 0
        for steps, backward in zip(parts, self._ways, strict=True):
            columns, states = k * steps.W_x.shape[2], steps.hidden_size
            found.append(Pass(steps, backward, slice(gates, gates + columns), slice(place, place + states)))
            gates, place = gates + columns, place + states
        return found


# The products with the input of some rows, (k, rows, G * H): from the pass, and the rows' start and stop.
Source = Callable[[Pass, int, int], Tensor]


class Stack:
    """A copy of the weights of the recurrent layers of k networks.

    Attributes:
        dtype: of weights and states.
        layers: the recurrent layers.
        width: S.
    """

    def __init__(self, encoders: Sequence[Encoder], dtype: torch.dtype) -> None:
        """Takes the encoders of the networks, of equal shape."""
        self.dtype, self.count = dtype, len(encoders)
        self.layers = []
        size = encoders[0].input_size
        for layers in zip(*[encoder.layers for encoder in encoders], strict=True):
            self.layers.append(Layer(encoders[0].cell, cast(Any, layers), size, dtype))
            size = self.layers[-1].width
        self.width = self.count * sum(layer.width for layer in self.layers)
        self._buffers: dict[str, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A copy has buffers of its own; they are made when it is used."""
        return vars(self) | {"_buffers": {}}

    def form_products(self, vectors: Tensor, bias: Sequence[Tensor], prepared: bool) -> Tensor:
        """The first layer's products with the embeddings of forms, (rows, X).

        Args:
            vectors: (k, rows, E), E at most I.
            bias: of each pass, (k, 1, G * H).
            prepared: whether nothing is added later.
        """
        products = []
        for each, b in zip(self.layers[0].passes, bias, strict=True):
            x = torch.baddbmm(b, vectors, each.steps.W_x[:, : vectors.shape[2]])
            if prepared:
                each.steps.prepare(x)
            products.append(x.transpose(0, 1).flatten(1))
        return torch.cat(products, dim=1)

    def states(
        self,
        products: Tensor,
        rows: np.ndarray,
        counts: Sequence[int],
        contexts: Tensor | None,
        pool: bool = False,
    ) -> Tensor:
        """The states of every layer side by side, of packed tokens; within a layer network after network.

        Args:
            products: (U, X), from `form_products`, of any type; prepared if there are no contexts.
            rows: (N,), the form of each token.
            counts: sentences that have a token at each step.
            contexts: (k, N, D), transformers' vectors.
            pool: whether every product has a fixed number of rows; see `batches`. There are at most POOL_SENTENCES
                sentences then, and no contexts.

        Returns:
            (padded_rows(N), S); in a pool (N rounded up to a multiple of POOL_BLOCK, S). The first N rows are those of
            tokens. Valid until the next batch.
        """
        count = len(rows)
        total = -(-count // POOL_BLOCK) * POOL_BLOCK if pool else padded_rows(count, self.dtype)
        extra = max(POOL_SENTENCES, total - count) if pool else max_extra_rows(count)
        padded = np.zeros(count + extra, dtype=rows.dtype)
        padded[:count] = rows
        here = torch.from_numpy(padded).to(products.device)
        states = self._buffer("states", products, count + extra, self.width)
        states[count:] = 0
        source = self._of_forms(products, here, contexts)
        start = 0
        for layer in self.layers:
            out = states[:, start : start + self.count * layer.width].unflatten(1, (self.count, -1)).transpose(0, 1)
            self._read(layer, source, counts, out, pool and start > 0, POOL_SENTENCES if pool else None)
            start += self.count * layer.width
            source = self._of_states(out, total if pool else None)
        return states[:total]

    def _of_forms(self, products: Tensor, rows: Tensor, contexts: Tensor | None) -> Source:
        """The first layer's products with the input of tokens."""

        def gathered(one: Pass, start: int, stop: int) -> Tensor:
            """The products of the tokens' forms; fixed rows are found in the processor's cache by the step."""
            table = products[:, one.gates]
            if products.dtype != self.dtype:
                x = torch.index_select(table, 0, rows[start:stop]).to(self.dtype)
            else:
                x = self._buffer("gates", products, stop - start, table.shape[1])
                torch.index_select(table, 0, rows[start:stop], out=x)
            return x.unflatten(1, (self.count, -1)).transpose(0, 1)

        if contexts is None:
            return gathered

        def with_context(one: Pass, start: int, stop: int) -> Tensor:
            x = gathered(one, start, stop)
            context = contexts[:, start:stop].to(self.dtype)
            tokens = context.shape[1]  # there are no contexts of rows after the last token
            x[:, :tokens].baddbmm_(context, one.steps.W_x[:, -context.shape[2] :])
            one.steps.prepare(x)
            return x

        return with_context

    def _of_states(self, below: Tensor, fixed: int | None) -> Source:
        """The products of another layer with the states below it, (k, rows, I); in a pool of `fixed` rows in blocks."""

        def multiplied(one: Pass, start: int, stop: int) -> Tensor:
            W, b = one.steps.W_x, one.steps.b_x
            x = self._buffer("gates", below, stop - start, W.shape[0] * W.shape[2])
            x = x.unflatten(1, (self.count, -1)).transpose(0, 1)
            x.copy_(b)
            step = stop - start if fixed is None else POOL_BLOCK
            for first in range(start, stop if fixed is None else fixed, step):
                x[:, first - start : first - start + step].baddbmm_(below[:, first : first + step], W)
            one.steps.prepare(x)
            return x

        return multiplied

    def _read(
        self, layer: Layer, source: Source, counts: Sequence[int], out: Tensor, at_once: bool, fixed: int | None
    ) -> None:
        """Reads packed sentences in both directions.

        Args:
            layer: is read.
            source: of its products with the input.
            counts: n of each step in order; they never grow.
            out: (k, N or more, F + R), where the states are written.
            at_once: whether all products with the input are computed at once.
            fixed: the number of rows that every step computes, at least n; None: `padded_rows(n)`.
        """
        if counts[0] == 1 and fixed is None and len(layer.steps) == 1:
            self._read_one(layer, source, len(counts), out)
            return
        most = fixed or padded_rows(counts[0], self.dtype)
        for one in layer.passes:
            states = out[..., one.place]
            h = states.new_zeros(most, self.count, one.steps.state_size).transpose(0, 1)  # (k, rows, state_size)
            for steps in _chunks(counts, one.backward, at_once):
                first, stop = min(steps)[0], max(steps)[0] + max(steps)[1]
                rows = stop - first if fixed is None else fixed if len(steps) == 1 else stop - first + fixed
                x = source(one, first, first + (padded_rows(rows, self.dtype) if fixed is None else rows))
                for start, n, parts in _steps(one.steps, x, steps, self.dtype, fixed):
                    if fixed is None:
                        one.steps.step(parts, h[:, : parts[0].shape[1]], h[:, :n])
                    else:
                        one.steps.step(parts, h, h)
                        h[:, n:] = 0  # of sentences that have no token at this step
                    states[:, start : start + n] = h[:, :n, : one.steps.hidden_size]

    def _read_one(self, layer: Layer, source: Source, count: int, out: Tensor) -> None:
        """Reads one sentence of `count` tokens; all directions take each step together."""
        (steps,) = layer.steps
        passes = layer.passes
        x = [source(one, 0, count) for one in passes]
        x = torch.cat([each.flip(1) if one.backward else each.clone() for each, one in zip(x, passes, strict=True)])
        h = x.new_zeros(len(x), count + 1, steps.state_size)
        before, *after = h.split(1, dim=1)
        for *parts, new in zip(*[part.split(1, dim=1) for part in steps.split(x)], after, strict=True):
            steps.step(tuple(parts), before, new)
            before = new
        for one, states in zip(passes, h[:, 1:, : steps.hidden_size].split(self.count), strict=True):
            out[:, :count, one.place] = states.flip(1) if one.backward else states
