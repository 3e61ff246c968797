"""The values of `conf/pretrain.yaml` as a dataclass, checked; see `config.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta
from omegaconf import DictConfig

from tagger.corpus.config import HubTextConfig
from tagger.errors import InputError
from tagger.text.schema import Count, Dropout, Rate, Seed, Size, one_of, read
from tagger.text.segment import RULES
from tagger.training.config_parts import (
    CardConfig,
    Files,
    FormSizes,
    HiddenConfig,
    ModelConfig,
    OptimizerConfig,
    check_trainer_settings,
    plain_values,
)

_Hidden = Size | list[Size]


@dataclass
class _HiddenConfig(HiddenConfig):
    forward: _Hidden
    backward: _Hidden


@dataclass
class _ModelConfig(ModelConfig):
    """The recurrent layers, all of whose values are given: no corpus decides them."""

    hidden: _HiddenConfig
    dropout: Dropout


@dataclass(kw_only=True)
class _FormSizes(FormSizes):
    words: Count  # there must be such vectors, as words are predicted by them


@dataclass
class PretrainConfig:
    """The values of `conf/pretrain.yaml`."""

    text: Files
    hub: HubTextConfig
    dev: Files
    dev_tokens: Count
    segmenter: Annotated[str, one_of(RULES)]
    paragraph_per_line: bool | None
    encoding: str
    passes: Count
    section_tokens: Count
    mask: Annotated[float, Meta(ge=0.01, le=0.9)]
    cut: Rate
    min_count: Count
    max_words: Count
    samples: Count
    neighbours: bool
    model: _ModelConfig
    embedding: _FormSizes
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


def pretrain_config(values: DictConfig | Mapping[str, Any]) -> PretrainConfig:
    """The values of `conf/pretrain.yaml`, as Hydra composed or a run saved them, checked.

    Raises:
        InputError: a key that does not exist or has no value, or a value of a wrong type or out of range.
    """
    return read(PretrainConfig, plain_values(values), from_page=True)
