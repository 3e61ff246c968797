"""The values of `conf/hydra/sweeper/optuna.yaml` as a dataclass, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tagger.errors import InputError
from tagger.training.structured import Checked, Count, OneOf, Range, Seed, bad_value, from_plain

OPTUNA = "optuna"  # the choice of Hydra's group `hydra/sweeper` that searches
TPE, NSGAII, RANDOM = "tpe", "nsgaii", "random"
MEDIAN, HALVING, HYPERBAND, NONE = "median", "halving", "hyperband", "none"
DIRECTIONS = ("maximize", "minimize")
MAX_TRIALS = 10_000


@dataclass
class SearchConfig(Checked):
    """How a search chooses the values of its trials, and which of them it ends early."""

    prefix: ClassVar[str] = "hydra.sweeper."

    n_trials: Annotated[int, Range(1, MAX_TRIALS)]
    direction: Annotated[str, OneOf(DIRECTIONS)]
    directions: list[str] | None
    seed: Seed
    sampler: Annotated[str, OneOf((TPE, NSGAII, RANDOM))]
    sampler_startup: Count
    pruner: Annotated[str, OneOf((MEDIAN, HALVING, HYPERBAND, NONE))]
    pruner_startup: Count
    pruner_warmup: Annotated[int, Range(0)]
    storage: str | None
    study_name: str
    params: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions is None:
            return
        if len(self.directions) != 2 or not set(self.directions) <= set(DIRECTIONS):
            raise bad_value(
                "hydra.sweeper.directions", self.directions, "give two, of accuracy and words/s: [maximize,maximize]"
            )
        if self.pruner == MEDIAN:  # the value of the page
            self.pruner = NONE
        if self.pruner != NONE:
            raise InputError(f"hydra.sweeper.pruner={self.pruner} needs one direction; leave directions out")

    @property
    def all_directions(self) -> list[str]:
        """Of each objective: the accuracy on dev and, if wanted, the words per second."""
        return self.directions or [self.direction]


def search_config(values: Mapping[str, Any]) -> SearchConfig:
    """The values as Hydra composed them, checked.

    Raises:
        InputError: a key that does not exist, or a value of a wrong type or out of range.
    """
    return from_plain(SearchConfig, values, SearchConfig.prefix)
