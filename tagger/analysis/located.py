"""Files -> their sentences with their location, and the vectors of words in them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import NamedTuple

import numpy as np

from tagger.tagging.tagger import Tagger
from tagger.text.files import STDIO, open_binary, read_lines
from tagger.text.formats import format_of
from tagger.text.readers import read
from tagger.text.sentence import Sentence


class Located(NamedTuple):
    """A sentence and its location."""

    file: str
    number: int  # index in its file; empty sentences count
    sentence: Sentence


def read_files(
    tagger: "Tagger", files: Sequence[str], input: str | None = None, encoding: str = "utf-8"
) -> Iterator[Located]:
    """Yields the sentences of files, one file after the other.

    Args:
        tagger: its segmenter cuts text into sentences and words.
        files: paths; `-` is standard input.
        input: the format of all files; None: each by its suffix, else text.
        encoding: the encoding of all files.

    Raises:
        InputError: a file is missing (said before any is read), or a file is not of its format or encoding.
    """
    for file in files:
        if file != STDIO:
            open_binary(file).close()
    for file in files:
        format = input or format_of(file)
        sentences = read(read_lines(file, encoding), file, format, segment=tagger.segment_all)
        for number, sentence in enumerate(sentences):
            yield Located(file, number, sentence)


def listed(files: Sequence[str]) -> str:
    """File names for a message: all of up to three, else the first and a count."""
    return ", ".join(files) if len(files) <= 3 else f"{files[0]} and {len(files) - 1} more files"


def embedded(tagger: "Tagger", located: Iterable[Located], layer: int | str) -> Iterator[tuple[Located, np.ndarray]]:
    """Yields sentences with the vectors of their words, (words, D), a few windows at a time; see `Tagger.embed`."""
    kept, read_on = tee(located)
    return zip(kept, tagger.embed((each.sentence.tokens for each in read_on), layer), strict=True)


def vectors_at(tagger: "Tagger", words: Sequence[tuple[Sequence[str], int]], layer: int | str) -> np.ndarray:
    """The vectors of N words, each given as (sentence, index of the word): (N, D), float64."""
    embedded = tagger.embed([tokens for tokens, _ in words], layer)
    rows = [vectors[position].copy() for vectors, (_, position) in zip(embedded, words, strict=True)]
    return np.array(rows, dtype=np.float64)
