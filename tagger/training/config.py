"""The values of `conf/train.yaml` and `conf/pretrain.yaml` as dataclasses, checked.

Hydra composes a page of values. `train_config` and `pretrain_config` make a dataclass of it. `structured.py` checks
names, types and ranges; conditions on several values are checked here.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.corpus.config import CORPUS_CONFIGS, CorpusConfig, HubTextConfig
from tagger.corpus.several import CORPUS
from tagger.errors import InputError
from tagger.model.embeddings import CHARACTER_SIZE, VectorConfig
from tagger.model.network import NetworkConfig
from tagger.model.transformer import TransformerConfig as NetworkTransformerConfig
from tagger.text.segment import RULES
from tagger.training.structured import Checked, Count, OneOf, Range, Rate, Seed, Size, bad_value, from_plain
from tagger.weights.quantize import STORAGE_DTYPES

# The keys of these parts come from the tagger that training starts from (init=), ...
TAGGER_PARTS = ("model", "embedding", "transformer")
# ... except these, which concern training alone.
TRAINING_KEYS = ("embedding.word_dropout", "embedding.min_count", "model.dropout", "transformer.dropout")
# Inputs that training can add to that tagger if it lacks them: an experiment of nothing else, and their keys.
INPUT_EXPERIMENTS = ("multilingual", "null")
VECTORS, TRANSFORMER = "embedding.vectors", "embedding.transformer"  # name an input; the other keys say how it is used
# In use for something else.
RESERVED_COLUMNS = ("tokens", "comments", "text", "multiwords", "space_after", "offsets", "loss", "accuracy", CORPUS)
TRAINER_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
AUTO, LEARNED = "auto", "learned"  # segmenters, besides rules
RULES_OF_CORPUS = "rules"  # the segmenter that is the rules which fit the corpus
ALL, SEGMENTER = "all", "segmenter"  # the parts of a tagger that are trained


_HIDDEN = "give a whole number from 0, or a list of them, one per layer"


@dataclass
class HiddenConfig(Checked):
    """The units of each direction: a number for all layers, or a list with one per layer; 0 leaves a direction out."""

    prefix: ClassVar[str] = "model.hidden."
    forward: Any  # int | list[int] | None, a union that structured configs do not have; None: see `recipe.py`
    backward: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("forward", "backward"):
            size = getattr(self, name)
            for number in size if isinstance(size, list) else [size] * (size is not None):
                if type(number) is not int or number < 0:
                    raise bad_value(self.prefix + name, size, _HIDDEN)


@dataclass
class ModelConfig(Checked):
    """The recurrent layers."""

    prefix: ClassVar[str] = "model."
    cell: str
    depth: Count
    hidden: HiddenConfig
    dropout: float | None  # None: see `recipe.py`

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dropout is not None:
            _check_dropout("model.dropout", self.dropout)


@dataclass
class TaggerModelConfig(ModelConfig):
    """The recurrent layers of each of the networks that are trained side by side."""

    members: Count


@dataclass
class FormSizes(Checked):
    """The sizes of the parts of a form's embedding; 0 leaves a part out."""

    prefix: ClassVar[str] = "embedding."
    words: Size
    affixes: Size
    chars: Size
    buckets: Count


@dataclass
class EmbeddingConfig(FormSizes):
    """The embedding of a form, and the names of pretrained vectors and of a transformer."""

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
                "embedding.vectors_dtype", self.vectors_dtype, "set float32 with embedding.vectors_tune=true"
            )
        if self.transformer == "":
            raise bad_value("embedding.transformer", self.transformer, "give null, a name or a folder")

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors: none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]

    def vector_config(self, sizes: list[int]) -> VectorConfig | None:
        """The config of the network's vectors; `sizes` has the size of each source. None if there is no source."""
        if not sizes:
            return None
        return VectorConfig(sizes=sizes, projection=self.vectors_size, tune=self.vectors_tune, dtype=self.vectors_dtype)


@dataclass
class TransformerConfig(Checked):
    """How the encoder that `embedding.transformer` names is used."""

    prefix: ClassVar[str] = "transformer."
    pooling: str | None
    layers: list[int] | None
    tune: bool
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))]
    dropout: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_dropout("transformer.dropout", self.dropout)


VECTOR_KEYS = tuple(
    f"embedding.{field.name}" for field in dataclasses.fields(EmbeddingConfig) if field.name.startswith("vectors")
)
TRANSFORMER_KEYS = (TRANSFORMER, *(f"transformer.{field.name}" for field in dataclasses.fields(TransformerConfig)))


@dataclass
class OptimizerConfig(Checked):
    """The settings of AdamW."""

    prefix: ClassVar[str] = "optimizer."
    lr: Rate
    weight_decay: Rate
    warmup: Rate


