"""What the commands that take options share: these options, their errors, and where they write."""

import gc
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Literal, TextIO

import torch
import typer

from tagger.errors import InputError, shorten
from tagger.tagging.engine import CACHE_SIZE
from tagger.tagging.tagger import Tagger, load
from tagger.text.formats import INPUTS, InputFormat, describe
from tagger.weights.catalog import find_tagger

Device = Literal["auto", "cpu", "cuda", "mps"]
Model = Annotated[
    str, typer.Option(metavar="MODEL", help="A name that `models` lists, or a tagger's or a run's folder.")
]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Of the input; the output is UTF-8.")]
Precision = Literal["auto", "float32", "bfloat16"]
PrecisionOption = Annotated[
    Precision, typer.Option(metavar="TYPE", help="auto, float32 or bfloat16; auto: what the processor is fast at.")
]
DeviceOption = Annotated[Device, typer.Option(metavar="DEVICE", help="auto, cpu, cuda or mps.")]
InputOption = Annotated[
    InputFormat | None,
    typer.Option(metavar="FORMAT", help=f"{describe(INPUTS)}. Default: by suffix, else text."),
]
LayerOption = Annotated[
    str,
    typer.Option(
        metavar="LAYER",
        help="0: of the form alone; 1, 2, ...: a recurrent layer; all: these side by side; mean; predicted.",
    ),
]


def load_and_tell(name: str, device: str, precision: str, cache_size: int = CACHE_SIZE, workers: int = 1) -> Tagger:
    """Loads a tagger for a command of its own process, and says which on standard error; see `predictor.load`."""
    torch.set_num_threads(1)  # more are slower: the steps are small
    tagger = load(name, device, precision, cache_size, workers)
    gc.freeze()  # what is there by now stays, and what tagging makes is freed without a search for cycles:
    gc.set_threshold(100_000, 10, 10)  # to search often would take a tenth of the time
    scores = tagger.config.get("scores", {}).get("dev", {})
    shown = ", ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
    corpus, computed = tagger.config.get("corpus"), tagger.engine.precision
    say(f"model: {find_tagger(name)} (trained on {corpus}; dev {shown}); {computed} on {tagger.device}")
    return tagger


def check_tags(tagger: Tagger, name: str) -> None:
    """Raises InputError for a network that has no tags."""
    if not tagger.columns:
        raise InputError(
            f"{name} predicts words and has no tags; train a tagger from it with python -m tagger init={name}"
        )


def say(message: str) -> None:
    """A line on standard error."""
    if sys.stderr is not None:
        print(message, file=sys.stderr, flush=True)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Bad input is one line and status 2; a reader that went away (`| head`) is no error."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has one of them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)  # end as on Ctrl+C, nothing half-written
    try:
        yield
    except InputError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush into the closed pipe
        raise typer.Exit(141) from None
    except OSError as error:
        what = "standard output cannot be written" if error.filename is None else shorten(str(error.filename))
        say(f"error: {what}: {error.strerror}")
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        say("interrupted; files that were not whole are not written")
        raise typer.Exit(130) from None


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output as UTF-8, whole when the block ends.

    Raises:
        InputError: it is closed.
    """
    if sys.stdout is None:
        raise InputError("standard output is closed; name a file with -o")
    out = io.TextIOWrapper(sys.stdout.buffer, "utf-8", errors="backslashreplace", newline="\n")
    try:
        yield out
        out.flush()
    finally:
        out.detach()
