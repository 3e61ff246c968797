"""What commands print, and how they fail: with one line on standard error and an exit status."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tagger.errors import InputError, reason, shorten
from tagger.text.output_files import drop, standard_output
from tagger.text.strings import printable

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # exit statuses
_NO_MEMORY = ("allocate memory", "out of memory")  # how torch's messages say it


_hushed = False  # whether `say` prints nothing


def hush() -> None:
    """Has `say` print nothing from now on; errors are still told."""
    global _hushed
    _hushed = True


def say(message: str, always: bool = False) -> None:
    """Prints a line on standard error, control characters replaced; if `always`, also where notices are hushed."""
    if sys.stderr is not None and (always or not _hushed):
        try:
            print(printable(message), file=sys.stderr, flush=True)
        except OSError:  # a full disk, or the limit of a file's size: nobody can be told, and the status says it
            drop(sys.stderr)


def show(text: str) -> None:
    """Prints text for people, perhaps from outside: control characters other than line ends are replaced."""
    with standard_output() as out:
        out.write("".join(f"{printable(line)}\n" for line in text.removesuffix("\n").split("\n")))


def show_json(value: object) -> None:
    """Prints a value as JSON on standard output."""
    with standard_output() as out:
        out.write(json.dumps(value, indent=2) + "\n")


def size_text(size: int) -> str:
    """A number of bytes as `11.3 MB` or `4.2 kB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


@contextmanager
def clear_errors(memory: str = "close other programs, or use fewer --workers") -> Iterator[None]:
    """Ends the command with one line on standard error when an expected error ends the block.

    Bad input, files that cannot be read or written and a lack of memory end with status 2, Ctrl+C and SIGTERM with
    130, and a reader of the output that went away (`| head`) with 141 and no message. `memory` is the remedy for a lack
    of it.
    """
    for name in ("SIGTERM", "SIGHUP"):  # Windows has one of them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)  # end as on Ctrl+C, nothing half-written
    try:
        yield
    except InputError as error:
        raise _end(str(error)) from None
    except BrokenPipeError:
        drop(sys.stdout)
        raise SystemExit(BROKEN_PIPE) from None
    except OSError as error:
        raise _end(_description(error)) from None
    except MemoryError:
        raise _end(f"this needs more memory than there is; {memory}") from None
    except KeyboardInterrupt as error:
        ignore_signals()
        say(f"interrupted; {str(error) or 'files that were not whole are not written'}", always=True)
        raise SystemExit(INTERRUPTED) from None
    except RuntimeError as error:
        if not any(words in str(error) for words in _NO_MEMORY):
            raise
        raise _end(f"this needs more memory than there is ({reason(error)}); {memory}") from None


def _end(message: str) -> SystemExit:
    """Prints an error; returns the exception that ends the process."""
    say(f"error: {message}", always=True)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        drop(sys.stdout)
    return SystemExit(BAD_INPUT)


def ignore_signals() -> None:
    """Lets the process end undisturbed: a signal that comes now would stop the end half-way, with a traceback."""
    for name in {"SIGINT", "SIGTERM", "SIGHUP"} & {*dir(signal)}:
        signal.signal(getattr(signal, name), signal.SIG_IGN)


def _description(error: OSError) -> str:
    """The file that an error of the system names, if it names one, and what went wrong."""
    why = error.strerror or str(error) or type(error).__name__
    names = [shorten(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
    return f"{' and '.join(names)}: {why}" if names else f"{why}; the system names no file, it may be standard output"
