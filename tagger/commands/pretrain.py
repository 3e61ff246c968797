"""The command `pretrain`: keys of the config `conf/pretrain.yaml` in, a run's folder with a pretrained network out."""

from typing import Annotated

import typer

from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY, complete_keys

SETTINGS = {
    "context_settings": {"ignore_unknown_options": True},  # they are Hydra's
    "epilog": """\b
Examples:
  tagger pretrain 'text=[books/*.txt,more.txt.gz]'    learn from these files
  tagger pretrain text=books/*.txt passes=3           read them three times
  tagger pretrain text=books/*.txt --cfg job          show the whole config
  tagger train init=RUN corpus=conllu corpus.path=DIR train a tagger from it
""",
}


def pretrain(
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Values of the config.", autocompletion=complete_keys),
    ] = None,
) -> None:
    """Trains a network to predict hidden words of untagged text.

    Everything goes into a new folder below runs/. A tagger can start from the network, and `fill`, `embed` and
    `senses` use it as it is.
    """
    from tagger.sweeps import launch

    with clear_errors(memory=TRAINING_MEMORY):
        raise typer.Exit(launch.pretrain(values or []))
