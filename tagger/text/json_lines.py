"""The format `jsonl`: a JSON list of tokens per line, or an object with tokens or text."""

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from tagger.errors import InputError, shorten
from tagger.text.columns import ReadOptions, WriteOptions, check_length
from tagger.text.paragraphs import JsonText, read_paragraphs
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.strings import SURROGATE, whole_lines

_Kind = TypeVar("_Kind")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_jsonl(lines: Iterable[str], path: str, options: ReadOptions) -> Iterator[Sentence | JsonText]:
    """Yields the sentence or the text of each line; empty lines are skipped.

    A line is a list of tokens, or an object with `tokens` or else `text`. With tokens, `text`, `offsets`, `multiwords`
    and `space_after` are read if they are what `tag` writes. All other keys of the object go to `Sentence.fields`.
    """
    columns = options.columns  # whose places do not matter
    for number, line in enumerate(whole_lines(lines, path), 1):
        if line.isspace():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where}: {shorten(line.strip())} is not JSON ({error}); write one value per line"
            ) from None
        fields: dict[str, Any] = value if isinstance(value, dict) else {"tokens": value}
        if "tokens" in fields:
            sentence = _tokenised(fields, where, [c for c in columns if c in fields or not options.may_lack_tags])
            sentence.line = number
            yield sentence
        elif not isinstance(text := fields.pop("text", None), str):
            raise InputError(f'{where}: neither "tokens" nor "text" in {shorten(line.strip())}; add one of them')
        else:
            paragraphs = read_paragraphs(io.StringIO(text, newline="\n"), options.paragraph_per_line)
            for key in ("multiwords", "space_after"):  # of an earlier cut
                fields.pop(key, None)
            yield JsonText(text, list(paragraphs), fields, line=number)


def _finite(text: str) -> float:
    """A number of JSON. `NaN` and `Infinity` are none, and most programs refuse a whole file that has one."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is not finite; write it as a string")
    return number


def _tokenised(fields: dict[str, Any], where: str, columns: Sequence[str]) -> Sentence:
    """The sentence of a JSON object with tokens; the keys that it uses are removed from `fields`."""
    tokens = fields.pop("tokens")
    strings = {"tokens": tokens} | {column: fields.pop(column, None) for column in columns}
    for name, value in strings.items():
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise InputError(f'{where}: {name} {shorten(json.dumps(value))} is not a list of strings; write ["a", "b"]')
        if len(value) != len(tokens):
            raise InputError(
                f"{where}: {len(value)} {name} {shorten(json.dumps(value))} for {len(tokens)} tokens; give one each"
            )
    check_length(tokens, where)
    sentence = Sentence(tokens, {column: strings[column] for column in columns}, fields=fields)
    if isinstance(fields.get("text"), str):
        sentence.text = fields.pop("text")
    words = len(tokens)
    spans = _fitting(fields.get("offsets"), list[tuple[int, int]])
    if spans is not None and len(spans) == words:
        sentence.offsets = spans
        del fields["offsets"]
    multiwords = _fitting(fields.get("multiwords"), list[tuple[int, int, str]])
    places = [0, *(place for start, stop, _ in multiwords or () for place in (start, stop)), words]
    if multiwords is not None and places == sorted(places) and all(start < stop for start, stop, _ in multiwords):
        sentence.multiwords = [MultiwordToken(*multiword) for multiword in multiwords]
        del fields["multiwords"]
    spaces = _fitting(fields.get("space_after"), list[bool])
    inside = (word for start, stop, _ in sentence.multiwords for word in range(start, stop - 1))
    if spaces is not None and len(spaces) == words and not any(spaces[word] for word in inside):
        sentence.space_after = spaces
        del fields["space_after"]
    return sentence


def _fitting(value: Any, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def write_jsonl(options: WriteOptions, sentence: Sentence) -> str:
    """A JSON object in a line. It keeps every character, and the keys that the tagger does not know."""
    record: dict[str, object] = {"tokens": sentence.tokens}
    stale: set[str] = set()  # keys that an earlier run wrote for these columns
    for column in options.columns:
        record[column] = sentence.tags[column] if sentence.tokens else []
        stale |= {f"{column}_probabilities", f"{column}_alternatives"}
        if options.probabilities:
            shares: Sequence[float | None]
            shares = sentence.probabilities.get(column) or [None] * len(sentence)  # of a column that is not learned
            record[f"{column}_probabilities"] = [None if p is None else round(p, 4) for p in shares]
        if options.top:
            best = sentence.alternatives.get(column) or [[] for _ in sentence.tokens]
            record[f"{column}_alternatives"] = [[(t, round(p, 4)) for t, p in pairs[: options.top]] for pairs in best]
    if sentence.offsets is not None:
        record["offsets"] = sentence.offsets
    if sentence.multiwords:
        record["multiwords"] = sentence.multiwords
    if sentence.space_after is not None:
        record["space_after"] = sentence.space_after
    if sentence.text is not None:
        record["text"] = sentence.text
    if sentence.language is not None:
        record["language"] = sentence.language
    carried = {key: value for key, value in sentence.fields.items() if key not in stale and key not in record}
    try:
        line = _JSON.encode(carried | record)
    except ValueError as error:
        raise InputError(f"{shorten(str(carried))} cannot be written as JSON ({error}); correct it") from None
    return (line if line.isascii() else SURROGATE.sub(lambda lone: f"\\u{ord(lone.group()):04x}", line)) + "\n"