@dataclass
class TaggerOptimizerConfig(OptimizerConfig):
    """The settings of AdamW, with the learning rates of a transformer."""

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
    segmenter: Annotated[str, OneOf((AUTO, LEARNED, RULES_OF_CORPUS, *RULES))]
    segmenter_steps: int | None
    parts: Annotated[str, OneOf((ALL, SEGMENTER))]
    model: TaggerModelConfig
    embedding: EmbeddingConfig
    transformer: TransformerConfig
    optimizer: TaggerOptimizerConfig
    corpus: CorpusConfig
    facts: Annotated[float, Range(0)]
    batch_tokens: int | None  # None, here and below: see `recipe.py`
    patience: int | None
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
        if not 0 < self.corpus.dev_share < 1:  # also if the corpus has a dev split
            raise bad_value("corpus.dev_share", self.corpus.dev_share, "give a share between 0 and 1")
        if not 1 <= self.corpus.temperature < float("inf"):
            raise bad_value("corpus.temperature", self.corpus.temperature, "give a number from 1")
        if not 0 <= self.corpus.unnamed <= 1:
            raise bad_value("corpus.unnamed", self.corpus.unnamed, "give a share from 0 to 1")
        counts = {"batch_tokens": self.batch_tokens, "patience": self.patience}
        for key, count in (counts | {"trainer.max_epochs": self.trainer.get("max_epochs")}).items():
            if count is not None and (type(count) is not int or count < 1):
                raise bad_value(key, count, "give null or a whole number, at least 1")
        if self.init == "":
            raise bad_value("init", self.init, "give a name or a folder")
        if self.init == "latest":
            raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")
        if self.segmenter_steps is not None and self.segmenter_steps < 1:
            raise bad_value("segmenter_steps", self.segmenter_steps, "give null or a whole number, at least 1")
        if self.parts == SEGMENTER and self.init is None:
            raise InputError("parts=segmenter: name the tagger that gets the segmenter, init=FOLDER")
        if self.parts == SEGMENTER and self.segmenter not in (AUTO, LEARNED):
            raise InputError(
                f"segmenter={self.segmenter}: parts=segmenter trains a segmenter; leave one of the two out"
            )


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
        for name, size in dataclasses.asdict(self.model.hidden).items():
            if size is None:
                raise bad_value(f"model.hidden.{name}", None, _HIDDEN)
        if self.model.dropout is None:
            raise bad_value("model.dropout", None, "give a number from 0 to 0.99")
        if self.embedding.words < 1:
            raise bad_value("embedding.words", self.embedding.words, "give a whole number, at least 1")
        _check_trainer(self.trainer)
        if "max_epochs" in self.trainer:
            raise InputError("trainer.max_epochs: pretraining ends after a number of passes; set passes")


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
    if not isinstance(kind, str) or kind not in CORPUS_CONFIGS:
        raise bad_value("corpus.kind", kind, f"choose one of {', '.join(CORPUS_CONFIGS)}")
    return from_plain(TrainConfig, plain, corpus=CORPUS_CONFIGS[kind])


def pretrain_config(values: DictConfig | Mapping[str, Any]) -> PretrainConfig:
    """The values of `conf/pretrain.yaml`, checked as by `train_config`."""
    return from_plain(PretrainConfig, _plain(values))


def network_config(
    model: ModelConfig,
    sizes: FormSizes,
    vectors: VectorConfig | None = None,
    transformer: NetworkTransformerConfig | None = None,
) -> NetworkConfig:
    """The config that the network is built from, as plain values.

    Args:
        model: the recurrent layers.
        sizes: of the embeddings.
        vectors: of the pretrained vectors, if there are any.
        transformer: of the transformer, if there is one.
    """
    return NetworkConfig(
        cell=model.cell,
        depth=model.depth,
        hidden=dataclasses.asdict(model.hidden),
        dropout=model.dropout or 0.0,
        words=sizes.words,
        affixes=sizes.affixes,
        chars=sizes.chars,
        character_size=CHARACTER_SIZE,
        buckets=sizes.buckets,
        vectors=vectors,
        transformer=transformer,
    )


def check_machine(config: TrainConfig | PretrainConfig) -> None:
    """Raises InputError if the config wants more threads or processes than the machine has processors."""
    processors = os.cpu_count() or 1
    has = f"this machine has {processors} processor{'s' * (processors > 1)}"
    if config.threads > processors:
        raise bad_value("threads", config.threads, f"{has}; give at most {processors}")
    devices, accelerator = config.trainer.get("devices"), config.trainer.get("accelerator")
    on_processor = accelerator == "cpu" or (accelerator in (None, "auto") and not torch.cuda.is_available())
    if on_processor and type(devices) is int and devices > processors:  # with every strategy
        raise bad_value("trainer.devices", devices, f"one process per processor, and {has}; give at most {processors}")


def _check_dropout(key: str, value: float) -> None:
    if not 0 <= value <= 0.99:
        raise bad_value(key, value, "give a number from 0 to 0.99")


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
