"""The embeddings of forms -> the part of an ONNX graph that computes them from ids, for each token."""

# B sentences, T tokens in the longest, N = T * B, C characters of the longest form, E size of the embedding, A affixes
# of a form, V sources of vectors

from typing import TYPE_CHECKING, cast

import numpy as np
from torch import Tensor, nn

from tagger.model.affixes import AFFIXES
from tagger.model.batch import PAD

if TYPE_CHECKING:
    from tagger.model.embeddings import CharacterEncoder, FormEmbedding, VectorEmbedding
    from tagger.weights.onnx_builder import GraphBuilder

SENTENCES, TOKENS, CHARACTERS = "sentences", "tokens", "characters"  # axes whose sizes are free


def form_shapes(embedding: "FormEmbedding") -> dict[str, list[str | int]]:
    """The inputs that `embed` reads, all int32, and their axes: a name if the size is free."""
    shapes: dict[str, list[str | int]] = {}
    if embedding.words is not None:
        shapes["words"] = [SENTENCES, TOKENS]
    if embedding.affixes is not None:
        shapes["affixes"] = [SENTENCES, TOKENS, AFFIXES]
    if embedding.characters is not None:
        shapes["characters"] = [SENTENCES, TOKENS, CHARACTERS]
    if embedding.vectors is not None:
        shapes["vectors"] = [SENTENCES, TOKENS, len(embedding.vectors.tables)]
    return shapes


def embed(graph: "GraphBuilder", embedding: "FormEmbedding") -> str:
    """The vectors of the forms of tokens, (T, B, E), as `FormEmbedding.forward` computes them."""
    parts = []
    if embedding.words is not None:
        ids = graph.add("Transpose", "words", perm=[1, 0])
        parts.append(graph.add("Gather", graph.weight("embedding.words", embedding.words.weight), ids))
    if embedding.affixes is not None:
        rows = graph.add("Transpose", "affixes", perm=[1, 0, 2])
        table = graph.weight("embedding.affixes", embedding.affixes.weight)
        flat = graph.weight("embedding.affixes.shape", np.array([0, 0, -1]))
        parts.append(graph.add("Reshape", graph.add("Gather", table, rows), flat))
    if embedding.characters is not None:
        parts.append(_read_characters(graph, embedding.characters))
    if embedding.vectors is not None:
        parts.append(_look_up_vectors(graph, embedding.vectors))
    return graph.concat(parts)


def _read_characters(graph: "GraphBuilder", encoder: "CharacterEncoder") -> str:
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


def _look_up_vectors(graph: "GraphBuilder", vectors: "VectorEmbedding") -> str:
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
