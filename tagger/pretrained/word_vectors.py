"""A file of pretrained word vectors and the words of a corpus -> the vectors of these words, standardised.

Such vectors are made by GloVe (Pennington et al. 2014, https://aclanthology.org/D14-1162), word2vec (Mikolov et al.
2013, https://arxiv.org/abs/1301.3781) or fastText (Bojanowski et al. 2017, https://aclanthology.org/Q17-1010).
"""

# N words in the source (rows of its matrix), D values of a vector, R rows kept

import hashlib
import math
import os
import re
import zipfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError, shorten
from tagger.text.files import decoded_lines, open_binary

_HEADER = re.compile(r"[0-9]+[ \t]([0-9]+)")  # "N D", the first line of a file of word2vec or fastText
_DECIMAL = re.compile(r" [-+]?[0-9]*\.[0-9]{3,}(e[-+]?[0-9]+)?$")  # a word that ends so: the line has too many values
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


class Vectors(NamedTuple):
    """Pretrained vectors of words."""

    rows: dict[str, int]  # the row of each word in `matrix`, the most frequent word first; words may share a row
    matrix: NDArray[np.float32]  # (R, D), without rows that no word uses


def select_vectors(name: str, forms: Iterable[str], keep: int, components: int = 0) -> Vectors:
    """The vectors for a tagger: those of `forms`, as written and lower-cased, and of the most frequent words.

    The vectors are standardised: the mean of each of the D columns becomes 0, then the whole matrix is divided by its
    standard deviation. Rows are numbered in the order in which words first use them. Vectors longer than `components`
    are replaced by their principal components (Pearson 1901), the strongest first.

    Args:
        name: a `.npy` file has the (N, D) matrix, and the `.txt` file beside it has its words, one per line. Any other
            file is text, which may be compressed (`.gz`). Each line has a word and its D values. The first line may be
            `N D`. The most frequent word must come first. If a word comes twice, its first vector is taken.
        keep: the number of most frequent words of the source that are kept even if they are not in `forms`.
        components: the most values that a vector may have; 0: any number.
    """
    wanted = {spelling for form in forms for spelling in (form, form.lower())}
    if not os.path.exists(name := os.path.expanduser(name)):  # unlike Path(""), "" does not exist
        raise InputError(
            f"embedding.vectors={name} is no file; name one of word vectors (text, .gz or .npy); docs/vectors.md says"
            " how to have English ones"
        )
    rows, matrix = (_select if name.lower().endswith(".npy") else _select_from_text)(name, wanted, keep)
    if not rows:
        raise InputError(f"none of the training words has a vector in {name}; choose vectors of their language")
    matrix -= matrix.mean(axis=0, dtype=np.float64)
    if 0 < components < matrix.shape[1]:
        _, directions = np.linalg.eigh(matrix.T.astype(np.float64) @ matrix)  # columns, the weakest first
        matrix = matrix @ directions[:, : -components - 1 : -1].astype(np.float32)
    deviation = float(np.sqrt(np.einsum("ij,ij->", matrix, matrix, dtype=np.float64) / matrix.size))
    if deviation > 0:
        matrix /= deviation
    return Vectors(rows, matrix)


