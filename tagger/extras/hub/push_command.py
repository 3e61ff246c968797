"""The command `push`: a tagger in, a repository of the Hugging Face Hub out."""

from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.errors import InputError


def push(
    model: Annotated[str, typer.Argument(metavar="FOLDER", help="Of a tagger or of a run; or a name such as latest.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository on the Hub.")],
    private: Annotated[bool, typer.Option("--private", help="Only the owner sees what is made.")] = False,
    branch: Annotated[
        str, typer.Option("--branch", "--revision", metavar="NAME", help="The branch to write to.")
    ] = "main",
    message: Annotated[str, typer.Option(metavar="TEXT", help="Of the commit.")] = "Upload a tagger",
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Of the text it tags, such as en. Default: by the name of the treebank."),
    ] = None,
) -> None:
    """Puts a tagger on the Hugging Face Hub.

    The repository is made if it is not there. Log in with `hf auth login`, or set HF_TOKEN. All commands that
    take a model take it from there: --model hf:OWNER/NAME
    """
    from tagger.bundle.catalog import HUB_PREFIX, find_tagger, is_hub_name, parse_name
    from tagger.extras.hub.hub_push import push_tagger

    if is_hub_name(model):
        raise InputError(f"{model} is on the Hub already; name a folder")
    to = parse_name(f"{HUB_PREFIX}{repository.removeprefix(HUB_PREFIX)}@{branch}")
    say(push_tagger(find_tagger(model), to, private, message, language or ()))
    say(f"tag with it: tagger tag FILE --model {to}")
