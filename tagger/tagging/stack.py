"""The members of a tagger -> the scores that they add to packed tokens: networks of equal shape, or a linear chain.

`Networks` turns forms into vectors, each network by its own vocabulary. What depends on a form alone, up to the first
layer's product with its input, is computed once per form, for all networks (`FormCache`). From there on their
weights are stacked (`Stack`), so that they take each step together. The steps themselves are those of each cell, see
`model.steps.Steps`. A batch of one sentence is read in both directions at once (`_read_sentence`), a larger one in one
direction after the other (`_read_packed`).

The terms of a linear chain also depend on forms alone, and its scores are sums of them (`LinearScorer`), as in
`model/linear_chain.py`.
"""

# k networks, M directions that step together (k, or 2 k of a single sentence), N tokens, T steps, n sentences that have
# a token at a step, I input size of a layer, G gates, H hidden size of a direction, F hidden size forward, R hidden
# size backward, X the sum of k * G * H over both directions, S the sum of k * (F + R) over all layers, U distinct
# forms, W numbers that are kept for each, E embedding of a form, D size of a transformer, K tags

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, repeat
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.bundle.bundle import Linear, Member
from tagger.model.batch import FIXED_BLOCK, FIXED_SENTENCES, FormTable, PackedBatch
from tagger.model.crf import MIN_COLUMNS
from tagger.model.device import PRECISIONS
from tagger.model.embeddings import CHARACTERS, MAX_CHARACTERS, features
from tagger.model.encoder import BidirectionalLayer, Cell
from tagger.model.linear_chain import EDGE, term_places, token_scores
from tagger.model.network import TaggerNetwork
from tagger.model.steps import Steps
from tagger.model.transformer import windows
from tagger.tagging.tagger_options import TaggerOptions

MIN_PRODUCT_ROWS = 8
CHUNK_ROWS = 256  # of short steps whose products with the input are computed at once
# Forms that are multiplied at once, always as many, and no fewer than `embeddings` gives at a time. In bfloat16 the
# weights are repacked for every product.
PRODUCT_FORMS = {torch.float32: 64, torch.bfloat16: 256}
MAX_NARROW_SENTENCES = 7  # a batch of at most this many is computed in float32, also by a tagger in bfloat16


