"""What every file format is: how it is read, how it is written, and how its files are called.

To add one, write a subclass of `Format` in a file of its own and name it in `formats.FORMATS`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tagger.text.paragraphs import JsonText, Paragraph
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

Part = Paragraph | JsonText | Sentence  # of a document: a sentence, or text that is still to be cut


@dataclass(frozen=True)
class Reading:
    """How a file is read; see `readers.read`."""

    separator: str | None = None
    paragraph_per_line: bool | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    token: int = 0
    skip: Sequence[str] = ()
    takes_text: bool = True
    may_lack_tags: bool = False


@dataclass(frozen=True)
class Writing:
    """How sentences are written; see `writers.writer`."""

    columns: tuple[str, ...]
    probabilities: bool
    top: int  # 0: no alternatives
    separator: str
    width: int


class Format:
    """One format.

    Attributes:
        reads: what `--help` says of it as input; empty: it cannot be read.
        writes: the same as output.
        suffixes: of its files; the first one is that of outputs.
        separator: that stands between cells unless another one is asked for; None: it has none.
        has_places: whether the tags of a word have numbered places, which `--column NAME=PLACE` names.
        has_rows: whether each word has a line of its own, and an empty line ends a sentence.
        has_text: whether it may hold running text, which is cut into sentences and tokens.
        has_offsets: whether it shows where tokens stood in running text.
    """

    reads: ClassVar[str] = ""
    writes: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()
    separator: ClassVar[str | None] = None
    has_places: ClassVar[bool] = False
    has_rows: ClassVar[bool] = False
    has_text: ClassVar[bool] = False
    has_offsets: ClassVar[bool] = False

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """Yields what the lines of a file hold; see `readers.read_parts`."""
        raise NotImplementedError

    @classmethod
    def checked(cls, how: Writing) -> Writing:
        """How sentences are written, with what this format makes of the separator.

        Raises:
            InputError: the separator cannot separate, or there is no place for what is asked for.
        """
        return how

    @classmethod
    def write(cls, how: Writing, sentence: Sentence) -> str:
        """The text of a sentence, line ends included; see `writers.writer`. A file has nothing else: no header."""
        raise NotImplementedError


def cleaned(values: list[str], unfit: re.Pattern[str], instead: str) -> list[str]:
    """The values with `instead` for what the pattern matches; an empty one becomes `_`."""
    if all(values) and not unfit.search("".join(values)):
        return values
    return [unfit.sub(instead, value) or "_" for value in values]


def decimals(sentence: Sentence, column: str) -> list[str]:
    """The probabilities of a column's tags; `_` where the column was not predicted."""
    shares = sentence.probabilities.get(column)
    return [NO_TAG] * len(sentence) if shares is None else [f"{p:.4f}" for p in shares]


def alternatives(sentence: Sentence, column: str, top: int) -> list[str]:
    """The best tags of each token and their probabilities, `NOUN:0.9312 VERB:0.0514`; `_` as for `decimals`."""
    best = sentence.alternatives.get(column)
    if best is None:
        return [NO_TAG] * len(sentence)
    return [" ".join(f"{tag}:{p:.4f}" for tag, p in pairs[:top]) for pairs in best]
