"""The values of `conf/pretrain.yaml` as a dataclass, checked; see `config.py`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from omegaconf import DictConfig

from tagger.corpus.config import HubTextConfig
from tagger.errors import InputError
from tagger.text.segment import RULES
from tagger.training.config_parts import (
    HIDDEN_REMEDY,
    CardConfig,
    FormSizes,
    ModelConfig,
    OptimizerConfig,
    check_trainer_settings,
)
from tagger.training.logger_config import LoggerConfig
from tagger.training.structured import Checked, Count, OneOf, Range, Rate, Seed, bad_value, from_plain, plain_values


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
    logger: LoggerConfig = field(default_factory=LoggerConfig)  # without a logger the page has none

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("text", "dev"):
            value = getattr(self, key)
            patterns = value if isinstance(value, list) else [value] * (value is not None)
            if not all(isinstance(pattern, str) and pattern for pattern in patterns) or value == []:
                raise bad_value(key, value, "give a file, a folder or a pattern, or a list of several")
        for name, size in dataclasses.asdict(self.model.hidden).items():
            if size is None:
                raise bad_value(f"model.hidden.{name}", None, HIDDEN_REMEDY)
        if self.model.dropout is None:
            raise bad_value("model.dropout", None, "give a number from 0 to 0.99")
        if self.embedding.words < 1:
            raise bad_value("embedding.words", self.embedding.words, "give a whole number, at least 1")
        check_trainer_settings(self.trainer)
        if "max_epochs" in self.trainer:
            raise InputError("trainer.max_epochs: pretraining ends after a number of passes; set passes")


def pretrain_config(values: DictConfig | Mapping[str, Any]) -> PretrainConfig:
    """The values of `conf/pretrain.yaml`, as Hydra composed or a run saved them, checked.

    Raises:
        InputError: a key that does not exist or has no value, or a value of a wrong type or out of range.
    """
    return from_plain(PretrainConfig, plain_values(values))
