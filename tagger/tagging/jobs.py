"""Files and folders that a user names -> which file is tagged, in which format, into which file."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tagger.errors import InputError
from tagger.text.files import STDIO
from tagger.text.formats import SUFFIXES, format_of, renamed

MANIFEST_NAME = "tagger.manifest"  # in the folder of outputs; that of a shard has more after it
MAX_SHOWN_SUFFIXES = 5
_MANIFEST = re.compile(rf"{re.escape(MANIFEST_NAME)}(\.[0-9]+-of-[0-9]+)?")


class Job(NamedTuple):
    """One file to tag."""

    source: str  # a path, or `-` for standard input
    input: str  # its format
    target: Path | None  # None: standard output
    output: str  # its format

    @property
    def size(self) -> int:
        """Bytes to read; 0 if that is not known."""
        path = Path(self.source)
        return path.stat().st_size if self.source != STDIO and path.is_file() else 0


class Plan(NamedTuple):
    """The jobs of a run, and the files that it skips."""

    jobs: list[Job]
    skipped: Mapping[str, int]  # suffix without a known format ("" for none) -> number of files skipped for it


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
    found: list[tuple[Path | None, str]] = []  # (the place below a folder `to`, the source)
    skipped = Counter[str]()
    for source in sources:
        if source == STDIO:
            found.append((None, source))
        elif Path(source).is_dir():
            if to is None and not into_one:
                raise InputError(f"{source} is a folder; name one for its tagged files with -o")
            before = len(found)
            for path in _files(Path(source), None if to is None else Path(to)):
                if input is not None or format_of(str(path), ""):
                    found.append((path.relative_to(source), str(path)))
                else:
                    skipped[_suffix(path)] += 1
            if len(found) == before:
                raise InputError(
                    f"{source}: no file with one of the suffixes {' '.join(SUFFIXES)}; with --input FORMAT, files with"
                    " all suffixes are read"
                )
        elif Path(source).exists():
            found.append((Path(Path(source).name), source))
        else:
            raise InputError(f"{source}: no such file or folder")
    if into_one:
        return Plan(_joined([source for _, source in found], to, input, output), skipped)
    several = len(found) > 1 or any(Path(source).is_dir() for source in sources)
    into_folder = to is not None and (Path(to).is_dir() or to.endswith("/") or several)
    if to is not None and several and not Path(to).is_dir():
        if Path(to).exists():
            raise InputError(f"-o {to} is a file; several files need a folder")
        if format_of(to, "") and not to.endswith("/"):
            raise InputError(f"-o {to} is the name of a file; several files need a folder: -o {to}/")
    jobs = []
    for place, source in found:
        reads = input or ("text" if place is None else format_of(source))
        named = format_of(to, "") if to is not None and not into_folder else ""
        writes = output or (named if named not in ("", "text") else "conllu" if reads == "conllu" else "tsv")
        target = Path(to) if to is not None else None
        if target is not None and into_folder:
            target = target / renamed(place or Path("stdin"), writes)
        jobs.append(Job(source, reads, target, writes))
    _check(jobs)
    return Plan(jobs, skipped)


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


def _suffix(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()


def _joined(sources: Sequence[str], to: str | None, input: str | None, output: str | None) -> list[Job]:
    """The jobs whose outputs go into one file, `to`."""
    jobs = []
    for source in sources:
        reads = input or ("text" if source == STDIO else format_of(source))
        if to is not None and source != STDIO and Path(to).exists() and Path(to).samefile(source):
            raise InputError(f"{source} would be replaced by what is made of it; choose another -o")
        jobs.append(Job(source, reads, None, output or ("conllu" if reads == "conllu" else "tsv")))
    return jobs


def _files(folder: Path, to: Path | None) -> Iterator[Path]:
    """The files in a folder and the folders in it, without hidden ones and without outputs of earlier runs in `to`."""
    outputs = None if to is None else to.resolve()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        output = outputs is not None and folder.resolve() != outputs and path.resolve().is_relative_to(outputs)
        if not hidden and not output and path.is_file() and not is_manifest(path.name):
            yield path


def _check(jobs: Sequence[Job]) -> None:
    taken: dict[Path, str] = {}
    for job in jobs:
        if job.target is None:
            continue
        if job.target in taken:
            raise InputError(f"{taken[job.target]} and {job.source} would both become {job.target}; tag them apart")
        taken[job.target] = job.source
        if job.source != STDIO and job.target.exists() and job.target.samefile(job.source):
            raise InputError(f"{job.source} would be replaced by its own tagging; choose another -o")
