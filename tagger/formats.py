"""Readers and writers of tagged text: lines of a file in, sentences out, and sentences back to text.

Readers stream: they hold one sentence, or one paragraph of at most `PARAGRAPH` characters. Only
`\\n` ends a line, so that a form may hold any other character; what a format cannot hold in a form
its writer replaces (see `writer`).
"""

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tagger.conllu import read_conllu, write_conllu
from tagger.errors import InputError, shorten
from tagger.files import encodable, whole_lines
from tagger.sentence import Sentence

INPUTS = ("text", "lines", "tokens", "tsv", "conllu", "jsonl", "slash")
SUFFIXES = {  # of input formats; the first of a format is the one that its outputs get
    ".txt": "text",
    ".lines": "lines",
    ".tokens": "tokens",
    ".tsv": "tsv",
    ".conll": "tsv",
    ".conllu": "conllu",
    ".conll-u": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".slash": "slash",
}
PARAGRAPH = 100_000  # characters; a longer paragraph is cut at white space
SENTENCE = 1_000_000  # tokens a line apart; no sentence is longer, an empty line was forgotten
LOOK_AHEAD = 1 << 20  # characters in which an empty line shows that paragraphs have more than one line

Segment = Callable[[str], list[list[tuple[int, int]]]]
"""A paragraph to its sentences, each a list of the (start, end) of its tokens."""

_WORD = re.compile(r"[^ \t\r\n]+")
_LAST_SPACE = re.compile(r"\s\S*\Z")
_CELL_BREAK = re.compile(r"[\t\n\r]")
_SPACE = re.compile(r"\s")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_BREAK_SPACE = "\u00a0"


def format_of(path: str, default: str = "text") -> str:
    """The format that the suffix of `path` names, `.gz` aside; `default` if it names none."""
    name = Path(path.lower().removesuffix(".gz"))
    return SUFFIXES.get(name.suffix, default)


def renamed(path: Path, format: str) -> Path:
    """`path` with the suffix of `format`: `a/book.txt.gz` becomes `a/book.tsv.gz`, `notes.v2` `notes.v2.tsv`."""
    packed = path.suffix if path.suffix.lower() == ".gz" else ""
    plain = path.with_suffix("") if packed else path
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    suffix = next((suffix for suffix, name in SUFFIXES.items() if name == format), f".{format}")
    return plain.with_name(stem + suffix + packed)


def read(
    lines: Iterable[str],
    path: str,
    format: str,
    *,
    segment: Segment | None = None,
    separator: str | None = None,
    paragraph_per_line: bool | None = None,
    columns: Mapping[str, int] | None = None,
    token: int = 0,
) -> Iterator[Sentence]:
    """The sentences of an open file.

    - `text`: `segment` finds sentences and tokens in each paragraph; offsets count the characters
      of the whole input; the first sentence of a paragraph has the comment `# newpar`.
    - `lines`: a sentence a line, tokens between spaces and tabs (of ASCII: U+00A0 or U+3000 are
      part of a token). An empty line is an empty sentence.
    - `tokens`: a token a line, spaces within it kept; an empty line ends a sentence, and one more
      is an empty sentence.
    - `tsv`: likewise, the token in one of several columns. No line is a comment or a header.
    - `conllu`: see `tagger.conllu`; the only format whose sentences keep their lines.
    - `jsonl`: a list of tokens a line, or an object with `tokens` or else `text`, which becomes one
      sentence or more with offsets in that text. Other keys go to `Sentence.fields`.
    - `slash`: a sentence a line, `word/TAG` between spaces and tabs, U+00A0 for a space in a word.
      The last separator splits; a word without a tag is read, too, unless `columns` asks for tags.

    Args:
        lines: as `tagger.files.decoded_lines` yields them.
        path: for error messages.
        format: one of `INPUTS`.
        segment: cuts text into sentences and tokens; `text` needs it, `jsonl` for `text`.
        separator: of word and tag in `slash` (default `/`), of columns in `tsv` (default a tab; a
            space stands for any number of spaces and tabs).
        paragraph_per_line: whether a paragraph ends at every line end, not at empty lines only;
            by default so if the first MiB of the text has no empty line.
        columns: the tag columns to read and their places, counted from 0: cells in `tsv` (-1 is the
            last); in `slash`, where the word is 0; in `jsonl` the names are keys and places do not
            matter. By default tags are passed over.
        token: the place of the token in `tsv`.

    Raises:
        InputError: an unknown format, at once; while iterating, a line that is not of the format.
    """
    columns = columns or {}
    match format:
        case "text":
            if segment is None:
                raise InputError(f"{path}: no rules here to cut text into tokens; use --input lines or tokens")
            return _read_text(iter(lines), segment, paragraph_per_line)
        case "lines":
            return _read_lines(lines, path)
        case "tokens":
            return _read_cells(lines, path, None, {}, 0)
        case "tsv":
            return _read_cells(lines, path, separator or "\t", columns, token)
        case "conllu":
            return read_conllu(lines, path)
        case "jsonl":
            return _read_jsonl(lines, path, segment, paragraph_per_line, columns)
        case "slash":
            if min(columns.values(), default=1) < 1:
                raise InputError(
                    f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}"
                )
            return _read_slash(lines, path, _checked("/" if separator is None else separator), columns)
    raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")


