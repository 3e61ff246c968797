"""The recurrent layers and heads of k networks of equal shape, for tagging: they read packed sentences, no padding.

The weights of the networks are stacked, so that they take each step together. Tokens are packed as in `batches.py`: the
tokens of one step are rows that follow each other. The steps themselves are those of each cell, see
`model.recurrent.Steps`.
"""

# k networks, N tokens, T steps, n sentences that have a token at a step, I input size of a layer, G gates, H hidden
# size of a direction, F hidden size forward, R hidden size backward, X the sum of k * G * H over both directions, S the
# sum of k * (F + R) over all layers, U distinct forms, D size of a transformer

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.crf import MIN_COLUMNS
from tagger.model.encoder import BidirectionalLayer, Cell
from tagger.model.network import TaggerNetwork
from tagger.model.steps import Steps
from tagger.tagging.batches import FIXED_BLOCK, FIXED_SENTENCES

MIN_PRODUCT_ROWS = 8
CHUNK_TOKENS = 256  # of short steps whose products with the input are computed at once
EXTRA_ROWS = 4 * MIN_PRODUCT_ROWS  # that the products of such a chunk have at most, beyond its tokens


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
    """One direction of a layer, in all k networks; or both directions.

    Attributes:
        steps: of these M directions, k or twice k.
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
            parts = [[each for part in parts for each in part]]
        self.steps: list[Steps] = [cell.steps(part, input_size, dtype) for part in parts]

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes its own passes, which are views of the weights."""
        return {name: value for name, value in vars(self).items() if name != "passes"}

    @cached_property
    def passes(self) -> list[Pass]:
        """The directions, one by one."""
        k, found = self._count, []
        parts = [steps[start : start + k] for steps in self.steps for start in range(0, len(steps.W_x), k)]
        gates = place = 0
        for steps, backward in zip(parts, self._ways, strict=True):
            columns, states = k * steps.W_x.shape[2], steps.hidden_size
            found.append(Pass(steps, backward, slice(gates, gates + columns), slice(place, place + states)))
            gates, place = gates + columns, place + states
        return found

    @property
    def together(self) -> Pass | None:
        """All directions at once, if they have one size."""
        last = self.passes[-1]
        whole = slice(0, last.gates.stop), slice(0, last.place.stop)
        return Pass(self.steps[0], False, *whole) if len(self.steps) == 1 else None


# The products with the input of some rows, (M, rows, G * H): from the pass, and the rows' start and stop.
Source = Callable[[Pass, int, int], Tensor]