def _select(name: str, wanted: set[str], keep: int) -> tuple[dict[str, int], NDArray[np.float32]]:
    """The words of a `.npy` file that are kept, and a copy of the rows that they use; words may share equal rows."""
    matrix = _load_matrix(Path(name))
    if not (listed := Path(name).with_suffix(".txt")).exists():
        raise InputError(f"{listed}: no such file; it lists the words of {name}, one a line")
    words = [_decode(line.rstrip("\r\n")) or "" for line in _raw_lines(str(listed))]
    if len(words) != len(matrix):
        raise InputError(f"{listed} has {len(words)} words for {len(matrix)} rows; write one a line for each row")
    rows: dict[str, int] = {}
    used: list[int] = []
    numbers: dict[bytes, int] = {}  # digest of a row -> our row
    for row, word in enumerate(words):
        if word and word not in rows and (len(rows) < keep or word in wanted):
            digest = hashlib.blake2b(matrix[row].tobytes(), digest_size=16).digest()
            if digest not in numbers:
                numbers[digest] = len(used)
                used.append(row)
            rows[word] = numbers[digest]
    with np.errstate(over="ignore"):  # a value too large for float32 becomes infinity, which is refused below
        kept = np.asarray(matrix[used]).astype(np.float32, copy=False)  # (R, D)
    finite = np.isfinite(kept).all(axis=1)
    if not finite.all():
        row = used[int(finite.argmin())] + 1
        raise InputError(f"{name}, row {row} (the first is 1) has a value that is not finite; correct or delete it")
    return rows, kept


def _select_from_text(path: str, wanted: set[str], keep: int) -> tuple[dict[str, int], NDArray[np.float32]]:
    """The same of a text file, which may be larger than memory. Only lines that are kept are parsed."""
    rows: dict[str, int] = {}
    values = array("f")
    for line, raw, rest in _split_lines(path):
        word = _decode(raw)
        if not word or word in rows or not (len(rows) < keep or word in wanted):
            continue
        rows[word] = len(rows)
        for value in rest.split(" "):
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if not abs(number) <= _MAX_FLOAT32:
                raise InputError(
                    f"{path}, line {line}: {_shown(value)} in the vector of {shorten(word)} is no finite number;"
                    " correct or delete the line"
                )
            values.append(number)
    return rows, np.frombuffer(values, dtype=np.float32).reshape(max(len(rows), 1), -1)


def _split_lines(path: str) -> Iterator[tuple[int, str, str]]:
    """Yields for each line with a word: its number, the word, which may have blanks, and the text of its D values."""
    size, promised = 0, ""  # D, and the D of the header
    for number, line in enumerate(_raw_lines(path), start=1):
        line = line.rstrip(" \t\r\n")
        if number == 1 and (header := _HEADER.fullmatch(line)):
            promised = header[1]
            continue
        if not line:
            continue
        blanks = line.count(" ")
        if not size:
            size = blanks
            if promised and size != int(promised):
                raise InputError(
                    f"{path}, line {number}: {size} values, but line 1 promises {promised};"
                    " correct line 1, or fetch the file again (word2vec's binary format: save it as text)"
                )
            if not size:
                tabs = " instead of tabs" if "\t" in line else ""
                raise InputError(f"{path}, line {number}: no values after {_shown(line)}; blanks{tabs} separate them")
        if blanks == size:
            raw, _, rest = line.partition(" ")
        else:
            raw, *pieces = line.rsplit(" ", size)
            if blanks < size or _DECIMAL.search(raw):
                raise InputError(
                    f"{path}, line {number}: {blanks} values after {_shown(line.split(' ')[0])}, but {size} before;"
                    " correct or delete the line"
                )
            rest = " ".join(pieces)
        yield number, raw, rest
    if not size:
        raise InputError(f"{path} has no words; each line needs a word and its values")


def _raw_lines(path: str) -> Iterator[str]:
    """The lines of a file as latin-1, in which each byte is a character, since the UTF-8 of words may be broken."""
    with open_binary(path) as binary:
        for number, line in enumerate(decoded_lines(binary, path, "latin-1")):
            yield line if number else line.removeprefix("\xef\xbb\xbf")  # byte-order mark


def _decode(raw: str) -> str | None:
    """The word that these bytes encode; None if they are not UTF-8, since no form can equal such a word."""
    if raw.isascii():
        return raw
    try:
        return raw.encode("latin-1").decode()
    except UnicodeDecodeError:
        return None


def _shown(raw: str) -> str:
    return shorten(raw.encode("latin-1").decode(errors="replace"))


def _load_matrix(path: Path) -> NDArray[Any]:
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
