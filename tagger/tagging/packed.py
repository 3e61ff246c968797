"""The recurrent layers and heads of a trained network, for tagging alone: they read packed sentences, no padding.

Tokens are packed as in `batches.py`: the tokens of one step are rows that follow each other.

Each cell of `encoder.CELLS` has a `Direction` here, which `direction` makes from the trained layer.

A step of one sentence is a product of a vector with the weights, so what counts is how many calls it takes. A step of
both directions takes as many calls here as a step of one direction elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.cells import GRUCell, MinGRUCell, RNNCell
from tagger.model.encoder import BidirectionalLayer, GRULayer, LSTMLayer, RecurrentLayer, ScanLayer, TorchLayer
from tagger.model.network import TaggerNetwork
from tagger.tagging.batches import BATCH_TOKENS, POOL_BLOCK, POOL_SENTENCES

# N tokens, n sentences that still have a token at this step, I input size, G gates, H hidden size of a direction,
# F hidden size forward, R hidden size backward, X the sum of G * H over both directions, U distinct forms


MIN_PRODUCT_ROWS = 8
MIN_COLUMNS = 16  # of a product
_MINUS_ONE = torch.tensor(-1.0)


def padded_rows(n: int, dtype: torch.dtype = torch.bfloat16) -> int:
    """The rows of a product of n sentences or tokens: n rounded up.

    oneDNN compiles and caches a kernel per row count; we round up so that there are few. The result is a multiple of 8,
    or of the power of 2 that is a 16th to a 32nd of n, whichever is more. In float32 fewer than 8 rows stay as they
    are: each takes its share of the time of 8.
    """
    if n < MIN_PRODUCT_ROWS and dtype == torch.float32:
        return n
    step = max(MIN_PRODUCT_ROWS, 1 << max(0, n.bit_length() - 5))
    return -(-n // step) * step


def max_extra_rows(n: int) -> int:
    """The most rows that `padded_rows` adds to any number up to n."""
    return max(MIN_PRODUCT_ROWS, n // 16)


def product(x: Tensor, W: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """x W + b, of `padded_rows(N)` rows."""
    return torch.addmm(b, x, W, out=out)


def head_weights(head: nn.Linear, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The weights (I, columns) and the bias of a head, with zeros up to MIN_COLUMNS.

    In a product of fewer columns the last bits of a row depend on its place, on some processors.
    """
    W, b = head.weight.detach().to(dtype).T.contiguous(), head.bias.detach().to(dtype)
    missing = max(0, MIN_COLUMNS - len(b))
    return nn.functional.pad(W, (0, missing)), nn.functional.pad(b, (0, missing))


class Direction:
    """One direction of one layer.

    `start` keeps the states in attributes whose names begin with `_`; no other attribute has such a name.

    Attributes:
        W_x, b_x: (I, G * H) and (G * H,), the weights and bias of the product with the input, which needs no earlier
            step.
        W_h: (H, G * H), the weights of the product with the state of the step before.
        hidden_size: H.
        weights: the number of weights of all products with the state.
    """

    def __init__(self, W_x: Tensor, b_x: Tensor, W_h: Tensor) -> None:
        """Takes the weights of both products, (I, G * H), (G * H,) and (H, G * H)."""
        self.hidden_size, self.weights = len(W_h), W_h.numel()
        self.W_x, self.b_x, self.W_h = W_x, b_x, W_h.contiguous()

    def __getstate__(self) -> dict[str, Any]:
        """A copy has the weights, not the states of the last sentences."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def prepare(self, x: Tensor) -> None:
        """Computes in place, for all steps at once, what depends on the products with the input, (N, G * H), alone."""

    def start(self, sentences: int) -> None:
        """Sets the states of all sentences to zero."""
        rows = padded_rows(sentences)
        self._h = self.W_h.new_zeros(rows, self.hidden_size)
        self._g = self.W_h.new_empty(rows, self.W_h.shape[1])

    def step(self, x: Tensor, n: int) -> Tensor:
        """One time step.

        Args:
            x: (padded_rows(n), G * H), the product with the input; the rows after the first n belong to no sentence.
            n: the number of sentences that have a token at this step; they are the first n.

        Returns:
            The states (n, H) of the first n sentences, valid until the next step.
        """
        raise NotImplementedError

    def forget(self, n: int) -> None:
        """Sets the states after the first n to zero: those of sentences that have no token at this step."""
        self._h[n:] = 0

    def _sums(self, x: Tensor) -> Tensor:
        """x + h W_h, valid until the next step."""
        rows = len(x)
        return torch.addmm(x, self._h[:rows], self.W_h, out=self._g[:rows])


class RNN(Direction):
    """h' = tanh(x W_xh + h W_hh + b_h), equation 10.4.1."""

    def step(self, x: Tensor, n: int) -> Tensor:  # noqa: D102
        return torch.tanh(self._sums(x)[:n], out=self._h[:n])


