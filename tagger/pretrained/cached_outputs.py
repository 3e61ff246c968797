"""A frozen transformer and a corpus -> the transformer's outputs for every token, computed once, in a file."""

# M' outputs of the encoder that are used, D size of the encoder

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from tagger.model.batch import length_buckets
from tagger.model.transformer import PieceTokenizer, TransformerEmbedding, windows
from tagger.text.output_files import whole_binary

MAX_FLOAT16 = float(np.finfo(np.float16).max)
BATCH_PIECES = 4000  # of a batch, padding included

_log = logging.getLogger(__name__)


def saved_array(path: Path, shape: tuple[int, ...], write: Callable[[BinaryIO], None]) -> np.ndarray:
    """The array of a `.npy` file, mapped and read-only; `write` writes the file if there is none of this shape.

    A resumed run finds what an interrupted one has computed, if the name of the file says of what it is.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # it is not there, or damaged
        array = None
    if array is None or array.shape != shape:
        with whole_binary(path, "make room, or give the run another folder") as file:
            write(file)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array  # type: ignore[no-any-return]


def frozen_outputs(
    embedding: TransformerEmbedding,
    tokenizer: PieceTokenizer,
    sentences: Iterable[list[str]],
    lengths: np.ndarray,
    folder: Path,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """The result of `embedding.outputs` for each token: (tokens, M', D) in float16, in the order of the corpus.

    The encoder is frozen. The sentences are read once. The name of the file is a digest of its config and of the words.
    """
    shape = (int(lengths.sum()), len(embedding.layers), embedding.width)
    if not shape[0]:
        return np.zeros(shape, dtype=np.float16)
    digest = hashlib.sha256(json.dumps(embedding.config, sort_keys=True).encode())
    rows: dict[str, int] = {}  # distinct form -> its number
    tokens = np.empty(shape[0], dtype=np.int64)  # the number of each token's form
    for sentence, end in zip(sentences, np.cumsum(lengths), strict=True):
        digest.update(json.dumps(sentence).encode())
        tokens[end - len(sentence) : end] = [rows.setdefault(form, len(rows)) for form in sentence]

    def write(file: BinaryIO) -> None:
        _log.info("%s reads %s tokens once", embedding.config["name"], f"{shape[0]:,}")
        header = {"descr": "<f2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        begin, row_bytes = file.tell(), 2 * shape[1] * shape[2]
        pieces, home = tokenizer.pieces(list(rows)), embedding.gamma.device
        starts, filled = np.cumsum(lengths) - lengths, np.flatnonzero(lengths)
        sizes = np.add.reduceat([len(pieces[row]) for row in tokens], starts[filled])  # pieces of each sentence
        embedding.to(device)
        try:
            for numbers in (filled[batch] for batch in length_buckets(sizes, BATCH_PIECES)):
                spans = [(int(starts[number]), int(starts[number] + lengths[number])) for number in numbers]
                batch = windows([[pieces[row] for row in tokens[start:end]] for start, end in spans], tokenizer)
                with torch.no_grad():
                    states = embedding.outputs(batch.to(device))  # (T, B, M', D)
                array = states.clamp(-MAX_FLOAT16, MAX_FLOAT16).half().cpu().numpy()
                for place, (start, end) in enumerate(spans):
                    file.seek(begin + start * row_bytes)
                    file.write(array[: end - start, place].tobytes())
        finally:
            embedding.to(home)

    return saved_array(folder / f"{digest.hexdigest()[:32]}.npy", shape, write)
