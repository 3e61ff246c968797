"""Files and folders that a user names -> which file is tagged, in which format, into which file, and by which shard."""

import errno
import hashlib
import os
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.text.files import STDIO
from tagger.text.formats import SUFFIXES, format_of, renamed
from tagger.text.packed import packing
from tagger.text.remote_path import Place, RemoteFile, RemotePath, check_writable, is_same, place_of

MANIFEST_NAME = "tagger.manifest"  # in the folder of outputs; that of a shard has more after it
MAX_SHOWN = 5  # suffixes or files that a message names
_SHARD = re.compile("([0-9]{1,9})/([0-9]{1,9})")


class Job(NamedTuple):
    """One file to tag."""

    source: str  # a path, a URL, or `-` for standard input
    input: str  # its format
    target: Place | None  # None: standard output
    output: str  # its format
    listed: RemoteFile | None = None  # what the storage said of a remote source
    text: str | None = None  # to tag instead of a file

    @property
    def size(self) -> int:
        """Bytes to read; 0 if that is not known."""
        if self.listed is not None:
            return self.listed.size
        path = Path(self.source)
        return path.stat().st_size if self.text is None and self.source != STDIO and path.is_file() else 0


class Plan(NamedTuple):
    """The jobs of a run, and what it does not tag."""

    jobs: list[Job]
    to: Place | None  # where the outputs go: a file, a folder or, if None, standard output
    skipped: list[str]  # lines for users about what is left out of folders
    errors: list[str]  # lines for users about folders that cannot be read


