"""`tagger ARGUMENTS` in a copy of the test's process, which has imported torch and Lightning already.

A fresh process imports for six seconds. It is needed only where imports are what a test looks at.
"""

import logging
import multiprocessing
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tagger.__main__ import main


def started(
    *arguments: str, folder: Path | str = ".", stdin: str = os.devnull, stdout: str = os.devnull, stderr: str = "said"
) -> "multiprocessing.process.BaseProcess":
    """A command that has begun in `folder`, with files there as its streams; what is written is appended."""

    def work() -> None:
        os.chdir(folder)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        for number, (name, path) in enumerate({"stdin": stdin, "stdout": stdout, "stderr": stderr}.items()):
            os.dup2(os.open(path, append if number else os.O_RDONLY), number)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
        sys.argv = ["tagger", *arguments]
        logging.root.handlers.clear()  # those of pytest
        status = 1
        try:
            status = main()
        except Exception:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        finally:
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(status)  # multiprocessing would wait for the workers, which wait for this process

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def forked(folder: Path, *arguments: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """A command that has ended; it ran in `folder`."""
    number = len(list(folder.iterdir()))
    given, out, err = (folder / f".{name}-{number}" for name in ("in", "out", "err"))
    given.write_text(input, encoding="utf-8")
    process = started(*arguments, folder=folder, stdin=str(given), stdout=str(out), stderr=str(err))
    process.join(300)
    assert process.exitcode is not None, arguments
    done = subprocess.CompletedProcess(arguments, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))
    for file in (given, out, err):
        file.unlink()
    return done
