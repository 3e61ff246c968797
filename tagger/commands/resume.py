"""The command `resume`: the folder of an interrupted run in, the same folder completed out."""

from typing import Annotated

import typer

from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder, such as runs/2026-01-31/12-00-00.")],
) -> None:
    """Continues an interrupted run.

    RUN is a run of `train` or `pretrain`, also one of a sweep. It goes on after its last complete epoch, with the
    config that it was started with. A sweep goes on when its command is given again.
    """
    from tagger.sweeps import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.resume(run))
