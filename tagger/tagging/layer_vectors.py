"""Sentences -> a vector for every word: from a layer of a tagger, all layers, or their mean."""

from collections.abc import Iterator, Sequence

import numpy as np

from tagger.errors import InputError, shorten
from tagger.tagging.engine import Engine

# N tokens of all sentences, E embedding of a form, S states of all recurrent layers, D numbers of a vector


ALL, MEAN = "all", "mean"


class LayerVectors:
    """The vectors of words that a tagger can compute."""

    def __init__(self, engine: Engine, width: int) -> None:
        """`width` is the size of the embedding of a form, E."""
        self._engine, self._width = engine, width

    @property
    def names(self) -> list[str]:
        """The layers that a word's vector can be taken from.

        `0` is the embedding of the form alone; a tagger that reads nothing but a transformer has none. `1` and up are
        the recurrent layers. `all` is all of these side by side. `mean` is the mean of the recurrent layers, if they
        are equally wide.
        """
        widths = self._engine.widths
        names = ["0"] if self._width else []
        names += [*map(str, range(1, len(widths) + 1)), ALL]
        if len(set(widths)) == 1:
            names.append(MEAN)
        return names

    def checked(self, layer: int | str) -> str:
        """`layer` as it stands in `names`."""
        name, names = str(layer), self.names
        if name in names:
            return name
        choice = ", ".join(names)
        if name == MEAN:
            widths = ", ".join(map(str, self._engine.widths))
            raise InputError(f"layer mean: the layers have different widths ({widths}); choose one of {choice}")
        raise InputError(f"this tagger has no layer {shorten(name)}; choose one of {choice}")

    def of(self, sentences: Sequence[Sequence[str]], layer: str) -> Iterator[np.ndarray]:
        """For each sentence the vectors of its words, float32, (words, D); `layer` is one of `names`.

        The vectors of layer 0 do not depend on the sentence; those of other layers depend on the whole sentence.
        """
        vectors = self._rows(sentences, layer)
        end = 0
        for sentence in sentences:
            start, end = end, end + len(sentence)
            yield vectors[start:end].copy()  # a view would keep the vectors of all sentences in memory

    def _rows(self, sentences: Sequence[Sequence[str]], layer: str) -> np.ndarray:
        """The vectors of all words, (N, D)."""
        if layer == "0":
            return self._engine.embeddings([form for sentence in sentences for form in sentence])  # (N, E)
        states, widths = self._engine.states(sentences), self._engine.widths  # (N, S)
        if layer == ALL:
            return states
        if layer == MEAN:
            mean: np.ndarray = states.reshape(len(states), len(widths), widths[0]).mean(axis=1)
            return mean
        end = sum(widths[: int(layer)])
        return states[:, end - widths[int(layer) - 1] : end]
