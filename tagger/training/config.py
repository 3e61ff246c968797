"""The values of `conf/train.yaml` as a dataclass, checked.

Hydra composes a page of values. `train_config` makes a dataclass of it. `structured.py` checks names, types and ranges;
conditions on several values are checked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from omegaconf import DictConfig

from tagger.bundle.catalog import find_named
from tagger.bundle.hub import is_hub_name
from tagger.bundle.saved_config import MAX_TAGGERS
from tagger.corpus.config import CORPUS, CORPUS_CONFIGS, CorpusConfig
from tagger.errors import InputError
from tagger.model.decoder import CRF, SOFTMAX
from tagger.model.stored import STORAGE_DTYPES
from tagger.text.segment import RULES
from tagger.training.config_parts import (
    CardConfig,
    EmbeddingConfig,
    TaggerModelConfig,
    TaggerOptimizerConfig,
    TransformerConfig,
    check_trainer_settings,
)
from tagger.training.distill_config import DistillConfig
from tagger.training.logger_config import LoggerConfig
from tagger.training.structured import MAX_SEED, Checked, Count, OneOf, Range, Seed, bad_value, from_plain, plain_values

# In use for something else.
RESERVED_COLUMNS = ("tokens", "comments", "text", "multiwords", "space_after", "offsets", "loss", "accuracy", CORPUS)
AUTO, LEARNED = "auto", "learned"  # segmenters, besides rules
RULES_OF_CORPUS = "rules"  # the segmenter that is the rules which fit the corpus
ALL, SEGMENTER, TEMPERATURE = "all", "segmenter", "temperature"  # the parts of a tagger that are made


@dataclass
class TrainConfig(Checked):
    """The values of `conf/train.yaml`."""

    columns: list[str]
    segmenter: Annotated[str, OneOf((AUTO, LEARNED, RULES_OF_CORPUS, *RULES))]
    segmenter_steps: int | None
    parts: Annotated[str, OneOf((ALL, SEGMENTER, TEMPERATURE))]
    model: TaggerModelConfig
    embedding: EmbeddingConfig
    transformer: TransformerConfig
    optimizer: TaggerOptimizerConfig
    corpus: CorpusConfig
    distill: DistillConfig
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
    ensemble: Annotated[int, Range(1, MAX_TAGGERS)]
    logger: LoggerConfig = field(default_factory=LoggerConfig)  # without a logger the page has none

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_columns(self.columns)
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
        check_trainer_settings(self.trainer)
        if self.distill.teacher is not None and self.model.decoder != SOFTMAX:
            raise InputError(
                f"model.decoder={self.model.decoder}: a student needs the decoder {SOFTMAX}; leave this out"
            )
        if self.distill.teacher is not None and self.parts != ALL:
            raise InputError(f"parts={self.parts} trains no student; leave distill.teacher out")
        if self.init == "":
            raise bad_value("init", self.init, "give a name or a folder")
        if self.init == "latest":
            raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")
        if self.segmenter_steps is not None and self.segmenter_steps < 1:
            raise bad_value("segmenter_steps", self.segmenter_steps, "give null or a whole number, at least 1")
        if self.parts != ALL and self.init is None:
            got = "segmenter" if self.parts == SEGMENTER else "temperatures"
            raise InputError(f"parts={self.parts}: name the tagger that gets the {got}, init=FOLDER")
        if self.parts != ALL and self.logger.chosen:
            raise InputError(f"logger: parts={self.parts} has no epochs to log; leave it out")
        if self.parts != ALL and self.ensemble > 1:
            raise InputError(
                f"ensemble={self.ensemble}: parts={self.parts} trains no members; leave one of the two out"
            )
        if self.seed + self.ensemble - 1 > MAX_SEED:
            raise bad_value("seed", self.seed, f"those of an ensemble go on from it, to {MAX_SEED} at most")


def train_config(values: DictConfig | Mapping[str, Any]) -> TrainConfig:
    """The values of `conf/train.yaml`, as Hydra composed or a run saved them, checked.

    Raises:
        InputError: a key that does not exist or has no value, or a value of a wrong type or out of range.
    """
    plain = plain_values(values)
    corpus = plain.get("corpus")
    kind = corpus.get("kind") if isinstance(corpus, dict) else None
    if not isinstance(kind, str) or kind not in CORPUS_CONFIGS:
        raise bad_value("corpus.kind", kind, f"choose one of {', '.join(CORPUS_CONFIGS)}")
    return from_plain(TrainConfig, plain, corpus=CORPUS_CONFIGS[kind])


# The keys of these parts come from the tagger that training starts from, ...
TAGGER_PARTS = ("model", "embedding", "transformer")
# ... except these, which concern training alone, ...
TRAINING_KEYS = ("embedding.word_dropout", "embedding.min_count", "model.dropout", "transformer.dropout")
# ... and these, if they add an input that the tagger lacks. The first of them names it.
VECTOR_KEYS = tuple(f"embedding.{each.name}" for each in fields(EmbeddingConfig) if each.name.startswith("vectors"))
TRANSFORMER_KEYS = ("embedding.transformer", *(f"transformer.{each.name}" for each in fields(TransformerConfig)))
ADDED_DECODER = f"model.decoder={CRF}"  # begins with no scores of transitions, so that it changes no tag at first
INPUT_EXPERIMENT = "multilingual"  # sets nothing that the tagger decides, but for such an input


def check_override(override: str, config: TrainConfig) -> None:
    """Refuses an override that would be ignored, because the tagger that training starts from decides the value.

    Args:
        override: of the command line, `KEY=VALUE`.
        config: that all overrides together gave, with `init`.

    Raises:
        InputError: the override would be ignored.
    """
    key, _, value = override.lstrip("+~").partition("=")
    part = key.partition(".")[0]
    if key == "columns" and config.parts == TEMPERATURE:
        raise InputError(f"{override}: with parts=temperature all columns of the tagger get one; leave this out")
    if key == "segmenter" and config.parts == SEGMENTER and value not in (AUTO, LEARNED):
        raise InputError(f"{override}: parts=segmenter trains a segmenter; leave one of the two out")
    if key == "segmenter" and config.parts == TEMPERATURE and value != AUTO:
        raise InputError(f"{override}: parts=temperature keeps that of the tagger; leave it out")
    if part not in (*TAGGER_PARTS, "experiment") or key in TRAINING_KEYS:
        return
    remedy = "leave this out"
    if config.parts == ALL:
        if override == ADDED_DECODER:
            return
        if (key, value) == ("experiment", INPUT_EXPERIMENT):
            return
        for keys, added in (
            (VECTOR_KEYS, bool(config.embedding.vector_sources)),
            ((*TRANSFORMER_KEYS, "transformer"), config.embedding.transformer is not None),
        ):
            if key in keys and added:
                return
            if key in keys and key != keys[0]:
                remedy += f", or name what it adds, {keys[0]}=NAME"
    raise InputError(f"{override}: with init the tagger that training starts from decides; {remedy}")


def find_start(name: str) -> Path:
    """The folder of the tagger that `init` names.

    Raises:
        InputError: there is none; or as `hub_folder`.
    """
    try:
        return find_named(name)
    except InputError as error:
        raise error if is_hub_name(name) else InputError(f"init={error}") from None


def _check_columns(columns: list[str]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise InputError(f"columns={columns}: give a list of different columns, such as columns=[upos,xpos]")
    for column in columns:
        known = column in RESERVED_COLUMNS or hasattr(torch.nn.ModuleDict, column)
        if known or not re.fullmatch(r"[A-Za-z]\w*", column):
            raise InputError(f"columns={columns}: {column!r} cannot name a tag column; give the column another name")
