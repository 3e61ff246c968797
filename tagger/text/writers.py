"""Tagged sentences -> text in one of several formats."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tagger.errors import InputError, shorten
from tagger.text.characters import encodable, fitted, wide
from tagger.text.conllu import write_conllu
from tagger.text.readers import NO_BREAK_SPACE, checked_separator
from tagger.text.sentence import Sentence

_CELL_BREAK = re.compile(r"[\t\n\r]")
_SPACE = re.compile(r"\s")
_SURROGATE = re.compile("[\ud800-\udfff]")


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
    separator: str = "/",
    width: int = 80,
) -> Writer:
    """A function from a sentence to its text in `format`, line ends included; it can be sent to another process.

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
        checked_separator(separator)
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
    cells = [_cleaned(sentence.tokens, _SPACE, NO_BREAK_SPACE)]
    for column in options.columns if sentence.tokens else ():
        tags = _cleaned(sentence.tags[column], _SPACE, NO_BREAK_SPACE)
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
        shown = [fitted(cell, options.width) for cell in cells]
        cell_width = max(map(wide, shown))
        if block and used + cell_width > options.width:
            out += [*map("  ".join, zip(*block, strict=True)), ""]
            block, used = [], 0
        block.append([cell + " " * (cell_width - wide(cell)) for cell in shown])
        used += cell_width + 2
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