def _read_text(lines: Iterator[str], segment: Segment, per_line: bool | None) -> Iterator[Sentence]:
    ahead: list[str] = []
    if per_line is None:
        size = 0
        for line in lines:
            ahead.append(line)
            size += len(line)
            if line.isspace() or size >= LOOK_AHEAD:
                break
        per_line = not (ahead and ahead[-1].isspace())
    for start, paragraph, opens in _paragraphs(chain(ahead, lines), per_line):
        for spans in segment(paragraph):
            if spans:
                yield Sentence(
                    tokens=[paragraph[a:b] for a, b in spans],
                    offsets=[(start + a, start + b) for a, b in spans],
                    text=paragraph[spans[0][0] : spans[-1][1]],
                    comments=["# newpar"] if opens else [],
                )
                opens = False


def _paragraphs(lines: Iterable[str], per_line: bool) -> Iterator[tuple[int, str, bool]]:
    """Yields where a paragraph starts, its text, and False if it is the rest of one that was too long."""
    held, start, opens, ended = "", 0, True, True
    for line in lines:
        empty = ended and line.isspace()
        ended = line.endswith("\n")  # not so for a piece of a very long line
        held += line
        while len(held) > PARAGRAPH:
            space = _LAST_SPACE.search(held, 0, PARAGRAPH)
            cut = space.start() + 1 if space else PARAGRAPH
            yield start, held[:cut], opens
            start, held, opens = start + cut, held[cut:], False
        if empty or (per_line and ended):
            if not held.isspace():
                yield start, held, opens
            start, held, opens = start + len(held), "", True
    if held:
        yield start, held, opens


