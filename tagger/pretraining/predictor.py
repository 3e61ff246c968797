"""`HiddenWordPredictor`: a pretrained network at work, which predicts hidden words; and its folder.

The folder is that of a tagger without tags, with one more file for the weights that only predict words.
"""

from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, cast, overload

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.catalog import find_tagger
from tagger.bundle.saved_config import WORD_PREDICTOR, predicts_words
from tagger.errors import InputError, reason
from tagger.model.device import own_turn
from tagger.model.embeddings import WordEmbedding
from tagger.model.forms import FormTable
from tagger.model.stored import check_finite
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.network import HiddenWordNetwork, hide_words
from tagger.tagging.batches import BATCH_TOKENS
from tagger.tagging.languages import LanguageTagger
from tagger.tagging.load import load as load_tagger
from tagger.tagging.tagger import Tagger
from tagger.text.segment import LEARNED

# N tokens, n hidden words, D size of a word's vector, V words of the vocabulary


PREDICTED = "predicted"  # the layer of the vectors that are predicted


@overload
def load(name: None = None, *options: Any, **more: Any) -> LanguageTagger: ...
@overload
def load(name: str | Path, *options: Any, **more: Any) -> Tagger: ...
@wraps(load_tagger)
def load(name: str | Path | None = None, *options: Any, **more: Any) -> Tagger | LanguageTagger:
    """See `tagging.load.load`; a pretrained network has the layer `predicted`, too."""
    tagger: Tagger | LanguageTagger = load_tagger(cast(str, name), *options, **more)
    if isinstance(tagger, Tagger) and not tagger.columns and predicts_words(folder := find_tagger(str(name))):
        tagger.more_layers[PREDICTED] = HiddenWordPredictor.load(folder, tagger.device).vectors
    return tagger


CONTEXT_TOKENS = 100  # tokens on either side from which `vectors` predicts a word


class HiddenWordPredictor:
    """Predicts hidden words; threads take turns.

    Attributes:
        network: in evaluation mode.
        vocabulary: its words are what can be predicted.
        segmenter: the name of the rules that cut text for it.
        words: the V words, in the order of their scores.
    """

    def __init__(self, network: HiddenWordNetwork, bundle: Bundle, device: str = "cpu") -> None:
        self.network = network.eval().to(device)
        self.vocabulary, self.segmenter, self.device = bundle.vocabulary, str(bundle.segmenter), device
        self.words = list(self.vocabulary.words)
        self._table = FormTable(self.vocabulary, network.body.config)

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
        parts = [np.empty((0, cast(WordEmbedding, self.network.body.embedding.words).width), dtype=np.float32)]
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


BODY = "body."  # names of weights begin with it if a tagger has these weights too


class SavedWordPredictor(NamedTuple):
    """What the folder of a network that predicts hidden words holds: the network, and its body as a tagger."""

    network: HiddenWordNetwork
    bundle: Bundle


def save_word_predictor(
    folder: Path, network: HiddenWordNetwork, vocabulary: Vocabulary, segmenter: str, config: dict[str, Any], card: str
) -> None:
    """Writes a network that predicts hidden words; see `Bundle.save`. Training can start from the folder."""
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(BODY)}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}
    Bundle((Member(network.body, vocabulary),), segmenter, config).save(folder, card, others={WORD_PREDICTOR: weights})


def load_word_predictor(folder: Path) -> SavedWordPredictor:
    """Reads what `save_word_predictor` wrote.

    Raises:
        InputError: see `Bundle.load`; or the folder is one of a tagger.
    """
    bundle = Bundle.load(folder)
    if not isinstance(bundle.segmenter, str):
        raise InputError(f"{folder}: segmenter is {LEARNED}, but pretraining knows rules alone; copy the folder again")
    if not predicts_words(folder):
        raise InputError(
            f"{folder} predicts no words: {WORD_PREDICTOR} is missing; name a run of python -m tagger pretrain"
        )
    body = bundle.networks[0]
    try:
        weights = load_file(folder / WORD_PREDICTOR)
        check_finite(weights)
        network = HiddenWordNetwork(bundle.vocabulary, body.config)
        network.load_state_dict(weights | {BODY + name: w for name, w in body.state_dict().items()})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder / WORD_PREDICTOR} is damaged ({reason(error)}); copy the folder again") from None
    return SavedWordPredictor(network.eval(), bundle)
