"""A trained network -> an ONNX graph that computes the same scores and chooses the same tags, in float32.

The graph reads padded sentences, the first axis of which are the sentences. Inside, as in the network, time comes
first. It holds what depends on numbers alone: how forms become ids is for its reader, who is told by
`onnx_description.py`.
"""

# B sentences, T tokens in the longest, E embedding of a token, F + R states of a layer, S states of all layers, K tags
# of a column

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from torch import nn

from tagger.model.batch import NO_CORPUS
from tagger.weights.onnx_builder import GraphBuilder
from tagger.weights.onnx_cells import operator_of
from tagger.weights.onnx_forms import SENTENCES, TOKENS, embed, form_shapes

if TYPE_CHECKING:
    from tagger.model.embeddings import FormEmbedding
    from tagger.model.network import TaggerNetwork

OPSET, IR_VERSION = 17, 8  # of 2022, so that old runtimes read the graph, too
LENGTHS, TAGS = "lengths", "tags"  # names of an input and of an output


def scores_name(column: str) -> str:
    """The name of the output with the scores of a column."""
    return f"scores_{column}"


def input_shapes(embedding: "FormEmbedding") -> dict[str, list[str | int]]:
    """The inputs of the graph, all int32, and their axes: a name if the size is free."""
    return {**form_shapes(embedding), LENGTHS: [SENTENCES]}


def network_graph(
    network: "TaggerNetwork",
    columns: Sequence[str],
    combinations: Sequence[Sequence[int]],
    corpus: int = NO_CORPUS,
    about: dict[str, str] | None = None,
) -> Any:
    """The graph, an `onnx.ModelProto`.

    Args:
        network: it has no transformer, and its decoders have no weights.
        columns: those whose scores are outputs.
        combinations: of tags of these columns, among which the tags of a token are chosen; none: each column is chosen
            by itself.
        corpus: id of the corpus that all sentences are like.
        about: what the file says of itself.

    Raises:
        InputError: the cell of a layer has no operator.
    """
    from onnx import TensorProto, checker, helper

    graph = GraphBuilder()
    x = embed(graph, network.embedding)  # (T, B, E)
    if network.corpora is not None and corpus != NO_CORPUS:
        x = graph.add("Add", x, graph.weight("corpus", network.corpora.weight[corpus]))
    layers = []
    for number, layer in enumerate(network.encoder.layers):
        x = _recur(graph, f"layer_{number}", x, cast(Any, layer))  # (T, B, F + R)
        layers.append(x)
    h = graph.concat(layers)  # (T, B, S)
    scores = {column: graph.linear(f"head_{column}", h, cast(nn.Linear, network.heads[column])) for column in columns}
    graph.add("Transpose", _choose(graph, list(scores.values()), combinations), output=TAGS, perm=[1, 0, 2])
    for column, name in scores.items():
        graph.add("Transpose", name, output=scores_name(column), perm=[1, 0, 2])  # (B, T, K)

    int32, shape = TensorProto.INT32, [SENTENCES, TOKENS]
    inputs = [helper.make_tensor_value_info(n, int32, axes) for n, axes in input_shapes(network.embedding).items()]
    outputs = [helper.make_tensor_value_info(TAGS, int32, [*shape, len(columns)])]
    for column in columns:
        size = cast(nn.Linear, network.heads[column]).out_features
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


def _recur(graph: GraphBuilder, name: str, x: str, layer: Any) -> str:
    """Both directions of a layer, (T, B, F + R); the operators know of lengths, so padding comes last for both."""
    states = []
    for way, each in (("forward", layer.forward_layer), ("reverse", layer.backward_layer)):
        if each is None:
            continue
        operator = operator_of(each)
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
