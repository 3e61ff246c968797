"""Files and folders that a user names -> which file is tagged, in which format, into which file, and by which shard."""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple
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
    input: str = ""  # its format
    target: str | None = None  # a path or a URL; None: standard output
    output: str = ""  # its format
    name: str = ""  # of the output below the folder of outputs; empty if they go into no folder
    state: State | None = None  # of the source when the run began; None: it cannot be read again
    before: State | None = None  # of the output when the run began; None: there is none
    text: str | None = None  # to tag instead of a file


class Plan(NamedTuple):
    """The jobs of a run, and what it does not tag."""

    jobs: list[Job]
    folders: list[str]  # that were searched
    skipped: list[str]  # lines for users about what is left out of folders
    errors: list[str]  # lines for users about folders that cannot be read


def file_state(file: str | Path | BinaryIO) -> State | None:
    """The size and the time of the last change of a file, also of an open one; None if there is no regular file."""
    try:
        status = os.stat(file if isinstance(file, str | Path) else file.fileno())
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def find_files(sources: Sequence[str], to: str | None, input: str | None) -> Plan:
    """Decides which files to tag: those of `sources`, `-` being standard input, but for those in the folder `to`.

    A folder is searched for files with all folders in it; hidden files and folders are left out. Without `input`, only
    files whose suffix names a format are taken from it. The jobs have no outputs; their names are those of the files,
    below the folder that was searched.
    """
    sources = list(sources) or [STDIO]
    if "" in [*sources, to]:
        raise InputError("'' is no file; name one, or - for standard input and standard output")
    plan = Plan([], [], [], [])
    for source in sources:
        listing = list_remote(source) if is_remote(source) else {}
        if os.path.isdir(source) or any(url != source.rstrip("/") for url in listing):
            if to is not None and _is_same(to, source):
                raise InputError(
                    f"-o {to} is the folder of the files to tag, and the next run would tag its outputs; name another"
                )
            plan.folders.append(source)
            every = _remote_files(source, listing, to) if listing else _local_files(source, to, plan)
            plan.jobs.extend(_with_a_format(source, every, input, plan))
        elif source == STDIO:
            plan.jobs.append(Job(STDIO, name="stdin.txt"))
        elif listing:
            ((url, size),) = listing.items()
            path = unquote(urlsplit(url).path) if url.startswith("http") else url
            plan.jobs.append(Job(url, name=path.rpartition("/")[2], state=(size, 0)))
        elif is_remote(source) or not os.path.exists(source):
            text = "; a text is tagged with --text" if " " in source else ""
            raise InputError(f"{source}: no such file or folder{text}")
        else:
            plan.jobs.append(Job(source, name=Path(source).name, state=file_state(source)))
    return plan._replace(jobs=[job._replace(input=input or format_of(job.name)) for job in plan.jobs])


def plan_jobs(sources: Sequence[str], to: str | None, input: str | None, output: str | None) -> Plan:
    """Decides which files to tag, see `find_files`, and into which files below `to`, where the tree of folders is kept.

    A `to` that does not exist is a folder if it ends in a slash, or if several files go there and it has no suffix of a
    format.
    """
    uploaded: dict[str, int] = {}  # the sizes of what is below `to` in storage
    if to is not None and is_remote(to):
        check_writable(to)
        uploaded = list_remote(to)
    plan = find_files(sources, to, input)
    folder, by_suffix = None, ""
    if to is None:
        if plan.folders:
            raise InputError(f"{plan.folders[0]} is a folder; name one for its tagged files with -o")
    elif os.path.isdir(to) or to.endswith("/") or any(url != to for url in uploaded):
        folder = f"{to.removesuffix('/')}/"
    elif not plan.folders and len(plan.jobs) == 1:
        by_suffix = output_format(to) if output is None else ""
    elif to in uploaded or (os.path.exists(to) and not os.path.isdir(to)):  # another run may have made it just now
        raise InputError(f"-o {to} is a file; several files need a folder")
    elif format_of(to, ""):
        raise InputError(f"-o {to} is the name of a file; several files need a folder: -o {to}/")
    else:
        folder = f"{to}/"
    jobs: list[Job] = []
    taken: dict[str, str] = {}  # an output -> its source
    for job in plan.jobs:
        writes = output or by_suffix or ("conllu" if job.input == "conllu" else "tsv")
        name = "" if folder is None else renamed(PurePath(job.name), writes).as_posix()
        target = to if folder is None else folder + name
        before: State | None = None
        if target is not None:
            if target == job.source or (os.path.exists(target) and _is_same(target, job.source)):
                raise InputError(f"{job.source} would be replaced by its own tagging; choose another -o")
            if target in taken:
                raise InputError(f"{taken[target]} and {job.source} would both become {target}; tag them apart")
            taken[target] = job.source
            if target in uploaded or is_replaced(target):
                before = (uploaded[target], 0) if target in uploaded else file_state(target)
        jobs.append(job._replace(target=target, output=writes, name=name, before=before))
    return plan._replace(jobs=jobs)


