"""Files and folders that a user names -> which file is tagged, in which format, into which file, and by which shard."""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tagger.errors import InputError, shorten
from tagger.text.files import STDIO, check_writable, is_remote, list_remote, packing
from tagger.text.formats import SUFFIXES, format_of, output_format, renamed
from tagger.text.output_files import is_replaced

MAX_SHOWN = 5  # suffixes or files that a message names
_SHARD = re.compile("([0-9]{1,9})/([0-9]{1,9})")

State = tuple[int, int]  # bytes of a file, and the time of its last change in nanoseconds; 0 in storage


class Job(NamedTuple):
    """One file to tag."""

    source: str  # a path, a URL, or `-` for standard input
    input: str  # its format
    target: str | None  # a path or a URL; None: standard output
    output: str  # its format
    name: str = ""  # of the output below the folder of outputs; empty if they go into no folder
    state: State | None = None  # of the source when the run began; None: it cannot be read again
    before: State | None = None  # of the output when the run began; None: there is none
    text: str | None = None  # to tag instead of a file

    @property
    def size(self) -> int:
        """Bytes to read; 0 if that is not known."""
        return self.state[0] if self.state else 0


class Plan(NamedTuple):
    """The jobs of a run, and what it does not tag."""

    jobs: list[Job]
    skipped: list[str]  # lines for users about what is left out of folders
    errors: list[str]  # lines for users about folders that cannot be read


class _FileToTag(NamedTuple):
    name: str  # its path or URL, or `-`
    place: PurePath  # below the folder that the user named, or its name
    state: State | None = None


