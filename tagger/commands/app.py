"""A command line -> the call of one command, whose module is imported only now.

`--help`, `--version` and completion import no torch, Hydra or Lightning, which takes seconds.
"""

import os
from importlib import import_module
from importlib.metadata import distributions
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tagger.commands.console import clear_errors
from tagger.errors import InputError

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
    "ray": "tagger.extras.ray.ray_command",
    "review": "tagger.extras.review.review_command",
    "explain": "tagger.extras.analysis.analysis_command",
    "embed": "tagger.extras.analysis.analysis_command",
    "senses": "tagger.extras.analysis.analysis_command",
    "pretrain": "tagger.extras.pretraining.pretrain_command",
    "fill": "tagger.extras.pretraining.pretrain_command",
}
COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
GLOBAL_OPTIONS = ("-h", "--help", "-V", "--version", *COMPLETION_OPTIONS)
_TYPER: Any = {
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 80},
}
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
        """Runs the command line, and ends the process with its status; every error is one line."""
        self.commands = dict.fromkeys(COMMANDS, self)  # the names for the help, for completion, and to propose one
        with clear_errors():
            try:
                status = super().main(*args, **{**options, "standalone_mode": False})
            except typer.Abort:
                raise KeyboardInterrupt from None
            except _UsageError as error:
                message = " ".join(error.format_message().split()).removesuffix(".")
                raise InputError(f"{message}; see {error.ctx.command_path if error.ctx else 'tagger'} --help") from None
        raise SystemExit(status or 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts `train` in front of KEY=VALUE and of options of Hydra; `python -m tagger` alone means it, too."""
        first = args[0] if args else ""
        if first.partition("=")[0] in COMPLETION_OPTIONS and args[1:]:
            raise InputError(f"{first} takes no name: it is for the shell that runs it, bash, zsh, fish or powershell")
        if args[1:] and args[1].startswith("="):
            raise InputError(f"{first} {args[1]}: write KEY=VALUE without spaces")
        if os.path.isfile(first) and first not in COMMANDS:
            raise InputError(f"{first} is a file; to tag it: {ctx.info_name} tag {first}")
        if not args and not ctx.resilient_parsing:
            args = ["--help" if ctx.info_name == "tagger" else "train"]
        elif "=" in first or (first.startswith("-") and first not in GLOBAL_OPTIONS):
            args = ["train", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Imports the module of a command and returns the command; None for a name that `COMMANDS` lacks."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name])
        single = typer.Typer(**_TYPER, add_completion=False)
        single.command(cmd_name, **getattr(module, "SETTINGS", {}).get(cmd_name, {}))(getattr(module, cmd_name))
        command: Any = get_command(single)
        # Its errors are handled in here: a reader that left would have status 1 from typer.
        command.callback = clear_errors()(command.callback)
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                parameter.display_type_rich = lambda **_: None  # the help of typer would add Python's: <list[str]>
        return command


app = typer.Typer(**_TYPER, cls=LazyCommands, epilog=EPILOG)


@app.callback(invoke_without_command=True)  # for `--version`; `parse_args` names a command in all other cases
def commands(
    shows_version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
) -> None:
    """Trains part-of-speech taggers, and tags text with them."""
    if shows_version:
        versions = [found.version for found in distributions(name="bigru-tagger")]
        typer.echo(f"tagger {(versions or ['unknown (not installed)'])[0]}")
        raise typer.Exit