def _is_same(one: str, other: str) -> bool:
    """Whether both are the same file or the same folder, which exists."""
    return one.rstrip("/") == other.rstrip("/") or (
        os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
    )


def _with_a_format(root: str, found: Iterable[Job], input: str | None, plan: Plan) -> list[Job]:
    """The files of a folder to tag, in order; the plan notes what is left out."""
    suffixes = Counter[str]()  # of files without a format ("" for none)
    files = []
    for file in sorted(found, key=lambda file: PurePath(file.name).parts):
        if input is not None or format_of(file.name, ""):
            files.append(file)
        else:
            plain = PurePath(file.name[: len(file.name) - len(packing(file.name))])
            suffixes[plain.suffix.lower() or "without a suffix"] += 1
    if suffixes:
        shown = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.most_common(MAX_SHOWN))
        plan.skipped.append(f"skipped: files of {root} whose suffix names no format ({shown}); --input text reads text")
    if not files and not plan.errors:
        raise InputError(f"{root}: no file with one of the suffixes {' '.join(SUFFIXES)}; --input FORMAT reads all")
    return files


def _local_files(root: str, to: str | None, plan: Plan) -> Iterator[Job]:
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
                yield Job(path, name=os.path.relpath(path, root), state=file_state(path))
            else:
                others.append(f"{path} {'is no regular file' if os.path.exists(path) else 'leads nowhere'}")
    if others:
        more = f" and {len(others) - MAX_SHOWN:,} more" * (len(others) > MAX_SHOWN)
        plan.skipped.append(f"skipped: {'; '.join(others[:MAX_SHOWN])}{more}")


def _is_below(path: str, folder: str) -> bool:
    return PurePath(path).is_relative_to(folder)


def _remote_files(root: str, listing: Mapping[str, int], to: str | None) -> Iterator[Job]:
    root = root.rstrip("/")
    outputs = None if to is None else f"{to.rstrip('/')}/"
    for url, size in listing.items():
        name = url.removeprefix(root).lstrip("/")
        hidden = any(part.startswith(".") for part in PurePath(name).parts)
        if url != root and not hidden and (outputs is None or not url.startswith(outputs)):
            yield Job(url, name=name, state=(size, 0))


def jobs_of_shard(jobs: Sequence[Job], shard: str) -> list[Job]:
    """The jobs of the shard `i/n`: one of n independent runs does them.

    The name of an output below the folder of outputs decides which shard makes it. So a file that is added between the
    starts of two shards moves no other file to another shard.
    """
    match = _SHARD.fullmatch(shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {shorten(shard)}: write i/n, i from 1 to n, such as 2/5 for the second of five")
    if any(job.source == STDIO for job in jobs):
        raise InputError(f"--shard {shard} divides files, and standard input is none; name files or folders")
    if not all(job.name for job in jobs):
        raise InputError(f"--shard {shard} divides files whose outputs go into a folder; name one: -o FOLDER/")
    digests = [hashlib.sha256(job.name.encode("utf-8", "surrogateescape")).digest() for job in jobs]
    number, total = int(match[1]) - 1, int(match[2])
    return [job for job, digest in zip(jobs, digests, strict=True) if int.from_bytes(digest) % total == number]
