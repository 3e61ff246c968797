"""`python -m tagger` and the script `tagger`: the command line, see `tagger.commands.app`."""

import os
import sys
from pathlib import Path

NEEDED = ("typer", "rich", "msgspec", "regex", "numpy", "torch")  # an environment without tagger lacks one of these


def main() -> int:
    """Runs the command that `sys.argv` names; returns the exit status.

    0: done; 1: a run of a sweep failed; 2: bad input; 130: interrupted; 141: the reader of the output went away.
    """
    try:
        os.getcwd()
    except OSError:  # torch would end the process with a message of its own
        print("error: the working directory is gone; change to another one", file=sys.stderr)
        return 2
    status = 0
    try:
        from tagger.commands.app import COMPLETION_OPTIONS, app  # within `try`: Ctrl+C may come this early
        from tagger.commands.console import ignore_signals

        try:
            installed = Path(sys.argv[0]).stem == "tagger" or bool({*COMPLETION_OPTIONS} & {*sys.argv[1:]})
            app(prog_name="tagger" if installed else "python -m tagger")  # shells complete the installed script
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        ignore_signals()
    except KeyboardInterrupt:
        status = 130
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        remedy = "activate the environment in which tagger is installed, such as with `. env/bin/activate`"
        print(f"error: {sys.executable} has no {error.name}; {remedy}", file=sys.stderr)
        status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
