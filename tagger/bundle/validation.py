"""Checks of a tagger's folder, which may come from somebody else: types, ranges, names and shapes.

All numbers that decide how much memory or time the program takes are checked here, before anything of that size is
allocated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any

from msgspec import Meta

from tagger.bundle.saved_config import MAX_MEMBERS, Description, described
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.linear_chain import TABLES
from tagger.model.network import check_network_config
from tagger.model.transformer import MAX_ENCODER_LAYERS
from tagger.model.vocabulary import Vocabulary
from tagger.text.json_files import MAX_SIZE, shown
from tagger.text.schema import ShortName, Size, bad_value, one_of, read
from tagger.text.segment import LEARNED, RULES
from tagger.text.strings import printable

Temperature = Annotated[float, Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
Weight = Annotated[float, Meta(gt=0, le=1)]
SUM_TOLERANCE = 1e-6  # of the weights of members, whose sum is 1


@dataclass(kw_only=True)
class _Member:
    network: Any  # see `check_network_config`
    weight: Weight
    temperatures: dict[str, Temperature]
    vocabulary: Annotated[int, Meta(ge=0, le=MAX_MEMBERS)]
    weights: dict[str, Weight] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Linear:
    column: ShortName
    weight: Annotated[float, Meta(gt=0, lt=1)]
    temperature: Temperature
    features: Annotated[list[Size], Meta(min_length=len(TABLES), max_length=len(TABLES))]


@dataclass(kw_only=True)
class _Saved(Description):
    """What `config.json` must hold besides."""

    members: Annotated[list[_Member], Meta(min_length=1, max_length=MAX_MEMBERS)]
    segmenter: Annotated[str, one_of((*RULES, LEARNED))]
    linear: Annotated[list[_Linear], Meta(max_length=MAX_MEMBERS)] = field(default_factory=list)
    temperatures: dict[str, Temperature] = field(default_factory=dict)


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """The content of `config.json`, whose values must have the types and ranges that `Bundle.save` writes."""
    saved = described(_Saved, config)
    for number, member in enumerate(saved.members):
        name = f"members.{number}.network"
        check_network_config(member.network, f"{name}.")
        if member.network["transformer"] is not None:
            _check_settings(f"{name}.transformer.encoder", member.network["transformer"]["encoder"])
    for column in ("", *sorted({column for member in saved.members for column in member.weights})):
        weights = [member.weights.get(column, member.weight) for member in saved.members]
        if abs(sum(weights) - 1) > SUM_TOLERANCE:
            raise ValueError(f"the weights of members are {shown(weights)}, not numbers above 0 with the sum 1")
    if max(member.vocabulary for member in saved.members) >= len(saved.members):
        raise ValueError("members: a number of a vocabulary is too large")
    for column in {each.column for each in saved.linear}:
        if sum(each.weight for each in saved.linear if each.column == column) >= 1:
            raise ValueError(f"the weights of the linear members of {shown(column)} leave nothing for the networks")
    return config


def check_columns(values: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Raises ValueError unless all temperatures and weights of columns are of columns of the tagger."""
    for key in ("temperatures", "weights"):
        for column in values.get(key, {}):
            if column not in columns:
                raise ValueError(f"a name in {key} is {shown(column)}, not one of {', '.join(columns)}")


def _check_settings(name: str, value: Any) -> None:
    """Limits the whole numbers in a transformer's settings. Which settings there are is the package's business."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_settings(f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            _check_settings(name, item)
    elif type(value) is int:
        most = MAX_ENCODER_LAYERS if "layer" in name.rpartition(".")[2] else MAX_SIZE
        if not -MAX_SIZE <= value <= most:
            raise bad_value(name, value, f"give a whole number, at most {most}")


@dataclass
class _Vocabularies:
    vocabularies: Annotated[list[Vocabulary], Meta(min_length=1, max_length=MAX_MEMBERS)]


def check_vocabularies(content: dict[str, Any]) -> list[Vocabulary]:
    """The vocabularies of `vocabulary.json`, which must have the same tags in the same order."""
    vocabularies = read(_Vocabularies, content).vocabularies
    for vocabulary in vocabularies:
        _check_vocabulary(vocabulary)
        if list(vocabulary.tags.items()) != list(vocabularies[0].tags.items()):
            raise ValueError("the vocabularies have other tags, or in another order")
    return vocabularies


def _check_vocabulary(vocabulary: Vocabulary) -> None:
    """Raises ValueError unless the values of a vocabulary fit each other, and its names can be shown."""
    names = {"vectors": [*vocabulary.vectors], "columns": [*vocabulary.tags], "corpora": vocabulary.corpora}
    for name, strings in (names | {f"tags of {column}": tags for column, tags in vocabulary.tags.items()}).items():
        _check_names(name, strings)
    if any(not tags for tags in vocabulary.tags.values()):
        raise ValueError("a column in the vocabulary has no tags")
    for column, form_tags in vocabulary.form_tags.items():
        if column not in vocabulary.tags or len(form_tags) != len(vocabulary.forms):
            raise ValueError(f"form_tags of {shown(column)} are not one list for each form")
        if max(chain.from_iterable(form_tags), default=0) >= len(vocabulary.tags[column]):
            raise ValueError(f"a form has a script of {shown(column)} that there is not")
    sizes = [len(vocabulary.tags[column]) for column in vocabulary.combined]
    for combination in vocabulary.combinations:
        if len(combination) != len(sizes):
            raise ValueError(f"a combination is {shown(combination)}, but there are {len(sizes)} columns")
        if any(tag >= size for tag, size in zip(combination, sizes, strict=True)):
            raise ValueError(f"a combination is {shown(combination)}, and a column has no such tag")


def _check_names(name: str, strings: Sequence[str]) -> None:
    """Refuses names that could not be printed, or written to a file with tabs between fields."""
    if len(set(strings)) < len(strings):
        raise ValueError(f"one of the {name} in the vocabulary occurs twice")
    for string in strings:
        if printable(string) != string:
            raise ValueError(f"one of the {name} in the vocabulary, {shown(string)}, has a control character")
