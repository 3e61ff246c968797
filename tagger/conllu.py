"""CoNLL-U lines <-> sentences; everything that is not a tag is kept to the byte.

The format: https://universaldependencies.org/format.html. A word is a row whose ID is a whole
number; rows of multiword tokens (`3-4`) and empty nodes (`8.1`) are no tokens but stay in place.
"""

import re
from collections.abc import Iterable, Iterator

from tagger.errors import InputError, shorten
from tagger.files import encodable
from tagger.sentence import Sentence

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5}  # the tag columns, counted from 0
MISC = 9
_RANGE_OR_EMPTY = re.compile(r"[0-9]+[-.][0-9]+")
_CONTROL = re.compile(r"[\t\n\r]")


def read_conllu(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    """Yields a sentence per block of `lines`; `path` is for error messages.

    Every line belongs to one sentence, so that writing all sentences gives the file back. A block
    without words (comments alone, extra empty lines) is a sentence without tokens. The `lines` of
    a sentence are as they came; its `tags` hold `COLUMNS` as they stand in the file.

    Raises:
        InputError: a row without 10 columns, an ID that is none, or a missing empty line.
    """
    block: list[str] = []
    rows: list[list[str]] = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        block.append(line)
        if not text:
            yield _sentence(block, rows)
            block, rows = [], []
        elif text[0] != "#":
            cells = text.split("\t")
            if len(cells) != 10:
                raise InputError(
                    f"{path}, line {number}: {len(cells)} columns, CoNLL-U has 10 between tabs: {shorten(text)}"
                )
            if cells[0].isascii() and cells[0].isdigit():
                if cells[0] == "1" and rows:
                    raise InputError(f"{path}, line {number}: word 1 follows word {rows[-1][0]}; put an empty line between sentences")
                rows.append(cells)
            elif not _RANGE_OR_EMPTY.fullmatch(cells[0]):
                raise InputError(f"{path}, line {number}: {shorten(cells[0])} is no ID; CoNLL-U has 3, 3-4 or 3.1 there")
    if block:
        yield _sentence(block, rows)


def _sentence(block: list[str], rows: list[list[str]]) -> Sentence:
    comments = [line.rstrip("\r\n") for line in block if line[0] == "#"]
    return Sentence(
        tokens=[cells[1] for cells in rows],
        tags={column: [cells[place] for cells in rows] for column, place in COLUMNS.items()},
        text=next((c.partition("=")[2].strip() for c in comments if c.startswith("# text =")), None),
        comments=comments,
        lines=block,
    )


def write_conllu(sentence: Sentence, extra: dict[str, list[str]] | None = None) -> str:
    """The CoNLL-U block of a sentence, with its tags in their columns.

    A sentence that came from CoNLL-U keeps its lines; only the columns that `sentence.tags` names
    change. Columns that CoNLL-U does not have (`chunk`, `ner`) and `extra` go into MISC as
    `Name=value`.

    Args:
        sentence: N tokens.
        extra: for each name the N values to add to MISC (a probability, say).
    """
    misc = {column: values for column, values in sentence.tags.items() if column not in COLUMNS} | (extra or {})
    out: list[str] = []
    word = 0
    for line in sentence.lines if sentence.lines is not None else _rows(sentence):
        identifier = line.split("\t", 1)[0]
        if identifier.isascii() and identifier.isdigit():
            body = line.rstrip("\r\n")
            cells = body.split("\t")
            for column, place in COLUMNS.items():
                if column in sentence.tags:
                    cells[place] = sentence.tags[column][word] or "_"
            for name, values in misc.items():
                _add_misc(cells, name, values[word])
            line = "\t".join(cells) + line[len(body) :]
            word += 1
        out.append(line)
    return "".join(out)


def _add_misc(cells: list[str], name: str, value: str) -> None:
    kept = [pair for pair in cells[MISC].split("|") if pair != "_" and pair.partition("=")[0] != name]
    cells[MISC] = "|".join([*kept, f"{name}={value}"])


def _rows(sentence: Sentence) -> Iterator[str]:
    """Fresh lines for a sentence that did not come from CoNLL-U; `_` where nothing is known."""
    yield from (f"{comment}\n" for comment in sentence.comments)
    if sentence.text is not None and not any(c.startswith("# text =") for c in sentence.comments):
        yield encodable(f"# text = {' '.join(sentence.text.split())}\n")
    for i, form in enumerate(sentence.tokens):
        glued = sentence.offsets is not None and i + 1 < len(sentence) and sentence.offsets[i][1] == sentence.offsets[i + 1][0]
        cells = [str(i + 1), encodable(_CONTROL.sub(" ", form)) or "_", *["_"] * 7, "SpaceAfter=No" if glued else "_"]
        yield "\t".join(cells) + "\n"
    yield "\n"
