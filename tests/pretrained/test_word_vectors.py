"""Pretrained vectors: which words are kept, with which numbers, and what is said of a file that is wrong."""

import gzip
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tagger.errors import InputError
from tagger.pretrained.word_vectors import select_vectors

GLOVE = "the 1 2\ncat 3 6\nThe 5 10\n"


def standardised(rows: Sequence[Sequence[float]]) -> np.ndarray:
    centred = np.array(rows, dtype=np.float64) - np.mean(rows, axis=0)
    return centred / centred.std()


def save_text(folder: Path, content: str | bytes, name: str = "vectors.txt") -> str:
    path = folder / name
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(path)


def save_npy(folder: Path, matrix: object, words: str | None) -> str:
    np.save(folder / "v.npy", np.asarray(matrix))
    if words is not None:
        (folder / "v.txt").write_text(words, encoding="utf-8")
    return str(folder / "v.npy")


def message(name: str, forms: Sequence[str] = ("the", "cat"), keep: int = 9) -> str:
    with pytest.raises(InputError) as caught:
        select_vectors(name, forms, keep)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_standardised_by_hand_also_of_a_npy_file(tmp_path: Path) -> None:
    rows, matrix = select_vectors(save_text(tmp_path, GLOVE), [], 3)
    assert list(rows.items()) == [("the", 0), ("cat", 1), ("The", 2)]
    assert matrix.dtype == np.float32
    # the means are 3 and 6; the squares of what is left sum to 4 + 16 + 4 + 16 = 40, over 6 values
    assert_allclose(matrix, np.array([[-2, -4], [0, 0], [2, 4]]) / np.sqrt(40 / 6), rtol=1e-6)
    for dtype in ("float16", "float64", ">f4"):
        name = save_npy(tmp_path, np.array([[1, 2], [9, 9], [3, 6]], dtype=dtype), "the\r\nthe\r\nübér n\r\n")
        rows, matrix = select_vectors(name, [], 9)
        assert rows == {"the": 0, "übér n": 1}
        assert matrix.dtype == np.float32
        assert_allclose(matrix, standardised([[1, 2], [3, 6]]), rtol=1e-6)
        assert np.load(name)[0].tolist() == [1, 2], "the file stays as it is"


def test_principal_components_keep_what_differs_most(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(size=(40, 2)) @ [[3, 1, 2, 0], [0, 1, -1, 1]] + [5, 0, 0, -5]  # rank 2
    name = save_npy(tmp_path, whole.astype(np.float32), "\n".join(map(str, range(40))))
    expected = select_vectors(name, [], 40).matrix
    rows, matrix = select_vectors(name, [], 40, components=2)
    assert len(rows) == len(matrix) == 40
    assert matrix.shape[1] == 2
    assert abs(matrix.std() - 1) < 1e-6
    assert matrix[:, 0].std() > matrix[:, 1].std() > 0
    assert abs(matrix[:, 0] @ matrix[:, 1]) < 1e-3
    distances = [np.linalg.norm(m[:, None] - m[None], axis=2) for m in (expected, matrix)]
    assert_allclose(distances[1] / distances[1].max(), distances[0] / distances[0].max(), atol=1e-5)
    assert_allclose(select_vectors(name, [], 40, components=4).matrix, expected)  # no longer than that


def test_forms_of_text_and_what_is_kept(tmp_path: Path) -> None:
    for kind in ["text", "npy"]:
        for forms, keep, words in [
            ([], 2, ["the", "cat"]),
            ([], 99, ["the", "cat", "The"]),
            (["The"], 0, ["the", "The"]),
            (["CAT"], 0, ["cat"]),
        ]:
            numbers = {"the": [1, 2], "cat": [3, 6], "The": [5, 10]}
            npy = save_npy(tmp_path, np.float32([*numbers.values()]), "\n".join(numbers))
            name = npy if kind == "npy" else save_text(tmp_path, GLOVE)
            rows, matrix = select_vectors(name, forms, keep)
            assert list(rows.items()) == [(word, row) for row, word in enumerate(words)]
            if len(words) > 1:
                assert_allclose(matrix, standardised([numbers[word] for word in words]), rtol=1e-6)
    for name in ["v.vec", "v.txt.gz"]:
        for content in [
            "3 2\n" + GLOVE,
            "3 2 \r\n" + GLOVE.replace("\n", " \r\n"),
            GLOVE + "dog nan x\n",  # beyond what is kept nothing is parsed
            "\ufeff" + GLOVE,
            GLOVE.replace("\n", " \n").strip(),
            GLOVE.replace("\n", "\n\n"),
            "the 1 2\ncat 3.0 6e0\nthe 7 7\nThe 5 10\ncat x y\n",  # the first of a word counts, others are not parsed
            b"the 1 2\n\xff\xfe 9 9\ncat 3 6\n\xc3 9 9\nThe 5 10\n",
        ]:
            rows, matrix = select_vectors(save_text(tmp_path, content, name), ["The"], 3)
            assert rows == {"the": 0, "cat": 1, "The": 2}
            assert_allclose(matrix, standardised([[1, 2], [3, 6], [5, 10]]), rtol=1e-6)
    content = "5 1.5\n. . . 3\n10 000 5\n\u00a0x\u00a0 7\nüber\u0085 9\n猫 11\n"
    rows, matrix = select_vectors(save_text(tmp_path, content), [], 9)
    assert list(rows) == ["5", ". . .", "10 000", "\u00a0x\u00a0", "über\u0085", "猫"]
    assert_allclose(matrix, standardised([[1.5], [3], [5], [7], [9], [11]]), rtol=1e-6)


def test_files_that_are_wrong_and_names_that_are_absent(tmp_path: Path) -> None:
    for content, part in (
        ("", "v.txt has no words"),
        ("the\t1\t2\n", "line 1: no values after"),
        (b"PK\x03\x04\x14\x00", "is no plain text but a ZIP archive"),
        ("the 1 2\ncat 3\n", "line 2: 1 values after 'cat', but 2 before"),
        ("the 1 2\n\nm\u00fcd 3 x\u00fc\n", "line 3: 'x\u00fc' in the vector of 'm\u00fcd'"),
        ("the 1 1e39\n", "line 1: '1e39'"),
        ("2 3\nthe 1 2\n", "line 2: 2 values, but line 1 promises 3"),
        (b"1 100\nthe \x00\xff\x80\x3f\n", "line 2"),
    ):
        said = message(save_text(tmp_path, content, "v.txt"))
        assert "v.txt" in said
        assert part in said
    for matrix, words, part in (
        ([1.0, 2.0], "the\ncat\n", "v.npy is float64 of shape (2,)"),
        ([[1.0], [2.0]], "the\n", "v.txt has 1 words for 2 rows"),
        ([[1.0], [2.0], [1e39]], "dog\nthe\ncat\n", "v.npy, row 3"),
    ):
        assert part in message(save_npy(tmp_path, matrix, words), keep=0)
    (tmp_path / "v.txt").unlink()
    name = save_npy(tmp_path, [[1.0], [2.0]], None)
    assert "v.txt: no such file" in message(name, keep=0)
    whole = Path(name).read_bytes()
    for content in (b"", whole[:20], whole[:-8], b"\x93NUMPY\xff" + whole, b"PK\x03\x04", b"text", pickle.dumps([1])):
        Path(name).write_bytes(content)
        assert f"{name} is not in numpy's format, or damaged" in message(name), content[:20]
    assert message("globe").startswith("embedding.vectors=globe is no file")
