"""Steps of a job -> bytes, words per second and time left, on standard error if that is a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tagger.tagging.bulk import Progress


class ProgressLine:
    """The line that is shown while files are tagged. Without a display nothing is shown."""

    def __init__(self, display: rich.progress.Progress | None, task: TaskID) -> None:
        """Shows steps as `task` of `display`."""
        self._display, self._task = display, task
        self._words = self._bytes = 0  # bytes of files that are done

    def show(self, step: "Progress") -> None:
        """Adds a step."""
        self._words += step.words
        if step.finished or step.error is not None:
            self._bytes += step.job.size
        if self._display is not None:
            elapsed = self._display.tasks[self._task].elapsed or 1
            speed = f"{self._words / elapsed:,.0f} words/s"
            self._display.update(self._task, completed=self._bytes + step.read, words=speed)


@contextmanager
def progress_line(total: int, wanted: bool) -> Iterator[ProgressLine]:
    """Shows progress on standard error while the block runs.

    Args:
        total: bytes to read; 0 if that is not known.
        wanted: False shows nothing, for commands that print on the terminal.
    """
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield ProgressLine(None, TaskID(0))
        return
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as display:
        yield ProgressLine(display, display.add_task("", total=total or None, words=""))
