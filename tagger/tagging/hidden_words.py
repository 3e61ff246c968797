"""`HiddenWordPredictor`: a network of `pretrain` at work; it predicts words from the words around them."""

# N tokens, n hidden words, D size of a word's vector, V words of the vocabulary

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from torch import Tensor, nn

from tagger.model.forms import FormTable
from tagger.model.hidden_word_batch import hide_words
from tagger.tagging.batches import BATCH_TOKENS
from tagger.tagging.turns import own_turn
from tagger.weights.pretrained_folder import load_word_predictor

if TYPE_CHECKING:
    from pathlib import Path

    from tagger.model.hidden_words import HiddenWordNetwork
    from tagger.model.vocabulary import Vocabulary

CONTEXT_TOKENS = 100  # tokens on either side from which `vectors` predicts a word


class HiddenWordPredictor:
    """Predicts hidden words; threads take turns.

    Attributes:
        network: in evaluation mode.
        vocabulary: its words are what can be predicted.
        config: what `config.json` says.
        words: the V words, in the order of their scores.
    """

    def __init__(
        self, network: "HiddenWordNetwork", vocabulary: "Vocabulary", config: dict[str, Any], device: str = "cpu"
    ) -> None:
        self.network = network.eval().to(device)
        self.vocabulary, self.config, self.device = vocabulary, config, device
        self.words = list(vocabulary.words)
        self._table = FormTable(vocabulary, config["network"]["buckets"])

    @classmethod
    def load(cls, folder: "Path", device: str = "cpu") -> "HiddenWordPredictor":
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