def file_state(path: str | Path | int) -> State | None:
    """The size and the time of the last change of a file; None if there is no regular file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def plan_jobs(
    sources: Sequence[str], to: str | None, input: str | None, output: str | None, into_one: bool = False
) -> Plan:
    """Decides which files to tag: those of `sources`, `-` being standard input, into `to`.

    A folder is searched for files with all folders in it; hidden files and folders are left out. Its tree is kept below
    `to`. Without `input`, only files whose suffix names a format are taken from it. A `to` that does not exist is a
    folder if it ends in a slash, or if several files go there and it has no suffix of a format. With `into_one` all
    sources go into the file `to`, or to standard output; the jobs have no targets then.
    """
    sources = list(sources) or [STDIO]
    if "" in [*sources, to]:
        raise InputError("'' is no file; name one, or - for standard input and standard output")
    uploaded: dict[str, int] = {}  # the sizes of what is below `to` in storage
    if to is not None and is_remote(to):
        check_writable(to)
        uploaded = list_remote(to)
    plan = Plan([], [], [])
    found: list[_FileToTag] = []
    several = False  # whether a folder is searched
    for source in sources:
        listing = list_remote(source) if is_remote(source) else {}
        if os.path.isdir(source) or any(url != source.rstrip("/") for url in listing):
            several = True
            if to is None and not into_one:
                raise InputError(f"{source} is a folder; name one for its tagged files with -o")
            if to is not None and _is_same(to, source):
                raise InputError(
                    f"-o {to} is the folder of the files to tag, and the next run would tag its outputs; name another"
                )
            every = _remote_files(source, listing, to) if listing else _local_files(source, to, plan)
            found += _with_a_format(source, every, input, plan)
        else:
            found.append(_file(source, listing))
    folder, by_suffix = None, ""
    if to is not None and not into_one:
        folder = _folder_of_outputs(to, uploaded, several or len(found) > 1)
        by_suffix = output_format(to) if folder is None and output is None else ""
    for file in found:
        reads = input or format_of(file.place.name)
        writes = output or by_suffix or ("conllu" if reads == "conllu" else "tsv")
        target, name = (None if into_one else to), ""
        if folder is not None:
            name = renamed(file.place, writes).as_posix()
            target = folder + name
        before: State | None = None
        if target is not None and (target in uploaded or is_replaced(target)):
            before = (uploaded[target], 0) if target in uploaded else file_state(target)
        plan.jobs.append(Job(file.name, reads, target, writes, name, file.state, before))
    _check(plan.jobs, to if into_one else None)
    return plan


def _folder_of_outputs(to: str, uploaded: Mapping[str, int], several: bool) -> str | None:
    """The folder that `to` is, with a slash at its end; None if it is the name of an output."""
    folder = to if to.endswith("/") else f"{to}/"
    if os.path.isdir(to) or any(url != to for url in uploaded):
        return folder
    if not several:
        return folder if to.endswith("/") else None
    if to in uploaded or os.path.exists(to):
        raise InputError(f"-o {to} is a file; several files need a folder")
    if format_of(to, "") and not to.endswith("/"):
        raise InputError(f"-o {to} is the name of a file; several files need a folder: -o {to}/")
    return folder


def _check(jobs: Sequence[Job], joined: str | None) -> None:
    """Checks that no output replaces an input or another output, `joined` being the one output of all jobs."""
    taken: dict[str, str] = {}
    for job in jobs:
        target = job.target or joined
        if target is None:
            continue
        if target == job.source or (os.path.exists(target) and _is_same(target, job.source)):
            raise InputError(f"{job.source} would be replaced by its own tagging; choose another -o")
        if target in taken and joined is None:
            raise InputError(f"{taken[target]} and {job.source} would both become {target}; tag them apart")
        taken[target] = job.source


def _is_same(one: str, other: str) -> bool:
    """Whether both are the same file or the same folder, which exists."""
    return one.rstrip("/") == other.rstrip("/") or (
        os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
    )


def _file(source: str, listing: Mapping[str, int]) -> _FileToTag:
    if source == STDIO:
        return _FileToTag(STDIO, PurePath("stdin.txt"))
    for url, size in listing.items():
        path = unquote(urlsplit(url).path) if url.startswith("http") else url
        return _FileToTag(url, PurePath(path.rpartition("/")[2]), (size, 0))
    if not is_remote(source) and os.path.exists(source):
        return _FileToTag(source, PurePath(Path(source).name), file_state(source))
    text = "; a text is tagged with --text" if " " in source else ""
    raise InputError(f"{source}: no such file or folder{text}")


def _with_a_format(root: str, found: Iterable[_FileToTag], input: str | None, plan: Plan) -> list[_FileToTag]:
    """The files of a folder to tag, in order; the plan notes what is left out."""
    suffixes = Counter[str]()  # of files without a format ("" for none)
    files = []
    for file in sorted(found, key=lambda file: file.place.parts):
        if input is not None or format_of(file.place.name, ""):
            files.append(file)
        else:
            plain = file.place.with_suffix("") if packing(file.place.name) else file.place
            suffixes[plain.suffix.lower() or "without a suffix"] += 1
    if suffixes:
        shown = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.most_common(MAX_SHOWN))
        plan.skipped.append(
            f"skipped: files of {root} whose suffix names no format ({shown}); --input text reads them, too"
        )
    if not files and not plan.errors:
        raise InputError(
            f"{root}: no file with one of the suffixes {' '.join(SUFFIXES)}; --input FORMAT reads all files"
        )
    return files


def _local_files(root: str, to: str | None, plan: Plan) -> Iterator[_FileToTag]:
    """The files in a folder and in all folders in it, but for hidden ones and outputs.

    A link to a folder is followed if that lies outside, contains no folder above, and has not been read yet.
    """
    top = os.path.realpath(root)
    outputs = None if to is None or is_remote(to) else os.path.realpath(to)
    seen: set[str] = set()  # folders that have been read
    others: list[str] = []  # what is skipped, and why

    def failed(error: OSError) -> None:
        if error.filename == root:
            raise InputError(f"{root} cannot be read: {error.strerror}")
        plan.errors.append(f"error: {error.filename} cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=failed, followlinks=True):
        real = os.path.realpath(folder)
        leads_back = folder != root and os.path.islink(folder) and (_is_below(real, top) or _is_below(top, real))
        if leads_back or real in seen or real == outputs:
            folders.clear()  # goes no further here
            if real != outputs:
                others.append(f"{folder} leads to a folder above it, or to one that is read already")
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            is_output = os.path.join(real, name) == outputs  # the only one
            if outputs is not None and os.path.islink(path):
                is_output = _is_below(os.path.realpath(path), outputs)
            if is_output:
                continue
            if os.path.isfile(path):
                yield _FileToTag(path, PurePath(os.path.relpath(path, root)), file_state(path))
            else:
                others.append(f"{path} {'is no regular file' if os.path.exists(path) else 'leads nowhere'}")
    if others:
        more = f" and {len(others) - MAX_SHOWN:,} more" * (len(others) > MAX_SHOWN)
        plan.skipped.append(f"skipped: {'; '.join(others[:MAX_SHOWN])}{more}")


def _is_below(path: str, folder: str) -> bool:
    return PurePath(path).is_relative_to(folder)


def _remote_files(root: str, listing: Mapping[str, int], to: str | None) -> Iterator[_FileToTag]:
    root = root.rstrip("/")
    outputs = None if to is None else f"{to.rstrip('/')}/"
    for url, size in listing.items():
        place = PurePath(url.removeprefix(root).lstrip("/"))
        hidden = any(part.startswith(".") for part in place.parts)
        if url != root and not hidden and (outputs is None or not url.startswith(outputs)):
            yield _FileToTag(url, place, (size, 0))


def jobs_of_shard(jobs: Sequence[Job], shard: str) -> list[Job]:
    """The jobs of the shard `i/n`: one of n independent runs does them.

    The name of an output below the folder of outputs decides which shard makes it. So a file that is added between the
    starts of two shards moves no other file to another shard.
    """
    match = _SHARD.fullmatch(shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(
            f"--shard {shorten(shard)}: write i/n, i from 1 to n, such as 2/5 for the second of five parts"
        )
    if any(job.source == STDIO for job in jobs):
        raise InputError(f"--shard {shard} divides files, and standard input is none; name files or folders")
    if not all(job.name for job in jobs):
        raise InputError(f"--shard {shard} divides files whose outputs go into a folder; name one: -o FOLDER/")
    digests = [hashlib.sha256(job.name.encode("utf-8", "surrogateescape")).digest() for job in jobs]
    number, total = int(match[1]) - 1, int(match[2])
    return [job for job, digest in zip(jobs, digests, strict=True) if int.from_bytes(digest) % total == number]
