"""The folder of a network that predicts hidden words: as it was saved, or an error of one line."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import tagger
from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import WORD_PREDICTOR, predicts_words
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.network import HiddenWordNetwork
from tagger.pretraining.predictor import load_word_predictor, save_word_predictor
from tests.conftest import TOKENS, network_config


@pytest.fixture
def predictor() -> HiddenWordNetwork:
    torch.manual_seed(1)
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    return HiddenWordNetwork(words, network_config()).eval()


@pytest.fixture
def predictors(predictor: HiddenWordNetwork, tmp_path: Path) -> Path:
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    save_word_predictor(tmp_path / "pretrained", predictor, words, "english", {}, "# A tiny network\n")
    return tmp_path / "pretrained"


def test_a_network_that_predicts_words_is_loaded(predictor: HiddenWordNetwork, predictors: Path) -> None:
    loaded = load_word_predictor(predictors).network
    assert not loaded.training
    for name, tensor in predictor.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_a_network_that_predicts_words_is_in_the_folder_of_a_tagger_without_tags(predictors: Path) -> None:
    assert predicts_words(predictors)
    assert Bundle.load(predictors).vocabulary.columns == []


def test_the_folder_of_a_tagger_predicts_no_words(trained: Path) -> None:
    assert not predicts_words(trained)
    with pytest.raises(InputError, match="predicts no words"):
        load_word_predictor(trained)


@pytest.mark.parametrize("damage", ["cut", "nan", "missing", "size"])
def test_damaged_weights_that_predict_words(predictors: Path, damage: str) -> None:
    path = predictors / WORD_PREDICTOR
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
        load_word_predictor(predictors)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_pretrained_network_has_a_layer_more_and_no_lexicon(predictors: Path, tmp_path: Path) -> None:
    loaded = tagger.load(predictors, device="cpu")
    assert loaded.columns == []
    assert loaded.layers.names[-1] == "predicted"
    (vectors,) = loaded.embed([["They", "book"]], "predicted")
    assert vectors.shape == (2, network_config()["words"])
    (tmp_path / "words.tsv").write_text("They\tNOUN\n")
    with pytest.raises(InputError, match="no tags, so it can have no lexicon"):
        tagger.load(predictors, "cpu", lexicons={"upos": tmp_path / "words.tsv"})
