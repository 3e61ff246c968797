"""The format `slash`: a sentence per line, as word/TAG."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from tagger.errors import InputError, shorten
from tagger.text.columns import BLANK_SEPARATED
from tagger.text.format import Format, Part, Reading, Writing, cleaned
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable, whole_lines

NO_BREAK_SPACE = "\u00a0"  # stands for a space inside a word
_SPACE = re.compile(r"\s")


def read_slash(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    """Yields the sentence of each line; words stand between spaces and tabs, U+00A0 in a word is read as a space.

    The last separators of a word split it, so that `and/or/CCONJ` is the word `and/or`. Without `columns` a word may
    have a tag or none.

    Args:
        lines: as `tagger.text.files.decoded_lines` yields them.
        path: for error messages.
        separator: between a word and its tags.
        columns: the tag columns to read and their places; the first tag of a word has place 1.

    Raises:
        InputError: a place below 1 or a separator that cannot separate, at once; while iterating, a word without one
            of the tags.
    """
    if min(columns.values(), default=1) < 1:
        raise InputError(f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}")
    return _read(lines, path, slash_separator(separator), columns)


def slash_separator(separator: str) -> str:
    """`separator` unchanged.

    Raises:
        InputError: it is empty or contains white space.
    """
    if not separator or _SPACE.search(separator):
        raise InputError(f"{shorten(separator)} cannot separate words from tags; take / or _ or another character")
    return separator


def _read(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    tags = max(columns.values(), default=0)
    for number, line in enumerate(whole_lines(lines, path), 1):
        rows: list[list[str]] = []
        for item in BLANK_SEPARATED.findall(line):
            cells = item.replace(NO_BREAK_SPACE, " ").rsplit(separator, tags or 1)
            if len(cells) <= tags or (tags and not all(cells)):
                raise InputError(
                    f"{path}, line {number}: {shorten(item)} is not a word with {tags} tag{'s'[: tags > 1]} after"
                    f" {separator}; tag it, or name the separator with --separator"
                )
            rows.append(cells if all(cells) else [separator.join(cells)])
        yield Sentence(
            [cells[0] for cells in rows],
            {column: [cells[place] for cells in rows] for column, place in columns.items()},
        )


class Slash(Format):
    """Words with their tags after a slash or another separator."""

    reads: ClassVar[str] = "a sentence per line, as word/TAG"
    writes: ClassVar[str] = "a sentence per line, as word/TAG"
    suffixes: ClassVar[tuple[str, ...]] = (".slash",)
    separator: ClassVar[str | None] = "/"
    has_places = True

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """See `read_slash`."""
        return read_slash(lines, path, "/" if how.separator is None else how.separator, how.columns)

    @classmethod
    def checked(cls, how: Writing) -> Writing:
        """See `Format.checked`."""
        if how.probabilities or how.top:
            raise InputError("the format slash has no place for probabilities; use tsv, csv, conllu or jsonl")
        return replace(how, separator=slash_separator(how.separator))

    @classmethod
    def write(cls, how: Writing, sentence: Sentence) -> str:
        """See `Format.write`."""
        cells = [cleaned(sentence.tokens, _SPACE, NO_BREAK_SPACE)]
        for column in how.columns if sentence.tokens else ():
            tags = cleaned(sentence.tags[column], _SPACE, NO_BREAK_SPACE)
            for tag in set(tags):
                if (how.separator + tag).rfind(how.separator):
                    raise InputError(f"tag {shorten(tag)} contains {how.separator}; choose another --separator")
            cells.append(tags)
        return encodable(" ".join(map(how.separator.join, zip(*cells, strict=True)))) + "\n"