class Shard(NamedTuple):
    """A part of the files, written `i/n`: one of n independent runs tags it.

    The name of an output below the folder of outputs decides which shard makes it. So a file that is added between the
    starts of two shards moves no other file to another shard: none is left out, and none is tagged twice.
    """

    number: int  # i, from 1
    total: int  # n

    def __str__(self) -> str:
        """As users write it."""
        return f"{self.number}/{self.total}"

    def owns(self, name: str) -> bool:
        """Whether this shard makes the output of this name, relative to the folder of outputs."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest) % self.total == self.number - 1


class _Found(NamedTuple):
    """A file to tag."""

    source: str  # its path or URL, or `-`
    place: PurePath  # below the folder that the user named, or its name
    listed: RemoteFile | None = None


def plan_jobs(
    sources: Sequence[str], to: str | None, input: str | None, output: str | None, into_one: bool = False
) -> Plan:
    """Decides which files to tag.

    A folder is searched for files with all folders in it; hidden files and folders are left out. Its tree is kept below
    `to`. Without `input`, only files whose suffix names a format are taken from it.

    Args:
        sources: files, folders or `-`; none is standard input.
        to: a file, a folder, or None for standard output. A name that does not exist names a folder if it ends in
            a slash, or if several files go there and it has no suffix of a format.
        input: the format of all sources; None: by the suffix.
        output: the format of all outputs; None: by the suffix of `to`, else conllu for conllu and tsv for others.
        into_one: whether all sources go into the file `to`, or to standard output; the jobs have no targets then.

    Raises:
        InputError: a path is empty or does not exist, several files go into a file, a folder has no `to` or no file to
            tag, or two sources have the same output.
    """
    sources = list(sources) or [STDIO]
    if "" in sources:
        raise InputError("'' is no file; name one, or - for standard input")
    if to == "":
        raise InputError("-o '' is no file; name a file or a folder")
    target = None if to is None else place_of(to)
    if isinstance(target, RemotePath):
        check_writable(target.url)
    search = _Search(target, input)
    folders = [source for source in sources if search.add(source)]
    if folders and to is None and not into_one:
        raise InputError(f"{folders[0]} is a folder; name one for its tagged files with -o")
    found = search.found
    several = len(found) > 1 or bool(folders)
    if target is not None and several and not into_one and not target.is_dir():
        if target.exists():
            raise InputError(f"-o {to} is a file; several files need a folder")
        if format_of(str(to), "") and not str(to).endswith("/"):
            raise InputError(f"-o {to} is the name of a file; several files need a folder: -o {to}/")
    into_folder = not into_one and target is not None and (str(to).endswith("/") or several or target.is_dir())
    named = format_of(str(to), "") if target is not None and not into_folder and not into_one else ""
    jobs = []
    for file in found:
        reads = input or format_of(file.place.name)
        writes = output or (named if named not in ("", "text") else "conllu" if reads == "conllu" else "tsv")
        own = None if into_one else target
        if target is not None and into_folder:
            own = target / renamed(file.place, writes)
        jobs.append(Job(file.source, reads, own, writes, file.listed))
    _check(jobs, target if into_one else None)
    return Plan(jobs, target, search.lines(), search.errors)


def _check(jobs: Sequence[Job], joined: Place | None) -> None:
    """Checks that no output replaces an input or another output, `joined` being the one output of all jobs."""
    taken: dict[Place, str] = {}
    for job in jobs:
        target = job.target or joined
        if target is None:
            continue
        if job.source != STDIO and is_same(target, place_of(job.source)):
            raise InputError(f"{job.source} would be replaced by its own tagging; choose another -o")
        if target in taken and joined is None:
            raise InputError(f"{taken[target]} and {job.source} would both become {target}; tag them apart")
        taken[target] = job.source


class _Search:
    """The files that sources stand for, and what is left out of folders."""

    def __init__(self, to: Place | None, input: str | None) -> None:
        """Has no files yet.

        Args:
            to: where the outputs go. Files in there are left out if it is within a source.
            input: the format of all sources; None: by the suffix.
        """
        self._to, self._input = to, input
        self.found: list[_Found] = []
        self.errors: list[str] = []
        self._suffixes = Counter[str]()  # of files without a format ("" for none)
        self._others: list[str] = []  # what else is skipped, and why

    def add(self, source: str) -> bool:
        """Adds the files of a source, and returns whether it is a folder.

        Raises:
            InputError: there is no such file or folder, it has no file to tag, or it cannot be read.
        """
        if source == STDIO:
            self.found.append(_Found(STDIO, Path("stdin.txt")))
            return False
        place = place_of(source)
        if not place.is_dir():
            if isinstance(place, RemotePath) and place.is_file():
                self.found.append(_Found(place.url, PurePosixPath(place.name), place.listed()))
            elif isinstance(place, Path) and place.exists():
                self.found.append(_Found(source, Path(place.name)))
            else:
                text = "; a text is tagged with --text" if " " in source else ""
                raise InputError(f"{source}: no such file or folder{text}")
            return False
        files = _remote_files(place, self._to) if isinstance(place, RemotePath) else self._local_files(place)
        before = len(self.found)
        for file in sorted(files, key=lambda file: file.place.parts):
            if any(map(is_manifest, file.place.parts)):
                continue
            if self._input is not None or format_of(file.place.name, ""):
                self.found.append(file)
            else:
                plain = file.place.with_suffix("") if packing(file.place.name) else file.place
                self._suffixes[plain.suffix.lower()] += 1
        if len(self.found) == before and not self.errors:
            raise InputError(
                f"{source}: no file with one of the suffixes {' '.join(SUFFIXES)}; with --input FORMAT, files with"
                " all suffixes are read"
            )
        return True

    def _local_files(self, root: Path) -> Iterator[_Found]:
        """The files of a folder. Links are followed, but each folder is read once, and under its own name if it has
        one below `root`: so there are no circles, and no file comes twice.
        """
        real_root = root.resolve()
        outputs = self._to.resolve() if isinstance(self._to, Path) and self._to.resolve() != real_root else None
        seen: set[Path] = set()  # folders that have been read
        folders, links = deque([root]), deque[Path]()
        while folders or links:
            folder = folders.popleft() if folders else links.popleft()
            real = folder.resolve()
            if real == outputs:
                continue
            circle = folder.is_symlink() and any(p.is_relative_to(real) for p in (real_root, folder.parent.resolve()))
            if folder != root and (real in seen or circle):
                self._others.append(f"{folder} leads to {'a folder above it' if circle else 'what is read already'}")
                continue
            seen.add(real)
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if folder == root:
                    raise InputError(f"{root} cannot be read: {error.strerror}") from None
                self.errors.append(f"{folder} cannot be read: {error.strerror}")
                continue
            for entry in entries:
                if not entry.name.startswith("."):
                    path = Path(entry.path)
                    kind = self._kind(entry)
                    if kind == "folder":
                        (links if entry.is_symlink() else folders).append(path)
                    elif kind == "file" and not _is_in(entry, real, outputs):
                        yield _Found(str(path), path.relative_to(root))

    def _kind(self, entry: os.DirEntry[str]) -> str:
        """`file` or `folder`; an empty string if it is neither, which is noted."""
        try:
            if entry.is_dir() or entry.is_file():
                return "folder" if entry.is_dir() else "file"
        except OSError as error:
            if error.errno != errno.ELOOP:
                self.errors.append(f"{entry.path} cannot be read: {error.strerror}")
                return ""
        self._others.append(f"{entry.path} {'leads nowhere' if entry.is_symlink() else 'is no regular file'}")
        return ""

    def lines(self) -> list[str]:
        """A line for users about files whose suffix names no format, and one about the rest."""
        lines = []
        if total := self._suffixes.total():
            shown = [f"{n:,} {suffix or 'without a suffix'}" for suffix, n in self._suffixes.most_common(MAX_SHOWN)]
            if others := total - sum(n for _, n in self._suffixes.most_common(MAX_SHOWN)):
                shown.append(f"{others:,} others")
            lines.append(
                f"skipped: {total:,} file{'s'[: total > 1]} whose suffix names no format ({', '.join(shown)});"
                " with --input text, files with all suffixes are read"
            )
        if self._others:
            more = f" and {len(self._others) - MAX_SHOWN:,} more" if len(self._others) > MAX_SHOWN else ""
            lines.append(f"skipped: {'; '.join(self._others[:MAX_SHOWN])}{more}")
        return lines


def _is_in(file: os.DirEntry[str], folder: Path, outputs: Path | None) -> bool:
    """Whether a file that was found in a folder is an output, or the only one, `outputs`."""
    if outputs is None or not file.is_symlink():
        return outputs == folder / file.name
    return Path(file.path).resolve().is_relative_to(outputs)


def _remote_files(folder: RemotePath, to: Place | None) -> Iterator[_Found]:
    outputs = f"{to}/" if to is not None and not is_same(folder, to) else None
    for url, listed in folder.listing.items():
        place = RemotePath(url).relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts)
        if url != folder.url and not hidden and (outputs is None or not url.startswith(outputs)):
            yield _Found(url, place, listed)


def output_name(job: Job, folder: Place) -> str:
    """The name of a job's output below the folder of outputs."""
    assert job.target is not None
    return str(job.target.relative_to(folder).as_posix())  # type: ignore[arg-type]  # both are here, or both there


