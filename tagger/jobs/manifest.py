"""The manifest: files in a folder of outputs that record what each was made of, so that a run can go on later.

The manifest has JSON lines. A run adds a line with its id, then one for each output: the digests of the source, of the
tagger with its settings, and of the output. An output is recorded when its content is complete and before it gets its
name. So if the process dies, each output file either is one that a run has made, or comes from elsewhere.

On a file system a run appends to one file, and so may several runs at the same time. A shard has a file of its own,
since machines that append to one file on NFS overwrite each other's lines. An object store cannot append: there, a run
has files of its own, each of which is written again with every line until it has `MAX_LINES`.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

try:
    import fcntl
except ModuleNotFoundError:  # on Windows
    fcntl = None  # type: ignore[assignment]

from tagger.errors import InputError
from tagger.jobs.bulk import Options
from tagger.jobs.jobs import MANIFEST_NAME, Job, Shard, is_manifest, output_name
from tagger.text.files import STDIO, open_binary
from tagger.text.remote_path import Place, RemotePath, read_remote, write_remote

MAX_LINES = 100  # of a remote file
READERS = 16  # threads that wait for a storage
_LEFTOVER = re.compile(r"\..*\.([0-9a-f]{16})[0-9a-f]*\.part")
_own_runs: set[str] = set()  # of this process, to which its own locks say nothing


class Record(NamedTuple):
    """What an output was made of."""

    source: str  # its digest, see `source_digest`
    tagger: str  # digest of the tagger and its settings, see `tagger_digest`
    sha256: str  # of the output


class Manifest:
    """The manifest of a folder, for one run."""

    def __init__(self, folder: Place, tagger: str, shard: Shard | None = None, max_lines: int = MAX_LINES) -> None:
        """Reads and writes nothing yet.

        Args:
            folder: where the outputs go; it need not exist.
            tagger: the digest of the tagger and its settings.
            shard: that the run makes; it has a file of its own.
            max_lines: of a remote file.
        """
        self.folder, self.tagger, self.run = folder, tagger, secrets.token_hex(8)
        self._name = MANIFEST_NAME if shard is None else f"{MANIFEST_NAME}.{shard.number}-of-{shard.total}"
        self._max_lines = max_lines
        self._file: BinaryIO | None = None
        self._remote: list[bytes] = []  # all lines of this run

    def read(self) -> tuple[dict[str, list[Record]], dict[str, str]]:
        """The records of each output by its name, and the file of each run by its id.

        A line that is torn, of an earlier version or no JSON is left out.

        Raises:
            InputError: a file cannot be read.
        """
        records: dict[str, list[Record]] = {}
        runs: dict[str, str] = {}
        for file, content in self._files():
            for line in content.splitlines():
                with suppress(ValueError, KeyError, TypeError, RecursionError):
                    fields = json.loads(line)
                    if "run" in fields:
                        runs[fields["run"]] = file
                    else:
                        record = Record(fields["source"], fields["tagger"], fields["sha256"])
                        if all(isinstance(value, str) for value in record):
                            records.setdefault(fields["output"], []).append(record)
        return records, runs

    def start(self) -> None:
        """Records the id of this run, unless that is done: before the first hidden file with the id is made.

        Raises:
            InputError: the manifest cannot be written, or the file is something else.
        """
        if isinstance(self.folder, RemotePath) or self._file is not None:
            return
        path = self.folder / self._name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = cast(BinaryIO, path.open("a+b", buffering=0))
            self._file.seek(0)
            if self._file.read(1) not in (b"", b"\n", b"{"):
                self.close()
                raise InputError(f"{path} is no manifest of this program; move it away")
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        _own_runs.add(self.run)
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: others do not know that this run has ended
                fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _place(self.run))
        self._append({"run": self.run})

    def record(self, job: Job, source: str, sha256: str) -> None:
        """Records an output that is about to get its name.

        Args:
            job: whose output it is.
            source: the digest of what was read.
            sha256: of the file that will get the output's name.

        Raises:
            InputError: the manifest cannot be written.
        """
        self.start()
        self._append({"output": output_name(job, self.folder), **Record(source, self.tagger, sha256)._asdict()})

    def remove_leftovers(self, jobs: Sequence[Job], runs: Mapping[str, str]) -> None:
        """Deletes incomplete hidden files beside the outputs whose runs were killed.

        The name of such a file has the id of its run, which stands in the manifest and nowhere else. A run that goes on
        holds a lock. In remote storage nobody sees what is incomplete.

        Args:
            jobs: of this run.
            runs: the file of each run.
        """
        for folder in {job.target.parent for job in jobs if isinstance(job.target, Path)}:
            for path in folder.glob(".*.part"):
                name = _LEFTOVER.fullmatch(path.name)
                if name is None or name[1] not in runs:
                    continue
                # A shard leaves those of other shards alone: their machines may not see each other's locks.
                own = self._name in (MANIFEST_NAME, Path(runs[name[1]]).name)
                if own and _has_ended(name[1], runs[name[1]]):
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the run."""
        _own_runs.discard(self.run)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """The name and the content of each file."""
        if isinstance(self.folder, RemotePath):
            names = [url for url in self.folder.listing if url.startswith(f"{self.folder}/{MANIFEST_NAME}/")]
            with ThreadPoolExecutor(READERS) as threads:
                yield from zip(names, threads.map(read_remote, names), strict=True)
            return
        for path in self.folder.glob(f"{MANIFEST_NAME}*"):
            if is_manifest(path.name):
                try:
                    yield str(path), path.read_bytes()
                except OSError as error:
                    raise InputError(f"{path} cannot be read: {error.strerror}") from None

    def _append(self, line: Mapping[str, str]) -> None:
        """Adds a line. It begins with a line end, since another run may have left a part of a line before it."""
        text = b"\n" + json.dumps(line).encode()
        if isinstance(self.folder, RemotePath):
            self._remote.append(text)
            number = (len(self._remote) - 1) // self._max_lines
            url = f"{self.folder}/{MANIFEST_NAME}/{self.run}-{number + 1:06}"
            write_remote(url, b"".join(self._remote[number * self._max_lines :]))
            return
        path = self.folder / self._name
        assert self._file is not None
        try:
            complete = self._file.write(text) == len(text)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        if not complete:
            raise InputError(f"{path} cannot be written: no space left on the device")


