"""Words with their vectors -> a .parquet or .npz file."""

# N words, D numbers of a vector

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tagger.analysis.located import Located, listed
from tagger.errors import InputError
from tagger.text.output_files import whole_binary
from tagger.text.strings import encodable

MAX_NPZ_BYTES = 2_000_000_000  # held in memory; writing needs twice as much
ROW_GROUP_BYTES = 32_000_000  # bytes of vectors that are written to .parquet at once

Rows = Iterable[tuple[Located, np.ndarray]]


def checked_target(path: str) -> str:
    """The suffix of `path`, which decides the format; raises InputError if it is another one."""
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"-o {path}: name a file that ends in {' or '.join(_WRITERS)}")
    return suffix


def save_vectors(path: str, files: Sequence[str], rows: Rows) -> tuple[int, int]:
    """Writes a vector for every word. The file appears only when it is complete.

    - `.parquet`: a row per word: file, sentence and position (from 0), word, vector (D numbers, float32). It is
      written in row groups, so memory does not grow.
    - `.npz`: the arrays `vectors` (N, D), `words`, `sentences`, `positions`, `files` for `numpy.load`.

    Args:
        path: the file to write.
        files: the names of the files that were read, for the error message.
        rows: sentences, each with its vectors, (words, D) float32.

    Returns:
        The number of words N and the size D of a vector.

    Raises:
        InputError: see `checked_target`; or there are no words; or the vectors are too large for `.npz`.
    """
    write = _WRITERS[checked_target(path)]
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
        for part in _parts(rows, max(1, ROW_GROUP_BYTES // (4 * width))):
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
    """Yields the rows until their arrays get too large. In an array every string takes as much as the longest."""
    count = size = word = file = 0
    for located, vectors in rows:
        count += len(vectors)
        size += vectors.nbytes
        word, file = max(word, *map(len, located.sentence.tokens)), max(file, len(located.file))
        if size + count * (4 * (word + file) + 16) > MAX_NPZ_BYTES:
            raise InputError(
                f"{path}: more than {MAX_NPZ_BYTES / 1e9:g} GB, which .npz needs in memory; write .parquet instead"
            )
        yield located, vectors


def _parts(rows: Rows, most: int | None) -> Iterator[dict[str, list[Any]]]:
    """Columns of about `most` words each, or of all words: a value per word, but in `vectors` an array per sentence."""
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
