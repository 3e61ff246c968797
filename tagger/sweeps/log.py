"""The log of a training: lines on standard output, or in a file while it trains beside others."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from tagger.training.processes import is_helper

_QUIET = ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "hydra_plugins", "matplotlib", "optuna")


def set_up_logging(force: bool = False) -> None:
    """Lets the package log plain lines to standard output, and other packages log warnings alone.

    Args:
        force: whether to do so again, since standard output is another file now; this process helps no other one.
    """
    level = logging.WARNING if not force and is_helper() else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout, force=force)
    logging.raiseExceptions = False  # a line that standard output does not take is no reason to stop a training
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def output_to(path: Path, name: str = "") -> Iterator[None]:
    """Within the block what this process prints and logs is added to a file.

    Args:
        path: of the file.
        name: of the run; if there is one, the lines of its epochs are shown on standard output too, behind the name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = logging.StreamHandler(sys.stdout)
    shown.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    shown.addFilter(lambda record: record.getMessage().startswith("epoch "))
    with path.open("a", buffering=1, encoding="utf-8", errors="replace") as out:
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                set_up_logging(force=True)
                if name:
                    logging.getLogger().addHandler(shown)
                yield
        finally:
            set_up_logging(force=True)
