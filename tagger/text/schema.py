"""Plain values, of a config or of a JSON file -> dataclasses; what is wrong is one line: key, value, what msgspec says.

msgspec checks types, ranges and choices, which the types of the fields state. It is strict: true is no number, and "2"
is none. This module adds what it leaves out: unknown keys, and the value itself. A dataclass may have a class variable
`OTHERS`: whether it ignores other keys. A file may come from somebody else, so its size and its depth have limits.
"""

import copy
import difflib
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import reduce
from itertools import chain
from operator import getitem
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from tagger.errors import InputError, reason, shorten

MAX_VOCABULARY_BYTES = 500_000_000
MAX_SIZE = 10_000_000  # size of an embedding, rows of a hash table, any whole number in a transformer's settings
MAX_NAME = 10_000  # characters of a name that is shown
MAX_NESTING = 50  # levels of lists and objects in a JSON file
Size = Annotated[int, Meta(ge=0, le=MAX_SIZE)]  # 0 means: none
Count = Annotated[int, Meta(ge=1, le=MAX_SIZE)]
MAX_SEED = (1 << 32) - 1
Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Rate = Annotated[float, Meta(ge=0, le=1)]
Dropout = Annotated[float, Meta(ge=0, le=0.99)]
Name = Annotated[str, Meta(min_length=1)]
ShortName = Annotated[str, Meta(max_length=MAX_NAME)]

Config = TypeVar("Config")
_CHOICES = re.compile(r"expected str matching regex '\\\\A\(\?:(.*)\)\\\\Z'")  # of `one_of`


def one_of(names: Iterable[str]) -> Meta:
    """Limits a string to these words."""
    return Meta(pattern=rf"\A(?:{'|'.join(map(re.escape, names))})\Z")


def read(kind: type[Config], values: Any, prefix: str = "", from_page: bool = False) -> Config:
    """Makes a dataclass of a dictionary of plain values; nothing that they name is executed.

    Args:
        prefix: of the keys, for messages, such as `model.`.
        from_page: whether people wrote the values, who mean a word where `card.version=2.16` gives a number.
    """
    values = copy.deepcopy(values) if from_page else values
    while True:
        try:
            made = msgspec.convert(values, kind)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, InputError):
                raise error.__cause__ from None
            words, keys, value = _place(str(error), values)
            if not (from_page and keys and type(value) in (int, float) and words.startswith("expected str")):
                raise _wrong(words, keys, value, prefix) from None
            reduce(getitem, keys[:-1], values)[keys[-1]] = str(value)
        else:
            _check_keys(values, made, prefix)
            return made


def _place(message: str, values: Any) -> tuple[str, list[Any], Any]:
    """What msgspec says, such as `Expected ... - at `$.model.hidden[1]``: words, keys, and the value at that place."""
    words, _, path = message.partition(" - at `")
    keys: list[Any] = []
    for name in re.findall(r"\w+|\[\.\.\.\]", path.partition("$")[2]):
        if name == "[...]" or not isinstance(values, Mapping | list):  # msgspec does not name a dictionary's entry
            break
        keys.append(int(name) if isinstance(values, list) else name)
        values = values[keys[-1]]
    return (words[:1].lower() + words[1:]).replace("`", "").replace(" | ", " or "), keys, values


def _wrong(words: str, keys: Sequence[Any], value: Any, prefix: str) -> InputError:
    key = prefix + ".".join(map(str, keys))
    if missing := re.match(r"object missing required field (\w+)", words):
        key = f"{key}.{missing[1]}" if keys else f"{key}{missing[1]}"
        return InputError(f"{key} has no value; give it one: {key}=...")
    if choices := _CHOICES.fullmatch(words):
        words = "expected one of " + choices[1].replace("\\", "").replace("|", ", ")
    if not key:
        return InputError(f"{shown(value)}: {words}")
    ambiguous = isinstance(value, str) and re.fullmatch(r"[\d.+-]+|true|false|null", value)
    return bad_value(key.rstrip("."), repr(value) if ambiguous else value, words)


