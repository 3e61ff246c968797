"""Our sweepers under the name that Hydra asks for: it instantiates those of the package `hydra_plugins` alone.

`pyproject.toml` installs this folder as `hydra_plugins.tagger_sweepers`. Every program with Hydra imports it when it
looks for plugins, so it imports nothing else until a sweep starts.
"""

from typing import Any, cast

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class _Sweeper(Sweeper):
    """Keeps what Hydra gives a sweeper.

    Attributes:
        values: those of `conf/hydra/sweeper`.
        context: Hydra's loader of configs.
        start: see `launch.Start`.
        own_config: of the sweep.
    """

    def __init__(self, **values: Any) -> None:
        self.values = values

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Gets what a sweep needs, from Hydra."""
        self.context, self.start, self.own_config = hydra_context, cast(Any, task_function), config


class GridSweeper(_Sweeper):
    """Trains every combination of the values: the choice `grid` of `hydra/sweeper`."""

    def sweep(self, arguments: list[str]) -> None:
        """Trains the runs that the overrides of a command line ask for."""
        from tagger.sweeps.grid import sweep_grid

        sweep_grid(self.context, self.own_config, self.start, arguments, self.values)


class StudySweeper(_Sweeper):
    """Trains the trials of an Optuna study: the choice `optuna` of `hydra/sweeper`."""

    def sweep(self, arguments: list[str]) -> None:
        """Trains the trials of a search over the overrides of a command line."""
        from tagger.errors import missing_library

        try:
            from tagger.sweeps.search import sweep_study
        except ModuleNotFoundError as error:
            raise missing_library(error, "optuna", "tune") from None
        sweep_study(self.context, self.own_config, self.start, arguments, self.values)
