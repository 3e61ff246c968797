"""A network that predicts hidden words as a folder: that of a tagger without tags, with one more file of weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file

from tagger.errors import InputError, reason
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.weights.folder import load_tagger, save_tagger
from tagger.weights.saved_config import LEARNED, WORD_PREDICTOR, predicts_words
from tagger.weights.validation import check_finite

if TYPE_CHECKING:
    from tagger.model.vocabulary import Vocabulary

BODY = "body."  # names of weights begin with it if a tagger has these weights too


class SavedWordPredictor(NamedTuple):
    """What the folder of a network that predicts hidden words holds."""

    network: HiddenWordNetwork
    vocabulary: "Vocabulary"
    config: dict[str, Any]


def save_word_predictor(
    folder: Path, network: HiddenWordNetwork, vocabulary: "Vocabulary", config: dict[str, Any], card: str
) -> None:
    """Writes a network that predicts hidden words; see `save_tagger`. Training can start from the folder."""
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(BODY)}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}
    save_tagger(folder, network.body, vocabulary, config, card, other_weights={WORD_PREDICTOR: weights})


def load_word_predictor(folder: Path) -> SavedWordPredictor:
    """Reads what `save_word_predictor` wrote.

    Raises:
        InputError: see `load_tagger`; or the folder is one of a tagger.
    """
    saved = load_tagger(folder)
    if saved.config["segmenter"] == LEARNED:
        raise InputError(f"{folder}: segmenter is {LEARNED}, but pretraining knows rules alone; copy the folder again")
    if not predicts_words(folder):
        raise InputError(
            f"{folder} predicts no words: {WORD_PREDICTOR} is missing; name a run of python -m tagger pretrain"
        )
    try:
        weights = load_file(folder / WORD_PREDICTOR)
        check_finite(weights)
        network = HiddenWordNetwork(saved.vocabulary, saved.config["network"])
        network.load_state_dict(weights | {BODY + name: w for name, w in saved.network.state_dict().items()})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder / WORD_PREDICTOR} is damaged ({reason(error)}); copy the folder again") from None
    return SavedWordPredictor(network.eval(), saved.vocabulary, saved.config)