class Stack:
    """A copy of the weights of the recurrent layers and heads of k networks.

    Attributes:
        width: S.
    """

    def __init__(
        self, networks: Sequence[TaggerNetwork], shares: Mapping[str, Sequence[float]], dtype: torch.dtype
    ) -> None:
        """Takes copies.

        Args:
            shares: for each column, what the scores of each network are multiplied by before they are added.
        """
        self.dtype, self.count = dtype, len(networks)
        self.layers = []
        encoders = [network.encoder for network in networks]
        size = encoders[0].input_size
        for layers in zip(*[encoder.layers for encoder in encoders], strict=True):
            self.layers.append(Layer(encoders[0].cell, cast(Any, layers), size, dtype))
            size = self.layers[-1].width
        self.width = self.count * sum(layer.width for layer in self.layers)
        self._heads = {column: self._head(networks, column, share) for column, share in shares.items()}
        self._tags = {column: cast(nn.Linear, networks[0].heads[column]).out_features for column in shares}
        self._buffers: dict[str, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A copy has buffers of its own; they are made when it is used."""
        return vars(self) | {"_buffers": {}}

    def _head(self, networks: Sequence[TaggerNetwork], column: str, share: Sequence[float]) -> tuple[Tensor, Tensor]:
        """The weights (S, columns) and the bias of all networks' heads, with zeros up to MIN_COLUMNS.

        In a product of fewer columns the last bits of a row depend on its place, on some processors.
        """
        heads = [cast(nn.Linear, network.heads[column]) for network in networks]
        scaled = [head.weight.detach() * part for head, part in zip(heads, share, strict=True)]
        widths = [layer.width for layer in self.layers]
        of_layers = zip(*[weight.split_with_sizes(widths, dim=1) for weight in scaled], strict=True)
        W = torch.cat([weight for weights in of_layers for weight in weights], dim=1).T.to(self.dtype)
        b = sum((head.bias.detach() * part for head, part in zip(heads, share, strict=True)), torch.zeros(()))
        missing = max(0, MIN_COLUMNS - W.shape[1])
        return nn.functional.pad(W, (0, missing)).contiguous(), nn.functional.pad(b.to(self.dtype), (0, missing))

    def form_products(self, vectors: Tensor, bias: Sequence[Tensor], prepared: bool) -> Tensor:
        """The first layer's products with the embeddings of forms, (rows, X).

        Args:
            vectors: (k, rows, E), E at most I.
            bias: of each pass, (k, 1, G * H).
            prepared: whether nothing is added later.
        """
        products, vectors = [], vectors.to(self.dtype)
        for one, b in zip(self.layers[0].passes, bias, strict=True):
            x = torch.baddbmm(b, vectors, one.steps.W_x[:, : vectors.shape[2]])
            if prepared:
                one.steps.prepare(x)
            products.append(x.transpose(0, 1).flatten(1))
        return torch.cat(products, dim=1)

    def states(
        self,
        products: Tensor,
        rows: np.ndarray,
        counts: Sequence[int],
        contexts: Tensor | None = None,
        fixed_shapes: bool = False,
    ) -> Tensor:
        """The states of every layer side by side, of packed tokens; within a layer network after network.

        Args:
            products: (U, X), from `form_products`, of any type; prepared if there are no contexts.
            rows: (N,), the form of each token.
            counts: sentences that have a token at each step.
            contexts: (k, N, D), transformers' vectors.
            fixed_shapes: whether every product has a fixed number of rows; see `batches`. There are at most
                FIXED_SENTENCES sentences then, and no contexts.

        Returns:
            (padded_rows(N), S); with fixed shapes (N rounded up to a multiple of FIXED_BLOCK, S). The first N rows are
            those of tokens. Valid until the next batch.
        """
        count, k = len(rows), self.count
        total = -(-count // FIXED_BLOCK) * FIXED_BLOCK if fixed_shapes else padded_rows(count, self.dtype)
        extra = max(FIXED_SENTENCES, total - count) if fixed_shapes else max_extra_rows(count) + EXTRA_ROWS
        padded = np.zeros(count + extra, dtype=rows.dtype)
        padded[:count] = rows
        here = torch.from_numpy(padded).to(products.device)
        states = self._buffer("states", products, count + extra, self.width)
        states[count:] = 0
        fixed = FIXED_SENTENCES if fixed_shapes else None
        source, start, chunk = self._of_forms(products, here, contexts), 0, 0 if fixed_shapes else CHUNK_TOKENS
        for layer in self.layers:
            stop = start + k * layer.width
            out = states[:, start:stop].view(-1, k, layer.width).transpose(0, 1)  # (k, rows, F + R)
            self._read(layer, source, counts, out, chunk, fixed)
            source, start = self._of_states(out, total if fixed_shapes else None), stop
            chunk = count if fixed_shapes else CHUNK_TOKENS  # block by block, all blocks at once
        return states[:total]

    def scores(self, states: Tensor, column: str, fixed_shapes: bool = False) -> Tensor:
        """The sum of the networks' scores (logits) of the tags of a column, (rows, K), multiplied by their shares.

        Args:
            states: what `states` returned for the same `fixed_shapes`.
        """
        W, b = self._heads[column]
        if not fixed_shapes:
            return torch.addmm(b, states, W)[:, : self._tags[column]]
        scores = states.new_empty(len(states), len(b))
        for start in range(0, len(states), FIXED_BLOCK):
            block = slice(start, start + FIXED_BLOCK)
            torch.addmm(b, states[block], W, out=scores[block])
        return scores[:, : self._tags[column]]

    def _of_forms(self, products: Tensor, rows: Tensor, contexts: Tensor | None) -> Source:
        """The first layer's products with the input of tokens."""

        def gathered(one: Pass, start: int, stop: int) -> Tensor:
            table, here = products[:, one.gates], rows[start:stop]
            if products.dtype == self.dtype:
                x = self._buffer("gates", products, stop - start, table.shape[1])
                torch.index_select(table, 0, here, out=x)
            else:
                x = torch.index_select(table, 0, here).to(self.dtype)
            return x.view(len(x), len(one.steps.W_x), -1).transpose(0, 1)

        def with_contexts(one: Pass, start: int, stop: int) -> Tensor:
            x = gathered(one, start, stop)
            assert contexts is not None
            here = contexts[:, start:stop].to(self.dtype)  # rows after the last token have none
            here = here.repeat(len(x) // len(here), 1, 1)
            x[:, : here.shape[1]].baddbmm_(here, one.steps.W_x[:, -here.shape[2] :])
            one.steps.prepare(x)
            return x

        return gathered if contexts is None else with_contexts

    def _of_states(self, below: Tensor, fixed: int | None) -> Source:
        """The products with the states of the layer below, (k, rows, I); of `fixed` rows block by block."""

        def multiplied(one: Pass, start: int, stop: int) -> Tensor:
            W, b = one.steps.W_x, one.steps.b_x
            stop = max(stop, fixed or 0)
            x = self._buffer("gates", below, stop - start, W.shape[0] * W.shape[2])
            x = x.view(len(x), len(W), -1).transpose(0, 1)
            x.copy_(b)
            inputs = (
                below[:, start:stop].repeat(len(W) // len(below), 1, 1) if len(W) > len(below) else below[:, start:stop]
            )
            for block in range(0, fixed or 1, FIXED_BLOCK):
                here = slice(block, block + FIXED_BLOCK) if fixed else slice(None)
                x[:, here].baddbmm_(inputs[:, here], W)
            one.steps.prepare(x)
            return x

        return multiplied

    def _read(
        self, layer: Layer, source: Source, counts: Sequence[int], out: Tensor, chunk: int, fixed: int | None
    ) -> None:
        """Reads packed sentences in both directions.

        Args:
            counts: n of each step in order; they never grow.
            out: (k, N or more, F + R), where the states are written.
            chunk: products of steps that follow each other are computed at once for this many tokens.
            fixed: the number of rows that every step computes, at least n; None: `padded_rows(n)`.
        """
        if counts[0] == 1 and fixed is None and layer.together is not None:
            self._read_one(layer.together, source, layer.passes, out[:, : len(counts)])
            return
        rows = fixed or padded_rows(counts[0], self.dtype)
        for one in layer.passes:
            steps, states = one.steps, out[..., one.place]
            h = states.new_zeros(rows, self.count, steps.state_size).transpose(0, 1)  # (k, rows, state_size)
            for part in _chunks(counts, one.backward, chunk):
                for start, n, x in self._inputs(one, source, part, fixed):
                    if fixed is None:
                        steps.step(x, h[:, : x[0].shape[1]], h[:, :n])
                    else:
                        steps.step(x, h, h)
                        h[:, n:] = 0  # of sentences that have no token at this step
                    states[:, start : start + n] = h[:, :n, : steps.hidden_size]

    def _inputs(
        self, one: Pass, source: Source, part: Sequence[tuple[int, int]], fixed: int | None
    ) -> Iterator[tuple[int, int, tuple[Tensor, ...]]]:
        """For each step of a part its first token, n, and what `Steps.step` reads."""
        first, (last, n) = min(part)[0], max(part)
        tokens = last + n - first
        if len(part) == 1:
            rows = fixed or padded_rows(n, self.dtype)
            yield first, n, one.steps.split(source(one, first, first + rows)[:, :rows])
        elif fixed is None and self.dtype == torch.float32:
            ordered = sorted(part)
            sizes = [size for _, size in ordered]
            parts = [x.split_with_sizes(sizes, dim=1) for x in one.steps.split(source(one, first, last + n))]
            of_steps = dict(zip(ordered, zip(*parts, strict=True), strict=True))
            for step in part:
                yield *step, of_steps[step]
        else:  # a step computes more rows than its sentences, which may be tokens of other steps
            more = tokens + fixed if fixed else padded_rows(tokens + MIN_PRODUCT_ROWS, self.dtype)
            x = source(one, first, first + more)
            for start, n in part:
                here = slice(start - first, start - first + (fixed or padded_rows(n, self.dtype)))
                yield start, n, one.steps.split(x[:, here].clone())

    def _read_one(self, whole: Pass, source: Source, passes: Sequence[Pass], out: Tensor) -> None:
        """Reads one sentence; all directions take each step together.

        Args:
            whole: all directions.
            out: (k, T, F + R), where the states are written.
        """
        steps, count = whole.steps, out.shape[1]
        of_passes = [slice(start, start + self.count) for start in range(0, len(steps.W_x), self.count)]
        x = source(whole, 0, count)  # (M, T, G * H)
        for here, one in zip(of_passes, passes, strict=True):
            if one.backward:
                x[here] = x[here].flip(1)
        h = x.new_zeros(count + 1, len(x), 1, steps.state_size)
        before, *after = h.unbind()
        parts = [part.transpose(0, 1)[:, :, None].unbind() for part in steps.split(x)]  # of each token (M, 1, ...)
        for *inputs, new in zip(*parts, after, strict=True):
            steps.step(inputs, before, new)
            before = new
        states = h[1:, :, 0, : steps.hidden_size].transpose(0, 1)  # (M, T, H)
        for here, one in zip(of_passes, passes, strict=True):
            out[..., one.place] = states[here].flip(1) if one.backward else states[here]

    def _buffer(self, name: str, like: Tensor, rows: int, columns: int) -> Tensor:
        """Memory that is used again: new memory for every batch would fragment the heap."""
        size = rows * columns
        if name not in self._buffers or len(self._buffers[name]) < size:
            # Zeros: if rows are not contiguous, oneDNN's bfloat16 product on AMX multiplies the memory beside them
            # by 0, and the product is NaN if that memory holds NaN.
            self._buffers[name] = like.new_zeros(size + size // 8, dtype=self.dtype)
        return self._buffers[name][:size].view(rows, columns)


def _chunks(counts: Sequence[int], backward: bool, tokens: int) -> Iterator[list[tuple[int, int]]]:
    """Steps that follow each other, in the order in which they are read: the first token of each, and its n.

    Args:
        tokens: of a chunk, at most, unless it has one step.
    """
    ends = list(accumulate(counts))
    steps = [(end - n, n) for end, n in zip(ends, counts, strict=True)]
    part: list[tuple[int, int]] = []
    total = 0
    for step in reversed(steps) if backward else steps:
        if part and total + step[1] > tokens:
            yield part
            part, total = [], 0
        part.append(step)
        total += step[1]
    yield part