def _place(run: str) -> int:
    """The byte of the manifest that a run locks; it need not exist."""
    return int(run, 16) >> 2


def _has_ended(run: str, file: str) -> bool:
    """Whether nobody holds the lock of a run."""
    if fcntl is None or run in _own_runs:
        return False
    try:
        with Path(file).open("r+b") as manifest:
            fcntl.lockf(manifest, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(run))
    except OSError:
        return False
    return True


def tagger_digest(
    folder: Path,
    precision: str,
    input: str | None,
    output: str | None,
    options: Options,
    segmenter: str,
    corpus: str | None,
    keep: Sequence[str] | None,
    lexicons: Mapping[str, str],
    lexicon_case: str,
) -> str:
    """A digest of a tagger and of all that also decides what it makes of a source.

    Args:
        folder: of the tagger; the other values are as for `plan_jobs`, `tag_files` and `load`.
        keep: the columns whose given tags stay, as the user wrote them; None: no tags stay.

    Raises:
        InputError: a lexicon cannot be read.
    """
    words = [lexicon_case, {name: checksum(file) for name, file in lexicons.items()}] if lexicons else None
    settings = [precision, input, output, options._replace(keep=None), segmenter, corpus, keep, words]
    return hashlib.sha256(json.dumps([fingerprint(folder), *settings]).encode()).hexdigest()


def fingerprint(folder: Path) -> str:
    """A hash of the files that decide a tagger's output: config, vocabulary and weights, also in folders inside."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        if path.is_file() and path.suffix in (".json", ".gz", ".safetensors"):
            digest.update(bytes.fromhex(checksum(path)))
    return digest.hexdigest()


def source_digest(job: Job) -> str:
    """A digest of a job's source: of its content, or of what a remote storage says of its version.

    It is empty if nobody can read the source again, as standard input or a pipe.
    """
    if job.listed is not None:
        return f"{job.listed.size} {job.listed.version}" if job.listed.version else ""
    with suppress(InputError):  # which comes when the source is tagged
        is_file = job.text is None and job.source != STDIO and os.path.isfile(job.source)
        return checksum(job.source) if is_file else ""
    return ""


def checksum(path: Path | str) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    with open_binary(str(path)) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
