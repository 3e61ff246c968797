"""The commands `train` and `resume`: keys of a config or the folder of a run in, a run's folder out."""

from typing import Annotated, Any

import typer

from tagger.bundled import bundled
from tagger.commands.console import clear_errors


def complete_keys(incomplete: str) -> list[str]:
    """The keys and groups of the command's config that begin with `incomplete`: `KEY=` and `GROUP=CHOICE`."""
    from tagger.training.launch import CONFIG, keys_of

    folder = bundled("conf")
    keys = [f"{key}=" for key in keys_of(folder / f"{CONFIG}.yaml")]
    groups = [f"{path.parent.name}={path.stem}" for path in sorted(folder.glob("*/*.yaml"))]
    return [key for key in [*keys, *groups] if key.startswith(incomplete)]


TRAINING_MEMORY = "choose smaller sizes in model or embedding, or smaller batch_tokens"  # the remedy for a lack of it
SETTINGS: dict[str, dict[str, Any]] = {
    "train": {
        "context_settings": {"ignore_unknown_options": True},  # of Hydra
        "epilog": """\b
Examples (the word train may be left out):
  tagger train --cfg job                              show the whole config
  tagger train model.depth=3 model.hidden.forward=200 change values
  tagger train corpus=conllu corpus.path=DIR          train on your treebank
  tagger train init=RUN trainer.max_epochs=0          its segmenter alone
  tagger train distill.teacher=RUN distill.text=FILES learn from a tagger
  tagger train -m model.depth=1,2,3                   a run for each value
  tagger train --hydra-help                           the options of Hydra
""",
    },
}


def train(
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Values of the config.", autocompletion=complete_keys),
    ] = None,
) -> None:
    """Trains a tagger; the default command.

    The config says how; KEY=VALUE changes a value of it. Everything goes into a new folder below runs/: the tagger, its
    scores, and what `tagger resume` needs.
    """
    from tagger.training import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.train(values or []))


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder, such as runs/2026-01-31/12-00-00.")],
) -> None:
    """Continues an interrupted run.

    RUN is a run of `train`, also one of a sweep. It goes on after its last complete epoch, with the config that it was
    started with. A sweep goes on when its command is given again.
    """
    from tagger.training import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.resume(run))
