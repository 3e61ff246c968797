"""Words with their vectors -> a file of them, .parquet or .npz."""

# N words, D numbers of a vector

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tagger.analysis.located import Located, listed
from tagger.errors import InputError
from tagger.text.characters import encodable
from tagger.text.files import whole_binary

NPZ_LIMIT = 2_000_000_000  # bytes; that much is held in memory, and twice as much at the end
ROW_GROUP = 32_000_000  # bytes of vectors that are written to .parquet at a time

Rows = Iterable[tuple[Located, np.ndarray]]


def checked_target(path: str, force: bool) -> str:
    """The suffix of the file to write, which says how.

    Raises:
        InputError: another suffix, or a file that is there and is not to be replaced (`force`).
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"-o {path}: name a file that ends in {' or '.join(_WRITERS)}")
    if Path(path).is_file() and not force:
        raise InputError(f"{path} exists; --force replaces it")
    return suffix


def save_vectors(path: str, files: Sequence[str], rows: Rows, force: bool = False) -> tuple[int, int]:
    """Writes a vector for every word; the file appears when it is whole.

    - `.parquet`: a row per word: file, sentence and position (from 0), word, vector (D numbers, float32). It is
      written in parts, so that memory does not grow.
    - `.npz`: the arrays `vectors` (N, D), `words`, `sentences`, `positions`, `files` for `numpy.load`.

    Args:
        path: the file to write.
        files: where the sentences are from.
        rows: sentences and (words, D) float32 for each.
        force: whether to replace what is there.

    Returns:
        N and D.

    Raises:
        InputError: see `checked_target`; there are no words; there is too much for `.npz`.
    """
    write = _WRITERS[checked_target(path, force)]
    worded = (row for row in rows if len(row[1]))
    first = next(worded, None)
    if first is None:
        raise InputError(f"no words in {listed(files)}, so {path} is not written")
    width = first[1].shape[1]
    with whole_binary(path) as binary:
        return write(binary, path, chain([first], worded), width), width


def _write_parquet(binary: BinaryIO, path: str, rows: Rows, width: int) -> int:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema(
        {
            "file": pa.string(),
            "sentence": pa.int64(),
            "position": pa.int32(),
            "word": pa.string(),
            "vector": pa.list_(pa.float32(), width),
        }
    )
    count = 0
    with ParquetWriter(binary, schema, use_dictionary=["file", "word"]) as writer:
        for part in _parts(rows, max(1, ROW_GROUP // (4 * width))):
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(part["vectors"]).ravel()), width)
            columns = (part["files"], part["sentences"], part["positions"], part["words"], vectors)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(part["words"])
    return count


def _write_npz(binary: BinaryIO, path: str, rows: Rows, width: int) -> int:
    (part,) = _parts(_limited(rows, path), None)
    np.savez(
        binary,
        vectors=np.concatenate(part["vectors"]),
        words=np.array(part["words"]),
        sentences=np.array(part["sentences"]),
        positions=np.array(part["positions"]),
        files=np.array(part["files"]),
    )
    return len(part["words"])


def _limited(rows: Rows, path: str) -> Iterator[tuple[Located, np.ndarray]]:
    """The same rows, as long as their arrays are not too large; strings are as wide as the longest."""
    count = size = word = file = 0
    for located, vectors in rows:
        count += len(vectors)
        size += vectors.nbytes
        word, file = max(word, *map(len, located.sentence.tokens)), max(file, len(located.file))
        if size + count * (4 * (word + file) + 16) > NPZ_LIMIT:
            raise InputError(
                f"{path}: more than {NPZ_LIMIT / 1e9:g} GB, which .npz needs in memory; write .parquet instead"
            )
        yield located, vectors


def _parts(rows: Rows, most: int | None) -> Iterator[dict[str, list[Any]]]:
    """The columns of about `most` words at a time, or of all: a value per word, but `vectors` an array per sentence."""
    part: dict[str, list[Any]] = {}
    for (file, number, sentence), vectors in rows:
        if not part:
            part = {"files": [], "sentences": [], "positions": [], "words": [], "vectors": []}
        count = len(sentence)
        part["files"] += [encodable(file)] * count
        part["sentences"] += [number] * count
        part["positions"] += range(count)
        part["words"] += map(encodable, sentence.tokens)
        part["vectors"].append(vectors)
        if most is not None and len(part["words"]) >= most:
            yield part
            part = {}
    if part:
        yield part


_WRITERS = {".npz": _write_npz, ".parquet": _write_parquet}
