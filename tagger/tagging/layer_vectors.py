"""A tagger and sentences -> the vector of every word: from one of its layers, from all, or their mean."""

# N tokens of all sentences, E embedding of a form, S states of all recurrent layers, D numbers of a vector

from collections.abc import Iterator, Sequence

import numpy as np

from tagger.errors import InputError, shorten
from tagger.tagging.engine import Engine

ALL, MEAN, PREDICTED = "all", "mean", "predicted"


def layer_names(engine: Engine) -> list[str]:
    """What a word's vector can be taken from.

    `0` is the embedding of its form alone, which a tagger that reads a transformer and nothing else has not;
    `1` and up are the recurrent layers, `all` is all of these side by side, and `mean` their mean, where they
    are equally wide. `predicted`, of a pretrained network alone, is the vector of the word that it expects
    there when the word is hidden.
    """
    numbers = [str(depth) for depth in range(1, len(engine.widths) + 1)]
    static = ["0"] if engine.network.embedding.width else []
    mean = [MEAN] if len(set(engine.widths)) == 1 else []
    return [*static, *numbers, ALL, *mean, *([PREDICTED] if engine.masked is not None else [])]


def checked_layer(engine: Engine, layer: int | str) -> str:
    """`layer` as `layer_names` has it.

    Raises:
        InputError: there is no such layer.
    """
    name, names = str(layer), layer_names(engine)
    if name in names:
        return name
    if name == MEAN:
        widths = ", ".join(map(str, engine.widths))
        raise InputError(f"layer mean: the layers have different widths ({widths}); choose one of {', '.join(names)}")
    raise InputError(f"layer {shorten(name)} is none of this tagger's; choose one of {', '.join(names)}")


def layer_vectors(engine: Engine, sentences: Sequence[Sequence[str]], layer: str) -> Iterator[np.ndarray]:
    """For each sentence its words' vectors, float32, (words, D); `layer` is one of `layer_names`.

    Those of `0` do not depend on the sentence; the others know all of it.
    """
    if layer == "0":
        vectors = engine.embeddings([form for sentence in sentences for form in sentence])  # (N, E)
    else:
        vectors = engine.predictions(sentences) if layer == PREDICTED else engine.states(sentences)  # (N, S)
        if layer == MEAN:
            vectors = vectors.reshape(len(vectors), len(engine.widths), engine.widths[0]).mean(axis=1)
        elif layer not in (ALL, PREDICTED):
            end = sum(engine.widths[: int(layer)])
            vectors = vectors[:, end - engine.widths[int(layer) - 1] : end]
    end = 0
    for sentence in sentences:
        start, end = end, end + len(sentence)
        yield vectors[start:end].copy()  # who keeps one does not keep all