def padded_rows(n: int, dtype: torch.dtype = torch.bfloat16) -> int:
    """The rows of a product of n sentences or tokens: in float32 n, in bfloat16 n rounded up.

    oneDNN, which computes products in bfloat16, compiles and caches a kernel per row count; we round up so that there
    are few. The result is a multiple of 8, or of the power of 2 that is a 16th to a 32nd of n, whichever is more.
    """
    if dtype == torch.float32:
        return n
    step = max(MIN_PRODUCT_ROWS, 1 << max(0, n.bit_length() - 5))
    return -(-n // step) * step


# The most characters of the forms of a block, and its rows; those without a form hold zeros. A sum of products can
# round differently when the tensor around it has another shape, so forms are embedded in blocks of two fixed shapes.
_SHAPES = ((MAX_CHARACTERS // 2, 64), (MAX_CHARACTERS, 16))


class FormCache:
    """A table with a row per form, which forgets all forms when `capacity` would not do.

    `compute` turns U different forms into blocks, each the places of n of them and their values (n, W).
    """

    def __init__(self, compute: Callable[[list[str]], Iterable[tuple[np.ndarray, Tensor]]], capacity: int) -> None:
        self.compute, self.capacity = compute, capacity
        self._rows: dict[str, int] = {}
        self.values = torch.empty(0, 0)  # (rows, W), with the device and the type of the results of `compute`

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy starts empty: copied rows would share memory."""
        return FormCache, (self.compute, self.capacity)

    def lookup(self, forms: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
        """A function from places of these forms to their rows; all are computed at once if there is room."""
        if len(forms) > self.capacity:
            return lambda places: self.rows([forms[place] for place in places.tolist()])
        rows = self.rows(forms)
        return lambda places: rows[places]

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The row of each form in `values`, valid until the next call."""
        known = self._rows
        rows = np.fromiter(map(known.get, forms, repeat(-1)), dtype=np.int64, count=len(forms))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            new = list(dict.fromkeys(forms[i] for i in missing.tolist()))
            if known and len(known) + len(new) > self.capacity:
                known.clear()
                new, missing = list(dict.fromkeys(forms)), np.arange(len(forms))
            places = np.arange(len(known), len(known) + len(new))
            for part, values in self.compute(new):
                if len(self.values) <= places[-1]:
                    size = max(places[-1] + 1, min(self.capacity, max(2 * len(self.values), 1024)))
                    grown = values.new_empty(size, values.shape[1])
                    if len(self.values):
                        grown[: len(self.values)] = self.values
                    self.values = grown
                self.values.index_copy_(0, torch.from_numpy(places[part]).to(values.device), values)
            known.update(zip(new, places.tolist(), strict=True))
            rows[missing] = [known[forms[i]] for i in missing.tolist()]
        return rows


class Pass(NamedTuple):
    """One direction of a layer, in all k networks; or both directions."""

    steps: Steps  # of these M directions, k or twice k
    backward: bool  # whether it reads from the last token to the first
    gates: slice  # its columns in the products with the input, (rows, X)
    place: slice  # of its states among the F + R of a network


class Layer:
    """A layer of k networks, with copies of the weights; `width` is F + R.

    It has `passes`, its directions, forward first, and `together`, all of them at once, if they have one size.
    """

    def __init__(self, cell: Cell, layers: Sequence[BidirectionalLayer], input_size: int, dtype: torch.dtype) -> None:
        every = {way: [getattr(each, f"{way}_layer") for each in layers] for way in ("forward", "backward")}
        ways = {way: own for way, own in every.items() if own[0] is not None}
        k, whole = len(layers), None
        if len({own[0].hidden_size for own in ways.values()}) == 1:
            whole = cell.steps([each for own in ways.values() for each in own], input_size, dtype)
            steps = [whole[start : start + k] for start in range(0, k * len(ways), k)]  # views
        else:
            steps = [cell.steps(own, input_size, dtype) for own in ways.values()]
        self.passes: list[Pass] = []
        gates = place = 0
        for way, one in zip(ways, steps, strict=True):
            columns, states = k * one.W_x.shape[2], one.hidden_size
            own_place = slice(gates, gates + columns), slice(place, place + states)
            self.passes.append(Pass(one, way == "backward", *own_place))
            gates, place = gates + columns, place + states
        self.together = None if whole is None else Pass(whole, False, slice(0, gates), slice(0, place))
        self.width = place


class StepRows(NamedTuple):
    """Which rows the steps of a batch compute; the same for all layers."""

    counts: list[int]  # (T,) n of each step; they never grow
    starts: list[int]  # (T + 1,) the tokens before each step, and of all
    rows: list[int]  # (T,) that each step computes, at least n. Those after its n tokens belong to nobody
    ends: list[int]  # (T + 1,) the rows before each step, and of all
    # (all rows,) the token that each row reads, after the n tokens of a step its last one again; None: each its own
    places: np.ndarray | None
    fixed: bool  # whether all products have a fixed number of rows


# What a layer reads: for each chunk of a pass, steps from a first to before a last, the products of its rows with the
# input, (M, rows, G * H).
Inputs = Callable[[Pass, Iterable[tuple[int, int]]], Iterator[Tensor]]


class Stack:
    """A copy of the weights of the recurrent layers and heads of k networks.

    `shares` are, for each column, what the scores of each network are multiplied by before they are added.
    """

    def __init__(
        self, networks: Sequence[TaggerNetwork], shares: Mapping[str, Sequence[float]], dtype: torch.dtype
    ) -> None:
        self.dtype, self.count = dtype, len(networks)
        self.layers = []
        encoders = [network.encoder for network in networks]
        size = encoders[0].input_size
        for layers in zip(*[encoder.layers for encoder in encoders], strict=True):
            self.layers.append(Layer(encoders[0].cell, cast(Any, layers), size, dtype))
            size = self.layers[-1].width
        self.width = self.count * sum(layer.width for layer in self.layers)  # S
        widths = [layer.width for layer in self.layers]
        self._heads: dict[str, tuple[Tensor, Tensor]] = {}  # of all networks: weights (S, columns), and bias
        self._tags: dict[str, int] = {}  # K of each column
        for column, share in shares.items():
            heads = [cast(nn.Linear, network.heads[column]) for network in networks]
            scaled = [head.weight.detach() * part for head, part in zip(heads, share, strict=True)]
            of_layers = zip(*[weight.split_with_sizes(widths, dim=1) for weight in scaled], strict=True)
            W = torch.cat([weight for weights in of_layers for weight in weights], dim=1).T.to(dtype)
            b = sum((head.bias.detach() * part for head, part in zip(heads, share, strict=True)), torch.zeros(()))
            # In a product of fewer columns the last bits of a row depend on its place, on some processors.
            missing = max(0, MIN_COLUMNS - W.shape[1])
            pad = partial(nn.functional.pad, pad=(0, missing))
            self._heads[column], self._tags[column] = (pad(W).contiguous(), pad(b.to(dtype))), W.shape[1]
        self._buffers: dict[str, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A copy has buffers of its own; they are made when it is used."""
        return vars(self) | {"_buffers": {}}

    def rows(self, n: int, fixed: bool) -> int:
        """The rows of states that `states` returns for n tokens, and that `scores` takes."""
        return -(-n // FIXED_BLOCK) * FIXED_BLOCK if fixed else padded_rows(n, self.dtype)

    def states(self, batch: PackedBatch, products: Tensor, rows: np.ndarray, contexts: Tensor | None) -> Tensor:
        """The states of every layer side by side, of packed tokens; within a layer network after network.

        `products` (U, X) are from `Networks._products`, `rows` (N,) say which form a token has, and `contexts`
        (k, N, D) are transformers' vectors. The states are (rows, S), see `rows`, those of tokens first. They are valid
        until the next batch.
        """
        counts = rows_of_steps = batch.counts
        if batch.fixed:
            rows_of_steps = [FIXED_SENTENCES] * len(counts)
        elif counts[0] > 1:
            rows_of_steps = [padded_rows(n, self.dtype) for n in counts]
        starts, ends = (list(accumulate(each, initial=0)) for each in (counts, rows_of_steps))
        places = None
        if rows_of_steps != counts:
            own = zip(starts[:-1], counts, rows_of_steps, strict=True)
            places = np.concatenate([np.arange(first, first + size).clip(max=first + n - 1) for first, n, size in own])
        plan = StepRows(counts, starts, rows_of_steps, ends, places, batch.fixed)
        total = self.rows(len(rows), batch.fixed)
        spare = max(MIN_PRODUCT_ROWS, total // 16)  # `padded_rows` adds no more to any number up to `total`
        states = self._buffer("states", products, total + spare, self.width)
        states[len(rows) :] = 0
        inputs: Inputs = partial(self._form_products, plan, products, rows, contexts)
        start = 0
        for layer in self.layers:
            stop = start + self.count * layer.width
            out = states[:, start:stop].view(-1, self.count, layer.width).transpose(0, 1)  # (k, rows, F + R)
            if plan.counts[0] == 1 and not plan.fixed and layer.together is not None:
                self._read_sentence(layer.together, layer.passes, inputs, out[:, : len(rows)])
            else:
                for one in layer.passes:
                    self._read_packed(one, inputs, plan, out[..., one.place])
            inputs, start = partial(self._state_products, plan, out[:, :total] if plan.fixed else out), stop
        return states[:total]

    def _read_packed(self, one: Pass, inputs: Inputs, plan: StepRows, out: Tensor) -> None:
        """At each step h <- step(x, h), in one direction; h is written to `out`, (k, N or more, H).

        Only the first n sentences have a token at a step: x and h have a row for each of them.
        """
        steps = one.steps
        h = out.new_zeros(max(plan.rows), self.count, steps.state_size).transpose(0, 1)  # (k, most rows, state_size)
        chunks = list(_chunks(plan.rows, one.backward))
        for (first, last), x in zip(chunks, inputs(one, chunks), strict=True):
            parts = [part.split_with_sizes(plan.rows[first:last], dim=1) for part in steps.split(x)]
            of_steps = list(zip(*parts, strict=True))  # of each step what `Steps.step` reads
            for t in range(last - 1, first - 1, -1) if one.backward else range(first, last):
                n, start = plan.counts[t], plan.starts[t]
                steps.step(of_steps[t - first], h[:, : plan.rows[t]], h if plan.fixed else h[:, :n])
                if plan.fixed:
                    h[:, n:] = 0  # of sentences that have no token at this step
                out[:, start : start + n] = h[:, :n, : steps.hidden_size]

    def _read_sentence(self, whole: Pass, passes: Sequence[Pass], inputs: Inputs, out: Tensor) -> None:
        """At each token h <- step(x, h), for all directions of a sentence at once; `out` gets h, (k, T, F + R)."""
        steps, count = whole.steps, out.shape[1]
        of_passes = [slice(start, start + self.count) for start in range(0, len(steps.W_x), self.count)]
        (x,) = inputs(whole, [(0, count)])  # (M, T, G * H)
        for here, one in zip(of_passes, passes, strict=True):
            if one.backward:
                x[here] = x[here].flip(1)
        h = x.new_zeros(count + 1, len(x), 1, steps.state_size)
        before, *after = h.unbind()
        parts = [part.transpose(0, 1)[:, :, None].unbind() for part in steps.split(x)]  # of each token (M, 1, ...)
        for *own, new in zip(*parts, after, strict=True):
            steps.step(own, before, new)
            before = new
        states = h[1:, :, 0, : steps.hidden_size].transpose(0, 1)  # (M, T, H)
        for here, one in zip(of_passes, passes, strict=True):
            out[..., one.place] = states[here].flip(1) if one.backward else states[here]

    def _form_products(
        self,
        plan: StepRows,
        table: Tensor,
        rows: np.ndarray,
        contexts: Tensor | None,
        one: Pass,
        chunks: Iterable[tuple[int, int]],
    ) -> Iterator[Tensor]:
        """The `Inputs` of the first layer; its products with forms are in `table`, so they are gathered."""
        table, ends = table[:, one.gates], plan.ends
        if plan.places is not None:
            rows = rows[plan.places]
            contexts = None if contexts is None else contexts[:, torch.from_numpy(plan.places).to(contexts.device)]
        all_rows = torch.from_numpy(rows).to(table.device)  # (sum of all steps' rows,)
        for first, last in chunks:
            here = all_rows[ends[first] : ends[last]]
            if table.dtype == self.dtype:
                x = self._buffer("gates", table, len(here), table.shape[1])
                torch.index_select(table, 0, here, out=x)
            else:
                x = torch.index_select(table, 0, here).to(self.dtype)
            x = x.view(len(here), len(one.steps.W_x), -1).transpose(0, 1)  # (M, rows, G * H)
            if contexts is not None:
                own = contexts[:, ends[first] : ends[last]].to(self.dtype)  # (k, rows, D)
                x.baddbmm_(_repeated(own, len(x)), one.steps.W_x[:, -own.shape[2] :])
                one.steps.prepare(x)
            yield x

    def _state_products(
        self, plan: StepRows, below: Tensor, one: Pass, chunks: Iterable[tuple[int, int]]
    ) -> Iterator[Tensor]:
        """The `Inputs` of another layer: products with the states of the layer below, (k, N or more, I).

        With fixed shapes those of the whole batch are computed at once, in blocks of `FIXED_BLOCK` rows.
        """
        whole = self._multiplied(one, below, FIXED_BLOCK) if plan.fixed else None  # (N or more, M * G * H)
        for first, last in chunks:
            start, rows = plan.starts[first], plan.ends[last] - plan.ends[first]
            if whole is None:
                stop = start + padded_rows(plan.starts[last] - start, self.dtype)
                x = self._multiplied(one, below[:, start:stop], stop - start)
            else:
                x, start = whole, 0
            if plan.places is not None and (plan.fixed or last - first > 1):  # else the rows are those of the step
                places = torch.from_numpy(plan.places[plan.ends[first] : plan.ends[last]] - start).to(x.device)
                x = torch.index_select(x, 0, places, out=self._buffer("chunk", x, rows, x.shape[1]))
            yield x[:rows].view(rows, len(one.steps.W_x), -1).transpose(0, 1)

    def _multiplied(self, one: Pass, states: Tensor, block: int) -> Tensor:
        """The products with states (k, rows, I), block by block: (rows, M * G * H)."""
        W, b = one.steps.W_x, one.steps.b_x
        rows, inputs = states.shape[1], _repeated(states, len(W))
        flat = self._buffer("gates", states, rows, W.shape[0] * W.shape[2])
        x = flat.view(rows, len(W), -1).transpose(0, 1)  # (M, rows, G * H)
        x.copy_(b)
        for start in range(0, rows, block):
            x[:, start : start + block].baddbmm_(inputs[:, start : start + block], W)
        one.steps.prepare(x)
        return flat

    def scores(self, states: Tensor, column: str, fixed: bool) -> Tensor:
        """The sum of the networks' scores (logits) of the tags of a column, (rows, K), times their shares."""
        W, b = self._heads[column]
        if not fixed:
            return torch.addmm(b, states, W)[:, : self._tags[column]]
        scores = states.new_empty(len(states), len(b))
        for start in range(0, len(states), FIXED_BLOCK):
            block = slice(start, start + FIXED_BLOCK)
            torch.addmm(b, states[block], W, out=scores[block])
        return scores[:, : self._tags[column]]

    def _buffer(self, name: str, like: Tensor, rows: int, columns: int) -> Tensor:
        """Memory that is used again: new memory for every batch would fragment the heap."""
        size = rows * columns
        if name not in self._buffers or len(self._buffers[name]) < size:
            # Zeros: if rows are not contiguous, oneDNN's bfloat16 product on AMX multiplies the memory beside them
            # by 0, and the product is NaN if that memory holds NaN.
            self._buffers[name] = like.new_zeros(size + size // 8, dtype=self.dtype)
        return self._buffers[name][:size].view(rows, columns)


def _repeated(x: Tensor, count: int) -> Tensor:
    """What each of k networks reads, (k, ...), for each of `count` directions, k or twice k."""
    return x if len(x) == count else x.repeat(count // len(x), 1, 1)


def _chunks(rows: Sequence[int], backward: bool) -> Iterator[tuple[int, int]]:
    """Steps whose products are computed at once, from a first to before a last, in the order in which they are read.

    Together they have at most CHUNK_ROWS rows, unless it is one step.
    """
    steps = range(len(rows))
    part: list[int] = []
    total = 0
    for t in reversed(steps) if backward else steps:
        if part and total + rows[t] > CHUNK_ROWS:
            yield min(part), max(part) + 1
            part, total = [], 0
        part.append(t)
        total += rows[t]
    yield min(part), max(part) + 1


class Networks:
    """Runs k networks of equal shape."""

    def __init__(self, members: Sequence[Member], parts: Mapping[str, float], options: TaggerOptions) -> None:
        """`parts` are the networks' parts in the scores of each column, beside which there are linear chains."""
        self.networks = [member.network for member in members]
        self._device = options.device
        shares = {column: [part * member.share(column) for member in members] for column, part in parts.items()}
        self._stack = Stack(self.networks, shares, PRECISIONS[options.precision])
        # Few rows are faster in float32: bfloat16 weights are repacked for every product, and rows padded to 8.
        narrow = (options.device, options.precision) == ("cpu", "bfloat16")
        self._narrow_stack = Stack(self.networks, shares, torch.float32) if narrow else self._stack
        self.widths = [self._stack.count * layer.width for layer in self._stack.layers]
        self.cache = FormCache(self._products, options.cache_size)  # the first layer's products with each form
        # What computes the features that each member reads; like members share it, so that it is done once.
        read = [(member.network.config, member.vocabulary) for member in members]
        computed = [features(vocabulary, config) for config, vocabulary in read]
        self._embeddings = [
            (network.embedding.for_tagging(), computed[read.index(own)])
            for network, own in zip(self.networks, read, strict=True)
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
        # For each pass the bias of the first layer's product with its input, with that of the corpus' vector.
        self._bias = [one.steps.b_x.clone() for one in self._stack.layers[0].passes]
        for number, member in enumerate(members):
            vectors = member.network.corpora
            if vectors is not None and options.corpus in member.vocabulary.corpus_ids:
                vector = vectors.weight[member.vocabulary.corpus_ids[options.corpus]].detach().float()
                for one, bias in zip(self._stack.layers[0].passes, self._bias, strict=True):
                    bias[number] += vector @ one.steps.W_x[number].float()

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
        settled: Mapping[str, np.ndarray],
    ) -> Iterator[Mapping[str, Tensor]]:
        """For each batch the scores of each column, (N, K), the sum over the networks.

        Those of each are divided by its temperatures, and multiplied by its weight.

        `settled` has for some columns the tag of every token, or -1. Only tokens with -1 are scored then, so there are
        fewer rows.
        """
        for (tokens, _, fixed), states, stack in self._states(forms, batches):
            found = {}
            for column in columns:
                here, count = states, len(tokens)
                if column in settled:
                    rows = np.flatnonzero(settled[column][tokens] < 0)
                    count = len(rows)
                    here = states.new_zeros(stack.rows(count, fixed), states.shape[1])
                    torch.index_select(states, 0, torch.from_numpy(rows).to(states.device), out=here[:count])
                found[column] = stack.scores(here, column, fixed)[:count]
            yield found

    def states(self, forms: Sequence[str], batches: Iterable[PackedBatch]) -> Iterator[list[Tensor]]:
        """For each batch the states of each layer, (N, k * (F + R)), those of all networks side by side."""
        for batch, states, _ in self._states(forms, batches):
            yield list(states[: len(batch.tokens)].split_with_sizes(self.widths, dim=1))

    def embeddings(self, forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The places of some of the forms and their embeddings, (k, n, E), block by block; without a transformer's."""
        computers = {id(features): features for _, features in self._embeddings}
        computed = {key: {name: of(forms) for name, of in features.items()} for key, features in computers.items()}
        lengths = np.array([min(len(form), MAX_CHARACTERS) for form in forms], dtype=np.int64)
        least = 0
        for characters, rows in _SHAPES:
            places = np.flatnonzero((least <= lengths) & (lengths <= characters))
            least = characters + 1
            for start in range(0, len(places), rows):
                part = places[start : start + rows]
                blocks: dict[int, dict[str, Tensor]] = {}
                for key, arrays in computed.items():
                    blocks[key] = {}
                    for name, array in arrays.items():
                        kept = array[part, :characters] if name == CHARACTERS else array[part]
                        block = np.zeros((rows, *kept.shape[1:]), dtype=kept.dtype)
                        block[: len(part)] = kept
                        blocks[key][name] = torch.from_numpy(block).to(self._device)
                of_members = [embedding(blocks[id(features)]) for embedding, features in self._embeddings]
                yield part, torch.stack(of_members)[:, : len(part)]

    def _states(
        self, forms: Sequence[str], batches: Iterable[PackedBatch]
    ) -> Iterator[tuple[PackedBatch, Tensor, Stack]]:
        """Each batch with its states, (N or more, S), and the stack that computed them."""
        rows_of = self.cache.lookup(forms)
        for batch in batches:
            rows = rows_of(batch.tokens)
            contexts = self._contexts(forms, batch) if self._transformers else None
            is_narrow = batch.counts[0] <= MAX_NARROW_SENTENCES and not batch.fixed
            stack = self._narrow_stack if is_narrow else self._stack
            yield batch, stack.states(batch, self.cache.values, rows, contexts), stack

    def _products(self, forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The first layer's products with forms, (n, X), after the places of the forms; see `FormCache`.

        To each the bias of its pass is added. They are prepared for the steps unless a transformer's part is added
        later. Some blocks at a time are multiplied, with as many rows each time.
        """
        dtype, waiting = self._stack.dtype, list[tuple[np.ndarray, Tensor]]()
        for block in chain(self.embeddings(forms), [None]):
            count = sum(len(places) for places, _ in waiting)
            if waiting and (block is None or count + len(block[0]) > PRODUCT_FORMS[dtype]):
                vectors = torch.cat([each for _, each in waiting], dim=1)  # (k, n, E)
                if vectors.shape[2]:  # not of a transformer alone: torch 2.6 pads no empty vectors
                    vectors = nn.functional.pad(vectors, (0, 0, 0, PRODUCT_FORMS[dtype] - count))
                products, vectors = [], vectors.to(dtype)
                for one, b in zip(self._stack.layers[0].passes, self._bias, strict=True):
                    x = torch.baddbmm(b, vectors, one.steps.W_x[:, : vectors.shape[2]])
                    if not self._transformers:
                        one.steps.prepare(x)
                    products.append(x.transpose(0, 1).flatten(1))
                yield np.concatenate([places for places, _ in waiting]), torch.cat(products, dim=1)[:count]
                waiting = []
            if block is not None:
                waiting.append(block)

    def _contexts(self, forms: Sequence[str], batch: PackedBatch) -> Tensor:
        """The transformers' vectors of packed tokens, (k, N, D)."""
        words, n = [forms[token] for token in batch.tokens.tolist()], np.array(batch.counts)
        starts = np.cumsum(n) - n
        is_token = np.arange(n[0]) < n[:, None]  # (T, B)
        lengths = is_token.sum(axis=0)  # of each sentence
        here = torch.from_numpy(is_token).to(self._device)
        found: dict[int, Tensor] = {}
        for transformer, tokenizer in self._transformers:
            if id(transformer) not in found:
                table = self._pieces[id(tokenizer)]
                rows = table.rows(words)
                pieces = [[table.pieces[rows[starts[t] + b]] for t in range(size)] for b, size in enumerate(lengths)]
                vectors = transformer(windows(pieces, tokenizer).to(self._device))  # (T, B, D)
                found[id(transformer)] = vectors[here]
        of_members = [found[id(transformer)] for transformer, _ in self._transformers]
        return of_members[0].expand(len(of_members), -1, -1) if len(found) == 1 else torch.stack(of_members)


class LinearScorer:
    """Runs one linear chain, in float32, on the CPU. Its scores are sums of rows, the same in every shape."""

    def __init__(self, member: Linear, options: TaggerOptions) -> None:
        self._member, self._device = member, options.device
        self.cache = FormCache(self._terms, options.cache_size + 1)  # and `EDGE`

    def scores(
        self,
        forms: Sequence[str],
        batches: Iterable[PackedBatch],
        columns: Sequence[str],
        settled: Mapping[str, np.ndarray],
    ) -> Iterator[Mapping[str, Tensor]]:
        """As `Networks.scores`, of one column, of which no token is settled."""
        column = self._member.column
        rows_of = self.cache.lookup([EDGE, *forms]) if column in columns else None
        for tokens, counts, _ in batches:
            if rows_of is None:
                yield {}
                continue
            edge, *_ = rows = rows_of(np.append(0, tokens + 1))
            places = [each.to(self._device) for each in term_places(rows[1:], edge, counts)]
            yield {column: token_scores(self.cache.values, places)}

    @torch.no_grad()
    def _terms(self, forms: list[str]) -> list[tuple[np.ndarray, Tensor]]:
        """The terms of all forms at once, times the member's share, (U, 5 * K)."""
        chain = self._member.chain
        terms: Tensor = chain(chain.rows(forms)) * self._member.share
        return [(np.arange(len(forms)), terms.to(self._device))]
