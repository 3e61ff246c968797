"""The command `resume`: the folder of an interrupted run or sweep in, the same folder completed out."""

from typing import Annotated

import typer

from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder, such as runs/2026-01-31/12-00-00.")],
) -> None:
    """Continues an interrupted run or sweep.

    RUN is a run of `train` or `pretrain`, a sweep, a search or one run of a sweep. A run goes on after its last
    complete epoch. Of a sweep the runs that are missing are trained. All keep the config that they were started with.
    """
    from tagger.sweeps import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.resume(run))
