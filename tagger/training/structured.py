"""Plain values -> dataclasses; a wrong name, type or range is an error of one line.

OmegaConf's structured configs check names and types. The type of a field can also state a range or a choice of words,
which `Checked` checks when the dataclass is made.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from tagger.errors import InputError, shorten


class Range(NamedTuple):
    """The least and the greatest value of a number; None if there is no bound."""

    least: float
    most: float | None = None


class OneOf(NamedTuple):
    """The words that a value may be."""

    choices: tuple[str, ...]


Size = Annotated[int, Range(0)]  # 0 means: none
Count = Annotated[int, Range(1)]
MAX_SEED = (1 << 32) - 1
Seed = Annotated[int, Range(0, MAX_SEED)]
Rate = Annotated[float, Range(0, 1)]


@dataclass
class Checked:
    """Checks the ranges and the choices that the types of its fields state; raises InputError.

    Attributes:
        prefix: of the keys of this part in the whole config, such as `model.`.
    """

    prefix: ClassVar[str] = ""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for each in fields(self):
            key, value = self.prefix + each.name, getattr(self, each.name)
            for limit in getattr(hints[each.name], "__metadata__", ()):
                if isinstance(limit, OneOf) and value not in limit.choices:
                    raise bad_value(key, value, f"choose one of {', '.join(limit.choices)}")
                if isinstance(limit, Range) and not limit.least <= value <= (limit.most or float("inf")):
                    raise bad_value(key, value, f"give {_in_words(hints[each.name])}")


Config = TypeVar("Config")


def from_plain(kind: type[Config], values: Mapping[str, Any], prefix: str = "", **parts: type[Any]) -> Config:
    """Makes a dataclass of plain values.

    Args:
        kind: the dataclass.
        values: of its fields; those of dataclasses in it are dictionaries.
        prefix: of its keys, for messages.
        parts: for a field a subclass of its type, to be made instead.

    Raises:
        InputError: a key that does not exist or has no value; a value of a wrong type or out of range.
    """
    types = _types(kind, parts)
    for key, value in _leaves(values):
        if types.get(key) is bool and type(value) is not bool:  # OmegaConf takes 2 for true
            raise bad_value(prefix + key, value, "give true or false")
        nested = isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value)
        if nested and types.get(key, Any) is not Any:  # OmegaConf's error would name no key
            raise bad_value(prefix + key, value, f"give {_in_words(types[key])}")
    try:
        schema = OmegaConf.structured(kind)
        for name, part in parts.items():
            schema[name] = OmegaConf.structured(part)
        return OmegaConf.to_object(OmegaConf.merge(schema, literal(dict(values))))  # type: ignore[return-value]
    except MissingMandatoryValue as error:
        raise InputError(f"{prefix}{error.full_key} has no value; give it one: {prefix}{error.full_key}=...") from None
    except ConfigKeyError as error:
        key = str(error.full_key)
        inside = key.rpartition(".")[0]
        beside = [name.rpartition(".")[2] for name in types if name.rpartition(".")[0] == inside]
        where = f"{prefix}{inside}".rstrip(".") or "the page"
        raise InputError(f"{prefix}{key}: no such key; {where} has {', '.join(beside)}") from None
    except OmegaConfBaseException as error:
        key = re.sub(r"\[.*", "", str(error.full_key or ""))
        hint = types.get(key)
        if hint is None:  # an entry of a dictionary
            *_, hint = get_args(types.get(key.rpartition(".")[0])) or (None,)
        raise bad_value(prefix + key, _value_at(values, key), f"give {_in_words(hint)}") from None


def bad_value(key: str, value: Any, remedy: str) -> InputError:
    """The error `KEY=VALUE: REMEDY`, with the value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        shown = {None: "null", True: "true", False: "false"}[value]
    else:
        shown = str(value) if len(str(value)) <= 60 else shorten(str(value))
    return InputError(f"{key}={shown}: {remedy}")


def literal(value: Any) -> Any:
    """Plain values in which OmegaConf finds no interpolations: every `${` in strings is escaped."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


def plain_values(values: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """The values of a config as plain ones, its interpolations resolved.

    `name` is left out: it says where a run goes, not how it is trained.

    Raises:
        InputError: an interpolation cannot be resolved.
    """
    try:
        plain = OmegaConf.to_container(values, resolve=True) if isinstance(values, DictConfig) else dict(values)
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {' '.join(str(error.msg).split())}") from None
    return {str(key): value for key, value in cast(dict[Any, Any], plain).items() if key != "name"}


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The keys with dots of nested values, and the values."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found


def _types(kind: type[Any], parts: Mapping[str, type[Any]], prefix: str = "") -> dict[str, Any]:
    """The type of each key of a dataclass and of the dataclasses in it."""
    found = {}
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        hint = found[prefix + each.name] = parts.get(each.name, hints[each.name])
        for part in (hint, *get_args(hint)):  # also of `Part | None`
            if is_dataclass(part) and isinstance(part, type):
                found |= _types(part, {}, f"{prefix}{each.name}.")
    return found


def _in_words(hint: Any) -> str:
    """What a value of a type is, in words for people."""
    if is_dataclass(hint):
        return f"its values one by one; its keys are {', '.join(each.name for each in fields(hint))}"
    limits = [limit for limit in getattr(hint, "__metadata__", ()) if isinstance(limit, Range)]
    plain = getattr(hint, "__origin__", hint) if limits else hint
    kinds = {plain, *get_args(plain)}
    if list[str] in kinds:
        return "a list of words, such as [upos,xpos]"
    if list[int] in kinds:
        return "null, or a list of numbers such as [4,5,6]"
    if plain is dict or get_origin(plain) is dict:
        return "its values one by one"
    null = "null or " if type(None) in kinds else ""
    if int in kinds:
        bounds = "".join(f", at least {limit.least:g}" for limit in limits)
        bounds += "".join(f" and at most {limit.most:.0f}" for limit in limits if limit.most)
        return f"{null}a whole number{bounds}"
    if float in kinds:
        bounds = "".join(f" from {limit.least:g}" + (f" to {limit.most:g}" if limit.most else "") for limit in limits)
        return f"{null}a number{bounds}"
    return null + ("true or false" if bool in kinds else "a word")


def _value_at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def takes_whole_numbers(kind: type[Any], key: str) -> bool | None:
    """Whether the values of a key with dots are whole numbers; None if the dataclass does not say."""
    hint = _types(kind, {}).get(key, Any)
    kinds = {hint, *get_args(hint), *(inner for part in get_args(hint) for inner in get_args(part))}
    return True if int in kinds else False if float in kinds else None
