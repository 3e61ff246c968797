"""The values of `conf/train.yaml` as a dataclass, checked.

Hydra composes a page of values, and `train_config` makes a dataclass of it. `text/schema.py` checks names, types and
ranges; conditions on several values are checked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from omegaconf import DictConfig

from tagger.bundle.catalog import find_tagger
from tagger.bundle.hub import is_hub_name
from tagger.corpus.corpus_config import CORPUS, CorpusConfig
from tagger.errors import InputError
from tagger.model.decoder import CRF
from tagger.model.stored import STORAGE_DTYPES
from tagger.text.schema import Count, Name, Rate, Seed, one_of, read
from tagger.text.segment import RULES
from tagger.text.strings import LEMMA
from tagger.training.config_parts import (
    CardConfig,
    DistillConfig,
    EmbeddingConfig,
    TaggerModelConfig,
    TaggerOptimizerConfig,
    TransformerConfig,
    check_trainer_settings,
    plain_values,
)

# In use for something else.
RESERVED_COLUMNS = ("tokens", "comments", "text", "multiwords", "space_after", "offsets", "loss", "accuracy", CORPUS)
AUTO, LEARNED = "auto", "learned"  # segmenters, besides rules
RULES_OF_CORPUS = "rules"  # the segmenter that is the rules which fit the corpus


@dataclass
class TrainConfig:
    """The values of `conf/train.yaml`."""

    columns: list[str]
    segmenter: Annotated[str, one_of((AUTO, LEARNED, RULES_OF_CORPUS, *RULES))]
    segmenter_steps: Count | None
    model: TaggerModelConfig
    embedding: EmbeddingConfig
    transformer: TransformerConfig
    optimizer: TaggerOptimizerConfig
    corpus: CorpusConfig
    distill: DistillConfig
    noise: Rate
    auxiliary: Annotated[float, Meta(ge=0)]
    linear: Annotated[float, Meta(ge=0, lt=1)] | None  # None, here and below: see `recipe.py`
    batch_tokens: Count | None
    patience: Count | None
    seed: Seed
    threads: Count
    card: CardConfig
    storage_dtype: Annotated[str, one_of(STORAGE_DTYPES)]
    test: bool
    init: Name | None
    trainer: dict[str, Any]  # arguments of pytorch_lightning.Trainer
    logger: dict[str, dict[str, Any]] = field(default_factory=dict)  # without a logger the page has none

    @property
    def learns(self) -> bool:
        """Whether networks are trained: with no epochs the tagger of `init` gets other temperatures and a segmenter."""
        return self.trainer.get("max_epochs") != 0

    def __post_init__(self) -> None:
        _check_columns(self.columns)
        check_trainer_settings(self.trainer)
        if self.distill.teacher is not None and self.model.decoder == CRF:
            raise InputError("model.decoder=crf: a student needs the decoder softmax; leave this out")
        if not self.learns and self.init is None:
            raise InputError("trainer.max_epochs=0: name the tagger whose networks stay as they are, init=FOLDER")
        if not self.learns and self.distill.teacher is not None:
            raise InputError("trainer.max_epochs=0 trains no student; leave distill.teacher out")
        if self.noise and self.embedding.transformer is not None and self.transformer.tune is not True:
            raise InputError(
                f"noise={self.noise}: the outputs of a frozen transformer are kept for the text as it is; set"
                " transformer.tune=true, or noise=0"
            )
        if self.noise and self.distill.teacher is not None and LEMMA in self.columns:
            raise InputError(
                f"noise={self.noise}: a teacher's lemmas are made of the words as they are; leave lemma out, or set"
                " noise=0"
            )
        if self.init == "latest":
            raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")


def train_config(values: DictConfig | Mapping[str, Any]) -> TrainConfig:
    """The values of `conf/train.yaml`, as Hydra composed or a run saved them, checked."""
    return read(TrainConfig, plain_values(values), from_page=True)


TAGGER_PARTS = ("model", "embedding", "transformer")  # with `init` its tagger has these values, ...
TRAINING_KEYS = ("embedding.word_dropout", "model.dropout")  # ... except those that concern training alone
LEARNING_KEYS = ("linear", "columns", "noise", "auxiliary")  # nothing is learned without an epoch


def check_override(override: str, config: TrainConfig) -> None:
    """Refuses an override `KEY=VALUE` that would be ignored, because the tagger of `init` decides the value.

    Pretrained inputs can be added, and a CRF, which begins by changing no tag.
    """
    key, _, value = override.lstrip("+~").partition("=")
    part = key.partition(".")[0]
    if not config.learns and key in LEARNING_KEYS and value not in ("0", "null"):
        raise InputError(f"{override}: with trainer.max_epochs=0 the tagger of init stays as it is; leave this out")
    if part not in (*TAGGER_PARTS, "experiment") or key in TRAINING_KEYS:
        return
    vectors, encoder = bool(config.embedding.vector_sources), config.embedding.transformer is not None
    adds = (key.startswith("embedding.vectors") and vectors) or override == f"model.decoder={CRF}"
    adds |= encoder and (key == "embedding.transformer" or part == "transformer")
    adds |= encoder and override == "experiment=multilingual"  # sets nothing else that the tagger decides
    if not (config.learns and adds):
        raise InputError(f"{override}: with init the tagger that training starts from decides; leave this out")


def find_start(name: str) -> Path:
    """The folder of the tagger that `init` names."""
    try:
        return find_tagger(name)
    except InputError as error:
        raise error if is_hub_name(name) else InputError(f"init={error}") from None


def _check_columns(columns: list[str]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise InputError(f"columns={columns}: give a list of different columns, such as columns=[upos,xpos]")
    for column in columns:
        known = column in RESERVED_COLUMNS or hasattr(torch.nn.ModuleDict, column)
        if known or not re.fullmatch(r"[A-Za-z]\w*", column):
            raise InputError(f"columns={columns}: {column!r} cannot name a tag column; give the column another name")
