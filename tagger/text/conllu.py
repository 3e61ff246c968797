"""CoNLL-U lines <-> sentences; everything that is not a tag is kept to the byte.

The format: https://universaldependencies.org/format.html. A word is a row whose ID is a whole number. The rows of
multiword tokens (`3-4`, before the words) and of empty nodes (`8.1`) are not words, but stay where they are.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from operator import not_

from tagger.errors import InputError, shorten
from tagger.text.columns import ReadOptions, WriteOptions, alternatives, cleaned, decimals
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.strings import LEMMA, encodable, whole_lines

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, LEMMA: 2}  # the tag columns, counted from 0
MISC = 9
MAX_BLOCK_LINES = 1_000_000  # a longer block means that the file has no empty lines between its sentences
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_EMPTY_NODE = re.compile(r"[0-9]+\.[0-9]+")
_NO_SPACE = "SpaceAfter=No"
_SPACE = re.compile(r"\s")


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
    space_after = [_NO_SPACE not in cells[MISC] or _has_space(cells) for cells in rows]
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
    return _NO_SPACE not in cells[MISC].split("|")


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


def write_conllu(sentence: Sentence, extra: dict[str, list[str]] | None = None) -> str:
    """The CoNLL-U block of a sentence, with its tags in their columns.

    A sentence that came from CoNLL-U keeps its lines; only the columns that `sentence.tags` names change. Columns that
    CoNLL-U does not have (`chunk`, `ner`) and `extra` go into MISC as `Name=value`, where `\\p` stands for a `|` in the
    value. The block of a new sentence is in Unicode's form NFC, and its forms and lemmas have no white space at their
    ends, as UD demands. One without tokens has no block.
    """
    misc = {column: values for column, values in sentence.tags.items() if column not in COLUMNS} | (extra or {})
    misc = {name: cleaned([value.replace("|", r"\p") for value in values]) for name, values in misc.items()}
    if sentence.lines is None:
        return _new_block(sentence, misc) if sentence.tokens else ""
    tags = [(COLUMNS[c], values, cleaned(values)) for c, values in sentence.tags.items() if c in COLUMNS]
    out: list[str] = []
    word = 0
    for line in sentence.lines:
        cells = line.split("\t")
        if cells[0].isascii() and cells[0].isdigit():
            for place, values, fitting in tags:
                if cells[place] != values[word]:
                    cells[place] = fitting[word]
            if misc:
                body = cells[MISC].rstrip("\r\n")
                pairs = [
                    each for each in body.split("|") if each not in ("", "_") and each.partition("=")[0] not in misc
                ]
                pairs += [f"{name}={values[word]}" for name, values in misc.items()]
                cells[MISC] = "|".join(pairs) + cells[MISC][len(body) :]
            line = "\t".join(cells)
            word += 1
        out.append(line)
    return encodable("".join(out))


def numbered(blocks: str, first: int) -> tuple[str, int]:
    """Gives the blocks of new sentences their comments `# sent_id = N`, from `first` on; and the next number."""
    parts = blocks.split("\n\n")[:-1]  # neither comments nor cells hold line ends
    opening = "# newpar\n"
    for i, part in enumerate(parts):
        number = f"# sent_id = {first + i}\n"
        parts[i] = opening + number + part[len(opening) :] if part.startswith(opening) else number + part
    return "".join([f"{part}\n\n" for part in parts]), first + len(parts)


def _new_block(sentence: Sentence, misc: dict[str, list[str]]) -> str:
    """The block of a sentence that did not come from CoNLL-U; unknown cells are `_`."""
    forms = cleaned(_stripped(sentence.tokens))
    blank = ["_"] * len(forms)
    glued = _glued(sentence)
    spacing = ["" if glued is None or not each else _NO_SPACE for each in glued or blank]  # for MISC of each word
    surfaces = [*forms]  # the text of each word; that of a multiword token is at its last word
    tokens: dict[int, str] = {}  # the first word of a multiword token -> the row of the token
    token_forms = cleaned(_stripped([form for _, _, form in sentence.multiwords]))
    for (start, stop, _), form in zip(sentence.multiwords, token_forms, strict=True):
        tokens[start] = "\t".join([f"{start + 1}-{stop}", form, *"_______", spacing[stop - 1] or "_"])
        surfaces[start:stop] = [""] * (stop - start - 1) + [form]
        spacing[start:stop] = [""] * (stop - start)  # the row of the token has it
    comments = sentence.comments
    if sentence.language is not None:
        comments = [*comments, f"# language = {sentence.language}"]
    if sentence.text is not None and not any(comment.startswith("# text =") for comment in comments):
        comments = [*comments, f"# text = {_text(sentence.text, surfaces, glued)}"]
    tags = dict.fromkeys(sorted(COLUMNS, key=COLUMNS.__getitem__), blank)  # in the order of the columns
    for column in COLUMNS.keys() & sentence.tags.keys():
        values = sentence.tags[column]
        tags[column] = cleaned(_stripped(values) if column == LEMMA else values)
    last = blank
    if misc or any(spacing):
        pairs = [spacing, *([f"{name}={value}" for value in values] for name, values in misc.items())]
        last = ["|".join(filter(None, row)) or "_" for row in zip(*pairs, strict=True)]
    numbers = map(str, range(1, len(forms) + 1))
    rows = list(map("\t".join, zip(numbers, forms, *tags.values(), blank, blank, blank, last, strict=True)))
    for start, row in tokens.items():
        rows[start] = f"{row}\n{rows[start]}"
    return encodable(unicodedata.normalize("NFC", "\n".join([*comments, *rows, "", ""])))


def _text(text: str, surfaces: list[str], glued: list[bool] | None) -> str:
    """The text of a sentence for `# text`: the format demands that of the rows, if it is known where spaces are."""
    if glued is None:
        return " ".join(re.split(r"[ \t\n\r]+", text.strip()))
    whole = "".join([form if each else f"{form} " for form, each in zip(surfaces, glued, strict=True)])
    return whole if glued[-1] else whole[:-1]


def _stripped(values: list[str]) -> list[str]:
    return [value.strip() for value in values] if _SPACE.search("".join(values)) else values


def _glued(sentence: Sentence) -> list[bool] | None:
    """For each word whether no white space follows it, as inside a multiword token; None if that is not known."""
    if sentence.space_after is not None:
        return list(map(not_, sentence.space_after))
    if sentence.offsets is None:
        return None
    glued = [a[1] == b[0] for a, b in pairwise(sentence.offsets)] + [False]
    for start, stop, _ in sentence.multiwords:
        glued[start : stop - 1] = [True] * (stop - start - 1)
    return glued


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
