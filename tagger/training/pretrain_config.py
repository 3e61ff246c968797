"""The values of `conf/pretrain.yaml` as a dataclass, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta
from omegaconf import DictConfig

from tagger.corpus.corpus_config import HubTextConfig
from tagger.errors import InputError
from tagger.text.schema import Count, Seed, bad_value, one_of, read
from tagger.text.segment import RULES
from tagger.training.config_parts import (
    CardConfig,
    Files,
    FormSizes,
    ModelConfig,
    OptimizerConfig,
    check_trainer_settings,
    plain_values,
)


@dataclass
class PretrainConfig:
    """The values of `conf/pretrain.yaml`."""

    text: Files
    hub: HubTextConfig
    dev: Files
    segmenter: Annotated[str, one_of(RULES)]
    passes: Count
    mask: Annotated[float, Meta(ge=0.01, le=0.9)]
    min_count: Count
    max_words: Count
    model: ModelConfig
    embedding: FormSizes
    optimizer: OptimizerConfig
    batch_tokens: Count
    seed: Seed
    threads: Count
    card: CardConfig
    trainer: dict[str, Any]
    logger: dict[str, dict[str, Any]] = field(default_factory=dict)  # without a logger the page has none

    def __post_init__(self) -> None:
        check_trainer_settings(self.trainer)
        if "max_epochs" in self.trainer:
            raise InputError("trainer.max_epochs: pretraining ends after a number of passes; set passes")
        for key, value in vars(self.model.hidden).items():
            if value is None:  # no corpus decides it
                raise bad_value(f"model.hidden.{key}", value, "give a number, or a list with one for each layer")


def pretrain_config(values: DictConfig | Mapping[str, Any]) -> PretrainConfig:
    """The values of `conf/pretrain.yaml`, as Hydra composed or a run saved them, checked."""
    return read(PretrainConfig, plain_values(values), from_page=True)
