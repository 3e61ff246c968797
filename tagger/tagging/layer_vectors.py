"""Sentences -> a vector for every word: from a layer of a tagger, all layers, their mean, or a hidden-word network."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from torch import Tensor, nn

from tagger.bundle.bundle import Bundle
from tagger.bundle.word_predictor import load_word_predictor
from tagger.errors import InputError, shorten
from tagger.model.device import own_turn
from tagger.model.forms import FormTable
from tagger.model.hidden_words import HiddenWordNetwork, hide_words
from tagger.tagging.batches import BATCH_TOKENS
from tagger.tagging.engine import Engine
from tagger.tagging.ensemble import EnsembleEngine


# N tokens, n hidden words, D size of a word's vector, V words of the vocabulary


CONTEXT_TOKENS = 100  # tokens on either side from which `vectors` predicts a word


class HiddenWordPredictor:
    """Predicts hidden words; threads take turns.

    Attributes:
        network: in evaluation mode.
        bundle: its body as a tagger without tags.
        vocabulary: its words are what can be predicted.
        words: the V words, in the order of their scores.
    """

    def __init__(self, network: HiddenWordNetwork, bundle: Bundle, device: str = "cpu") -> None:
        self.network = network.eval().to(device)
        (member,) = bundle.members
        self.bundle = replace(bundle, members=(replace(member, network=self.network.body),))
        self.vocabulary, self.device = member.vocabulary, device
        self.words = list(self.vocabulary.words)
        self._table = FormTable(self.vocabulary, member.network.config["buckets"])

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "HiddenWordPredictor":
        """Reads a folder that `python -m tagger pretrain` wrote.

        Raises:
            InputError: a file is missing or damaged, or the folder is that of a tagger.
        """
        return cls(*load_word_predictor(folder), device)

    def probabilities(self, tokens: Sequence[str], hidden: Sequence[int]) -> Tensor:
        """The probabilities of all words in the place of each hidden one, (n, V), on the predictor's device.

        Args:
            tokens: a sentence; the forms at hidden positions are ignored.
            hidden: the positions of n tokens, from 0.
        """
        with own_turn():
            return self.network.scores(self._predict([tokens], [np.array(hidden)])).softmax(1)

    def vectors(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """The vector that is predicted in the place of every token when that token is hidden: float32, (N, D).

        Each is predicted in a sentence of its own, from at most `CONTEXT_TOKENS` tokens on either side. A sentence of
        30 tokens is therefore read 30 times.
        """
        parts = [np.empty((0, cast(nn.Embedding, self.network.body.embedding.words).embedding_dim), dtype=np.float32)]
        for sentence in sentences:
            at_once = max(1, BATCH_TOKENS // min(len(sentence) or 1, 2 * CONTEXT_TOKENS + 1))
            for start in range(0, len(sentence), at_once):
                places = range(start, min(start + at_once, len(sentence)))
                contexts = [sentence[max(0, i - CONTEXT_TOKENS) : i + CONTEXT_TOKENS + 1] for i in places]
                with own_turn():
                    predicted = self._predict(contexts, [np.array([min(i, CONTEXT_TOKENS)]) for i in places])
                    parts.append(predicted.cpu().numpy())
        return np.concatenate(parts)

    def _predict(self, sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray]) -> Tensor:
        """The vectors of the hidden words of all sentences, (n, D)."""
        batch = hide_words(sentences, hidden, self._table).to(self.device)
        return self.network.predict(batch.batch, batch.places)


# N tokens of all sentences, E embedding of a form, S states of all recurrent layers, D numbers of a vector


ALL, MEAN, PREDICTED = "all", "mean", "predicted"


class LayerVectors:
    """The vectors of words that a tagger can compute."""

    def __init__(
        self, engine: Engine | EnsembleEngine, width: int, hidden_words: HiddenWordPredictor | None = None
    ) -> None:
        """Takes what it needs.

        Args:
            engine: of a tagger.
            width: of the embedding of a form.
            hidden_words: of a pretrained network, its predictor of hidden words.
        """
        self._engine, self._width, self._hidden_words = engine, width, hidden_words

    @property
    def names(self) -> list[str]:
        """The layers that a word's vector can be taken from.

        `0` is the embedding of the form alone; a tagger that reads nothing but a transformer has none. `1` and up are
        the recurrent layers. `all` is all of these side by side. `mean` is the mean of the recurrent layers, if they
        are equally wide. `predicted`, of a pretrained network, is the vector that it predicts when the word is hidden.
        """
        widths = self._engine.widths
        names = ["0"] if self._width else []
        names += [*map(str, range(1, len(widths) + 1)), ALL]
        if len(set(widths)) == 1:
            names.append(MEAN)
        if self._hidden_words is not None:
            names.append(PREDICTED)
        return names

    def checked(self, layer: int | str) -> str:
        """`layer` as it stands in `names`.

        Raises:
            InputError: there is no such layer.
        """
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
        if layer == PREDICTED and self._hidden_words is not None:
            return self._hidden_words.vectors(sentences)
        states, widths = self._engine.states(sentences), self._engine.widths  # (N, S)
        if layer == ALL:
            return states
        if layer == MEAN:
            mean: np.ndarray = states.reshape(len(states), len(widths), widths[0]).mean(axis=1)
            return mean
        end = sum(widths[: int(layer)])
        return states[:, end - widths[int(layer) - 1] : end]
