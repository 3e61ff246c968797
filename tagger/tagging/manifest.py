"""What a run of `tag` has finished, on disk beside its outputs, so that a run that was killed can go on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from tagger.errors import InputError
from tagger.tagging.jobs import Job
from tagger.text.files import STDIO, file_version

NAME = "tagger.manifest"  # in the outputs' folder; no suffix that `tag` would read
_FORMAT = 1


class Manifest:
    """A line of JSON per finished output, after one that says how they were made.

    A line is written when its output has its final name, so that what is listed is whole whenever the
    process dies; a last line that is not whole is dropped.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Reads the folder's manifest, if it has one.

        Args:
            folder: where the outputs go; it need not exist.
            settings: plain values that decide what the outputs hold.

        Raises:
            InputError: it cannot be read.
        """
        self.folder, self.path = folder, folder / NAME
        self._header = {"manifest": _FORMAT, **settings}
        self._finished: dict[str, dict[str, Any]] = {}
        self._kept = 0  # bytes of whole lines
        self.fits = True  # whether what is there was made with these settings
        self._out: TextIO | None = None
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            lines = [json.loads(line) for line in whole.decode().splitlines()]
            self._finished = {line["target"]: line for line in lines[1:]}
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{self.path} is damaged; delete it, and with --force tag everything again") from None
        self._kept = len(whole)
        if lines and lines[0] != self._header:
            self.fits, self._finished, self._kept = False, {}, 0

    def finished(self, job: Job) -> bool:
        """Whether the output is listed and there, and its source is what it was."""
        if job.source == STDIO:  # nobody can tell whether it is what it was
            return False
        line = self._finished.get(self._name(job))
        if line is None or job.target is None or not job.target.is_file():
            return False
        return line == self._line(job)

    def remove_leftovers(self, jobs: Sequence[Job]) -> None:
        """Deletes what a killed run left half-written of these outputs."""
        for job in jobs:
            if job.target is not None and job.target.parent.is_dir():
                for path in job.target.parent.glob(f".{_escaped(job.target.name[:40])}.*.part"):
                    path.unlink(missing_ok=True)

    def add(self, job: Job) -> None:
        """Lists an output that has its final name.

        Raises:
            InputError: the manifest cannot be written.
        """
        try:
            line = self._line(job)
        except OSError:
            raise InputError(f"{job.source} is gone; its output is whole, but --resume will not know it") from None
        try:
            if self._out is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                with self.path.open("ab") as binary:
                    binary.truncate(self._kept)
                self._out = self.path.open("a", encoding="utf-8")
                if not self._kept:
                    self._write(self._header)
            self._write(line)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Closes the file."""
        if self._out is not None:
            self._out.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._out is not None
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    def _name(self, job: Job) -> str:
        return "" if job.target is None else job.target.relative_to(self.folder).as_posix()

    def _line(self, job: Job) -> dict[str, Any]:
        assert job.target is not None
        path, size, modified = ("", 0, 0) if job.source == STDIO else file_version(job.source)
        return {
            "target": self._name(job),
            "bytes": job.target.stat().st_size,
            "source": path,
            "source_bytes": size,
            "source_modified": modified,
        }


def fingerprint(folder: Path) -> str:
    """A hash of a tagger's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.*")):
        if path.is_file() and path.suffix in (".json", ".safetensors"):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
