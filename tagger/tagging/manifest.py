"""The manifest: a file in a folder of outputs that lists the finished ones, so that a killed run can be resumed.

The manifest has JSON lines. A run that writes into the folder adds a header with its id and settings, then a line for
each output with the checksum of its content. An output is listed when its content is complete and before it gets its
name. If the process dies, each output file is either listed with its content, so a run made it, or comes from
elsewhere. Several runs may write into one folder at the same time: each line names its run. A shard of a run, which may
be on another machine, has a file of its own, and so has each run in remote storage. All files of the folder are read.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.tagging.jobs import MANIFEST_NAME, Job, output_name
from tagger.tagging.manifest_files import manifest_files
from tagger.tagging.shard import Shard
from tagger.text.files import STDIO, file_version, open_binary
from tagger.text.remote_path import Place
from tagger.weights.saved_config import MEMBERS

_FORMAT = 2
_OLDER_FORMAT = 1  # has no checksums, so it proves nothing
_RUN = re.compile("[0-9a-f]{16}")
_LEFTOVER = re.compile(r"\..*\.([0-9a-f]{16})[0-9a-f]*\.part")


class OutputState(Enum):
    """The state of an output, by the manifest and the disk; the values are words for users."""

    ABSENT = "does not exist"
    FINISHED = "finished"
    SOURCE_CHANGED = "source changed since"
    REPLACEMENT_INTERRUPTED = "run killed before this was replaced"
    CHANGED = "changed after tagging"
    OTHER_SETTINGS = "tagged with another model, precision or options"
    UNLISTED = f"not listed in {MANIFEST_NAME}, so of unknown origin"

    @property
    def may_be_made(self) -> bool:
        """Whether the output is absent, or proved to be replaceable by the run that asks."""
        return self in (OutputState.ABSENT, OutputState.SOURCE_CHANGED, OutputState.REPLACEMENT_INTERRUPTED)


class _Run(NamedTuple):
    """A run's header."""

    number: int  # greater than those of all runs that its manifests listed when it began; 0 of older versions
    settings: Any
    file: str  # that has it


class _Entry(NamedTuple):
    """A run's entry for an output."""

    run: str
    bytes: int
    sha256: str
    source: list[str | int]  # path, size and time of the last change


