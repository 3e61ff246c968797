"""The command `resume`: the folder of an interrupted run in, the same run completed there."""

from pathlib import Path
from typing import Annotated

import typer


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder, such as runs/2026-01-31/12-00-00.")],
) -> None:
    """Continues an interrupted run of `train` or `pretrain`, or a run of a sweep, after its last complete epoch.

    The run keeps the config that it was started with.
    """
    from tagger.training import launch

    raise typer.Exit(launch.resume(run))