def is_manifest(name: str) -> bool:
    """Whether a file or folder of this name is a manifest, of a whole run or of a shard."""
    return name == MANIFEST_NAME or name.startswith(f"{MANIFEST_NAME}.")


def parse_shard(text: str) -> Shard:
    """The shard that a user names.

    Raises:
        InputError: it is not `i/n` with i from 1 to n.
    """
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {shorten(text)}: write i/n, i from 1 to n, such as 2/5 for the second of five parts")
    return Shard(int(match[1]), int(match[2]))


def jobs_of_shard(jobs: Sequence[Job], shard: Shard, sources: Sequence[str], to: Place | None) -> list[Job]:
    """The jobs of a shard.

    Args:
        jobs: all jobs of the run.
        shard: which of them are wanted.
        sources: the files and folders that the user named.
        to: the folder of outputs that the user named.

    Raises:
        InputError: the outputs do not go into a folder, or they would become inputs of shards that start later.
    """
    if any(job.source == STDIO for job in jobs):
        raise InputError(f"--shard {shard} divides files, and standard input is none; name files or folders")
    if to is None or any(job.target is None or job.target == to for job in jobs):
        raise InputError(f"--shard {shard} divides files whose outputs go into a folder; name one: -o FOLDER/")
    for source in sources:
        if is_same(to, place_of(source)):
            raise InputError(
                f"-o {to} has the files to tag: shards that start later would take the outputs of others for files to"
                " tag; choose another -o"
            )
    return [job for job in jobs if shard.owns(output_name(job, to))]
