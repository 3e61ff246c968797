"""Checks of a tagger's folder, which may come from somebody else: types, ranges, names and shapes.

All numbers that decide how much memory or time the program takes are checked here, before anything of that size is
allocated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from tagger.bundle.saved_config import MAX_MEMBERS, Description, described
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.network import check_network_config
from tagger.model.transformer import MAX_ENCODER_LAYERS
from tagger.model.vocabulary import Vocabulary
from tagger.text.json_files import (
    MAX_NAME,
    MAX_SIZE,
    check_choice,
    check_int,
    checked_list,
    checked_object,
    shown,
)
from tagger.text.schema import one_of
from tagger.text.segment import LEARNED, RULES
from tagger.text.strings import printable

Temperature = Annotated[float, Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
SUM_TOLERANCE = 1e-6  # of the weights of members, whose sum is 1
MAX_COUNT = 1 << 62  # how often a word occurs in training; the row of its vector


@dataclass(kw_only=True)
class _Member:
    network: Any  # see `check_network_config`
    weight: Annotated[float, Meta(gt=0, le=1)]
    temperatures: dict[str, Temperature]
    vocabulary: Annotated[int, Meta(ge=0, le=MAX_MEMBERS)]


@dataclass(kw_only=True)
class _Saved(Description):
    """What `config.json` must hold besides."""

    members: Annotated[list[_Member], Meta(min_length=1, max_length=MAX_MEMBERS)]
    segmenter: Annotated[str, one_of((*RULES, LEARNED))]
    temperatures: dict[str, Temperature] = field(default_factory=dict)


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """The content of `config.json`, whose values must have the types and ranges that `Bundle.save` writes.

    Raises:
        ValueError: a value has not.
    """
    saved = described(_Saved, config)
    for number, member in enumerate(saved.members):
        name = f"members.{number}.network"
        check_network_config(member.network, f"{name}.")
        if member.network["transformer"] is not None:
            _check_settings(f"{name}.transformer.encoder", member.network["transformer"]["encoder"])
    weights = [member.weight for member in saved.members]
    if abs(sum(weights) - 1) > SUM_TOLERANCE:
        raise ValueError(f"the weights of members are {shown(weights)}, not numbers above 0 with the sum 1")
    if max(member.vocabulary for member in saved.members) >= len(weights):
        raise ValueError("members: a number of a vocabulary is too large")
    return config


def check_temperatures(temperatures: Mapping[str, float], columns: Sequence[str]) -> None:
    """Raises ValueError unless all temperatures are of columns of the tagger."""
    for column in temperatures:
        check_choice("a name in temperatures", column, columns)


def _check_settings(name: str, value: Any) -> None:
    """Limits the whole numbers in a transformer's settings. Which settings there are is the package's business."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_settings(f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            _check_settings(name, item)
    elif type(value) is int:
        last = name.rpartition(".")[2]
        check_int(name, value, -MAX_SIZE, MAX_ENCODER_LAYERS if "layer" in last else MAX_SIZE)


def check_vocabularies(content: dict[str, Any]) -> list[Vocabulary]:
    """The vocabularies of `vocabulary.json`, which must have the same tags in the same order.

    Raises:
        ValueError, TypeError: they have not, or one does not hold what its type hints say.
    """
    fields = checked_list("vocabularies", checked_object("the vocabulary", content, ("vocabularies",))["vocabularies"])
    if not 1 <= len(fields) <= MAX_MEMBERS:
        raise ValueError(f"there are {len(fields)} vocabularies, not 1 to {MAX_MEMBERS}")
    vocabularies = [Vocabulary(**checked_object("a vocabulary", each)) for each in fields]
    for vocabulary in vocabularies:
        _check_vocabulary(vocabulary)
        if list(vocabulary.tags.items()) != list(vocabularies[0].tags.items()):
            raise ValueError("the vocabularies have other tags, or in another order")
    return vocabularies


def _check_vocabulary(vocabulary: Vocabulary) -> None:
    """Raises ValueError unless a vocabulary that was read from JSON holds what its type hints say."""
    _check_counts("words", vocabulary.words)
    for name, rows in checked_object("vectors", vocabulary.vectors).items():
        _check_names("vectors", [name])
        _check_counts("vectors", rows)
    for name, strings in (("characters", vocabulary.characters), ("forms", vocabulary.forms)):
        if not set(map(type, checked_list(name, strings))) <= {str}:
            raise ValueError(f"{name} in the vocabulary are not a list of strings")
    for column, tags in checked_object("tags", vocabulary.tags).items():
        _check_names("columns", [column])
        _check_names(f"tags of {column}", checked_list("tags", tags))
    for column, form_tags in checked_object("form_tags", vocabulary.form_tags).items():
        if column not in vocabulary.tags or len(checked_list("form_tags", form_tags)) != len(vocabulary.forms):
            raise ValueError(f"form_tags of {shown(column)} are not one list for each form")
        for ids in form_tags:
            for script in checked_list("the scripts of a form", ids):
                check_int("the id of a script of a form", script, 0, len(vocabulary.tags[column]) - 1)
    if checked_list("corpora", vocabulary.corpora):
        _check_names("corpora", vocabulary.corpora)
    sizes = [len(vocabulary.tags[column]) for column in vocabulary.combined]
    for combination in checked_list("combinations", vocabulary.combinations):
        if len(checked_list("a combination", combination)) != len(sizes):
            raise ValueError(f"a combination is {shown(combination)}, but there are {len(sizes)} columns")
        for tag, size in zip(combination, sizes, strict=True):
            check_int("the id of a tag in a combination", tag, 0, size - 1)


def _check_counts(name: str, counts: Any) -> None:
    numbers = checked_object(name, counts).values()
    if set(map(type, numbers)) <= {int} and (not numbers or (min(numbers) >= 0 and max(numbers) <= MAX_COUNT)):
        return
    bad = next(key for key, count in counts.items() if type(count) is not int or not 0 <= count <= MAX_COUNT)
    raise ValueError(f"{name} in the vocabulary: {shown(bad)} has the number {shown(counts[bad])}")


def _check_names(name: str, strings: Sequence[Any]) -> None:
    """Refuses names that could not be printed, or written to a file with tabs between fields."""
    if not strings or not all(type(string) is str and len(string) <= MAX_NAME for string in strings):
        raise ValueError(f"the {name} in the vocabulary are not a list of strings")
    if len(set(strings)) < len(strings):
        raise ValueError(f"one of the {name} in the vocabulary occurs twice")
    for string in strings:
        if printable(string) != string:
            raise ValueError(f"one of the {name} in the vocabulary, {shown(string)}, has a control character")
