"""The values of `conf/train.yaml` and `conf/pretrain.yaml` as dataclasses, checked.

Hydra composes a page of values. `train_config` and `pretrain_config` check it against the dataclasses below, which are
structured configs of OmegaConf: names and types first, then ranges.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from tagger.corpus.config import CORPUS_CONFIGS, CorpusConfig, HubTextConfig
from tagger.errors import InputError, shorten
from tagger.model.embeddings import VectorConfig
from tagger.model.network import NetworkConfig
from tagger.model.transformer import TransformerConfig as NetworkTransformerConfig
from tagger.text.segment import RULES
from tagger.weights.quantize import STORAGE_DTYPES

# The keys of these parts come from the tagger that training starts from (init=), ...
TAGGER_PARTS = ("model", "embedding", "transformer")
# ... except these, which concern training alone.
TRAINING_KEYS = ("embedding.word_dropout", "embedding.min_count", "model.dropout")
RESERVED_COLUMNS = ("tokens", "comments", "text", "offsets", "loss", "accuracy")  # names that stand beside tag columns
TRAINER_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
RENAMED_KEYS = {
    "saved_precision": "storage_dtype",
    "embedding.vectors_precision": "embedding.vectors_dtype",
    "transformer.precision": "transformer.dtype",
    "corpus.held_out": "corpus.dev_share",
    "held_out": "dev",
    "held_out_tokens": "dev_tokens",
}
# What null stands for in trainer.max_epochs and patience.
SAMPLE_EPOCHS, SAMPLE_PATIENCE = 30, 10
CORPUS_EPOCHS, CORPUS_PATIENCE = 10, 5


class Range(NamedTuple):
    """The least and the greatest value of a number; None where there is no bound."""

    least: float
    most: float | None = None


class OneOf(NamedTuple):
    """The words that a value may be."""

    choices: tuple[str, ...]


Size = Annotated[int, Range(0)]  # 0 leaves a part out
Count = Annotated[int, Range(1)]
Seed = Annotated[int, Range(0, (1 << 32) - 1)]
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


@dataclass
class HiddenConfig(Checked):
    """The units of each direction: a number for all layers, or a list with one per layer; 0 leaves a direction out."""

    prefix: ClassVar[str] = "model.hidden."
    forward: Any  # int | list[int], a union that structured configs do not have
    backward: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("forward", "backward"):
            size = getattr(self, name)
            for number in size if isinstance(size, list) else [size]:
                if type(number) is not int or number < 0:
                    raise bad_value(
                        self.prefix + name, size, "give a whole number from 0, or a list of them, one per layer"
                    )


@dataclass
class ModelConfig(Checked):
    """The recurrent layers."""

    prefix: ClassVar[str] = "model."
    cell: str
    depth: Count
    hidden: HiddenConfig
    dropout: Annotated[float, Range(0, 0.99)]


@dataclass
class FormSizes(Checked):
    """The sizes of what the network knows of a word form; 0 leaves a part out."""

    prefix: ClassVar[str] = "embedding."
    words: Size
    affixes: Size
    chars: Size
    buckets: Count


@dataclass
class EmbeddingConfig(FormSizes):
    """The embeddings of a word form, and the names of what is pretrained."""

    min_count: Count
    word_dropout: Annotated[float, Range(0)]
    vectors: Any  # None | str | list[str]
    vectors_keep: Size
    vectors_components: Size
    vectors_size: Size
    vectors_tune: bool
    vectors_dtype: Annotated[str, OneOf(("float16", "float32"))]
    transformer: str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = self.vector_sources
        if not all(isinstance(source, str) and source for source in sources) or len(set(sources)) < len(sources):
            raise bad_value("embedding.vectors", self.vectors, "give a name or a file, or a list of several")
        if self.vectors_tune and self.vectors_dtype != "float32":
            raise bad_value(
                "embedding.vectors_dtype", self.vectors_dtype, "set float32 where embedding.vectors_tune=true"
            )
        if self.transformer == "":
            raise bad_value("embedding.transformer", self.transformer, "give null, a name or a folder")

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors, which may be none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]

    def vector_config(self, sizes: list[int]) -> VectorConfig | None:
        """What the network's vectors are built from; `sizes` are those of each source."""
        if not sizes:
            return None
        return VectorConfig(sizes=sizes, projection=self.vectors_size, tune=self.vectors_tune, dtype=self.vectors_dtype)


@dataclass
class TransformerConfig(Checked):
    """How the encoder that `embedding.transformer` names is used."""

    prefix: ClassVar[str] = "transformer."
    pooling: str
    layers: list[int] | None
    tune: bool
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))]


