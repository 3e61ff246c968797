"""The networks of a tagger -> an ONNX graph that computes the same scores and chooses the same tags, in float32.

The operators are those of https://onnx.ai/onnx/operators/: RNN, GRU and LSTM. They have the equations of torch, but
their gates stand in another order.

The graph reads padded sentences, the first axis of which are the sentences. Inside, as in the network, time comes
first. It reads ids alone: the JSON of `onnx_file.py` says how forms become ids.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tagger.bundle.bundle import Member
from tagger.errors import InputError
from tagger.model.cells import Weights
from tagger.model.embeddings import (
    AFFIX_COUNT,
    AffixEmbedding,
    CharacterEncoder,
    FormEmbedding,
    VectorEmbedding,
    WordEmbedding,
)
from tagger.model.vocabulary import NO_CORPUS, PAD


class GraphBuilder:
    """Nodes and weights, and the names of what they make."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.prefix = ""  # of the names of weights
        self._known: dict[Any, tuple[str, Tensor]] = {}  # tensors, which members may share

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds a node; returns the name of its first output."""
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, values: Tensor | np.ndarray) -> str:
        """Adds a constant, unless it is there; returns its name."""
        from onnx import numpy_helper

        name = f"{self.prefix}{name}"
        if isinstance(values, Tensor) and values.numel():
            key = values.data_ptr(), values.shape, values.stride(), values.dtype
            known, _ = self._known.setdefault(key, (name, values))
            if known != name:
                return known
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def concat(self, parts: Sequence[str]) -> str:
        """Joins arrays along their last axis."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=-1)

    def linear(self, name: str, x: str, layer: nn.Linear, times: float = 1.0) -> str:
        """W x + b, times a number."""
        W, b = (layer.weight, layer.bias) if times == 1 else (layer.weight * times, layer.bias * times)
        product = self.add("MatMul", x, self.weight(f"{name}.W", W.T))
        return self.add("Add", product, self.weight(f"{name}.b", b))


# I input size, G gates, H hidden size of a direction


# `model.cell` -> the operator that computes the same with the cell's `weights`
OPERATORS = {"rnn": "RNN", "rnn_scratch": "RNN", "gru": "GRU", "gru_scratch": "GRU", "mingru": "GRU", "lstm": "LSTM"}
# Where each gate of the operator is among those of torch: the GRU's z, r, h among r, z, n; the LSTM's i, o, f, c among
# i, f, g, o.
_ORDERS = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}


