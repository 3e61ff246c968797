"""Files and folders that a user names -> which file is tagged, in which format, into which file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from tagger.errors import InputError
from tagger.tagging.sources import FoundFile, found_files
from tagger.text.files import STDIO
from tagger.text.formats import SUFFIXES, format_of, renamed
from tagger.text.packed import packing
from tagger.text.remote_path import Place, RemoteFile, RemotePath, check_writable, is_same, place_of

MANIFEST_NAME = "tagger.manifest"  # in the folder of outputs; that of a shard has more after it
MAX_SHOWN_SUFFIXES = 5
_MANIFEST = re.compile(rf"{re.escape(MANIFEST_NAME)}(\.[0-9]+-of-[0-9]+)?")


class Job(NamedTuple):
    """One file to tag."""

    source: str  # a path, a URL, or `-` for standard input
    input: str  # its format
    target: Place | None  # None: standard output
    output: str  # its format
    listed: RemoteFile | None = None  # what the storage said of a remote source

    @property
    def size(self) -> int:
        """Bytes to read; 0 if that is not known."""
        if self.listed is not None:
            return self.listed.size
        path = Path(self.source)
        return path.stat().st_size if self.source != STDIO and path.is_file() else 0


class Plan(NamedTuple):
    """The jobs of a run, and the files that it skips."""

    jobs: list[Job]
    skipped: Mapping[str, int]  # suffix without a known format ("" for none) -> number of files skipped for it
    to: Place | None = None  # where the outputs go: a file, a folder or, if None, standard output


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
    found, skipped, has_folder = _search(sources, target, input, into_one)
    if into_one:
        return Plan([_joined(file, target, input, output) for file in found], skipped, target)
    several = len(found) > 1 or has_folder
    if to is not None and target is not None and several and not target.is_dir():
        if target.exists():
            raise InputError(f"-o {to} is a file; several files need a folder")
        if format_of(to, "") and not to.endswith("/"):
            raise InputError(f"-o {to} is the name of a file; several files need a folder: -o {to}/")
    into_folder = to is not None and target is not None and (to.endswith("/") or several or target.is_dir())
    named = format_of(to, "") if to is not None and not into_folder else ""
    jobs = []
    for one in found:
        reads = _format(one, input)
        writes = output or (named if named not in ("", "text") else "conllu" if reads == "conllu" else "tsv")
        own = target
        if target is not None and into_folder:
            own = target / renamed(Path("stdin") if one is None else one.place, writes)
        jobs.append(_job(one, reads, own, writes))
    _check(jobs)
    return Plan(jobs, skipped, target)


def _search(
    sources: Sequence[str], to: Place | None, input: str | None, into_one: bool
) -> tuple[list[FoundFile | None], Counter[str], bool]:
    """The files of all sources, None being standard input; the suffixes left out; and whether one is a folder."""
    found: list[FoundFile | None] = []
    skipped = Counter[str]()
    has_folder = False
    for source in sources:
        if source == STDIO:
            found.append(None)
            continue
        files, is_folder = found_files(source, to)
        if not is_folder:
            found.extend(files)
            continue
        has_folder = True
        if to is None and not into_one:
            raise InputError(f"{source} is a folder; name one for its tagged files with -o")
        before = len(found)
        for file in files:
            if any(map(is_manifest, file.place.parts)):
                continue
            if input is not None or format_of(file.place.name, ""):
                found.append(file)
            else:
                skipped[_suffix(file.place)] += 1
        if len(found) == before:
            raise InputError(
                f"{source}: no file with one of the suffixes {' '.join(SUFFIXES)}; with --input FORMAT, files with"
                " all suffixes are read"
            )
    return found, skipped, has_folder


def output_name(job: Job, folder: Place) -> str:
    """The name of a job's output below the folder of outputs; empty if it has none."""
    if isinstance(job.target, RemotePath) and isinstance(folder, RemotePath):
        return job.target.relative_to(folder).as_posix()
    if isinstance(job.target, Path) and isinstance(folder, Path):
        return job.target.relative_to(folder).as_posix()
    return ""


def is_manifest(name: str) -> bool:
    """Whether a file of this name is a manifest, of a whole run or of a shard."""
    return _MANIFEST.fullmatch(name) is not None


def format_skipped(skipped: Mapping[str, int]) -> str:
    """A line for users about files of folders that are not tagged, the most frequent suffixes first."""
    total = sum(skipped.values())
    counts = sorted(skipped.items(), key=lambda pair: -pair[1])
    shown = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in counts[:MAX_SHOWN_SUFFIXES]]
    others = sum(count for _, count in counts[MAX_SHOWN_SUFFIXES:])
    if others:
        shown.append(f"{others:,} others")
    return (
        f"skipped: {total:,} file{'s'[: total > 1]} whose suffix names no format ({', '.join(shown)});"
        " with --input text, files with all suffixes are read"
    )


def _suffix(path: PurePath) -> str:
    plain = path.with_suffix("") if packing(path.name) else path
    return plain.suffix.lower()


def _format(file: FoundFile | None, input: str | None) -> str:
    return input or ("text" if file is None else format_of(file.place.name))


def _joined(file: FoundFile | None, to: Place | None, input: str | None, output: str | None) -> Job:
    """The job of a file whose output goes into one file with others, `to`."""
    reads = _format(file, input)
    if file is not None and to is not None and is_same(to, place_of(file.source)):
        raise InputError(f"{file.source} would be replaced by what is made of it; choose another -o")
    writes = output or ("conllu" if reads == "conllu" else "tsv")
    return _job(file, reads, None, writes)


def _job(file: FoundFile | None, reads: str, target: Place | None, writes: str) -> Job:
    return Job(STDIO, reads, target, writes) if file is None else Job(file.source, reads, target, writes, file.listed)


def _check(jobs: Sequence[Job]) -> None:
    taken: dict[Place, str] = {}
    for job in jobs:
        if job.target is None:
            continue
        if job.target in taken:
            raise InputError(f"{taken[job.target]} and {job.source} would both become {job.target}; tag them apart")
        taken[job.target] = job.source
        if job.source != STDIO and is_same(job.target, place_of(job.source)):
            raise InputError(f"{job.source} would be replaced by its own tagging; choose another -o")
