"""Outputs of a frozen encoder on disk: what they hold, when they are made again, and what is left when that fails."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerEmbedding
from tagger.pretrained.cached_outputs import frozen_outputs

pytest.importorskip("transformers")

from tests.pretrained.encoders import LAYERS, SIZE, load, read, save_bert

SENTENCES = [["They", "booking", "flights", "."], [], ["\ud800"], ["a", "the"] * 40, ["the", "book", "."], ["They"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def encoder(folder: Path) -> tuple[TransformerEmbedding, PieceTokenizer]:
    return load(folder, pooling="mean")[:2]


class Count:
    """How often the encoder runs."""

    def __init__(self, embedding: TransformerEmbedding) -> None:
        self.calls = 0
        embedding.encoder.register_forward_pre_hook(self)

    def __call__(self, *_: Any) -> None:
        self.calls += 1


def run(
    encoder: tuple[TransformerEmbedding, PieceTokenizer],
    folder: Path,
    sentences: list[list[str]] = SENTENCES,
    **options: Any,
) -> np.ndarray:
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return frozen_outputs(*encoder, iter(sentences), lengths, folder, **options)


@pytest.mark.parametrize("batch_tokens", [1, 10, 4000])
def test_outputs_of_each_token_in_the_order_of_the_corpus(encoder: Any, tmp_path: Path, batch_tokens: int) -> None:
    embedding, tokenizer = encoder
    found = run(encoder, tmp_path, batch_tokens=batch_tokens)
    assert found.dtype == np.float16
    assert found.shape == (sum(map(len, SENTENCES)), LAYERS + 1, SIZE)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    expected = torch.cat([embedding.outputs(read(tokenizer, sentence))[:, 0] for sentence in SENTENCES if sentence])
    torch.testing.assert_close(torch.from_numpy(np.array(found)).float(), expected, atol=2e-3, rtol=2e-3)


def test_second_call_reads_the_file(encoder: Any, tmp_path: Path) -> None:
    count = Count(encoder[0])
    first = run(encoder, tmp_path / "new" / "folder")
    calls = count.calls
    assert calls > 0
    second = run(encoder, tmp_path / "new" / "folder", batch_tokens=7)
    assert count.calls == calls
    np.testing.assert_array_equal(first, second)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 1


def test_what_decides_the_outputs_decides_the_file(encoder: Any, folder: Path, tmp_path: Path) -> None:
    embedding, tokenizer = encoder
    run(encoder, tmp_path)
    files = 1

    def makes_another(other: Any, sentences: list[list[str]] = SENTENCES) -> bool:
        nonlocal files
        run(other, tmp_path, sentences)
        before, files = files, len(list(tmp_path.iterdir()))
        return files > before

    assert not makes_another(encoder)
    assert makes_another(encoder, [*SENTENCES[:-1], ["the"]])
    assert makes_another(encoder, [["They", "booking"], ["flights", "."], *SENTENCES[1:]])
    for changes in ({"pooling": "first"}, {"layers": [1]}, {"layers": [0, 1]}, {"dtype": "bfloat16"}):
        assert makes_another(load(folder, **{"pooling": "mean", **changes})[:2]), changes
    assert not makes_another(load(folder, pooling="mean", dropout=0.4)[:2])  # hides numbers of the mix alone
    assert makes_another((embedding, PieceTokenizer(tokenizer.tokenizer, 20)))
    with torch.no_grad():
        embedding.gamma.mul_(2)  # the mix is learned, and not on disk
    assert not makes_another(encoder)
    with torch.no_grad():
        next(embedding.encoder.parameters())[5, 0] += 1e-3
    assert makes_another(encoder)


def test_file_of_another_size_is_made_again(encoder: Any, tmp_path: Path) -> None:
    expected = np.array(run(encoder, tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    np.testing.assert_array_equal(run(encoder, tmp_path), expected)
    assert file.stat().st_size == expected.nbytes


def test_interrupted_writing_leaves_nothing(encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding, _ = encoder
    real, calls = embedding.outputs, Count(embedding)

    def stop_in_the_third(pieces: Any) -> torch.Tensor:
        if calls.calls == 2:
            raise KeyboardInterrupt
        return real(pieces)

    monkeypatch.setattr(embedding, "outputs", stop_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(encoder, tmp_path, batch_tokens=3)
    assert list(tmp_path.iterdir()) == []


def test_no_tokens(encoder: Any, tmp_path: Path) -> None:
    for sentences in ([], [[], []]):
        assert run(encoder, tmp_path, sentences).shape == (0, LAYERS + 1, SIZE)


def test_what_float16_cannot_hold(encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding, _ = encoder
    real = embedding.outputs
    monkeypatch.setattr(embedding, "outputs", lambda pieces: real(pieces).sign() * 1e6)
    assert set(np.unique(run(encoder, tmp_path))) == {-65504.0, 65504.0}


def test_folder_that_cannot_be_written(encoder: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/below/\w+\.f16 cannot be read or written: .*HF_DATASETS_CACHE"):
        run(encoder, tmp_path / "file" / "below")


def test_full_disk(encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: Full(path, mode))
    with pytest.raises(InputError, match="No space left on device"):
        run(encoder, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_lengths_of_another_corpus(encoder: Any, tmp_path: Path) -> None:
    def sentences() -> Iterator[list[str]]:
        yield from SENTENCES[:2]

    with pytest.raises(ValueError, match="longer than argument 1"):
        frozen_outputs(*encoder, sentences(), np.array([4, 0, 1]), tmp_path)


def test_the_cache_is_trimmed_before_a_file_is_written(
    encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(encoder, tmp_path)
    (file,) = tmp_path.iterdir()
    monkeypatch.setenv("TAGGER_CACHE_GB", str(1.5 * first.nbytes / 1e9))
    run(encoder, tmp_path, SENTENCES[::-1])
    assert file in tmp_path.iterdir()  # `first` is mapped from it
    del first
    run(encoder, tmp_path, SENTENCES[1:])
    assert file not in tmp_path.iterdir()
    assert len(list(tmp_path.iterdir())) == 1