class Operator(NamedTuple):
    """An operator with the weights of one direction, in the shapes that it wants."""

    kind: str  # RNN, GRU or LSTM
    W: np.ndarray  # (1, G * H, I) of the product with the input
    R: np.ndarray  # (1, G * H, H) of the product with the state
    B: np.ndarray  # (1, 2 * G * H) the biases of both
    hidden_size: int

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the operator, but for its direction. The GRU resets the state after the product, as cuDNN does."""
        more = {"linear_before_reset": 1} if self.kind == "GRU" else {}
        return {"hidden_size": self.hidden_size, **more}


def operator_of(cell: str, layer: Any) -> Operator:
    """The operator of one direction."""
    if cell not in OPERATORS:
        raise InputError(
            f"model.cell={cell} has no ONNX operator; export a tagger of another cell, such as model.cell=gru, or name"
            " the operator that computes the same in OPERATORS of tagger/extras/onnx/onnx_graph.py"
        )
    weights: Weights = layer.weights
    kind = OPERATORS[cell]
    order = _ORDERS[kind]

    def reordered(weight: Tensor) -> np.ndarray:
        gates = weight.detach().float().chunk(len(order), dim=-1)
        array: np.ndarray = torch.cat([gates[place] for place in order], dim=-1).numpy()
        return array.T

    W, R = reordered(weights.W_x)[None], reordered(weights.W_h)[None]
    B = np.concatenate([reordered(weights.b_x), reordered(weights.b_h)])[None]
    return Operator(kind, W, R, B, len(weights.W_h))


# B sentences, T tokens in the longest, N = T * B, C characters of the longest form, E size of the embedding, A affixes
# of a form, V sources of vectors


SENTENCES, TOKENS, CHARACTERS = "sentences", "tokens", "characters"  # axes whose sizes are free


def form_shapes(embedding: FormEmbedding) -> dict[str, list[str | int]]:
    """The inputs that `embed` reads, all int32, and their axes: a name if the size is free.

    Raises:
        InputError: the embedding has a part that cannot be exported.
    """
    shapes: dict[str, list[str | int]] = {}
    for name, part in embedding.named_children():
        match part:
            case WordEmbedding():
                last: list[str | int] = []
            case AffixEmbedding():
                last = [AFFIX_COUNT]
            case CharacterEncoder():
                last = [CHARACTERS]
            case VectorEmbedding():
                last = [len(part.tables)]
            case _:
                raise InputError(f"the embedding {name} cannot be exported; train without it")
        shapes[name] = [SENTENCES, TOKENS, *last]
    return shapes


def embed(graph: GraphBuilder, embedding: FormEmbedding) -> str:
    """The vectors of the forms of tokens, (T, B, E), as `FormEmbedding.forward` computes them."""
    parts = []
    for part in embedding.children():
        match part:
            case WordEmbedding():
                ids = graph.add("Transpose", "words", perm=[1, 0])
                parts.append(graph.add("Gather", graph.weight("embedding.words", part.weight), ids))
            case AffixEmbedding():
                rows = graph.add("Transpose", "affixes", perm=[1, 0, 2])
                table = graph.weight("embedding.affixes", part.weight)
                flat = graph.weight("embedding.affixes.shape", np.array([0, 0, -1]))
                parts.append(graph.add("Reshape", graph.add("Gather", table, rows), flat))
            case CharacterEncoder():
                parts.append(_read_characters(graph, part))
            case VectorEmbedding():
                parts.append(_look_up_vectors(graph, part))
    return graph.concat(parts)


def _read_characters(graph: GraphBuilder, encoder: CharacterEncoder) -> str:
    """The filters of the character encoder, (T, B, filters)."""
    ids = graph.add("Transpose", "characters", perm=[1, 0, 2])
    flat = graph.add("Flatten", ids, axis=2)  # (N, C)
    name, convolution = "embedding.characters", encoder.convolution
    x = graph.add("Gather", graph.weight(name, encoder.embedding.weight), flat)
    W = graph.weight(f"{name}.W", convolution.weight)
    b = graph.weight(f"{name}.b", cast(Tensor, convolution.bias))
    pads = [cast(int, convolution.padding[0])] * 2
    x = graph.add("Conv", graph.add("Transpose", x, perm=[0, 2, 1]), W, b, pads=pads)  # (N, filters, C)
    padding = graph.add("Equal", flat, graph.weight("padding", np.array(PAD, dtype=np.int32)))
    padding = graph.add("Unsqueeze", padding, graph.weight("axis_1", np.array([1])))
    x = graph.add("Where", padding, graph.weight("never", np.array(-np.inf, dtype=np.float32)), x)
    x = graph.add("Relu", graph.add("ReduceMax", x, axes=[2], keepdims=0))  # (N, filters)
    size = graph.weight(f"{name}.filters", np.array([convolution.out_channels]))
    return graph.add("Reshape", x, graph.add("Concat", graph.add("Shape", ids, end=2), size, axis=0))


def _look_up_vectors(graph: GraphBuilder, vectors: VectorEmbedding) -> str:
    """The pretrained vectors, as `VectorEmbedding.forward` computes them; their tables keep their dtype."""
    from onnx import TensorProto

    rows = graph.add("Transpose", "vectors", perm=[1, 0, 2])  # (T, B, V)
    found = []
    for number, table in enumerate(vectors.tables):
        row = graph.add("Gather", rows, graph.weight(f"source_{number}", np.array(number)), axis=2)
        vector = graph.add("Gather", graph.weight(f"embedding.vectors.{number}", table), row)
        found.append(graph.add("Cast", vector, to=TensorProto.FLOAT))
    x = graph.concat(found)
    if isinstance(vectors.projection, nn.Linear):
        x = graph.linear("embedding.vectors.projection", x, vectors.projection)
    none = graph.add("Equal", rows, graph.weight("no_vector", np.array(0, dtype=np.int32)))
    missing = graph.weight("embedding.vectors.missing", vectors.missing)
    return graph.add("Add", x, graph.add("MatMul", graph.add("Cast", none, to=TensorProto.FLOAT), missing))


# B sentences, T tokens in the longest, E embedding of a token, F + R states of a layer, S states of all layers, K tags
# of a column


OPSET, IR_VERSION = 17, 8  # of 2022, so that old runtimes read the graph, too
LENGTHS, TAGS = "lengths", "tags"  # names of an input and of an output


def scores_name(column: str) -> str:
    """The name of the output with the scores of a column."""
    return f"scores_{column}"


def input_shapes(members: Sequence[Member]) -> dict[str, list[str | int]]:
    """The inputs of the graph, all int32, and their axes: a name if the size is free."""
    shapes: dict[str, list[str | int]] = {}
    for member in members:
        shapes |= form_shapes(member.network.embedding)
    return {**shapes, LENGTHS: [SENTENCES]}


def network_graph(
    members: Sequence[Member],
    columns: Sequence[str],
    combinations: Sequence[Sequence[int]],
    corpus: int = NO_CORPUS,
    about: dict[str, str] | None = None,
) -> Any:
    """The graph, an `onnx.ModelProto`.

    Args:
        members: their scores are averaged; they have one vocabulary, as many buckets, no transformer, and decoders
            without weights.
        columns: those whose scores are outputs.
        combinations: of tags of these columns, among which the tags of a token are chosen; none: each column is chosen
            by itself.
        corpus: id of the corpus that all sentences are like.
        about: what the file says of itself.
    """
    from onnx import TensorProto, checker, helper

    graph = GraphBuilder()
    scores: dict[str, str] = {}
    for number, member in enumerate(members):
        graph.prefix = f"{number}." if number else ""
        for column, name in _scores(graph, member, columns, corpus).items():
            scores[column] = graph.add("Add", scores[column], name) if column in scores else name
    graph.add("Transpose", _choose(graph, list(scores.values()), combinations), output=TAGS, perm=[1, 0, 2])
    for column, name in scores.items():
        graph.add("Transpose", name, output=scores_name(column), perm=[1, 0, 2])  # (B, T, K)

    int32, shape = TensorProto.INT32, [SENTENCES, TOKENS]
    inputs = [helper.make_tensor_value_info(name, int32, axes) for name, axes in input_shapes(members).items()]
    outputs = [helper.make_tensor_value_info(TAGS, int32, [*shape, len(columns)])]
    for column in columns:
        size = cast(nn.Linear, members[0].network.heads[column]).out_features
        outputs.append(helper.make_tensor_value_info(scores_name(column), TensorProto.FLOAT, [*shape, size]))
    model = helper.make_model(
        helper.make_graph(graph.nodes, "tagger", inputs, outputs, graph.weights),
        producer_name="tagger",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, about or {})
    checker.check_model(model, full_check=True)
    return model


def _scores(graph: GraphBuilder, member: Member, columns: Sequence[str], corpus: int) -> dict[str, str]:
    """The share of a member in the mean of the scores of columns, (T, B, K)."""
    network = member.network
    x = embed(graph, network.embedding)  # (T, B, E)
    if network.corpora is not None and corpus != NO_CORPUS:
        x = graph.add("Add", x, graph.weight("corpus", network.corpora.weight[corpus]))
    layers = []
    for number, layer in enumerate(network.encoder.layers):
        x = _recur(graph, f"layer_{number}", x, cast(Any, layer), network.config["cell"])  # (T, B, F + R)
        layers.append(x)
    h = graph.concat(layers)  # (T, B, S)
    return {
        column: graph.linear(f"head_{column}", h, cast(nn.Linear, network.heads[column]), member.share(column))
        for column in columns
    }


def _recur(graph: GraphBuilder, name: str, x: str, layer: Any, cell: str) -> str:
    """Both directions of a layer, (T, B, F + R); the operators know of lengths, so padding comes last for both."""
    states = []
    for way, each in (("forward", layer.forward_layer), ("reverse", layer.backward_layer)):
        if each is None:
            continue
        operator = operator_of(cell, each)
        weights = [graph.weight(f"{name}.{way}.{key}", getattr(operator, key)) for key in ("W", "R", "B")]
        y = graph.add(operator.kind, x, *weights, LENGTHS, direction=way, **operator.attributes)  # (T, 1, B, H)
        axis = graph.weight(f"{name}.{way}.axis", np.array([1]))
        states.append(graph.add("Squeeze", y, axis))
    return graph.concat(states)


def _choose(graph: GraphBuilder, scores: Sequence[str], combinations: Sequence[Sequence[int]]) -> str:
    """The tags of all columns, (T, B, columns).

    A combination's probability is the product of those of its tags, so the best one has the largest sum of scores.
    """
    from onnx import TensorProto

    if not combinations:
        best = [graph.add("ArgMax", each, axis=-1, keepdims=1) for each in scores]
        return graph.add("Cast", graph.concat(best), to=TensorProto.INT32)
    table = np.array(combinations, dtype=np.int32)
    sums = ""
    for number, each in enumerate(scores):
        tags = graph.add("Gather", each, graph.weight(f"combinations_{number}", table[:, number]), axis=2)
        sums = graph.add("Add", sums, tags) if sums else tags
    best_row = graph.add("ArgMax", sums, axis=-1, keepdims=0)  # (T, B)
    return graph.add("Gather", graph.weight("combinations", table), best_row)
