"""The values of `conf/train.yaml` as a dataclass, checked.

Hydra composes a page of values. `train_config` makes a dataclass of it. `structured.py` checks names, types and ranges;
conditions on several values are checked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from omegaconf import DictConfig

from tagger.corpus.config import CORPUS_CONFIGS, CorpusConfig
from tagger.corpus.splits import CORPUS
from tagger.errors import InputError
from tagger.model.decoder import SOFTMAX
from tagger.text.segment import RULES
from tagger.training.config_parts import (
    CardConfig,
    EmbeddingConfig,
    TaggerModelConfig,
    TaggerOptimizerConfig,
    TransformerConfig,
    check_precision,
)
from tagger.training.distill_config import DistillConfig
from tagger.training.logger_config import LoggerConfig
from tagger.training.structured import MAX_SEED, Checked, Count, OneOf, Range, Seed, bad_value, from_plain, plain_values
from tagger.weights.quantize import STORAGE_DTYPES
from tagger.weights.saved_config import MAX_MEMBERS

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
    ensemble: Annotated[int, Range(1, MAX_MEMBERS)] = 1  # older runs have none, nor `logger`
    logger: LoggerConfig = field(default_factory=LoggerConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_columns(self.columns)
        check_precision(self.trainer)
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
    if isinstance(corpus, dict) and "_target_" in corpus:
        raise InputError("corpus._target_: the run is of an older version of tagger; start it again")
    kind = corpus.get("kind") if isinstance(corpus, dict) else None
    if not isinstance(kind, str) or kind not in CORPUS_CONFIGS:
        raise bad_value("corpus.kind", kind, f"choose one of {', '.join(CORPUS_CONFIGS)}")
    return from_plain(TrainConfig, plain, corpus=CORPUS_CONFIGS[kind])


def _check_columns(columns: list[str]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise InputError(f"columns={columns}: give a list of different columns, such as columns=[upos,xpos]")
    for column in columns:
        known = column in RESERVED_COLUMNS or hasattr(torch.nn.ModuleDict, column)
        if known or not re.fullmatch(r"[A-Za-z]\w*", column):
            raise InputError(f"columns={columns}: {column!r} cannot name a tag column; give the column another name")
