"""How files are read and written, and the cells that several formats share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tagger.errors import InputError
from tagger.text.paragraphs import JsonText, Paragraph
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

MAX_SENTENCE_TOKENS = 1_000_000  # more means that nothing in the file ends its sentences
Part = Paragraph | JsonText | Sentence  # of a document: a sentence, or text that is still to be cut


@dataclass(frozen=True)
class Options:
    """How a file is read, see `readers.read_parts`, or written, see `writers.writer`.

    Attributes:
        columns: the tag columns; for reading with their places in a line.
        separator: of cells; None: that of the format.
        top: alternatives of each tag that are written; 0: none.
        width: of the terminal, for `pretty`.
    """

    columns: Mapping[str, int] = field(default_factory=dict)
    separator: str | None = None
    paragraph_per_line: bool = False
    skip: Sequence[str] = ()
    takes_text: bool = True
    may_lack_tags: bool = False
    probabilities: bool = False
    top: int = 0
    width: int = 80


def check_length(tokens: Sequence[str], where: str) -> None:
    """Refuses a sentence that stands in one line of a file and has more than `MAX_SENTENCE_TOKENS`."""
    if len(tokens) > MAX_SENTENCE_TOKENS:
        raise InputError(f"{where}: {len(tokens):,} tokens in one sentence; give each sentence a line of its own")


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
