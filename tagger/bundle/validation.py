"""The files of JSON of a tagger's folder, which may come from somebody else, read and checked.

All numbers that decide how much memory or time the program takes are checked here, before anything of that size is
allocated.
"""

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from tagger.bundle.saved_config import LEMMAS, MAX_MEMBERS, VOCABULARY, WEIGHTS, Description, check_files, read_config
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.linear_chain import TABLES
from tagger.model.network import NetworkConfig
from tagger.model.storage import one_error
from tagger.model.transformer import MAX_ENCODER_LAYERS
from tagger.model.vocabulary import Vocabulary
from tagger.text.schema import (
    MAX_SIZE,
    MAX_VOCABULARY_BYTES,
    ShortName,
    Size,
    bad_value,
    one_of,
    read,
    read_json,
    shown,
)
from tagger.text.strings import printable
from tagger.words.dictionary_lemmas import LemmaReliability
from tagger.words.segment import LEARNED, RULES

Temperature = Annotated[float, Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
Weight = Annotated[float, Meta(gt=0, le=1)]
_Vocabularies = Annotated[list[Vocabulary], Meta(min_length=1, max_length=MAX_MEMBERS)]
MAX_LEMMAS_BYTES = 50_000_000
SUM_TOLERANCE = 1e-6  # of the weights of members, whose sum is 1


@dataclass(kw_only=True)
class _Member:
    network: NetworkConfig
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
    dictionary: dict[ShortName, ShortName] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Config(Description):
    """What `config.json` must hold besides."""

    members: Annotated[list[_Member], Meta(min_length=1, max_length=MAX_MEMBERS)]
    segmenter: Annotated[str, one_of((*RULES, LEARNED))]
    linear: Annotated[list[_Linear], Meta(max_length=MAX_MEMBERS)]
    temperatures: dict[str, Temperature] = field(default_factory=dict)
    files: dict[ShortName, ShortName] = field(default_factory=dict)


def read_description(folder: Path) -> tuple[dict[str, Any], list[Vocabulary]]:
    """What the two files of JSON say, if all of it is as `Bundle.save` writes it, and they fit each other."""
    config = read_config(folder)
    with one_error(folder, WEIGHTS):
        checked = read(_Config, config)
    check_files(folder, checked.files)
    content = read_json(folder / VOCABULARY, MAX_VOCABULARY_BYTES)
    with one_error(folder, WEIGHTS):
        vocabularies = read(dict[str, _Vocabularies], content)["vocabularies"]
        for vocabulary in vocabularies:
            _check_vocabulary(vocabulary)
            if list(vocabulary.tags.items()) != list(vocabularies[0].tags.items()):
                raise ValueError("the vocabularies have other tags, or in another order")
        _check_members(checked, vocabularies[0].columns)
        if max(member.vocabulary for member in checked.members) >= len(vocabularies):
            raise ValueError("members: a number of a vocabulary is too large")
    return config, vocabularies


def read_lemmas(folder: Path) -> LemmaReliability | None:
    """How reliable the lemmas of a tagger's dictionary are; None if it has none."""
    if not (folder / LEMMAS).is_file():
        return None
    content = read_json(folder / LEMMAS, MAX_LEMMAS_BYTES)
    with one_error(folder, LEMMAS):
        found = read(LemmaReliability, content)
        if not found.dictionary:
            raise ValueError(f"{LEMMAS} has no dictionary")
        for tag, counts in [*found.known.items(), *found.new.items()]:
            if any(right > every for _, right, every in counts):
                raise ValueError(f"{LEMMAS}: of the words of {shown(tag)} more are right than there are")
    return found


def _check_members(config: _Config, columns: list[str]) -> None:
    """Raises ValueError unless the weights of the members fit each other, and all names of columns are such."""
    named = [("temperatures", config.temperatures)]
    for number, member in enumerate(config.members):
        named += [("temperatures", member.temperatures), ("weights", member.weights)]
        if (transformer := member.network["transformer"]) is not None:
            _check_settings(f"members.{number}.network.transformer.encoder", transformer["encoder"])
    for name, by_column in named:
        for column in by_column:
            if column not in columns:
                raise ValueError(f"a name in {name} is {shown(column)}, not one of {', '.join(columns)}")
    for column in ["", *columns]:
        weights = [member.weights.get(column, member.weight) for member in config.members]
        if abs(sum(weights) - 1) > SUM_TOLERANCE:
            raise ValueError(f"the weights of members are {shown(weights)}, not numbers above 0 with the sum 1")
    for column in {each.column for each in config.linear}:
        if sum(each.weight for each in config.linear if each.column == column) >= 1:
            raise ValueError(f"the weights of the linear chains of {shown(column)} leave nothing for the networks")


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


def _check_vocabulary(vocabulary: Vocabulary) -> None:
    """Raises ValueError unless the values of a vocabulary fit each other, and its names can be shown.

    A name could not be printed, or written to a file with tabs between fields, if it had a control character.
    """
    names = {"vectors": [*vocabulary.vectors], "columns": [*vocabulary.tags], "corpora": vocabulary.corpora}
    for name, strings in (names | {f"tags of {column}": tags for column, tags in vocabulary.tags.items()}).items():
        if len(set(strings)) < len(strings):
            raise ValueError(f"one of the {name} in the vocabulary occurs twice")
        for string in strings:
            if printable(string) != string:
                raise ValueError(f"one of the {name} in the vocabulary, {shown(string)}, has a control character")
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
