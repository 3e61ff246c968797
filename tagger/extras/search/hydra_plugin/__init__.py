"""Our sweepers under the names that Hydra asks for: it instantiates those of the package `hydra_plugins` alone.

`pyproject.toml` installs this folder as `hydra_plugins.tagger_search`. Every program with Hydra imports it when it
looks for plugins, so it imports nothing else until a sweep starts.
"""

from typing import Any, cast

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(Sweeper):
    """Trains every combination of the values: the choice `grid` of `hydra/sweeper`."""

    def __init__(self, **values: Any) -> None:
        self.values = values  # of the file in `conf/hydra/sweeper`

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Gets what a sweep needs, from Hydra."""
        self.given = hydra_context, config, cast(Any, task_function)

    def sweep(self, arguments: list[str]) -> None:
        """Trains the runs that the overrides of a command line ask for."""
        from tagger.extras.search.grid import sweep_grid

        sweep_grid(*self.given, arguments, self.values["params"])


class StudySweeper(GridSweeper):
    """Trains the trials of an Optuna study: the choice `optuna` of `hydra/sweeper`."""

    def sweep(self, arguments: list[str]) -> None:
        """Trains the trials of a search over the overrides of a command line."""
        from tagger.errors import missing_library

        try:
            from tagger.extras.search.search import sweep_study
        except ModuleNotFoundError as error:
            raise missing_library(error, "optuna", "tune") from None
        sweep_study(*self.given, arguments, self.values)