class GRU(Direction):
    """The step of `cells.GRUCell`, gates r, z, n. All that n sums is doubled, since `_tanh_of_half` halves it."""

    def __init__(self, W_x: Tensor, b_x: Tensor, W_h: Tensor, b_n: Tensor) -> None:
        """Takes what `Direction` takes, and the bias inside r * (h W_hn + b_n), (H,)."""
        size = len(W_h)
        double = W_x.new_ones(3 * size)
        double[2 * size :] = 2
        super().__init__(W_x * double, b_x * double, W_h[:, : 2 * size])
        self.W_n, self.b_n = 2 * W_h[:, 2 * size :].contiguous(), 2 * b_n
        self.weights = W_h.numel()

    def start(self, sentences: int) -> None:  # noqa: D102
        super().start(sentences)
        self._n = torch.empty_like(self._h)

    def step(self, x: Tensor, n: int) -> Tensor:  # noqa: D102
        size, rows = self.hidden_size, len(x)
        rz = self._sums(x[:, : 2 * size]).sigmoid_()
        a = torch.addmm(self.b_n, self._h[:rows], self.W_n, out=self._n[:rows])
        candidate = _tanh_of_half(torch.addcmul(x[:, 2 * size :], rz[:, :size], a, out=a))
        h = self._h[:n]
        return torch.lerp(candidate[:n], h, rz[:n, size:], out=h)  # (1 - z) n + z h


class LSTM(Direction):
    """The step of `nn.LSTM`, gates i, f, g, o; its state is (h, c)."""

    def start(self, sentences: int) -> None:  # noqa: D102
        super().start(sentences)
        self._c = self._h.clone()

    def forget(self, n: int) -> None:  # noqa: D102
        super().forget(n)
        self._c[n:] = 0

    def step(self, x: Tensor, n: int) -> Tensor:  # noqa: D102
        size = self.hidden_size
        gates, c = self._sums(x)[:n], self._c[:n]
        i, f = gates[:, : 2 * size].sigmoid_().chunk(2, dim=1)
        c.mul_(f).addcmul_(i, gates[:, 2 * size : 3 * size].tanh_())
        return torch.mul(gates[:, 3 * size :].sigmoid_(), c.tanh(), out=self._h[:n])


class MinGRU(Direction):
    """The step of `cells.MinGRUCell`, gates z, n; there is no product with the state."""

    def __init__(self, W_x: Tensor, b_x: Tensor) -> None:
        """Takes the weights of the product with the input, (I, 2 * H) and (2 * H,)."""
        self.hidden_size, self.weights = W_x.shape[1] // 2, 0
        double = W_x.new_ones(2 * self.hidden_size)
        double[self.hidden_size :] = 2
        self.W_x, self.b_x = W_x * double, b_x * double

    def prepare(self, x: Tensor) -> None:  # noqa: D102
        x[:, : self.hidden_size].sigmoid_()
        _tanh_of_half(x[:, self.hidden_size :])

    def start(self, sentences: int) -> None:  # noqa: D102
        self._h = self.W_x.new_zeros(sentences, self.hidden_size)

    def step(self, x: Tensor, n: int) -> Tensor:  # noqa: D102
        h = self._h[:n]
        return torch.lerp(h, x[:n, self.hidden_size :], x[:n, : self.hidden_size], out=h)