@dataclass
class OptimizerConfig(Checked):
    """AdamW and its learning rate."""

    prefix: ClassVar[str] = "optimizer."
    lr: Rate
    weight_decay: Rate
    warmup: Rate


@dataclass
class TaggerOptimizerConfig(OptimizerConfig):
    """The same, with the learning rates of a transformer."""

    transformer_lr: Rate
    layer_decay: Rate


@dataclass
class CardConfig:
    """What the model card says of the training data, beside its name."""

    version: str | None
    license: str | None


@dataclass
class TrainConfig(Checked):
    """The values of `conf/train.yaml`."""

    columns: list[str]
    segmenter: Annotated[str, OneOf(("auto", *RULES))]
    model: ModelConfig
    embedding: EmbeddingConfig
    transformer: TransformerConfig
    optimizer: TaggerOptimizerConfig
    corpus: CorpusConfig
    batch_tokens: Count
    patience: Count
    seed: Seed
    threads: Count
    card: CardConfig
    storage_dtype: Annotated[str, OneOf(STORAGE_DTYPES)]
    test: bool
    init: str | None
    trainer: dict[str, Any]  # arguments of pytorch_lightning.Trainer

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_columns(self.columns)
        _check_trainer(self.trainer)
        epochs = self.trainer.get("max_epochs")
        if type(epochs) is not int or epochs < 1:
            raise bad_value("trainer.max_epochs", epochs, "give a whole number, at least 1")
        if self.init == "":
            raise bad_value("init", self.init, "give a name or a folder")
        if self.init == "latest":
            raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")