def _read_lines(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    start = 0
    for line in whole_lines(lines, path):
        words = list(_WORD.finditer(line))
        yield Sentence(
            tokens=[word.group() for word in words],
            offsets=[(start + word.start(), start + word.end()) for word in words],
            text=line[words[0].start() : words[-1].end()] if words else "",
        )
        start += len(line)


def _read_cells(
    lines: Iterable[str], path: str, separator: str | None, columns: Mapping[str, int], token: int
) -> Iterator[Sentence]:
    places = {"the token": token, **columns}
    rows: list[list[str]] = []
    ended = True  # whether an empty line, or nothing, came last
    for number, line in enumerate(whole_lines(lines, path), 1):
        row = line.rstrip("\r\n")
        ended = not row.strip(" \t")
        if ended:
            yield _sentence(rows, columns, token)
            rows = []
            continue
        cells = [row] if separator is None else _WORD.findall(row) if separator == " " else row.split(separator)
        for name, place in places.items():
            if not -len(cells) <= place < len(cells):
                raise InputError(
                    f"{path}, line {number}: no column {place} (from 0) for {name} in {shorten(row)};"
                    " check the column numbers and the separator"
                )
        if len(rows) == SENTENCE:
            raise InputError(
                f"{path}, line {number}: {SENTENCE:,} tokens without an end of sentence before {shorten(row)};"
                " put an empty line between sentences"
            )
        rows.append(cells)
    if not ended:
        yield _sentence(rows, columns, token)


def _sentence(rows: list[list[str]], columns: Mapping[str, int], token: int) -> Sentence:
    tags = {column: [cells[place] for cells in rows] for column, place in columns.items()}
    return Sentence([cells[token] for cells in rows], tags)


def _read_jsonl(
    lines: Iterable[str], path: str, segment: Segment | None, per_line: bool | None, columns: Mapping[str, int]
) -> Iterator[Sentence]:
    for number, line in enumerate(whole_lines(lines, path), 1):
        if line.isspace():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: {shorten(line.strip())} is no JSON ({error}); write one value a line") from None
        fields: dict[str, Any] = value if isinstance(value, dict) else {"tokens": value}
        if "tokens" in fields:
            yield _tokenised(fields, where, columns)
        elif not isinstance(text := fields.pop("text", None), str):
            raise InputError(f'{where}: neither "tokens" nor "text" in {shorten(line.strip())}; add one of them')
        elif segment is None:
            raise InputError(f'{where}: no rules here to cut text into tokens: {shorten(text)}; give "tokens"')
        else:
            empty = True
            for sentence in _read_text(io.StringIO(text, newline="\n"), segment, per_line):
                empty = False
                yield replace(sentence, fields=fields)
            if empty:  # what its fields say is not lost
                yield Sentence([], offsets=[], text=text, fields=fields)


def _tokenised(fields: dict[str, Any], where: str, columns: Mapping[str, int]) -> Sentence:
    """The sentence of a JSON object; what it takes from `fields` is removed there."""
    tokens = fields.pop("tokens")
    strings = {"tokens": tokens} | {column: fields.pop(column, None) for column in columns}
    for name, value in strings.items():
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise InputError(f'{where}: {name} {shorten(json.dumps(value))} is no list of strings; write ["a", "b"]')
        if len(value) != len(tokens):
            raise InputError(f"{where}: {len(value)} {name} {shorten(json.dumps(value))} for {len(tokens)} tokens")
    sentence = Sentence(tokens, {column: strings[column] for column in columns}, fields=fields)
    if isinstance(fields.get("text"), str):
        sentence.text = fields.pop("text")
    spans = fields.get("offsets")
    if isinstance(spans, list) and len(spans) == len(tokens) and all(_is_span(span) for span in spans):
        sentence.offsets = [(start, end) for start, end in fields.pop("offsets")]
    return sentence


def _is_span(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(place) is int for place in value)


def _read_slash(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    tags = max(columns.values(), default=0)
    for number, line in enumerate(whole_lines(lines, path), 1):
        rows: list[list[str]] = []
        for item in _WORD.findall(line):
            cells = item.replace(_NO_BREAK_SPACE, " ").rsplit(separator, tags or 1)
            if len(cells) <= tags or (tags and not all(cells)):
                raise InputError(
                    f"{path}, line {number}: {shorten(item)} is no word with {tags} tag{'s'[: tags > 1]} after"
                    f" {separator}; tag it, or name the separator with --separator"
                )
            rows.append(cells if all(cells) else [separator.join(cells)])
        yield _sentence(rows, columns, 0)


def _checked(separator: str) -> str:
    if not separator or _SPACE.search(separator):
        raise InputError(f"{shorten(separator)} cannot separate words from tags; take / or _ or another character")
    return separator


@dataclass(frozen=True)
class _Options:
    columns: tuple[str, ...]
    probabilities: bool
    top: int  # 0: no alternatives
    separator: str
    width: int


def writer(
    format: str,
    columns: Sequence[str],
    *,
    probabilities: bool = False,
    top: int = 1,
    separator: str = "/",
    width: int = 80,
) -> Callable[[Sentence], str]:
    """A function from a sentence to its text in `format`, line ends included.

    - `tsv`: a line per token: form, and for each column tag, probability, best alternatives
      (`NOUN:0.9312 VERB:0.0514`) as asked for; then an empty line.
    - `conllu`: see `tagger.conllu`; probabilities are `UposProb=0.9312` in MISC, alternatives
      `UposTop=NOUN:0.9312 VERB:0.0514`. No block for an empty sentence that was not in CoNLL-U.
    - `jsonl`: an object a line: the keys that the input had, `tokens`, `upos`,
      `upos_probabilities`, `upos_alternatives`, and `offsets` and `text` where known.
    - `slash`: a line per sentence, `word/UPOS/XPOS` in the order of the columns.
    - `pretty`: for a terminal, tags below words, at most `width` cells wide.

    `jsonl` keeps every character. Elsewhere a lone surrogate becomes U+FFFD and an empty form or
    tag `_`; tab, `\\n` and `\\r` become a space in `tsv` and `conllu`; any white space becomes U+00A0
    in `slash`, where no tag may hold the separator.

    Args:
        format: one of `OUTPUTS`.
        columns: the tag columns to write, in order; every sentence with tokens has them.
        probabilities: whether to write `Sentence.probabilities`.
        top: how many of `Sentence.alternatives` to write; none where it is 1, the tag itself.
        separator: of word and tags in `slash`.
        width: of the terminal, for `pretty`.

    Raises:
        InputError: an unknown format, or one that has no place for what is asked for.
    """
    if format not in OUTPUTS:
        raise InputError(f"{shorten(format)} is no output format; choose one of {', '.join(OUTPUTS)}")
    if format == "slash" and (probabilities or top > 1):
        raise InputError("--output slash has no place for probabilities; use tsv, conllu or jsonl")
    if format == "slash":
        _checked(separator)
    return partial(_WRITERS[format], _Options(tuple(columns), probabilities, top if top > 1 else 0, separator, width))


def _write_tsv(options: _Options, sentence: Sentence) -> str:
    if not sentence.tokens:
        return "\n"
    cells = [_cleaned(sentence.tokens, _CELL_BREAK, " ")]
    for column in options.columns:
        cells.append(_cleaned(sentence.tags[column], _CELL_BREAK, " "))
        if options.probabilities:
            cells.append(_decimals(sentence, column))
        if options.top:
            cells.append(_cleaned(_alternatives(sentence, column, options.top), _CELL_BREAK, " "))
    return encodable("\n".join(map("\t".join, zip(*cells, strict=True)))) + "\n\n"


def _write_conllu(options: _Options, sentence: Sentence) -> str:
    extra: dict[str, list[str]] = {}
    if sentence.tokens and options.probabilities:
        extra |= {f"{column.capitalize()}Prob": _decimals(sentence, column) for column in options.columns}
    if sentence.tokens and options.top:
        extra |= {f"{c.capitalize()}Top": _alternatives(sentence, c, options.top) for c in options.columns}
    tags = {column: sentence.tags[column] for column in options.columns} if sentence.tokens else {}
    return write_conllu(replace(sentence, tags=tags), extra)


def _write_jsonl(options: _Options, sentence: Sentence) -> str:
    record: dict[str, object] = {"tokens": sentence.tokens}
    stale: set[str] = set()  # what an earlier run said of these columns
    for column in options.columns:
        record[column] = sentence.tags[column] if sentence.tokens else []
        stale |= {f"{column}_probabilities", f"{column}_alternatives"}
        if options.probabilities:
            record[f"{column}_probabilities"] = [round(p, 4) for p in sentence.probabilities.get(column, [])]
        if options.top:
            best = sentence.alternatives.get(column, [])
            record[f"{column}_alternatives"] = [[(t, round(p, 4)) for t, p in pairs[: options.top]] for pairs in best]
    if sentence.offsets is not None:
        record["offsets"] = sentence.offsets
    if sentence.text is not None:
        record["text"] = sentence.text
    carried = {key: value for key, value in sentence.fields.items() if key not in stale and key not in record}
    line = _ENCODER.encode(carried | record)
    return (line if line.isascii() else _SURROGATE.sub(lambda lone: f"\\u{ord(lone.group()):04x}", line)) + "\n"


def _write_slash(options: _Options, sentence: Sentence) -> str:
    cells = [_cleaned(sentence.tokens, _SPACE, _NO_BREAK_SPACE)]
    for column in options.columns if sentence.tokens else ():
        tags = _cleaned(sentence.tags[column], _SPACE, _NO_BREAK_SPACE)
        for tag in set(tags):
            if (options.separator + tag).rfind(options.separator):
                raise InputError(f"tag {shorten(tag)} holds {options.separator}; choose another --separator")
        cells.append(tags)
    return encodable(" ".join(map(options.separator.join, zip(*cells, strict=True)))) + "\n"


def _write_pretty(options: _Options, sentence: Sentence) -> str:
    rows = [sentence.tokens]
    for column in options.columns if sentence.tokens else ():
        rows.append(sentence.tags[column])
        if options.probabilities:
            rows.append(_decimals(sentence, column))
        for rank in range(options.top):
            best = sentence.alternatives[column]
            rows.append([f"{pairs[rank][0]}:{pairs[rank][1]:.4f}" if rank < len(pairs) else "" for pairs in best])
    out: list[str] = []
    block: list[list[str]] = []
    used = 0
    for cells in zip(*rows, strict=True):
        shown = [_fitted(_CONTROL.sub("\ufffd", cell), options.width) for cell in cells]
        wide = max(map(_wide, shown))
        if block and used + wide > options.width:
            out += [*map("  ".join, zip(*block, strict=True)), ""]
            block, used = [], 0
        block.append([cell + " " * (wide - _wide(cell)) for cell in shown])
        used += wide + 2
    out += [*map("  ".join, zip(*block, strict=True)), ""]
    return "".join(f"{line.rstrip()}\n" for line in out)


_WRITERS: dict[str, Callable[[_Options, Sentence], str]] = {
    "tsv": _write_tsv,
    "conllu": _write_conllu,
    "jsonl": _write_jsonl,
    "slash": _write_slash,
    "pretty": _write_pretty,
}
OUTPUTS = tuple(_WRITERS)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _cleaned(values: list[str], unfit: re.Pattern[str], instead: str) -> list[str]:
    if all(values) and not unfit.search("".join(values)):
        return values
    return [unfit.sub(instead, value) or "_" for value in values]


def _decimals(sentence: Sentence, column: str) -> list[str]:
    return [f"{p:.4f}" for p in sentence.probabilities[column]]


def _alternatives(sentence: Sentence, column: str, top: int) -> list[str]:
    return [" ".join(f"{tag}:{p:.4f}" for tag, p in pairs[:top]) for pairs in sentence.alternatives[column]]


def _wide(text: str) -> int:
    """How many cells of a terminal `text` takes: 0 for a combining mark, 2 for a wide character."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _fitted(text: str, width: int) -> str:
    """`text`, cut with an ellipsis where it is wider than a line."""
    if len(text) <= width // 2 or _wide(text) <= width:
        return text
    kept, used = 0, 1
    while (used := used + _wide(text[kept])) <= width:
        kept += 1
    return text[:kept] + "…"
