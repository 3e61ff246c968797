"""A command line -> the call of one command, whose module is imported only now.

`--help`, `--version` and completion import no torch, Hydra or Lightning, which takes seconds.
"""

import difflib
import os
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

from tagger.commands.console import clear_errors, say
from tagger.errors import InputError, shorten

COMMANDS = {  # the module of each, in the order of the help, which shows the first sentence of each one's docstring
    "train": "tagger.commands.runs",
    "resume": "tagger.commands.runs",
    "tag": "tagger.commands.tag",
    "evaluate": "tagger.commands.evaluate",
    "compare": "tagger.extras.compare.compare_command",
    "breakdown": "tagger.extras.compare.breakdown_command",
    "models": "tagger.commands.models",
    "benchmark": "tagger.extras.benchmark.benchmark_command",
    "serve": "tagger.extras.serving.serve_command",
    "export": "tagger.extras.onnx.export_command",
    "push": "tagger.extras.hub.push_command",
    "ensemble": "tagger.extras.ensembles.ensemble_command",
    "lint": "tagger.extras.lint.lint_command",
    "lexicon": "tagger.extras.lint.lexicon_command",
    "review": "tagger.extras.review.review_command",
    "explain": "tagger.extras.analysis.analysis_command",
    "embed": "tagger.extras.analysis.analysis_command",
    "senses": "tagger.extras.analysis.analysis_command",
    "pretrain": "tagger.extras.pretraining.pretrain_command",
    "fill": "tagger.extras.pretraining.pretrain_command",
}
DEFAULT_COMMAND = "train"
LEAST_WIDTH = 20  # of a terminal, in cells; a variable COLUMNS below it says nothing
COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
GLOBAL_OPTIONS = ("-h", "--help", "-V", "--version", *COMPLETION_OPTIONS)
_UsageError: Any = typer.BadParameter.__base__  # its module depends on the version of typer
EPILOG = """`tagger COMMAND --help` lists the options of a command. `train` takes values of the config:

\b
  tagger --cfg job                              show the whole config
  tagger model.depth=3                          change a value
  tagger corpus=conllu corpus.path=DIR          choose another corpus
  tagger -m model.depth=1,2,3                   sweep

`python -m tagger` is the same as `tagger`; alone, it trains on a bundled sample.
"""


class LazyCommands(TyperGroup):
    """The commands that `COMMANDS` names. Types of typer's own parts are `Any`: they moved between its versions."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command line, and ends the process with its status.

        Errors outside of a command, such as an unknown option or a full disk under `--help`, are one line too.
        """
        if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]) < LEAST_WIDTH:
            del os.environ["COLUMNS"]
        with clear_errors("standard output cannot be written"):
            try:
                status = super().main(*args, **{**options, "standalone_mode": False})
            except typer.Abort:
                raise KeyboardInterrupt from None
            except _UsageError as error:
                raise InputError(_usage_message(error)) from None
        raise SystemExit(status or 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the default command in front if none is named; `tagger` alone shows the help."""
        if not args and not ctx.resilient_parsing:
            if ctx.info_name == "tagger":
                args = ["--help"]
            else:
                say("training on the bundled English sample, for some minutes; --help shows what else there is")
        return super().parse_args(ctx, args if ctx.resilient_parsing and not args else with_command(args))

    def invoke(self, ctx: Any) -> Any:
        """Calls the command."""
        with clear_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Imports the module of a command and returns the command; None for a name that `COMMANDS` lacks."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name])
        single = _typer()
        single.command(cmd_name, **getattr(module, "SETTINGS", {}).get(cmd_name, {}))(getattr(module, cmd_name))
        command: Any = get_command(single)
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                parameter.display_type_rich = lambda **_: None  # the help of typer would add Python's: <list[str]>
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Returns the command that the first argument names.

        Raises:
            InputError: no command has that name; the message proposes one.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise InputError(unknown_command(args[0]))
        return super().resolve_command(ctx, args)


def with_command(arguments: Sequence[str]) -> list[str]:
    """Returns `arguments`, with the default command in front if they name none.

    They name none if they are empty, or if the first is KEY=VALUE or an option that is not global. `help` and
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


def _usage_message(error: Any) -> str:
    """An error of usage in one line, with the help that tells more."""
    message = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    command = f"{error.ctx.command_path} " if error.ctx else ""
    return f"{message[:1].lower()}{message[1:]}; see {command}--help"


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
        **{"add_completion": False, **settings},
    )


DISTRIBUTION = "bigru-tagger"  # its name on the package index


def _version() -> str:
    """The version of the checkout that contains this code, else of the installed package."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        stated = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if stated.get("name") == DISTRIBUTION:
            return str(stated["version"])
    try:
        return installed_version(DISTRIBUTION)
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
