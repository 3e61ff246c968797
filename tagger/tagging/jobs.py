"""Files and folders named on the command line -> which file is tagged in which format into which file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tagger.errors import InputError
from tagger.text.files import STDIO
from tagger.text.formats import SUFFIXES, format_of, renamed


class Job(NamedTuple):
    """One file to tag."""

    source: str  # a path, or `-` for standard input
    input: str  # its format
    target: Path | None  # None: standard output
    output: str  # its format

    @property
    def size(self) -> int:
        """Bytes to read; 0 where that is not known."""
        path = Path(self.source)
        return path.stat().st_size if self.source != STDIO and path.is_file() else 0


def plan_jobs(sources: Sequence[str], to: str | None, input: str | None, output: str | None) -> list[Job]:
    """Which files to tag.

    A folder is walked, hidden names aside, and its tree is kept below `to`; without `input` only
    files with a suffix that names a format are taken from it.

    Args:
        sources: files, folders or `-`; none is standard input.
        to: a file, a folder, or None for standard output. What does not exist yet is a folder if
            several files go there or the name ends in a slash.
        input: format of all sources; None: by suffix.
        output: format of all outputs; None: by the suffix of `to`, else conllu for conllu, else tsv.

    Raises:
        InputError: a path is missing, a folder has no `to`, or two sources share an output.
    """
    sources = list(sources) or [STDIO]
    found: list[tuple[Path | None, str]] = []  # (the place below a folder `to`, the source)
    for source in sources:
        if source == STDIO:
            found.append((None, source))
        elif Path(source).is_dir():
            if to is None:
                raise InputError(f"{source} is a folder; name one for its tagged files with -o")
            inside = [
                (path.relative_to(source), str(path)) for path in _walk(Path(source), Path(to), input is not None)
            ]
            if not inside:
                raise InputError(f"{source}: no file with one of the suffixes {' '.join(SUFFIXES)}; see --input")
            found += inside
        elif Path(source).exists():
            found.append((Path(Path(source).name), source))
        else:
            raise InputError(f"{source}: no such file or folder")
    several = len(found) > 1 or any(Path(source).is_dir() for source in sources)
    into_folder = to is not None and (Path(to).is_dir() or to.endswith("/") or several)
    if into_folder and to is not None and Path(to).is_file():
        raise InputError(f"-o {to} is a file; several files need a folder")
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
    return jobs


def _walk(folder: Path, to: Path, every: bool) -> Iterator[Path]:
    outputs = to.resolve()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        output = folder.resolve() != outputs and path.resolve().is_relative_to(outputs)
        if not hidden and not output and path.is_file() and (every or format_of(str(path), "")):
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