class Manifest:
    """The manifest of a folder, for a run with certain settings."""

    def __init__(self, folder: Place, settings: Mapping[str, Any], shard: Shard | None = None) -> None:
        """Reads the folder's manifests, if it has any.

        A line that is not JSON is skipped: a killed run or a full disk left it incomplete. An output that only such a
        line lists is one of unknown origin, which is kept.

        Args:
            folder: where the outputs go; it need not exist.
            settings: plain values that decide the content of the outputs.
            shard: which of the outputs the run makes; None: all.

        Raises:
            InputError: a manifest cannot be read, or the run's own file is no manifest.
        """
        self.folder = folder
        self.run = secrets.token_hex(8)
        self._files = manifest_files(folder, MANIFEST_NAME if shard is None else shard.manifest_name, self.run)
        self._started = False
        self._shard = shard
        self._settings = json.loads(json.dumps(settings))
        self._runs: dict[str, _Run] = {}  # by id
        self._entries: dict[str, list[_Entry]] = {}  # target -> entries of runs, the latest last
        self._older: str | None = None  # a file of an older format
        self._sources: dict[str, list[str | int]] = {}
        for file, content in self._files.read():
            for line in content.splitlines():
                self._read(file, line)
            own = file == self._files.own != self._older  # that of another run may have no header yet
            if content and own and all(run.file != file for run in self._runs.values()):
                raise InputError(
                    f"{file} is damaged: it has no header; delete it, and tag everything again with --force"
                )
        self._number = 1 + max((run.number for run in self._runs.values()), default=0)
        for entries in self._entries.values():
            entries.sort(key=lambda entry: self._runs[entry.run].number)

    def _read(self, file: str, line: bytes) -> None:
        """Reads a line. A line that is incomplete or of no manifest is skipped."""
        try:
            fields = json.loads(line)
            if fields.get("manifest") == _OLDER_FORMAT:
                self._older = file
            elif fields.get("manifest") == _FORMAT and _RUN.fullmatch(fields["run"]):
                self._runs[fields["run"]] = _Run(int(fields.get("number", 0)), fields["settings"], file)
            elif fields["run"] in self._runs and (self._shard is None or self._shard.owns(fields["target"])):
                entry = _Entry(*(fields[name] for name in _Entry._fields))
                self._entries.setdefault(fields["target"], []).append(entry)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return

    def check_resumable(self) -> None:
        """Raises InputError if the folder has a manifest, but no run in it had the settings of this one."""
        if self._own_runs():
            return
        for run in self._runs.values():
            raise InputError(
                f"{run.file} is of a run with another model, precision or options; give the same, or use another folder"
            )
        if self._older is not None:
            raise InputError(
                f"{self._older} is of an older version, which kept no checksums of outputs; tag into another folder, or"
                " tag everything again with --force"
            )

    def state(self, job: Job) -> OutputState:
        """The state of a job's output. The output is read to compare checksums."""
        self.note_source(job)
        if job.target is None or not job.target.is_file():
            return OutputState.ABSENT
        entries = self._entries.get(output_name(job, self.folder), [])
        if not entries:
            return OutputState.UNLISTED
        size = _size(job.target)
        content = checksum(str(job.target)) if any(entry.bytes == size for entry in entries) else ""
        if all(content != entry.sha256 for entry in entries):
            return OutputState.CHANGED
        last = entries[-1]
        if self._runs[last.run].settings != self._settings:
            return OutputState.OTHER_SETTINGS
        if content != last.sha256:
            return OutputState.REPLACEMENT_INTERRUPTED
        if job.source == STDIO or last.source != self._sources[job.source]:
            return OutputState.SOURCE_CHANGED  # standard input cannot be compared
        return OutputState.FINISHED

    def has_other_settings(self, job: Job) -> bool:
        """Whether the output was last listed by a run with other settings; its content is not read."""
        entries = self._entries.get(output_name(job, self.folder), [])
        return bool(entries) and self._runs[entries[-1].run].settings != self._settings

    def remove_leftovers(self, jobs: Sequence[Job]) -> None:
        """Deletes incomplete hidden files beside the outputs that killed runs with these settings left.

        Their names contain the id of the run, which stands in the manifest and nowhere else. A shard deletes those of
        its own manifest alone, since the other shards may be at work. In remote storage nobody sees what is incomplete.
        """
        runs = {run for run in self._own_runs() if self._shard is None or self._runs[run].file == self._files.own}
        for folder in {job.target.parent for job in jobs if isinstance(job.target, Path)}:
            for path in folder.glob(".*.part"):
                name = _LEFTOVER.fullmatch(path.name)
                if name is not None and name[1] in runs:
                    path.unlink(missing_ok=True)

    def note_source(self, job: Job) -> None:
        """Remembers the version of a job's source. Call it before the source is read, so that later changes show."""
        if job.source not in self._sources:
            self._sources[job.source] = ["", 0, 0] if job.listed is None else [*job.listed]
            if job.listed is None and job.source != STDIO:
                with suppress(OSError):  # the error comes when the source is read
                    self._sources[job.source] = [*file_version(job.source)]

    def start(self) -> None:
        """Adds the header of this run, unless it is there: before the first hidden file with its id is made.

        Raises:
            InputError: the manifest cannot be written.
        """
        if not self._started:
            self._write({"manifest": _FORMAT, "run": self.run, "number": self._number, "settings": self._settings})
            self._started = True

    def add(self, job: Job, content: Path) -> None:
        """Lists an output that is about to get its name.

        Args:
            job: whose output it is.
            content: the file that will get the output's name.

        Raises:
            InputError: the manifest cannot be written.
        """
        self.add_content(job, content.stat().st_size, checksum(content))

    def add_content(self, job: Job, size: int, sha256: str) -> None:
        """Lists an output whose content has this size and this checksum; see `add`."""
        self.start()
        self.note_source(job)
        entry = _Entry(self.run, size, sha256, self._sources[job.source])
        self._write({"target": output_name(job, self.folder), **entry._asdict()})

    def close(self) -> None:
        """Closes the files."""
        self._files.close()

    def _own_runs(self) -> list[str]:
        return [name for name, run in self._runs.items() if run.settings == self._settings]

    def _write(self, line: Mapping[str, Any]) -> None:
        self._files.append(json.dumps(line))


def _size(target: Place) -> int:
    if isinstance(target, Path):
        return target.stat().st_size
    listed = target.listed()
    return 0 if listed is None else listed.size


def fingerprint(folder: Path) -> str:
    """A hash of the files that decide a tagger's output: config, vocabulary and weights, also those of members."""
    digest = hashlib.sha256()
    for path in [*sorted(folder.glob("*.*")), *sorted(folder.glob(f"{MEMBERS}/*/*.*"))]:
        if path.is_file() and path.suffix in (".json", ".safetensors"):
            digest.update(bytes.fromhex(checksum(path)))
    return digest.hexdigest()


def checksum(path: Path | str) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    digest = hashlib.sha256()
    with open_binary(str(path)) as file:
        try:
            while block := file.read(1 << 20):
                digest.update(block)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return digest.hexdigest()
