"""The commands that take options: tag, evaluate, models, benchmark, explain, embed, senses."""

import typer

from tagger.commands.benchmark import benchmark
from tagger.commands.embed import embed
from tagger.commands.evaluate import evaluate
from tagger.commands.explain import explain
from tagger.commands.fill import fill
from tagger.commands.models import models
from tagger.commands.senses import senses
from tagger.commands.tag import tag

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def commands() -> None:
    """Tags text, and scores taggers."""


for command in (tag, evaluate, models, benchmark, explain, fill, embed, senses):
    app.command()(command)
