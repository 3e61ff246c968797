"""What users choose of a tagger and ask of it, checked. A mistake is an `InputError`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError, shorten
from tagger.model.batch import BATCH_TOKENS
from tagger.model.device import choose_device, choose_precision
from tagger.words.segment import LEARNED, RULES

AUTO = "auto"
SEGMENTERS = (AUTO, LEARNED, *RULES)
CACHE_SIZE = 50_000  # forms
TEXT_SPACES = 2  # if every "token" of a sentence has so many, they are texts; with the end of a sentence, one is
_END = re.compile(r"[^\W\d_]{2}[.?!…]+\s+\w")


@dataclass
class TaggerOptions:
    """How a tagger works; `load` has the same options. Those that need no tagger are checked here."""

    device: str = AUTO  # becomes the device that it stands for
    precision: str = AUTO  # of products and states, float32 or bfloat16; likewise
    cache_size: int = CACHE_SIZE
    workers: int = 1  # processes; on a GPU 1
    segmenter: str = AUTO
    corpus: str | None = None
    lexicons: Mapping[str, Path | str] | None = None  # of some columns the file

    def __post_init__(self) -> None:
        for name, value, least in (("workers", self.workers, 1), ("cache_size", self.cache_size, BATCH_TOKENS)):
            checked_least(name, value, least)  # a batch may have `BATCH_TOKENS` forms
        if not isinstance(self.lexicons, Mapping | None):
            raise InputError(f"lexicons={self.lexicons!r:.60}: give a file for each column")
        if self.segmenter not in SEGMENTERS:
            raise InputError(f"{shorten(str(self.segmenter))} is no segmenter; choose one of {', '.join(SEGMENTERS)}")
        self.device = choose_device(self.device)
        self.precision = choose_precision(self.precision, self.device)
        self.workers = self.workers if self.device == "cpu" else 1


class Request(NamedTuple):
    """The results that are wanted for every token."""

    columns: Sequence[str] | None = None  # None: all
    top: int = 1
    probabilities: bool = False
    keep: bool = False  # whether tags that sentences have stay as they are
    # Whether the tags of a sentence must not depend on the others, to the last bit of a score; see `PackedBatch`
    fixed_shapes: bool = False


def checked_least(name: str, value: Any, least: int) -> None:
    """Raises InputError for an option that is no whole number, or one below the `least`."""
    if not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value!r:.60}: give a whole number, at least {least}")


def checked_tokens(tokens: Any) -> list[str]:
    """The tokens of a sentence as a list."""
    if isinstance(tokens, str | bytes | Mapping) or not isinstance(tokens, Iterable):
        shown = shorten(tokens if isinstance(tokens, str) else repr(tokens))
        raise InputError(f"a sentence is a list of tokens, not {shown}; use annotate for text")
    found = list(tokens)
    if wrong := [each for each in found if not isinstance(each, str)]:
        raise InputError(f"a sentence is a list of tokens, which are strings; {shorten(repr(wrong[0]))} is none")
    many = all(each.count(" ") >= TEXT_SPACES for each in found)
    text = next((each for each in found if many or (each.count(" ") >= TEXT_SPACES and _END.search(each))), None)
    if text is not None:
        raise InputError(f"{shorten(text)} is a text, not a token; call the tagger with a text, or pipe with many")
    return found


def checked_columns(columns: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The tag columns that a user wants; None means all that the tagger has."""
    return list(known if columns is None else dict.fromkeys(checked_column(column, known) for column in columns))


def checked_column(column: str, known: Sequence[str]) -> str:
    """A tag column."""
    if column not in known:
        raise InputError(
            f"this tagger has no column {shorten(str(column))}; it has {', '.join(known)}; a training learns"
            " others with columns=[...]"
        )
    return column
