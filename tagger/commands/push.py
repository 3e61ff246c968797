"""The command `push`: a tagger in, a repository of the Hugging Face Hub out."""

from typing import Annotated

import typer

from tagger.commands.console import say, size_text
from tagger.errors import InputError


def push(
    model: Annotated[str, typer.Argument(metavar="FOLDER", help="Of a tagger or of a run; or a name such as latest.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository on the Hub.")],
    private: Annotated[bool, typer.Option("--private", help="Only the owner sees what is made.")] = False,
    branch: Annotated[
        str, typer.Option("--branch", "--revision", metavar="NAME", help="The branch to write to.")
    ] = "main",
    message: Annotated[str, typer.Option(metavar="TEXT", help="The message of the commit.")] = "Upload a tagger",
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Of the text it tags, such as en. Default: by the name of the treebank."),
    ] = None,
) -> None:
    """Puts a tagger on the Hugging Face Hub.

    The repository is made if it is not there. The files and the model card, with its metadata, come in one commit. Log
    in with `hf auth login`, or set HF_TOKEN. All commands that take a model take it from there: --model hf:OWNER/NAME
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.bundle.hub import is_hub_name
    from tagger.export.hub_push import push_tagger

    if is_hub_name(model):
        raise InputError(f"{model} is on the Hub already; name a folder")
    if not message.strip():
        raise InputError("--message is empty; say what changes, or leave it out")
    done = push_tagger(find_tagger(model), repository, private, branch, message, language or ())
    say(f"{done.url}: {done.files} files, {size_text(done.size)}")
    say(f"tag with it: tagger tag FILE --model {done.name}")
