"""Plain values, of a config or of JSON -> dataclasses; what is wrong is an error of one line: key, value, remedy.

msgspec checks types, ranges and choices, which the types of the fields state. It is strict: true is no number, and "2"
is none. This module adds what it leaves out: unknown keys, the value itself, and what to write instead. A dataclass may
have a class variable `OTHERS`: whether it ignores other keys.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta
from msgspec import inspect as types

from tagger.errors import InputError, reason, shorten
from tagger.gone import KEYS
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


def one_of(names: Iterable[str]) -> Meta:
    """Limits a string to these words."""
    words = tuple(names)
    return Meta(pattern=rf"\A(?:{'|'.join(map(re.escape, words))})\Z", extra={"words": words})


def remedy(text: str) -> Meta:
    """What an error says of a value of this type, after `give`, if the type alone does not say it well."""
    return Meta(extra={"remedy": text})


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
    info = _info(kind)
    if not isinstance(values, Mapping):
        raise bad_value(prefix.rstrip(".") or "the whole", values, f"give {_in_words(info)}")
    fitting = _fitting(info, values, prefix, from_page)
    try:
        return msgspec.convert(fitting, kind)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise _Wrong.found(str(error), info, fitting).error(prefix) from None


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
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise InputError("it holds no JSON object")
        return read(kind, values)
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


def word_keys(kind: type[Any], prefix: str = "") -> list[str]:
    """The keys, with dots, of a dataclass and those in it whose values may be any words: names, files, addresses."""
    found = []
    for name, field in (_fields_of(_info(kind)) or {}).items():
        for each in _alternatives(field.type):
            if isinstance(each, types.DataclassType):
                found += word_keys(each.cls, f"{prefix}{name}.")
            elif isinstance(each, types.StrType) and each.pattern is None:
                found.append(prefix + name)
    return found


def has_whole_numbers(kind: type[Any], key: str) -> bool | None:
    """Whether the values of a key with dots are whole numbers; None if the dataclass does not say."""
    info: types.Type | None = _info(kind)
    for name in key.split("."):
        fields = _fields_of(info) or {}
        info = fields[name].type if name in fields else None
    alternatives = _alternatives(info) if info else []
    items = [_plain(each.item_type) for each in alternatives if isinstance(each, types.ListType)]
    kinds = {type(each) for each in [*alternatives, *items]}
    return True if types.IntType in kinds else False if types.FloatType in kinds else None


class _Wrong(NamedTuple):
    """A value that does not fit."""

    key: str
    value: Any
    type: types.Type
    missing: str | None  # a key below that has no value

    @classmethod
    def found(cls, message: str, info: types.Type, values: Any) -> "_Wrong":
        """Follows the path that msgspec names, `$.model.hidden[1]`."""
        path = re.search(r"at `(?:key` in `)?\$\.?([^`]*)`$", message)
        missing = re.match(r"Object missing required field `(\w+)`", message)
        names = re.findall(r"\w+|\[\.\.\.\]", path.group(1)) if path else []
        key = ""
        for name in names:
            fields = _fields_of(info)
            if name == "[...]":  # an entry of a dictionary, which msgspec does not name
                (entries,) = [each for each in _alternatives(info) if isinstance(each, types.DictType)]
                bad = next((name for name, value in values.items() if not _fits(value, entries.value_type)), None)
                if (
                    bad is None
                ):  # a key is too long, or a number is too large for msgspec: the whole dictionary is named
                    break
                info, name = entries.value_type, bad
            elif fields is None:  # the number of an item in a list; the whole list is named unless it holds dataclasses
                items = [each.item_type for each in _alternatives(info) if isinstance(each, types.ListType)]
                if not items or _fields_of(items[0]) is None:
                    break
                info, name = items[0], int(name)
            else:
                info = fields[name].type
            key, values = f"{key}.{name}".lstrip("."), values[name]
        return cls(key, values, info, missing.group(1) if missing else None)

    def error(self, prefix: str) -> InputError:
        if self.missing:
            key = f"{prefix}{self.key}.{self.missing}" if self.key else f"{prefix}{self.missing}"
            return InputError(f"{key} has no value; give it one: {key}=...")
        ambiguous = isinstance(self.value, str) and re.fullmatch(r"[\d.+-]+|true|false|null", self.value)
        words = _in_words(self.type, self.value)
        verb = "choose" if words.startswith("one of") else "give"
        return bad_value(prefix + self.key, repr(self.value) if ambiguous else self.value, f"{verb} {words}")


def _fits(value: Any, info: types.Type) -> bool:
    """Whether a value is of a type that may stand in a dictionary."""
    for each in _alternatives(info):
        match each:
            case types.IntType() if type(value) is int:
                fits = (each.ge is None or value >= each.ge) and (each.le is None or value <= each.le)
            case types.FloatType() if type(value) in (int, float):
                fits = (each.ge is None or value >= each.ge) and (each.le is None or value <= each.le)
            case types.StrType() if type(value) is str:
                fits = len(value) >= (each.min_length or 0) and len(value) <= (each.max_length or len(value))
            case types.ListType() if type(value) is list:
                fits = len(value) >= (each.min_length or 0) and all(_fits(item, each.item_type) for item in value)
            case types.DictType() if type(value) is dict:
                fits = all(_fits(item, each.value_type) for item in value.values())
            case _:
                fits = isinstance(each, types.NoneType) and value is None
        if fits:
            return True
    return False


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
    kinds = {type(each) for each in alternatives}
    if isinstance(values, list):
        items = [each.item_type for each in alternatives if isinstance(each, types.ListType)]
        parts = [item for item in items if _fields_of(item)]
        if parts:
            return [_fitting(parts[0], value, f"{prefix}{i}.", from_page) for i, value in enumerate(values)]
        if from_page and any(isinstance(_plain(item), types.StrType) for item in items):
            return [str(value) if type(value) in (int, float) else value for value in values]
    elif from_page and type(values) in (int, float) and types.StrType in kinds:
        return values if kinds & {types.IntType, types.FloatType} else str(values)
    return values


def _unknown(prefix: str, name: str, fields: Mapping[str, Any]) -> InputError:
    key = prefix + shorten(name)[1:-1]
    if key in KEYS:
        return InputError(f"{key} is gone: {KEYS[key]}")
    near = nearest(name, list(fields))
    near = f"did you mean {prefix}{near}? " if near else ""
    where = f"{prefix.rstrip('.')} has" if prefix else "the keys are"
    return InputError(f"{key}: no such key; {near}{where} {', '.join(fields)}")


def _info(kind: Any) -> types.Type:
    if kind not in _INFO:
        _INFO[kind] = types.type_info(kind)
    return _INFO[kind]


def _plain(info: types.Type) -> types.Type:
    return info.type if isinstance(info, types.Metadata) else info


def _alternatives(info: types.Type) -> list[types.Type]:
    """The types of a union, or the one type."""
    info = _plain(info)
    return [_plain(each) for each in info.types] if isinstance(info, types.UnionType) else [info]


def _fields_of(info: types.Type | None) -> dict[str, types.Field] | None:
    """The fields of a dataclass or a typed dictionary, or of the one in a union; None if it has none."""
    for each in _alternatives(info) if info else ():
        if isinstance(each, types.DataclassType | types.TypedDictType):
            return {field.name: field for field in each.fields}
    return None


def _in_words(info: types.Type, value: Any = None) -> str:
    """What a value of a type is, in words for people."""
    extra = (info.extra or {}) if isinstance(info, types.Metadata) else {}
    if "remedy" in extra:
        return str(extra["remedy"])
    if "words" in extra:
        return f"one of {', '.join(extra['words'])}"
    info = _plain(info)
    match info:
        case types.UnionType():
            others = [each for each in info.types if not isinstance(_plain(each), types.NoneType)]
            return " or ".join(["null"] * (len(others) < len(info.types)) + [_in_words(each, value) for each in others])
        case types.IntType():
            bounds = [] if info.ge is None else [f"at least {info.ge}"]
            if info.le is not None and (info.le != MAX_SIZE or (type(value) is int and value > MAX_SIZE)):
                bounds.append(f"at most {info.le}")
            return "a whole number" + (f", {' and '.join(bounds)}" if bounds else "")
        case types.FloatType():
            if info.gt is not None:
                return f"a number above {info.gt:g}" + ("" if info.le is None else f", at most {info.le:g}")
            least = "" if info.ge is None else f" from {info.ge:g}"
            return f"a number{least}" + ("" if info.le is None else f" to {info.le:g}")
        case types.StrType():
            return "a word"
        case types.BoolType():
            return "true or false"
        case types.ListType():
            if _fields_of(info.item_type) is not None:
                return f"a list of {info.min_length or 0} to {info.max_length} objects"
            if isinstance(_plain(info.item_type), types.ListType):
                return "a list of lists"
            numbers = isinstance(_plain(info.item_type), types.IntType | types.FloatType)
            return "a list of numbers, such as [4,5,6]" if numbers else "a list of words, such as [upos,xpos]"
        case types.LiteralType():
            return " or ".join(map(str, info.values))
        case types.DataclassType() | types.TypedDictType():
            return f"its values one by one; its keys are {', '.join(field.name for field in info.fields)}"
    return "its values one by one"
