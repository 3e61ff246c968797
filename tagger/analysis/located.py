"""Files named on the command line -> their sentences, each with where it stands, and the vectors of its words."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import NamedTuple

import numpy as np

from tagger.tagging.tagger import Tagger
from tagger.text.files import STDIO, open_binary, read_lines
from tagger.text.formats import cell_separator, format_of
from tagger.text.readers import read
from tagger.text.sentence import Sentence


class Located(NamedTuple):
    """A sentence and where it stands."""

    file: str
    number: int  # from 0, in its file; empty sentences count
    sentence: Sentence


def read_files(
    tagger: Tagger, files: Sequence[str], input: str | None = None, encoding: str = "utf-8"
) -> Iterator[Located]:
    """The sentences of files, one after the other.

    Args:
        tagger: whose rules cut text into sentences and words.
        files: `-` is standard input.
        input: format of all of them; None: by suffix, else text.
        encoding: of all of them.

    Raises:
        InputError: a file is missing, before any is read; a file is not of its format or its encoding.
    """
    for file in files:
        if file != STDIO:
            open_binary(file).close()
    for file in files:
        format = input or format_of(file)
        sentences = read(
            read_lines(file, encoding), file, format, segment=tagger.segment, separator=cell_separator(file, format)
        )
        for number, sentence in enumerate(sentences):
            yield Located(file, number, sentence)


def listed(files: Sequence[str]) -> str:
    """The names of files for a message, few of them."""
    return ", ".join(files) if len(files) <= 3 else f"{files[0]} and {len(files) - 1} more files"


def embedded(tagger: Tagger, located: Iterable[Located], layer: int | str) -> Iterator[tuple[Located, np.ndarray]]:
    """Sentences beside the vectors of their words, (words, D); see `Tagger.embed`. A few windows are held at a time."""
    kept, read_on = tee(located)
    return zip(kept, tagger.embed((each.sentence.tokens for each in read_on), layer), strict=True)


def vectors_at(tagger: Tagger, words: Sequence[tuple[Sequence[str], int]], layer: int | str) -> np.ndarray:
    """The vectors of N words, each given as a sentence and its place there: (N, D), float64."""
    embedded = tagger.embed([tokens for tokens, _ in words], layer)
    rows = [vectors[position].copy() for vectors, (_, position) in zip(embedded, words, strict=True)]
    return np.array(rows, dtype=np.float64)
