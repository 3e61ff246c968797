"""The command `train`, the default one: keys of the config `conf/train.yaml` in, a run's folder out."""

from typing import Annotated

import typer

from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY, complete_keys

SETTINGS = {
    "context_settings": {"ignore_unknown_options": True},  # they are Hydra's
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
    from tagger.sweeps import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.train(values or []))
