"""Files -> their sentences with their location, and the vectors of words in them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any, NamedTuple

import numpy as np

from tagger.bundle.catalog import find_tagger
from tagger.bundle.saved_config import predicts_words
from tagger.commands.loading import load_and_tell
from tagger.errors import InputError
from tagger.tagging.tagger import Tagger
from tagger.text.files import STDIO, open_binary, read_lines
from tagger.text.formats import format_of, read
from tagger.text.output_files import whole_binary
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable
from tagger.training.hidden_words import load_word_predictor

MAX_NPZ_BYTES = 2_000_000_000  # held in memory; writing needs twice as much


class Located(NamedTuple):
    """A sentence and its location."""

    file: str
    number: int  # index in its file; empty sentences count
    sentence: Sentence


def load_with_layers(model: str, device: str) -> Tagger:
    """Loads a tagger for the vectors of words; a pretrained network has the layer `predicted`, too."""
    folder = find_tagger(model)
    tagger = load_and_tell(folder, device, "float32")
    if predicts_words(folder):
        tagger.more_layers["predicted"] = load_word_predictor(folder)[0].to(tagger.device).vectors
    return tagger


def read_files(
    tagger: Tagger, files: Sequence[str], input: str | None = None, encoding: str = "utf-8"
) -> Iterator[Located]:
    """Yields the sentences of files, one file after the other. A missing file is said before any is read.

    `input` is the format of all files; None: each by its suffix, else text.
    """
    for file in files:
        if file != STDIO:
            open_binary(file).close()
    for file in files:
        format = input or format_of(file)
        sentences = read(read_lines(file, encoding), file, format, segment=tagger.segment_all)
        for number, sentence in enumerate(sentences):
            yield Located(file, number, sentence)


def vectors_at(tagger: Tagger, words: Sequence[tuple[Sequence[str], int]], layer: int | str) -> np.ndarray:
    """The vectors of N words, each given as (sentence, index of the word): (N, D), float64."""
    embedded = tagger.embed([tokens for tokens, _ in words], layer)
    rows = [vectors[position].copy() for vectors, (_, position) in zip(embedded, words, strict=True)]
    return np.array(rows, dtype=np.float64)


def save_vectors(path: str, tagger: Tagger, located: Iterable[Located], layer: int | str) -> tuple[int, int]:
    """Writes the vectors of N words, D numbers each; see `Tagger.embed`. Returns N and D.

    The arrays of the .npz are `vectors` (N, D), `words`, `sentences`, `positions` (both from 0) and `files`.
    """
    kept, read_on = tee(located)
    parts: list[np.ndarray] = []
    columns: dict[str, list[Any]] = {"words": [], "sentences": [], "positions": [], "files": []}
    size = longest = 0
    for each, vectors in zip(kept, tagger.embed((each.sentence.tokens for each in read_on), layer), strict=True):
        count = len(vectors)
        parts.append(vectors)
        columns["words"] += map(encodable, each.sentence.tokens)
        columns["sentences"] += [each.number] * count
        columns["positions"] += range(count)
        columns["files"] += [encodable(each.file)] * count
        size += vectors.nbytes
        longest = max(longest, len(each.file), *map(len, each.sentence.tokens))
        if size + 8 * longest * len(columns["words"]) > MAX_NPZ_BYTES:  # in an array every string takes the longest's
            raise InputError(f"{path}: more than {MAX_NPZ_BYTES / 1e9:g} GB; name fewer FILEs")
    if not columns["words"]:
        raise InputError(f"no words in the files, so {path} is not written")
    vectors = np.concatenate([part for part in parts if len(part)])
    with whole_binary(path) as binary:
        arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
        np.savez(binary, vectors=vectors, **arrays)
    return vectors.shape[0], vectors.shape[1]
