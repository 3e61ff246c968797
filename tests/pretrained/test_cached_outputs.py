"""Outputs of a frozen encoder on disk: what they hold, when they are made again, and what is left when that fails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tagger.model.transformer import PieceTokenizer, TransformerEmbedding
from tagger.pretrained import cached_outputs
from tagger.pretrained.cached_outputs import frozen_outputs

pytest.importorskip("transformers")

from tests.pretrained.encoders import LAYERS, SIZE, load, read

SENTENCES = [["They", "booking", "flights", "."], [], ["\ud800"], ["a", "the"] * 40, ["the", "book", "."], ["They"]]


@pytest.fixture
def encoder(bert: Path) -> tuple[TransformerEmbedding, PieceTokenizer]:
    return load(bert, pooling="mean")[:2]


def run(encoder: Any, folder: Path, sentences: list[list[str]] = SENTENCES, **options: Any) -> np.ndarray:
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return frozen_outputs(*encoder, iter(sentences), lengths, folder / "new", **options)


@pytest.mark.parametrize("batch_pieces", [1, 10, 4000])
def test_outputs_of_each_token_in_the_order_of_the_corpus(
    encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_pieces: int
) -> None:
    embedding, tokenizer = encoder
    monkeypatch.setattr(cached_outputs, "BATCH_PIECES", batch_pieces)
    found = run(encoder, tmp_path)
    assert found.dtype == np.float16
    assert found.shape == (sum(map(len, SENTENCES)), LAYERS + 1, SIZE)
    assert isinstance(found, np.memmap)
    expected = torch.cat([embedding.outputs(read(tokenizer, sentence))[:, 0] for sentence in SENTENCES if sentence])
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
    assert run(encoder, tmp_path, SENTENCES[:1]).shape == (4, LAYERS + 1, SIZE)
    other = run(encoder, tmp_path, SENTENCES[::-1])  # of the same shape
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
