"""Tagged sentences -> text in one of several formats."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tagger.errors import InputError, shorten
from tagger.text.columns import column_separator, csv_separator
from tagger.text.conllu import write_conllu
from tagger.text.formats import OUTPUTS
from tagger.text.readers import NO_BREAK_SPACE, slash_separator
from tagger.text.sentence import Sentence
from tagger.text.strings import SURROGATE, display_width, encodable, fitted

_CELL_BREAK = re.compile(r"[\t\n\r]")
_LINE_BREAK = re.compile(r"[\n\r]")
_SPACE = re.compile(r"\s")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


Writer = Callable[[Sentence], str]
"""A sentence to its text, line ends included."""


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
    separator: str | None = None,
    width: int = 80,
) -> Writer:
    """Makes a function from a sentence to its text in `format`, line ends included. It can be pickled.

    - `tsv`: a line per token: the form, then for each column the tag, and the probability and the best alternatives
      (`NOUN:0.9312 VERB:0.0514`) if asked for. An empty line follows each sentence.
    - `csv`: the same cells between commas. A cell with a comma or a quote in it is quoted, as in any CSV file.
    - `conllu`: see `tagger.text.conllu`. MISC gets probabilities as `UposProb=0.9312` and alternatives as
      `UposTop=NOUN:0.9312 VERB:0.0514`. A sentence without tokens that did not come from CoNLL-U has no block.
    - `jsonl`: an object per line: the keys that the input had, `tokens`, `upos`, `upos_probabilities`,
      `upos_alternatives`, and `offsets`, `space_after` and `text` if they are known. If there are multiword tokens,
      `multiwords` has the number of words before each, the number of those up to its end, and its form.
    - `slash`: a line per sentence, `word/UPOS/XPOS` with the tags in the order of the columns.
    - `pretty`: for a terminal, the tags below the words, at most `width` cells wide.

    `jsonl` keeps every character. Elsewhere a lone surrogate becomes U+FFFD and an empty form or tag `_`. A tab or
    line end becomes a space in `tsv` and `conllu`, a line end does in `csv`, and any white space becomes U+00A0 in
    `slash`. In `tsv` no cell may contain a separator other than the tab; in `slash` no tag may.

    Args:
        format: one of `OUTPUTS`.
        columns: the tag columns to write, in order; every sentence with tokens has them.
        probabilities: whether to write `Sentence.probabilities`.
        top: the number of `Sentence.alternatives` to write; with 1 none, because the best one is the tag itself.
        separator: of cells in `tsv` (default a tab) and `csv` (a comma), of word and tags in `slash` (`/`).
        width: of the terminal in cells, for `pretty`.

    Raises:
        InputError: an unknown format, a separator that cannot separate, or a format without a place for
            probabilities; while writing, a cell that contains the separator.
    """
    if format not in OUTPUTS:
        raise InputError(f"{shorten(format)} is no output format; choose one of {', '.join(OUTPUTS)}")
    match format:
        case "tsv":
            separator = column_separator("\t" if separator is None else separator)
        case "csv":
            separator = csv_separator("," if separator is None else separator)
        case "slash":
            separator = slash_separator("/" if separator is None else separator)
            if probabilities or top > 1:
                raise InputError("the format slash has no place for probabilities; use tsv, csv, conllu or jsonl")
    options = _Options(tuple(columns), probabilities, top if top > 1 else 0, separator or "", width)
    return partial(_WRITERS[format], options)


def _write_tsv(options: _Options, sentence: Sentence) -> str:
    if not sentence.tokens:
        return "\n"
    cells = _cells(options, sentence, _CELL_BREAK)
    separator = options.separator
    if separator != "\t":
        for value in set().union(*cells):
            if separator in value:
                raise InputError(
                    f"{shorten(value)} contains the separator {shorten(separator)}; write csv, which quotes such cells,"
                    " or choose another --separator"
                )
    return encodable("\n".join(map(separator.join, zip(*cells, strict=True)))) + "\n\n"


def _write_csv(options: _Options, sentence: Sentence) -> str:
    out = io.StringIO()
    if sentence.tokens:
        cells = _cells(options, sentence, _LINE_BREAK)
        csv.writer(out, delimiter=options.separator, lineterminator="\n").writerows(zip(*cells, strict=True))
    return encodable(out.getvalue()) + "\n"


def _cells(options: _Options, sentence: Sentence, unfit: re.Pattern[str]) -> list[list[str]]:
    """The columns of `tsv` and `csv`; what matches `unfit` becomes a space."""
    cells = [_cleaned(sentence.tokens, unfit, " ")]
    for column in options.columns:
        cells.append(_cleaned(sentence.tags[column], unfit, " "))
        if options.probabilities:
            cells.append(_decimals(sentence, column))
        if options.top:
            cells.append(_cleaned(_alternatives(sentence, column, options.top), unfit, " "))
    return cells


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
    stale: set[str] = set()  # keys that an earlier run wrote for these columns
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
    if sentence.multiwords:
        record["multiwords"] = sentence.multiwords
    if sentence.space_after is not None:
        record["space_after"] = sentence.space_after
    if sentence.text is not None:
        record["text"] = sentence.text
    carried = {key: value for key, value in sentence.fields.items() if key not in stale and key not in record}
    try:
        line = _JSON.encode(carried | record)
    except ValueError as error:
        raise InputError(f"{shorten(str(carried))} cannot be written as JSON ({error}); correct it") from None
    return (line if line.isascii() else SURROGATE.sub(lambda lone: f"\\u{ord(lone.group()):04x}", line)) + "\n"


def _write_slash(options: _Options, sentence: Sentence) -> str:
    cells = [_cleaned(sentence.tokens, _SPACE, NO_BREAK_SPACE)]
    for column in options.columns if sentence.tokens else ():
        tags = _cleaned(sentence.tags[column], _SPACE, NO_BREAK_SPACE)
        for tag in set(tags):
            if (options.separator + tag).rfind(options.separator):
                raise InputError(f"tag {shorten(tag)} contains {options.separator}; choose another --separator")
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
        shown = [fitted(cell, options.width) for cell in cells]
        cell_width = max(map(display_width, shown))
        if block and used + cell_width > options.width:
            out += [*map("  ".join, zip(*block, strict=True)), ""]
            block, used = [], 0
        block.append([cell + " " * (cell_width - display_width(cell)) for cell in shown])
        used += cell_width + 2
    out += [*map("  ".join, zip(*block, strict=True)), ""]
    return "".join(f"{line.rstrip()}\n" for line in out)


_WRITERS: Mapping[str, Callable[[_Options, Sentence], str]] = {
    "tsv": _write_tsv,
    "csv": _write_csv,
    "conllu": _write_conllu,
    "jsonl": _write_jsonl,
    "slash": _write_slash,
    "pretty": _write_pretty,
}


def _cleaned(values: list[str], unfit: re.Pattern[str], instead: str) -> list[str]:
    if all(values) and not unfit.search("".join(values)):
        return values
    return [unfit.sub(instead, value) or "_" for value in values]


def _decimals(sentence: Sentence, column: str) -> list[str]:
    return [f"{p:.4f}" for p in sentence.probabilities[column]]


def _alternatives(sentence: Sentence, column: str, top: int) -> list[str]:
    return [" ".join(f"{tag}:{p:.4f}" for tag, p in pairs[:top]) for pairs in sentence.alternatives[column]]
