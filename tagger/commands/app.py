"""A command line -> the call of one command: its module is imported when it is wanted, and no other.

So `--help`, `--version` and completion start fast: importing torch takes seconds. The modules of commands keep that
promise for their own `--help`: they import torch, Hydra and Lightning within their functions.
"""

import difflib
import tomllib
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tagger.commands.console import clear_errors
from tagger.errors import InputError, shorten

COMMANDS = {
    "train": "Train a tagger; the default command.",
    "pretrain": "Train a network on untagged text.",
    "resume": "Continue an interrupted training run.",
    "tag": "Tag text files.",
    "evaluate": "Score a tagger on a file with gold tags.",
    "models": "List the taggers that have a name.",
    "benchmark": "Measure the speed of a tagger on this machine.",
    "explain": "Show what each tag of a text rests on.",
    "fill": "Propose words for blanks.",
    "embed": "Write a vector for every word of files.",
    "senses": "Group the occurrences of a word by meaning.",
}
DEFAULT_COMMAND = "train"
COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
GLOBAL_OPTIONS = ("-h", "--help", "-V", "--version", *COMPLETION_OPTIONS)
EPILOG = """`tagger COMMAND --help` lists the options of a command. `train` and `pretrain` take values of the config:

\b
  tagger --cfg job                              show the whole config
  tagger model.depth=3                          change a value
  tagger corpus=conllu corpus.path=DIR          choose another corpus
  tagger -m model.depth=1,2,3                   sweep
`python -m tagger` is the same as `tagger`.
"""


class LazyCommands(TyperGroup):
    """The commands of the table. Types of typer's own parts are `Any`: they moved between its versions."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command line; errors outside of a command, such as a full disk under `--help`, are one line too."""
        with clear_errors("standard output cannot be written"):
            return super().main(*args, **options)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the default command in front where none is named."""
        return super().parse_args(ctx, args if ctx.resilient_parsing and not args else with_command(args))

    def invoke(self, ctx: Any) -> Any:
        """Calls the command."""
        with clear_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, its module imported; None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"tagger.commands.{cmd_name}")
        single = _typer()
        single.command(cmd_name, **getattr(module, "SETTINGS", {}))(getattr(module, cmd_name))
        return get_command(single)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Raises:
            InputError: there is none of that name; the message proposes one.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise InputError(unknown_command(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the table, without an import of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def with_command(arguments: Sequence[str]) -> list[str]:
    """`arguments`, with the default command in front where they name none.

    They name none where they are empty, and where the first is KEY=VALUE or an option that is not global. `help` and
    `help COMMAND` become `--help` and `COMMAND --help`.
    """
    first = arguments[0] if arguments else ""
    if first == "help":
        return [*arguments[1:2], "--help"]
    if first in COMMANDS or first.partition("=")[0] in GLOBAL_OPTIONS:
        return list(arguments)
    if not first or "=" in first or first.startswith("-"):
        return [DEFAULT_COMMAND, *arguments]
    return list(arguments)


def unknown_command(name: str) -> str:
    """The error message for a command that does not exist."""
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    if close:
        return f"no command {shorten(name)}; did you mean {close[0]}?"
    if Path(name).exists():
        return f"no command {shorten(name)}; to tag that file or folder, write tagger tag {name}"
    return f"no command {shorten(name)}; the commands are {', '.join(COMMANDS)}"


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
        **{"add_completion": False, **settings},
    )


def _version() -> str:
    """The version of the checkout that this code lies in, else of the installed package."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        stated = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if stated.get("name") == "tagger":
            return str(stated["version"])
    try:
        return installed_version("tagger")
    except PackageNotFoundError:
        return "of unknown version"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tagger {_version()}")
        raise typer.Exit


app = _typer(cls=LazyCommands, add_completion=True, epilog=EPILOG)


@app.callback()
def commands(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Trains part-of-speech taggers, and tags text with them."""
