"""The folder of a network that predicts hidden words: written, read back the same, and clear about what is wrong."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tagger.errors import InputError
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.weights.folder import load_tagger, load_word_predictor, save_word_predictor
from tagger.weights.saved_config import WORD_PREDICTOR, predicts_words
from tests.conftest import TOKENS, network_config


@pytest.fixture
def network() -> HiddenWordNetwork:
    torch.manual_seed(1)
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    return HiddenWordNetwork(words, network_config()).eval()


@pytest.fixture
def folder(network: HiddenWordNetwork, tmp_path: Path) -> Path:
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    config = {"network": network_config(), "segmenter": "english"}
    save_word_predictor(tmp_path / "pretrained", network, words, config, "# A tiny network\n")
    return tmp_path / "pretrained"


def test_what_is_saved_is_loaded(network: HiddenWordNetwork, folder: Path) -> None:
    loaded = load_word_predictor(folder).network
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_it_is_the_folder_of_a_tagger_without_tags(folder: Path) -> None:
    assert predicts_words(folder)
    assert load_tagger(folder).vocabulary.columns == []


def test_the_folder_of_a_tagger_predicts_no_words(trained: Path) -> None:
    assert not predicts_words(trained)
    with pytest.raises(InputError, match="predicts no words"):
        load_word_predictor(trained)


@pytest.mark.parametrize("damage", ["cut", "nan", "missing", "size"])
def test_damaged_weights(folder: Path, damage: str) -> None:
    path = folder / WORD_PREDICTOR
    weights = load_file(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    else:
        if damage == "missing":
            del weights["mask"]
        else:
            weights["mask"] = torch.zeros(3) if damage == "size" else weights["mask"] * float("nan")
        save_file(weights, path)
    with pytest.raises(InputError) as caught:
        load_word_predictor(folder)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
