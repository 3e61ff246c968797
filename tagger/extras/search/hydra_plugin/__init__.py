"""The sweeper of searches under the name that Hydra asks for.

`pyproject.toml` installs this folder as `hydra_plugins.tagger_search`. Like `training/hydra_plugin` it imports nothing
else until a sweep starts.
"""

from typing import Any, cast

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class StudySweeper(Sweeper):
    """Trains the trials of an Optuna study: the choice `optuna` of `hydra/sweeper`."""

    def __init__(self, **values: Any) -> None:
        self.values = values  # of the file in `conf/hydra/sweeper`

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Gets what a search needs, from Hydra."""
        self.given = hydra_context, config, cast(Any, task_function)

    def sweep(self, arguments: list[str]) -> None:
        """Trains the trials of a search over the overrides of a command line."""
        from tagger.errors import missing_library

        try:
            from tagger.extras.search.search import sweep_study
        except ModuleNotFoundError as error:
            raise missing_library(error, "optuna", "tune") from None
        sweep_study(*self.given, arguments, self.values)
