"""CoNLL-U lines <-> sentences; everything that is not a tag is kept to the byte.

The format: https://universaldependencies.org/format.html. A word is a row whose ID is a whole number. The rows of
multiword tokens (`3-4`, before the words) and of empty nodes (`8.1`) are not words, but stay where they are.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tagger.errors import InputError, shorten
from tagger.text.columns import ReadOptions, WriteOptions, alternatives, decimals
from tagger.text.sentence import COLUMNS, MISC, NO_SPACE, MultiwordToken, Sentence, write_conllu
from tagger.text.strings import whole_lines

MAX_BLOCK_LINES = 1_000_000  # a longer block means that the file has no empty lines between its sentences
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_EMPTY_NODE = re.compile(r"[0-9]+\.[0-9]+")


def read_conllu(lines: Iterable[str], path: str, options: ReadOptions | None = None) -> Iterator[Sentence]:
    """Yields a sentence per block of lines that ends with an empty line.

    Every line belongs to one sentence, so that writing all sentences gives the file back. A block without words
    (comments alone, an extra empty line) is a sentence without tokens. `Sentence.lines` are the unchanged lines, and
    `Sentence.tags` are the cells of the `COLUMNS`. `Sentence.space_after` follows from `SpaceAfter=No` in MISC: for a
    multiword token in its own row, elsewhere in the row of the word.
    """
    block: list[str] = []
    rows: list[list[str]] = []
    ranges: list[_Range] = []
    for number, line in enumerate(whole_lines(lines, path), 1):
        text = line.rstrip("\r\n")
        block.append(line)
        if len(block) > MAX_BLOCK_LINES:
            raise InputError(
                f"{path}, line {number}: {MAX_BLOCK_LINES:,} lines without an empty line;"
                " put an empty line after each sentence"
            )
        if not text:
            yield _sentence(block, rows, ranges, path, number)
            block, rows, ranges = [], [], []
        elif text[0] != "#":
            cells = text.split("\t")
            if len(cells) != 10:
                raise InputError(
                    f"{path}, line {number}: {len(cells)} columns, CoNLL-U has 10 between tabs: {shorten(text)};"
                    " give other column files as tsv"
                )
            if not cells[1]:
                raise InputError(
                    f"{path}, line {number}: no FORM in {shorten(text)}; write the form of {shorten(cells[0])} into the"
                    " second column, or _ if it has none"
                )
            if cells[0] == str(len(rows) + 1):
                rows.append(cells)
            elif _RANGE.fullmatch(cells[0]):
                ranges.append((number, len(rows), cells))
            elif not (_EMPTY_NODE.fullmatch(cells[0]) and cells[0].partition(".")[0] == str(len(rows))):
                raise InputError(f"{path}, line {number}: {_misplaced(cells, len(rows))}")
    if block:
        yield _sentence(block, rows, ranges, path, number)


def _misplaced(cells: list[str], before: int) -> str:
    """Why a row cannot follow so many words of its sentence."""
    identifier, row = shorten(cells[0]), shorten(cells[1])
    if _EMPTY_NODE.fullmatch(cells[0]):
        return f"the empty node {identifier} ({row}) stands after word {before}; put it after the word of its number"
    if not (cells[0].isascii() and cells[0].isdigit()):
        return f"{identifier} is not an ID of CoNLL-U, which is 3, 3-4 or 3.1"
    remedy = "put an empty line between sentences" if cells[0] == "1" else "number the words of a sentence 1, 2, 3, ..."
    return f"the ID {identifier} ({row}) stands where {before + 1} is due; {remedy}"


_Range = tuple[int, int, list[str]]
"""The row of a multiword token: its number in the file, the words of the sentence before it, and its cells."""


def _sentence(block: list[str], rows: list[list[str]], ranges: list[_Range], path: str, last: int) -> Sentence:
    comments = [line.rstrip("\r\n") for line in block if line[0] == "#"]
    space_after = [NO_SPACE not in cells[MISC] or _has_space(cells) for cells in rows]
    multiwords: list[MultiwordToken] = []
    for line, start, cells in ranges:
        stop = _stop(f"{path}, line {line}", cells[0], start, rows, multiwords)
        multiwords.append(MultiwordToken(start, stop, cells[1]))
        space_after[start:stop] = [False] * (stop - start - 1) + [_has_space(cells)]
    return Sentence(
        tokens=[cells[1] for cells in rows],
        tags={column: [cells[place] for cells in rows] for column, place in COLUMNS.items()},
        text=next((c.partition("=")[2].strip() for c in comments if c.startswith("# text =")), None),
        comments=comments,
        lines=block,
        multiwords=multiwords,
        space_after=space_after,
        line=last - len(block) + 1,
    )


def _has_space(cells: list[str]) -> bool:
    """Whether white space follows a token in the text, by MISC."""
    return NO_SPACE not in cells[MISC].split("|")


def _stop(where: str, identifier: str, start: int, rows: list[list[str]], before: list[MultiwordToken]) -> int:
    """The number of words of the sentence up to the end of the multiword token `identifier` (`3-4`), which is checked.

    `start` words stand before its row, and the multiword tokens `before`.
    """
    first, _, last = identifier.partition("-")
    stop = start + int(last) - int(first) + 1
    if stop <= start:
        raise InputError(f"{where}: the multiword token {identifier} ends before it begins; write {last}-{first}")
    if before and before[-1].stop > start:
        raise InputError(
            f"{where}: the multiword token {identifier} has words of {shorten(before[-1].form)}, the one before it;"
            " a word belongs to one at most"
        )
    if int(first) != start + 1 or stop > len(rows):
        raise InputError(
            f"{where}: the multiword token {identifier} does not stand before words {first} to {last} of its sentence;"
            " put its row there"
        )
    return stop


def write_tagged(options: WriteOptions, sentence: Sentence) -> str:
    """The block of a sentence with its tags, and in MISC what else is asked for, as `UposProb` and `UposTop`."""
    extra: dict[str, list[str]] = {}
    if sentence.tokens and options.probabilities:
        found = [c for c in options.columns if c in sentence.probabilities]
        extra |= {f"{c.capitalize()}Prob": decimals(sentence, c) for c in found}
    if sentence.tokens and options.top:
        found = [c for c in options.columns if c in sentence.alternatives]
        extra |= {f"{c.capitalize()}Top": alternatives(sentence, c, options.top) for c in found}
    tags = {column: sentence.tags[column] for column in options.columns} if sentence.tokens else {}
    return write_conllu(replace(sentence, tags=tags), extra)
