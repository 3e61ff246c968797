"""The format slash: a sentence per line, each word with its tags as `word/TAG` or `word/TAG/TAG`."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tagger.errors import InputError, shorten
from tagger.text.columns import BLANK_SEPARATED
from tagger.text.lines import whole_lines
from tagger.text.sentence import Sentence

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
