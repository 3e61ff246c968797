"""A folder of cached files that stays below a size: the least recently used files are deleted first.

A file that a process reads is locked, and locked files are not deleted. Neither are files with other names than the
cache gives.
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from tagger.errors import InputError, shorten

try:
    import fcntl
except ImportError:  # Windows, which does not delete files that are open
    fcntl = None  # type: ignore[assignment]

LIMIT_VARIABLE = "TAGGER_CACHE_GB"
DEFAULT_LIMIT_GB = 10.0
# A digest and a suffix, or the name under which `whole_binary` writes a file that a killed process left unfinished.
_OWN_NAME = re.compile(r"[0-9a-f]{64}\.(?:f16|teacher|lock)|\.[0-9a-f]{40}\.[0-9a-f]{8}\.part")


class _CachedFile(NamedTuple):
    used: float  # when it was last used, in seconds
    size: int  # bytes
    path: Path


def cache_limit() -> int:
    """The largest size of the cache in bytes: `TAGGER_CACHE_GB` of the environment, or 10 GB.

    Raises:
        InputError: the variable is not a number.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        gigabytes = float(text) if text else DEFAULT_LIMIT_GB
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < 1e9:
        raise InputError(f"{LIMIT_VARIABLE}={shorten(text)}: give the size of the cache in gigabytes, such as 10")
    return int(gigabytes * 1e9)


def trim(folder: Path, size: int, limit: int) -> int:
    """Deletes files until another `size` bytes fit below `limit`, or no file is left that may be deleted.

    Returns:
        The bytes that were deleted.
    """
    files = sorted(_cached_files(folder))
    excess = sum(file.size for file in files) + size - limit
    deleted = 0
    for file in files:
        if deleted >= excess:
            break
        with suppress(OSError), file.path.open("rb") as opened:  # in use, or deleted by another process
            _lock(opened, exclusive=True)
            file.path.unlink()
            deleted += file.size
    return deleted


@contextmanager
def open_cached(path: Path, size: int) -> Iterator[IO[bytes] | None]:
    """Opens a cached file and marks it as just used; gives None if there is no such file or it has another size.

    The file stays locked while it is open or mapped into memory.

    Raises:
        OSError: it cannot be read.
    """
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    with file:
        lock_while_open(file)
        with suppress(OSError):  # the folder is read-only
            os.utime(path)
        yield file if os.fstat(file.fileno()).st_size == size else None


def lock_while_open(file: IO[bytes]) -> None:
    """Keeps a file that is being written from being deleted."""
    with suppress(OSError):  # the file system has no locks
        _lock(file, exclusive=False)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a block for the same file of the cache: one computes it for all.

    Where the file system has no locks, nobody waits.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    with lock.open("ab") as file:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):  # on Windows another process has it open
                lock.unlink()


def _cached_files(folder: Path) -> Iterator[_CachedFile]:
    for path in folder.glob("*"):
        if _OWN_NAME.fullmatch(path.name):
            with suppress(FileNotFoundError):
                status = path.lstat()
                if path.is_file() and not path.is_symlink():
                    yield _CachedFile(status.st_mtime, status.st_size, path)


def _lock(file: IO[bytes], exclusive: bool) -> None:
    """Locks a file for as long as it is open; raises OSError if another process holds a lock that excludes this one."""
    if fcntl is not None:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
