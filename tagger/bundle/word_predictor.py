"""A network that predicts hidden words as a folder: a tagger without tags, and one more file of weights beside it."""

from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.saved_config import WORD_PREDICTOR, predicts_words
from tagger.errors import InputError, reason
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.stored import check_finite
from tagger.model.vocabulary import Vocabulary
from tagger.text.segment import LEARNED

BODY = "body."  # names of weights begin with it if a tagger has these weights too


class SavedWordPredictor(NamedTuple):
    """What the folder of a network that predicts hidden words holds: the network, and its body as a tagger."""

    network: HiddenWordNetwork
    bundle: Bundle


def save_word_predictor(
    folder: Path,
    network: HiddenWordNetwork,
    vocabulary: Vocabulary,
    segmenter: str,
    config: dict[str, Any],
    card: str,
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
    member = bundle.members[0]
    try:
        weights = load_file(folder / WORD_PREDICTOR)
        check_finite(weights)
        network = HiddenWordNetwork(member.vocabulary, member.network.config)
        network.load_state_dict(weights | {BODY + name: w for name, w in member.network.state_dict().items()})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder / WORD_PREDICTOR} is damaged ({reason(error)}); copy the folder again") from None
    return SavedWordPredictor(network.eval(), bundle)
