"""The format `slash`: a sentence per line, as word/TAG."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tagger.errors import InputError, shorten
from tagger.text.columns import BLANK_SEPARATED
from tagger.text.format import Options, check_length, cleaned
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable, whole_lines

NO_BREAK_SPACE = "\u00a0"  # stands for a space inside a word
_SPACE = re.compile(r"\s")


def read_slash(
    lines: Iterable[str], path: str, columns: Mapping[str, int], separator: str | None
) -> Iterator[Sentence]:
    """Yields the sentence of each line; words stand between spaces and tabs, U+00A0 in a word is read as a space.

    The last separators of a word split it, so that `and/or/CCONJ` is the word `and/or`. The first tag of a word has the
    place 1. Without `columns` a word may have a tag or none. A separator that cannot separate is an error at once.
    """
    if min(columns.values(), default=1) < 1:
        raise InputError(f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}")
    return _read(lines, path, slash_separator("/" if separator is None else separator), columns)


def slash_separator(separator: str) -> str:
    """`separator`, which may contain no white space."""
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
        tokens = [cells[0] for cells in rows]
        check_length(tokens, f"{path}, line {number}")
        yield Sentence(tokens, {column: [cells[place] for cells in rows] for column, place in columns.items()})


def write_slash(options: Options, sentence: Sentence) -> str:
    """A line of words, each with its tags; no tag may contain the separator."""
    separator = options.separator or "/"
    cells = [cleaned(sentence.tokens, _SPACE, NO_BREAK_SPACE)]
    for column in options.columns if sentence.tokens else ():
        tags = cleaned(sentence.tags[column], _SPACE, NO_BREAK_SPACE)
        for tag in set(tags):
            if (separator + tag).rfind(separator):
                raise InputError(f"tag {shorten(tag)} contains {separator}; choose another --separator")
        cells.append(tags)
    return encodable(" ".join(map(separator.join, zip(*cells, strict=True)))) + "\n"
