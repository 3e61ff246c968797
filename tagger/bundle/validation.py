"""Checks of a tagger's folder, which may come from somebody else: types, ranges, names and shapes.

All numbers that decide how much memory or time the program takes are checked here, before anything of that size is
allocated.
"""

from collections.abc import Sequence
from typing import Any

from tagger.bundle.saved_config import MAX_MEMBERS, check_description
from tagger.model.decoder import DECODERS, MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.embeddings import VECTOR_DTYPES, VectorConfig
from tagger.model.encoder import CELLS
from tagger.model.network import MAX_DEPTH, MAX_HIDDEN_SIZE, NetworkConfig
from tagger.model.transformer import ENCODER_DTYPES, POOLINGS, TransformerConfig
from tagger.model.vocabulary import Vocabulary
from tagger.text.json_files import (
    MAX_NAME,
    MAX_SIZE,
    check_bool,
    check_choice,
    check_int,
    checked_list,
    checked_object,
    shown,
)
from tagger.text.segment import LEARNED, RULES
from tagger.text.strings import printable

MAX_ENCODER_LAYERS = 128  # each takes 10 ms to build; the largest encoders have 48
SUM_TOLERANCE = 1e-6  # of the weights of members, whose sum is 1
MAX_COUNT = 1 << 62  # how often a word occurs in training; the row of its vector


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """The content of `config.json`, whose values must have the types and ranges that `Bundle.save` writes.

    Raises:
        ValueError: a value has not.
    """
    members = checked_list("members", config.get("members"))
    if not 1 <= len(members) <= MAX_MEMBERS:
        raise ValueError(f"members has {len(members)} networks, not 1 to {MAX_MEMBERS}")
    for number, member in enumerate(members):
        name = f"members.{number}"
        checked_object(name, member, ("network", "weight", "temperatures", "vocabulary"))
        _check_network(f"{name}.network", member["network"])
        check_int(f"{name}.vocabulary", member["vocabulary"], 0, len(members) - 1)
    weights = [member["weight"] for member in members]
    numbers = all(type(weight) in (int, float) and 0 < weight <= 1 for weight in weights)
    if not numbers or abs(sum(weights) - 1) > SUM_TOLERANCE:
        raise ValueError(f"the weights of members are {shown(weights)}, not numbers above 0 with the sum 1")
    check_choice("segmenter", config.get("segmenter"), (*RULES, LEARNED))
    check_description(config)
    return config


def _check_network(name: str, value: Any) -> None:
    """The keys are those of `NetworkConfig`. A new one needs a check of its value here."""
    network = checked_object(name, value, NetworkConfig.__annotations__)
    check_choice(f"{name}.decoder", network["decoder"], DECODERS)
    check_choice(f"{name}.cell", network["cell"], CELLS)
    check_int(f"{name}.depth", network["depth"], 1, MAX_DEPTH)
    for direction, sizes in checked_object(f"{name}.hidden", network["hidden"], ("forward", "backward")).items():
        for size in sizes if isinstance(sizes, list) else [sizes]:
            check_int(f"{name}.hidden.{direction}", size, 0, MAX_HIDDEN_SIZE)
    _check_share(f"{name}.dropout", network["dropout"])
    for key in ("words", "affixes", "chars", "character_size", "buckets"):
        check_int(f"{name}.{key}", network[key], int(key == "buckets"), MAX_SIZE)
    if network["vectors"] is not None:
        _check_vectors(f"{name}.vectors", network["vectors"])
    if network["transformer"] is not None:
        _check_transformer(f"{name}.transformer", network["transformer"])


def check_temperatures(temperatures: Any, columns: Sequence[str]) -> None:
    """Raises ValueError unless the value is an object from columns of the tagger to temperatures."""
    for column, temperature in checked_object("temperatures", temperatures).items():
        check_choice("a name in temperatures", column, columns)
        if type(temperature) not in (int, float) or not MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
            known = f"a number from {MIN_TEMPERATURE:g} to {MAX_TEMPERATURE:g}"
            raise ValueError(f"temperatures.{shown(column)[1:-1]} is {shown(temperature)}, not {known}")


def _check_share(name: str, value: Any) -> None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is {shown(value)}, not a number from 0 to 1")


def _check_vectors(name: str, value: Any) -> None:
    vectors = checked_object(name, value, VectorConfig.__annotations__)
    for size in checked_list(f"{name}.sizes", vectors["sizes"]):
        check_int(f"{name}.sizes", size, 1, MAX_SIZE)
    check_int(f"{name}.projection", vectors["projection"], 0, MAX_SIZE)
    check_bool(f"{name}.tune", vectors["tune"])
    check_choice(f"{name}.dtype", vectors["dtype"], VECTOR_DTYPES)


def _check_transformer(name: str, value: Any) -> None:
    transformer = checked_object(name, value, TransformerConfig.__annotations__)
    for key in ("name", "revision"):
        text = transformer[key]
        if type(text) is not str and not (text is None and key == "revision"):
            raise ValueError(f"{name}.{key} is {shown(text)}, not a string")
    check_choice(f"{name}.pooling", transformer["pooling"], POOLINGS)
    check_bool(f"{name}.tune", transformer["tune"])
    if transformer["layers"] is not None:
        for layer in checked_list(f"{name}.layers", transformer["layers"]):
            check_int(f"{name}.layers", layer, 0, MAX_ENCODER_LAYERS)
    _check_share(f"{name}.dropout", transformer["dropout"])
    check_choice(f"{name}.dtype", transformer["dtype"], ENCODER_DTYPES)
    _check_settings(f"{name}.encoder", checked_object(f"{name}.encoder", transformer["encoder"]))


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
