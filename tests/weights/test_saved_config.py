"""`config.json`: older formats become that of today."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tagger.errors import InputError
from tagger.model.embeddings import VectorConfig
from tagger.model.network import NetworkConfig
from tagger.model.transformer import TransformerConfig
from tagger.model.vocabulary import Vocabulary
from tagger.weights import saved_config
from tagger.weights.folder import load_tagger
from tagger.weights.saved_config import CONFIG, FORMAT, read_config
from tests.conftest import TOKENS, make_batch, make_network, network_config, save_tiny

OLD_TRAINING = {
    "corpus": {"held_out": 0.1},
    "embedding": {"words": 6, "vectors_precision": "float16"},
    "transformer": {"pooling": "first", "precision": "32-true"},
    "saved_precision": "int8",
    "held_out": "dev.txt",
    "held_out_tokens": 1000,
}
NEW_TRAINING = {
    "corpus": {"dev_share": 0.1},
    "embedding": {"words": 6, "vectors_dtype": "float16"},
    "transformer": {"pooling": "first", "dtype": "float32"},
    "storage_dtype": "int8",
    "dev": "dev.txt",
    "dev_tokens": 1000,
}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(("old", "new"), [("32-true", "float32"), ("bf16", "bfloat16")])
def test_older_formats_are_translated(tmp_path: Path, version: int, old: str, new: str) -> None:
    network = {"cell": "gru", "vectors": {"precision": "float16"}, "transformer": {"precision": old, "name": "minilm"}}
    config: dict[str, Any] = {"format": version, "network": network, "training": OLD_TRAINING}
    (tmp_path / CONFIG).write_text(json.dumps(config))
    read = read_config(tmp_path)
    assert read["network"]["vectors"] == {"dtype": "float16"}
    assert read["network"]["transformer"] == {"dtype": new, "name": "minilm", "dropout": 0.5}
    assert read["training"] == NEW_TRAINING
    assert read["format"] == FORMAT


@pytest.mark.parametrize("version", [3, 4])
def test_a_tagger_of_an_older_format_gives_the_same_scores(
    tmp_path: Path, vocabulary: Vocabulary, version: int
) -> None:
    vectors = VectorConfig(sizes=[3], projection=0, tune=False, dtype="float32")
    known = Vocabulary(vocabulary.words, vocabulary.characters, vocabulary.tags, vocabulary.forms, {"a": {"book": 0}})
    network = make_network(known, vectors=vectors)
    folder = save_tiny(tmp_path / "model", network, known, vectors=vectors)
    config = json.loads((folder / CONFIG).read_text())
    config["format"] = version
    config["network"]["vectors"]["precision"] = config["network"]["vectors"].pop("dtype")
    (folder / CONFIG).write_text(json.dumps(config))
    loaded = load_tagger(folder).network
    batch = make_batch(TOKENS, known)
    assert all(torch.equal(scores, network(batch)[column]) for column, scores in loaded(batch).items())


def test_what_is_no_object_stays_for_the_checks_that_follow(tmp_path: Path) -> None:
    config = {"format": 3, "network": [], "training": {"embedding": 7, "transformer": {"precision": ["x"]}}}
    (tmp_path / CONFIG).write_text(json.dumps(config))
    expected = {"embedding": 7, "transformer": {"dtype": ["x"]}}
    assert read_config(tmp_path) == {"format": FORMAT, "network": [], "training": expected}


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_folder_that_lacks_an_added_key_is_read(
    tmp_path: Path, vocabulary: Vocabulary, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)
    config = json.loads((folder / CONFIG).read_text())
    del config["network"]["dropout"], config["network"]["hidden"]["backward"]
    (folder / CONFIG).write_text(json.dumps(config | {"format": version}))
    with pytest.raises(InputError, match="not an object with the keys"):
        load_tagger(folder)
    added = {"dropout": 0.25, "hidden.backward": 6, "cell": "lstm", "vectors.tune": False, "transformer.tune": False}
    monkeypatch.setattr(saved_config, "ADDED_KEYS", added)
    assert read_config(folder)["network"] == network_config(dropout=0.25)  # the cell is the folder's own
    batch = make_batch(TOKENS, vocabulary)
    assert load_tagger(folder).network(batch)["upos"].shape == (5, 3, len(vocabulary.tags["upos"]))


def test_added_keys_are_keys_of_the_network() -> None:
    parts = {"": NetworkConfig, "vectors": VectorConfig, "transformer": TransformerConfig}
    for key in saved_config.ADDED_KEYS:
        part, _, name = key.rpartition(".")
        assert name in parts[part].__annotations__, key
