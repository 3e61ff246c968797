"""The members of an ensemble -> their trained taggers: a process for each, as many at a time as there are cores for.

Each process is `python -m tagger resume FOLDER` with the folder of the member's run. So a member that was interrupted
goes on after its last epoch, and one that is complete is not trained again. What a process prints goes to a file in
its folder; epochs are shown here too.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.errors import InputError
from tagger.text.strings import printable
from tagger.training.processes import MEMBER, signals_as_interrupt
from tagger.training.run_folder import LOG, REPORT

POLL_SECONDS = 0.2
STOP_SECONDS = 30.0  # that a process has to end in, once it is told to
BAD_INPUT = 2  # exit status
MAX_LINE = 2_000  # characters of a line of a log that are shown

_log = logging.getLogger(__name__)


class MemberFailed(Exception):
    """The process of a member ended with an error that is no bad input.

    Attributes:
        status: the exit status for the command.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Member(NamedTuple):
    """A member of an ensemble that is trained."""

    number: int  # from 1
    seed: int
    folder: Path  # of its run

    @property
    def is_complete(self) -> bool:
        """Whether it is trained and scored."""
        return (self.folder / REPORT).is_file() and (self.folder / TAGGER_IN_RUN).is_dir()

    def report(self) -> dict[str, Any]:
        """The content of its `report.json`.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / REPORT
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found["dev"], found["best_epoch"], found["epochs"], found["training_seconds"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is damaged; remove it and resume the run, so that it is made again") from None
        return found


class _Training:
    """The process that trains a member."""

    def __init__(self, member: Member) -> None:
        self.member, self._shown = member, 0
        path = member.folder / LOG
        self._place = path.stat().st_size if path.exists() else 0  # a log of before is not shown again
        command = [sys.executable, "-m", "tagger", "resume", str(member.folder.absolute())]
        with path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, MEMBER: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # so that Ctrl+C at a terminal reaches it through this process alone
            )

    def lines(self) -> list[str]:
        """The whole lines that it has printed since the last call."""
        with (self.member.folder / LOG).open("rb") as log:
            log.seek(self._place)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._place += len(whole)
        return [printable(line)[:MAX_LINE] for line in whole.decode("utf-8", "replace").splitlines()]

    def end(self, number: int) -> None:
        """Sends a signal to the process and to those that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def train_members(members: Sequence[Member], threads: int, settings: Mapping[str, Any]) -> None:
    """Trains the members that are not complete.

    Args:
        members: their folders have `run.json`.
        threads: of each training.
        settings: of the trainer.

    Raises:
        InputError: a member has bad input; the others have been stopped.
        MemberFailed: a member failed otherwise; likewise.
        KeyboardInterrupt: Ctrl+C or SIGTERM; all have been stopped. Their complete epochs stay.
    """
    waiting = [member for member in members if not member.is_complete]
    for member in members:
        if member.is_complete:
            _log.info("%s is complete: %s", _name(member, members), _outcome(member))
    if not waiting:
        return
    at_once = min(len(waiting), processes(threads, settings))
    _log.info("%d at a time; what each one prints is in %s", at_once, members[0].folder.parent / "*" / LOG)
    running: list[_Training] = []
    with signals_as_interrupt():
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    running.append(_Training(waiting.pop(0)))
                time.sleep(POLL_SECONDS)
                for training in list(running):
                    status = training.process.poll()
                    lines = training.lines()
                    name = _name(training.member, members)
                    for line in lines:
                        if line.startswith("epoch "):
                            _log.info("%s: %s", name, line)
                    if status is None:
                        continue
                    running.remove(training)
                    if status or not training.member.is_complete:
                        raise _error(training.member, status, name)
                    _log.info("%s is complete: %s", name, _outcome(training.member))
        finally:
            _stop(running)


def processes(threads: int, settings: Mapping[str, Any]) -> int:
    """How many trainings may run at a time: as many as there are cores for; one where they share a GPU."""
    if settings.get("accelerator") != "cpu" and (torch.cuda.is_available() or settings.get("accelerator") == "mps"):
        return 1
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    devices = settings.get("devices")
    return max(1, cores // (threads * (devices if type(devices) is int else 1)))


def _name(member: Member, members: Sequence[Member]) -> str:
    return f"member {member.number} of {len(members)}, seed {member.seed}"


def _outcome(member: Member) -> str:
    report = member.report()
    dev = ", ".join(f"{column} {100 * scores['accuracy']:.2f}" for column, scores in report["dev"].items())
    return f"dev {dev}, best epoch {report['best_epoch']} of {report['epochs']}, {report['training_seconds']:.0f} s"


def _error(member: Member, status: int, name: str) -> Exception:
    """The error of a member whose process has ended."""
    path = member.folder / LOG
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 4 * MAX_LINE))
        lines = log.read().decode("utf-8", "replace").splitlines()
    last = printable(lines[-1])[:MAX_LINE] if lines else ""
    if status == BAD_INPUT:
        return InputError(f"{name}: {last.removeprefix('error: ')}")
    if status < 0:
        last = f"a signal killed it ({signal.Signals(-status).name}), perhaps for lack of memory"
        status = 128 - status
    return MemberFailed(f"{name}: {last or 'it ended too early'}; see {path}", status or 1)


def _stop(running: Sequence[_Training]) -> None:
    """Ends processes as Ctrl+C would, and those that do not end in time at once."""
    try:
        for training in running:
            training.end(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for training in running:
            with suppress(subprocess.TimeoutExpired):
                training.process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for training in running:
            if training.process.poll() is None:
                training.end(signal.SIGKILL)
                training.process.wait()