def _tanh_of_half(x: Tensor) -> Tensor:
    """tanh(x / 2) in place, as 2 sigmoid(x) - 1: that takes a third of the time of `torch.tanh`."""
    return torch.add(_MINUS_ONE, x.sigmoid_(), alpha=2, out=x)


def direction(layer: nn.Module, dtype: torch.dtype) -> Direction:
    """One direction of a trained layer, its weights rounded to `dtype`.

    Raises:
        NotImplementedError: the layer or its cell has no step for tagging here.
    """
    if type(layer) in (RecurrentLayer, ScanLayer):
        return _from_cell(cast(Any, layer).cell, dtype)
    if type(layer) not in (TorchLayer, GRULayer, LSTMLayer):
        raise _unknown(layer)
    rnn = cast(TorchLayer, layer).rnn
    W_x, W_h, b_x, b_h = (weight.detach() for weight in cast(Sequence[Tensor], rnn.all_weights[0]))
    kind = {nn.RNN: RNN, nn.GRU: GRU, nn.LSTM: LSTM}[type(rnn)]
    return _direction(kind, W_x.T, b_x, W_h.T, b_h, dtype)


def _from_cell(cell: nn.Module, dtype: torch.dtype) -> Direction:
    weights = {name: parameter.detach() for name, parameter in cell.named_parameters()}
    if type(cell) is RNNCell:
        return _direction(RNN, weights["W_xh"], weights["b_h"], weights["W_hh"], torch.zeros(()), dtype)
    if type(cell) is GRUCell:
        return _direction(GRU, weights["W_x"], weights["b_x"], weights["W_h"], weights["b_h"], dtype)
    if type(cell) is MinGRUCell:
        return MinGRU(weights["W_x"].to(dtype), weights["b_x"].to(dtype))
    raise _unknown(cell)


def _unknown(module: nn.Module) -> NotImplementedError:
    return NotImplementedError(
        f"{type(module).__name__} cannot tag: add a Direction with its step to tagger/tagging/packed.py, and a line to"
        " `direction` (a layer) or `_from_cell` (a cell); docs/cells.md shows how"
    )


def _direction(
    kind: type[Direction], W_x: Tensor, b_x: Tensor, W_h: Tensor, b_h: Tensor, dtype: torch.dtype
) -> Direction:
    """A direction with trained weights.

    Biases that every step adds are added once beforehand, except the GRU's bias inside r.
    """
    if kind is GRU:
        size = len(W_h)
        early = torch.cat([b_h[: 2 * size], torch.zeros_like(b_h[2 * size :])])
        return GRU(W_x.to(dtype), (b_x + early).to(dtype), W_h.to(dtype), b_h[2 * size :].to(dtype))
    return kind(W_x.to(dtype), (b_x + b_h).to(dtype), W_h.to(dtype))