def _check_keys(values: Any, made: Any, prefix: str) -> None:
    """Raises InputError if a key of some values is not one of what msgspec made of them."""
    if isinstance(values, Mapping) and (is_dataclass(made) or isinstance(made, dict)):
        known = {each.name: getattr(made, each.name) for each in fields(made)} if is_dataclass(made) else made
        for name, value in values.items():
            if name in known:
                if isinstance(value, (dict, list)):
                    _check_keys(value, known[name], f"{prefix}{name}.")
            elif not getattr(made, "OTHERS", False):
                raise _unknown(prefix, str(name), list(known))
    elif isinstance(values, list) and isinstance(made, list) and isinstance(next(iter(values), None), Mapping):
        for i, (value, item) in enumerate(zip(values, made, strict=True)):
            _check_keys(value, item, f"{prefix}{i}.")


def _unknown(prefix: str, name: str, known: Sequence[str]) -> InputError:
    near = nearest(name, known)
    near = f"did you mean {prefix}{near}? " if near else ""
    where = f"{prefix.rstrip('.')} has" if prefix else "the keys are"
    return InputError(f"{prefix}{shorten(name)[1:-1]}: no such key; {near}{where} {', '.join(known)}")


def bad_value(key: str, value: Any, remedy: str) -> InputError:
    """The error `KEY=VALUE: REMEDY`, with the value as it is written on the command line."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text if len(text) <= 60 else shorten(text)
    return InputError(f"{key}={' '.join(text.split()) if text.isprintable() else ascii(text)[1:-1]}: {remedy}")


def nearest(word: str, words: Sequence[str]) -> str | None:
    """The most similar of some words, or None; of keys with dots first one whose last part is the same."""
    last = word.rpartition(".")[2]
    same = [other for other in words if other.rpartition(".")[2] == last]
    return next(iter(same[:1] or difflib.get_close_matches(word, words, 1)), None)


def shown(value: Any) -> str:
    """A value of JSON for a message, cut if it is long; ASCII."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:30]}…{text[-30:]}"


def write_packed_json(path: Path, value: Any) -> None:
    """Writes a compressed file; the same value gives the same bytes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "backslashreplace")  # a vocabulary can hold lone surrogates
    path.write_bytes(gzip.compress(content, mtime=0))


def read_json(path: Path, max_bytes: int, remedy: str = "copy the folder again") -> dict[str, Any]:
    """Reads the JSON object of a file, which may be compressed (`.gz`) and have so many bytes when it is plain."""
    too_large = f"{path} has more than {max_bytes / 1e6:g} MB; {remedy}"
    try:
        if path.stat().st_size > max_bytes:
            raise InputError(too_large)
        content = path.read_bytes()
        if path.suffix == ".gz":
            unpacking = zlib.decompressobj(wbits=31)
            content = unpacking.decompress(content, max_bytes)
            if len(content) >= max_bytes and not unpacking.eof:
                raise InputError(too_large)
            if not unpacking.eof:
                raise EOFError("it is cut short")
        try:
            value = msgspec.json.decode(content)
        except ValueError:  # one that Python can read, such as a lone surrogate
            value = json.loads(content.decode("utf-8"))
        if not isinstance(value, dict):
            raise TypeError("it holds no JSON object")
        _check_depth(value, MAX_NESTING)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the file and its permissions") from None
    except RecursionError:
        raise InputError(f"{path} is damaged (nested more than {MAX_NESTING} deep); {remedy}") from None
    except (ValueError, TypeError, EOFError, zlib.error) as error:  # no UTF-8, no JSON, or a number with many digits
        raise InputError(f"{path} is damaged ({reason(error)}); {remedy}") from None
    return value


def _check_depth(value: dict[str, Any], limit: int) -> None:
    """Raises RecursionError if lists and objects are nested more than `limit` deep."""
    level: list[Any] = [value]
    for _ in range(limit):
        items = (each.values() if isinstance(each, dict) else each for each in level)
        level = [item for item in chain.from_iterable(items) if type(item) in (dict, list)]
        if not level:
            return
    raise RecursionError
