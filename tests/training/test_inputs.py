"""Pretrained inputs: what a config names is loaded where it is wanted, and put into a network."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tagger.model.vocabulary import Vocabulary
from tagger.training.start import load_inputs
from tests.conftest import make_network
from tests.training.conftest import config_of


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    file = tmp_path / "vectors.txt"
    file.write_text("the 0.5 1.0\nof 0.1 0.2\nbook -1 3\n")
    return file


def test_nothing_is_named(treebank: Path) -> None:
    inputs = load_inputs(config_of(treebank), ["the"], vectors=True, transformer=True)
    assert inputs == ({}, None, None)


def test_what_is_not_wanted_is_not_read(treebank: Path) -> None:
    config = config_of(treebank, "embedding.vectors=nowhere.txt", "embedding.transformer=/nowhere/at/all")
    assert load_inputs(config, ["the"], vectors=False, transformer=False) == ({}, None, None)


def test_inputs_are_put_into_a_network(treebank: Path, vectors: Path, bert: Path, vocabulary: Vocabulary) -> None:
    options = ("embedding.vectors_keep=1", "embedding.vectors_size=0", "transformer.layers=[1]")
    config = config_of(treebank, f"embedding.vectors={vectors}", f"embedding.transformer={bert}", *options)
    inputs = load_inputs(config, vocabulary.forms, vectors=True, transformer=True)
    assert inputs.rows == {str(vectors): {"the": 0, "book": 1}}
    assert inputs.vector_config == {"sizes": [2], "projection": 0, "tune": False, "dtype": "float16"}
    assert inputs.transformer is not None
    transformer = inputs.transformer.config
    assert (transformer["name"], transformer["layers"]) == (str(bert), [1])
    known = replace(vocabulary, vectors=inputs.rows)
    network = make_network(known, vectors=inputs.vector_config, transformer=transformer)
    inputs.fill(network)
    assert network.embedding.vectors is not None
    matrix = torch.from_numpy(inputs.vectors[str(vectors)].matrix)
    assert torch.equal(network.embedding.vectors.tables[0][1:], matrix.half())
    assert network.transformer is not None
    for name, weight in inputs.transformer.embedding.state_dict().items():
        assert torch.equal(network.transformer.state_dict()[name], weight)


def test_a_transformer_has_the_pieces_of_other_text(treebank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def load(*_: object, forms: list[str], **__: object) -> tuple[None, None, None]:
        given.extend(forms)
        return None, None, None

    monkeypatch.setattr("tagger.training.start.load_pretrained", load)
    load_inputs(config_of(treebank, "embedding.transformer=x"), ["the"], vectors=True, transformer=True, others=["cow"])
    assert given == ["the", "cow"]