class Layer:
    """Both directions of a layer; either may be absent.

    Attributes:
        W_x, b_x: (I, X) and (X,), the weights and bias of the product with the input, for both directions side by side.
        width: F + R.
    """

    def __init__(self, layer: BidirectionalLayer, dtype: torch.dtype) -> None:
        modules = (layer.forward_layer, layer.backward_layer)
        self.directions = [None if module is None else direction(module, dtype) for module in modules]
        present = [each for each in self.directions if each is not None]
        self.W_x = torch.cat([each.W_x for each in present], dim=1)
        self.b_x = torch.cat([each.b_x for each in present])
        self.width = sum(each.hidden_size for each in present)

    def prepare(self, x: Tensor) -> Tensor:
        """Calls `Direction.prepare` for both directions on products with the input, (N, X); changes and returns x."""
        column = 0
        for each in self.directions:
            if each is not None:
                each.prepare(x[:, column : column + each.W_x.shape[1]])
                column += each.W_x.shape[1]
        return x

    def scan(
        self, x: Tensor, counts: Sequence[int], out: Tensor, rows: Tensor | None = None, fixed: int | None = None
    ) -> None:
        """Reads packed sentences in both directions.

        Args:
            x: (N + E, X), what `prepare` returned. E is `fixed` or `max_extra_rows(N)`. The extra rows come last and
                belong to no token.
            counts: n of each step in order; they never grow.
            out: (N, F + R) or more rows; the states are written there.
            rows: (N + E,), the row of x of each token, if x is (U, X), a row per form. Each step gathers its own rows,
                which the product then finds in the CPU's cache.
            fixed: the number of rows that every step computes, at least n; None: `padded_rows(n)`.
        """
        ends: list[int] = []
        total = 0
        for n in counts:
            total += n
            ends.append(total)
        steps = list(zip(ends, counts, strict=True))
        gathered = None if rows is None else x.new_empty(fixed or padded_rows(counts[0]), x.shape[1])
        column = place = 0
        for each, order in zip(self.directions, (steps, steps[::-1]), strict=True):
            if each is None:
                continue
            columns = slice(column, column + each.W_x.shape[1])
            gates = x[:, columns]
            states = out[:, place : place + each.hidden_size]
            each.start(fixed or counts[0])
            for end, n in order:
                start, stop = end - n, end - n + (fixed or padded_rows(n, x.dtype))
                if rows is None or gathered is None:
                    here = gates[start:stop]
                else:
                    here = torch.index_select(gates, 0, rows[start:stop], out=gathered[: stop - start, columns])
                if fixed is None:
                    states[start:end] = each.step(here, n)
                else:
                    states[start:end] = each.step(here, fixed)[:n]
                    if n < fixed:
                        each.forget(n)
            column += each.W_x.shape[1]
            place += each.hidden_size


# T tokens, H hidden size of each direction


class GRUPair:
    """Both directions of a GRU layer, of one hidden size, in float32."""

    def __init__(self, forward: GRU, backward: GRU) -> None:
        """Takes copies of the weights; `GRU` has doubled those of the gate n."""
        both = (forward, backward)
        self._size = forward.hidden_size
        self._W = torch.stack([torch.cat([each.W_h, each.W_n / 2], dim=1) for each in both])  # (2, H, 3 H)
        self._b_n = torch.stack([each.b_n / 2 for each in both])  # (2, H)

    @classmethod
    def of(cls, directions: Sequence[Direction | None]) -> "GRUPair | None":
        """The pair of these two directions; None if they are no pair, such as those of different sizes."""
        forward, backward = directions
        if not (isinstance(forward, GRU) and isinstance(backward, GRU)):
            return None
        fits = forward.hidden_size == backward.hidden_size and forward.W_h.dtype == torch.float32
        return cls(forward, backward) if fits else None

    def scan(self, gates: Tensor, out: Tensor) -> None:
        """Reads a sentence.

        Args:
            gates: (T, 6 H), the products of its tokens with the input: gates r, z, n forward, then backward.
            out: (T, 2 H), where the states are written.
        """
        size, count = self._size, len(gates)
        sums = gates.new_empty(count, 2, 1, 3 * size)  # in the order in which each direction reads
        sums[:, 0, 0] = gates[:, : 3 * size]
        sums[:, 1, 0] = gates[:, 3 * size :].flip(0)
        inputs = sums[..., 2 * size :] / 2
        sums[..., 2 * size :] = self._b_n[:, None]
        states = gates.new_zeros(count + 1, 2, 1, size)
        before, *after = states.unbind(0)
        step = gates.new_empty(2, 1, 3 * size)
        rz, r, z, n = step[..., : 2 * size], step[..., :size], step[..., size : 2 * size], step[..., 2 * size :]
        for sum_, input_, state in zip(sums.unbind(0), inputs.unbind(0), after, strict=True):
            torch.baddbmm(sum_, before, self._W, out=step)
            rz.sigmoid_()
            torch.addcmul(input_, r, n, out=n).tanh_()
            torch.lerp(n, before, z, out=state)  # (1 - z) n + z h
            before = state
        out[:, :size] = states[1:, 0, 0]
        out[:, size:] = states[1:, 1, 0].flip(0)


# N tokens of a batch, U forms, X columns of a layer's product with its input, S states of all layers, D size of a
# transformer, K tags


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
