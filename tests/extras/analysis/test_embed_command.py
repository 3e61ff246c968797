"""The command `embed`: its file holds the vectors that `embed` gives, and its mistakes."""

from pathlib import Path

import numpy as np
import pytest

import tagger
from tagger.extras.analysis import vectors
from tests.commands.conftest import call, check_replaces_nothing, error


@pytest.fixture
def files() -> list[str]:
    Path("a.txt").write_text("They book flights. The book reads well.\n\nWell\n", encoding="utf-8")
    Path("b.lines").write_text("They book\n\nx\u00a0y \N{GRINNING FACE}\n", encoding="utf-8")
    return ["a.txt", "b.lines"]


@pytest.mark.parametrize("layer", ["0", "all"])
def test_the_file_holds_what_embed_gives(trained: Path, files: list[str], layer: str) -> None:
    result = call("embed", *files, "-o", "new/x.npz", "--model", str(trained), "--device", "cpu", "--layer", layer)
    assert result.stderr.splitlines()[-1].startswith("new/x.npz: 14 words, ")
    sentences = [["They", "book", "flights", "."], ["The", "book", "reads", "well", "."], ["Well"]]
    sentences += [["They", "book"], [], ["x\u00a0y", "\N{GRINNING FACE}"]]
    loaded = tagger.load(trained, device="cpu", precision="float32")
    expected = np.concatenate(list(vectors.embed(loaded, sentences, layer)))
    arrays = np.load("new/x.npz")  # without allow_pickle
    assert set(arrays) == {"vectors", "words", "sentences", "positions", "files"}
    assert arrays["vectors"].dtype == np.float32
    assert np.abs(arrays["vectors"] - expected).max() < 1e-6
    assert arrays["words"].tolist() == [form for sentence in sentences for form in sentence]
    assert arrays["sentences"].tolist() == [0] * 4 + [1] * 5 + [2] + [0] * 2 + [2] * 2  # the empty line counts
    assert arrays["positions"].tolist() == [i for sentence in sentences for i in range(len(sentence))]
    assert arrays["files"].tolist() == ["a.txt"] * 10 + ["b.lines"] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.txt", "-o", "x.parquet"], "x.parquet: name a file that ends in .npz"),
        (["a.txt", "-o", "x.npz", "--layer", "3"], "0, 1, 2, all, mean"),
        (["empty.txt", "-o", "x.npz"], "no words in the files"),
        (["a.txt", "bytes.txt", "-o", "x.npz"], "bytes.txt, line 1"),
        (["long.lines", "-o", "x.npz"], "GB; name fewer FILEs"),
    ],
)
@pytest.mark.usefixtures("files", "small_windows")
def test_bad_input_is_one_line_and_leaves_nothing(
    trained: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr(vectors, "MAX_NPZ_BYTES", 20_000)
    Path("empty.txt").write_text(" \n\n")
    Path("bytes.txt").write_bytes(b"caf\xe9")
    Path("long.lines").write_text("a " * 20 + "x" * 1000)  # a long word makes all of them wide
    assert message in error("embed", "--model", str(trained), *arguments)
    assert not Path("x.npz").exists()


def test_a_file_that_is_read_is_never_replaced(two_files: Path, model: Path) -> None:
    check_replaces_nothing(two_files, "-o", f"embed in.conllu --model {model}")
