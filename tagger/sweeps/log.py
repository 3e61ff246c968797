"""The log of a training: lines on standard output, or in a file while it trains beside others."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_QUIET = ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "hydra_plugins", "matplotlib", "optuna")


def set_up_logging() -> None:
    """Lets the package log plain lines to standard output, and other packages log warnings alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")  # joblib's, if it is interrupted
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
    set_up_logging()
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = logging.StreamHandler(sys.stdout)
    shown.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    shown.addFilter(lambda record: record.getMessage().startswith("epoch "))
    root = logging.getLogger()
    before = root.handlers
    with path.open("a", buffering=1, encoding="utf-8", errors="replace") as out:
        root.handlers = [logging.StreamHandler(out), *([shown] if name else [])]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                yield
        finally:
            root.handlers = before
