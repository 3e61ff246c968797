"""Plain values, of a config or of JSON -> dataclasses; what is wrong is one line: key, value, what msgspec says.

msgspec checks types, ranges and choices, which the types of the fields state. It is strict: true is no number, and "2"
is none. This module adds what it leaves out: unknown keys, and the value itself. A dataclass may have a class variable
`OTHERS`: whether it ignores other keys.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from msgspec import inspect as types

from tagger.errors import InputError, reason, shorten
from tagger.text.json_files import MAX_NAME, MAX_SIZE

Size = Annotated[int, Meta(ge=0, le=MAX_SIZE)]  # 0 means: none
Count = Annotated[int, Meta(ge=1, le=MAX_SIZE)]
MAX_SEED = (1 << 32) - 1
Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Rate = Annotated[float, Meta(ge=0, le=1)]
Dropout = Annotated[float, Meta(ge=0, le=0.99)]
Name = Annotated[str, Meta(min_length=1)]
ShortName = Annotated[str, Meta(max_length=MAX_NAME)]

Config = TypeVar("Config")
_INFO: dict[Any, types.Type] = {}  # what msgspec says of each dataclass that was read
_CHOICES = re.compile(r"expected str matching regex '\\\\A\(\?:(.*)\)\\\\Z'")  # of `one_of`


def one_of(names: Iterable[str]) -> Meta:
    """Limits a string to these words."""
    return Meta(pattern=rf"\A(?:{'|'.join(map(re.escape, names))})\Z")


def read(kind: type[Config], values: Any, prefix: str = "", from_page: bool = False) -> Config:
    """Makes a dataclass of plain values.

    Args:
        kind: a dataclass; the types of its fields may be dataclasses and typed dictionaries, too.
        values: a dictionary.
        prefix: of the keys, for messages, such as `model.`.
        from_page: whether people wrote the values, who mean a word where `card.version=2.16` gives a number.

    Raises:
        InputError: a key that does not exist or has no value; a value of a wrong type or out of range; or what
            `__post_init__` of a dataclass raises.
    """
    fitting = _fitting(_info(kind), values, prefix, from_page)
    try:
        return msgspec.convert(fitting, kind)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise _wrong(str(error), kind, fitting, prefix) from None


def read_file(kind: type[Config], path: Path, max_bytes: int, purpose: str) -> Config:
    """Makes a dataclass of the content of a JSON file. It may come from anywhere: nothing that it names is executed.

    Args:
        kind: the dataclass.
        path: of the file.
        max_bytes: of a file that can be read.
        purpose: what the file should say, such as `how the run was started`; and the remedy if it does not.

    Raises:
        InputError: there is no such file, or it has other content.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise InputError(f"longer than {max_bytes:,} bytes")
        return read(kind, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # InputError is one
        raise InputError(f"{path} does not say {purpose.replace(';', f' ({reason(error)});', 1)}") from None


def bad_value(key: str, value: Any, remedy: str) -> InputError:
    """The error `KEY=VALUE: REMEDY`, with the value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        shown = {None: "null", True: "true", False: "false"}[value]
    else:
        shown = str(value) if len(str(value)) <= 60 else shorten(str(value))
    return InputError(f"{key}={' '.join(shown.split()) if shown.isprintable() else ascii(shown)[1:-1]}: {remedy}")


def nearest(word: str, words: Sequence[str]) -> str | None:
    """The most similar of some words, or None; of keys with dots first one whose last part is the same."""
    last = word.rpartition(".")[2]
    same = [other for other in words if other.rpartition(".")[2] == last]
    return next(iter(same[:1] or difflib.get_close_matches(word, words, 1)), None)


def _wrong(message: str, kind: Any, values: Any, prefix: str) -> InputError:
    """What msgspec says, `Expected ... - at `$.model.hidden[1]``, behind the key and the value at that path."""
    words, _, path = message.partition(" - at `")
    info = _info(kind)
    keys: list[str] = []
    for name in re.findall(r"\w+|\[\.\.\.\]", path.partition("$")[2]):
        if name == "[...]" or not isinstance(values, Mapping | list):  # msgspec does not name a dictionary's entry
            break
        keys.append(name)
        info = _type_of(info, name)
        values = values[int(name) if isinstance(values, list) else name]
    missing = re.match(r"Object missing required field `(\w+)`", words)
    if missing:
        key = prefix + ".".join([*keys, missing[1]])
        return InputError(f"{key} has no value; give it one: {key}=...")
    words = (words[:1].lower() + words[1:]).replace("`", "").replace(" | ", " or ")
    choices = _CHOICES.fullmatch(words)
    literals = [
        str(value) for each in _alternatives(info) if isinstance(each, types.LiteralType) for value in each.values
    ]
    if choices:
        words = "expected one of " + choices[1].replace("\\", "").replace("|", ", ")
    elif words.startswith("invalid enum value"):
        words = "expected one of " + ", ".join(map(str, literals))
    ambiguous = isinstance(values, str) and re.fullmatch(r"[\d.+-]+|true|false|null", values)
    key = (prefix + ".".join(keys)).rstrip(".") or "the whole"
    return bad_value(key, repr(values) if ambiguous else values, words)


def _fitting(info: types.Type, values: Any, prefix: str, from_page: bool) -> Any:
    """The values, of a page with numbers as words where words are wanted; refuses keys that the types do not have."""
    alternatives = _alternatives(info)
    fields = _fields_of(info)
    if fields is not None and isinstance(values, Mapping):
        others = any(getattr(getattr(each, "cls", None), "OTHERS", False) for each in alternatives)
        unknown = [name for name in values if name not in fields]
        if unknown and not others:
            raise _unknown(prefix, str(unknown[0]), fields)
        known = {name: value for name, value in values.items() if name in fields}
        return {
            name: _fitting(fields[name].type, value, f"{prefix}{name}.", from_page) for name, value in known.items()
        }
    items = [each.item_type for each in alternatives if isinstance(each, types.ListType)]
    if isinstance(values, list) and items:
        return [_fitting(items[0], value, f"{prefix}{i}.", from_page) for i, value in enumerate(values)]
    kinds = {type(each) for each in alternatives}
    if from_page and type(values) in (int, float) and types.StrType in kinds:
        return values if kinds & {types.IntType, types.FloatType} else str(values)
    return values


def _unknown(prefix: str, name: str, fields: Mapping[str, Any]) -> InputError:
    key = prefix + shorten(name)[1:-1]
    near = nearest(name, list(fields))
    near = f"did you mean {prefix}{near}? " if near else ""
    where = f"{prefix.rstrip('.')} has" if prefix else "the keys are"
    return InputError(f"{key}: no such key; {near}{where} {', '.join(fields)}")


def _info(kind: Any) -> types.Type:
    if kind not in _INFO:
        _INFO[kind] = types.type_info(kind)
    return _INFO[kind]


def _alternatives(info: types.Type) -> list[types.Type]:
    """The types of a union, or the one type."""
    info = _plain(info)
    return [_plain(each) for each in info.types] if isinstance(info, types.UnionType) else [info]


def _plain(info: types.Type) -> types.Type:
    return info.type if isinstance(info, types.Metadata) else info


def _type_of(info: types.Type, name: str) -> types.Type:
    """The type of a field; of anything else, that of every value."""
    fields = _fields_of(info) or {}
    return fields[name].type if name in fields else types.AnyType()


def _fields_of(info: types.Type) -> dict[str, types.Field] | None:
    """The fields of a dataclass or a typed dictionary, or of the one in a union; None if it has none."""
    for each in _alternatives(info):
        if isinstance(each, types.DataclassType | types.TypedDictType):
            return {field.name: field for field in each.fields}
    return None