@dataclass
class PretrainConfig(Checked):
    """The values of `conf/pretrain.yaml`."""

    text: Any  # None | str | list[str]
    hub: HubTextConfig
    dev: Any  # None | str | list[str]
    dev_tokens: Count
    segmenter: Annotated[str, OneOf(tuple(RULES))]
    paragraph_per_line: bool | None
    encoding: str
    passes: Count
    section_tokens: Count
    mask: Annotated[float, Range(0.01, 0.9)]
    cut: Rate
    min_count: Count
    max_words: Count
    samples: Count
    neighbours: bool
    model: ModelConfig
    embedding: FormSizes
    optimizer: OptimizerConfig
    batch_tokens: Count
    seed: Seed
    threads: Count
    card: CardConfig
    trainer: dict[str, Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("text", "dev"):
            value = getattr(self, key)
            patterns = value if isinstance(value, list) else [value] * (value is not None)
            if not all(isinstance(pattern, str) and pattern for pattern in patterns) or value == []:
                raise bad_value(key, value, "give a file, a folder or a pattern, or a list of several")
        if self.embedding.words < 1:
            raise bad_value("embedding.words", self.embedding.words, "give a whole number, at least 1")
        _check_trainer(self.trainer)
        if "max_epochs" in self.trainer:
            raise InputError("trainer.max_epochs: pretraining ends after so many passes; set passes")


def train_config(values: DictConfig | Mapping[str, Any]) -> TrainConfig:
    """The values of `conf/train.yaml`, as Hydra composed or a run saved them, checked.

    Raises:
        InputError: a key that does not exist or has no value, or a value of a wrong type or out of range.
    """
    plain = _plain(values)
    corpus = plain.get("corpus")
    if isinstance(corpus, dict) and "_target_" in corpus:
        raise InputError("corpus._target_: the run is of an older version of tagger; start it again")
    kind = corpus.get("kind") if isinstance(corpus, dict) else None
    if kind not in CORPUS_CONFIGS:
        raise bad_value("corpus.kind", kind, f"choose one of {', '.join(CORPUS_CONFIGS)}")
    sample = kind == "sample"
    if plain.get("patience", 0) is None:
        plain["patience"] = SAMPLE_PATIENCE if sample else CORPUS_PATIENCE
    trainer = plain.get("trainer")
    if isinstance(trainer, dict) and trainer.get("max_epochs", 0) is None:
        plain["trainer"] = trainer | {"max_epochs": SAMPLE_EPOCHS if sample else CORPUS_EPOCHS}
    return structured(TrainConfig, plain, corpus=CORPUS_CONFIGS[kind])


def pretrain_config(values: DictConfig | Mapping[str, Any]) -> PretrainConfig:
    """The values of `conf/pretrain.yaml`, checked as by `train_config`."""
    return structured(PretrainConfig, _plain(values))


Config = TypeVar("Config")


def structured(kind: type[Config], values: Mapping[str, Any], prefix: str = "", **parts: type[Any]) -> Config:
    """Plain values as a dataclass, their names and types checked.

    Args:
        kind: the dataclass.
        values: of its fields.
        prefix: of its keys, for messages.
        parts: for a field the subclass that describes it.

    Raises:
        InputError: see `train_config`.
    """
    types = _types(kind, parts)
    for key, value in _leaves(values):
        if types.get(key) is bool and type(value) is not bool:  # OmegaConf takes 2 for true
            raise bad_value(prefix + key, value, "give true or false")
    try:
        schema = OmegaConf.structured(kind)
        for name, part in parts.items():
            schema[name] = OmegaConf.structured(part)
        return OmegaConf.to_object(OmegaConf.merge(schema, _literal(dict(values))))  # type: ignore[return-value]
    except MissingMandatoryValue as error:
        raise InputError(f"{prefix}{error.full_key} has no value; give it one: {prefix}{error.full_key}=...") from None
    except ConfigKeyError as error:
        key = str(error.full_key)
        if prefix + key in RENAMED_KEYS:
            raise renamed(prefix + key) from None
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


def renamed(key: str) -> InputError:
    """The error for a key that has another name now."""
    return InputError(f"{key} is called {RENAMED_KEYS[key]} now")


def bad_value(key: str, value: Any, remedy: str) -> InputError:
    """The error `KEY=VALUE: REMEDY`, with the value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        shown = {None: "null", True: "true", False: "false"}[value]
    else:
        shown = str(value) if len(str(value)) <= 60 else shorten(str(value))
    return InputError(f"{key}={shown}: {remedy}")


def network_config(
    model: ModelConfig,
    sizes: FormSizes,
    vectors: VectorConfig | None = None,
    transformer: NetworkTransformerConfig | None = None,
) -> NetworkConfig:
    """What the network is built from, as plain values.

    Args:
        model: the recurrent layers.
        sizes: of the embeddings.
        vectors: what describes the pretrained vectors, if there are any.
        transformer: what describes the transformer, if there is one.
    """
    return NetworkConfig(
        cell=model.cell,
        depth=model.depth,
        hidden=dataclasses.asdict(model.hidden),
        dropout=model.dropout,
        words=sizes.words,
        affixes=sizes.affixes,
        chars=sizes.chars,
        buckets=sizes.buckets,
        vectors=vectors,
        transformer=transformer,
    )


def check_machine(config: TrainConfig | PretrainConfig) -> None:
    """Raises InputError where the config wants more threads or processes than the machine has processors."""
    processors = os.cpu_count() or 1
    has = f"this machine has {processors} processor{'s' * (processors > 1)}"
    if config.threads > processors:
        raise bad_value("threads", config.threads, f"{has}; give at most {processors}")
    strategy, devices = str(config.trainer.get("strategy", "")), config.trainer.get("devices")
    accelerator = config.trainer.get("accelerator", "auto")
    on_processor = accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())
    if strategy.startswith("ddp") and on_processor and type(devices) is int and devices > processors:
        raise bad_value("trainer.devices", devices, f"one process per processor, and {has}; give at most {processors}")


def _check_columns(columns: list[str]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise InputError(f"columns={columns}: give a list of different columns, such as columns=[upos,xpos]")
    for column in columns:
        known = column in RESERVED_COLUMNS or hasattr(torch.nn.ModuleDict, column)
        if known or not re.fullmatch(r"[A-Za-z]\w*", column):
            raise InputError(f"columns={columns}: {column!r} cannot name a tag column; give the column another name")


def _check_trainer(trainer: Mapping[str, Any]) -> None:
    precision = trainer.get("precision", "32-true")
    if precision not in TRAINER_PRECISIONS:
        raise bad_value("trainer.precision", precision, f"choose one of {', '.join(TRAINER_PRECISIONS)}")


def _plain(values: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(values, resolve=True) if isinstance(values, DictConfig) else dict(values)
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {' '.join(str(error.msg).split())}") from None
    return {str(key): value for key, value in cast(dict[Any, Any], plain).items()}


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
        if is_dataclass(hint) and isinstance(hint, type):
            found |= _types(hint, {}, f"{prefix}{each.name}.")
    return found


def _in_words(hint: Any) -> str:
    """What a value of a type is, in words for people."""
    if is_dataclass(hint):
        return f"its values one by one; its keys are {', '.join(each.name for each in fields(hint))}"
    limits = [limit for limit in getattr(hint, "__metadata__", ()) if isinstance(limit, Range)]
    plain = getattr(hint, "__origin__", hint) if limits else hint
    kinds = {plain, *get_args(plain)}
    if list[str] in kinds:
        return "a list of different columns, such as columns=[upos,xpos]"
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


def _literal(value: Any) -> Any:
    """The value with `${` escaped, which OmegaConf would take for an interpolation."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value


def _value_at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
