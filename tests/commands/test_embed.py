"""The command `embed`: both kinds of file hold the vectors that `Tagger.embed` gives, and its mistakes."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

import tagger
from tagger.analysis import vector_files
from tagger.model.vocabulary import Vocabulary
from tests.commands.conftest import call
from tests.conftest import make_network, save_tiny

WIDTH = 8 + 6  # of a layer
TEXT = "They book flights. The book reads well.\n\nWell\n"
LINES = "They book\n\nx\u00a0y <b>\n"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.lines").write_text(LINES, encoding="utf-8")
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.lines")]


@pytest.mark.parametrize("layer", ["0", "2", "all", "mean"])
def test_both_kinds_of_file_hold_what_embed_gives(
    trained: Path, files: list[str], tmp_path: Path, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "ROW_GROUP_BYTES", 200)
    options = ["--model", str(trained), "--device", "cpu", "--layer", layer]
    result = call("embed", *files, "-o", str(tmp_path / "new" / "x.npz"), *options)
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(f"{tmp_path / 'new' / 'x.npz'}: 14 words, ")
    call("embed", *files, "-o", str(tmp_path / "x.parquet"), *options)

    sentences = [["They", "book", "flights", "."], ["The", "book", "reads", "well", "."], ["Well"]]
    sentences += [["They", "book"], [], ["x\u00a0y", "<b>"]]
    loaded = tagger.load(trained, device="cpu", precision="float32")
    expected = np.concatenate(list(loaded.embed(sentences, layer)))
    arrays = np.load(tmp_path / "new" / "x.npz")  # without allow_pickle
    assert set(arrays) == {"vectors", "words", "sentences", "positions", "files"}
    assert arrays["vectors"].dtype == np.float32
    assert np.abs(arrays["vectors"] - expected).max() < 1e-6
    assert arrays["words"].tolist() == [form for sentence in sentences for form in sentence]
    assert arrays["sentences"].tolist() == [0] * 4 + [1] * 5 + [2] + [0] * 2 + [2] * 2  # the empty line counts
    assert arrays["positions"].tolist() == [i for sentence in sentences for i in range(len(sentence))]
    assert arrays["files"].tolist() == [files[0]] * 10 + [files[1]] * 4

    parquet = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet")
    assert parquet.num_row_groups > 1
    assert parquet.schema_arrow.names == ["file", "sentence", "position", "word", "vector"]
    assert parquet.schema_arrow.field("vector").type == pyarrow.list_(pyarrow.float32(), expected.shape[1])
    table = parquet.read().to_pydict()
    assert np.array_equal(np.array(table["vector"], dtype=np.float32), arrays["vectors"])
    for name in ("word", "sentence", "position", "file"):
        assert table[name] == arrays[f"{name}s"].tolist()


def test_standard_input_and_odd_words(trained: Path, tmp_path: Path) -> None:
    odd = "\N{GRINNING FACE} e\u0301 \u6771\n"
    for name in ("x.npz", "x.PARQUET"):
        call("embed", "-", "-o", str(tmp_path / name), "--model", str(trained), "--input", "lines", input=odd)
    arrays = np.load(tmp_path / "x.npz")
    assert arrays["words"].tolist() == odd.split()
    assert pyarrow.parquet.read_table(tmp_path / "x.PARQUET")["word"].to_pylist() == odd.split()
    assert set(arrays["files"]) == {"-"}
    (tmp_path / "s.jsonl").write_text('["\\ud800"]\n')
    for name in ("s.npz", "s.parquet"):
        call("embed", str(tmp_path / "s.jsonl"), "-o", str(tmp_path / name), "--model", str(trained))
    assert np.load(tmp_path / "s.npz")["words"].tolist() == ["\ufffd"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.txt", "-o", "x.csv"], ["x.csv", ".npz or .parquet"]),
        (["a.txt", "-o", "x"], [".npz or .parquet"]),
        (["a.txt", "-o", "x.npz", "--layer", "3"], ["'3'", "0, 1, 2, all, mean"]),
        (["a.txt", "missing.txt", "-o", "x.npz"], ["missing.txt: no such file"]),
        (["empty.txt", "-o", "x.npz"], ["no words in empty.txt"]),
        (["empty.txt", "empty.txt", "-o", "x.parquet"], ["no words in"]),
        (["a.txt", "bytes.txt", "-o", "x.parquet"], ["bytes.txt, line 1", "0xe9"]),
        (["a.txt", "bytes.txt", "-o", "x.npz"], ["bytes.txt, line 1", "0xe9"]),
        (["a.txt", "-o", "x.npz", "--model", "nowhere"], ["nowhere"]),
        ([".", "-o", "x.npz"], ["folder"]),
    ],
)
@pytest.mark.usefixtures("files", "small_windows")
def test_bad_input_is_one_line_and_leaves_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text(" \n\n")
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    before = sorted(tmp_path.iterdir())
    result = call("embed", "--model", str(trained), *arguments, status=2)
    (message,) = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert message.startswith("error: ")
    assert all(word in message for word in words), message
    assert sorted(tmp_path.iterdir()) == before


def test_what_npz_cannot_hold(trained: Path, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "MAX_NPZ_BYTES", 14 * 4 * 2 * WIDTH)
    message = call("embed", *files, "-o", str(tmp_path / "x.npz"), "--model", str(trained), status=2).stderr
    assert "GB, which .npz needs in memory; write .parquet instead" in message
    assert not (tmp_path / "x.npz").exists()
    call("embed", *files, "-o", str(tmp_path / "x.parquet"), "--model", str(trained))
    monkeypatch.setattr(vector_files, "MAX_NPZ_BYTES", 20_000)  # a long word makes all of them wide
    (tmp_path / "long.lines").write_text("a " * 20 + "x" * 1000)
    long = [str(tmp_path / "long.lines"), "--layer", "1", "--model", str(trained)]
    assert "write .parquet" in call("embed", *long, "-o", str(tmp_path / "x.npz"), status=2).stderr


def test_the_model_without_tags_from_its_folder(vocabulary: Vocabulary, files: list[str], tmp_path: Path) -> None:
    untagged = Vocabulary(words=vocabulary.words, characters=vocabulary.characters, tags={}, forms=vocabulary.forms)
    folder = save_tiny(tmp_path / "untagged", make_network(untagged), untagged)
    call("embed", *files, "-o", str(tmp_path / "x.npz"), "--model", str(folder))
    assert np.load(tmp_path / "x.npz")["vectors"].shape == (14, 2 * WIDTH)
