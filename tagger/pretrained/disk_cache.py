"""Arrays that take long to compute, each a file in a folder that stays below a size: the least recently used go first.

A file appears when it is whole, and one process computes it for all. A file that a process uses is locked, and locked
files are not deleted. Neither are files with other names than the cache gives. `datasets` has no such cache: what `map`
leaves when it is killed stays for ever, its cache has no limit, and two processes compute the same.
"""

import logging
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from tagger.errors import InputError, shorten
from tagger.text.output_files import whole_binary

try:
    import fcntl
except ImportError:  # Windows, which does not delete files that are open
    fcntl = None  # type: ignore[assignment]

LIMIT_VARIABLE = "TAGGER_CACHE_GB"
DEFAULT_LIMIT_GB = 10.0
# A digest and a suffix, or the name under which `whole_binary` writes a file that a killed process left unfinished.
_OWN_NAME = re.compile(r"[0-9a-f]{64}\.(?:f16|teacher|lock)|\.[0-9a-f]{40}\.[0-9a-f]{8}\.part")

_log = logging.getLogger(__name__)
Array = np.ndarray[Any, np.dtype[Any]]


def cached_array(
    path: Path,
    dtype: Any,
    shape: tuple[int, ...],
    compute: Callable[[BinaryIO], None],
    is_valid: Callable[[Array], bool] = lambda array: True,
) -> Array:
    """An array of the cache, mapped from its file and read-only.

    When the cache grows beyond the size that `TAGGER_CACHE_GB` sets (10 GB), the least recently used files are deleted.

    Args:
        path: its file, whose name is a digest of everything that decides its content, and a suffix.
        dtype: of the array.
        shape: of the array, which has elements.
        compute: writes the bytes of the array; called if there is no such file, or it is damaged.
        is_valid: whether the content of a file can be what `compute` writes.

    Raises:
        InputError: the file cannot be written or read, or `TAGGER_CACHE_GB` is not a number.
    """
    limit, size = cache_limit(), math.prod(shape) * np.dtype(dtype).itemsize
    remedy = f"make room for {size / 1e6:.0f} MB, or set HF_DATASETS_CACHE to another folder"

    def found() -> Array | None:
        array = _mapped(path, dtype, shape, size)
        return array if array is not None and is_valid(array) else None

    try:
        if (array := found()) is not None:
            return array
        with _alone(path):
            if (array := found()) is None:  # no other process was first
                if deleted := trim(path.parent, size, limit):
                    _log.info("%s: deleted %.1f GB that were not used for long", path.parent, deleted / 1e9)
                with whole_binary(path, remedy) as file:
                    _lock_while_open(file)
                    compute(file)
                array = _mapped(path, dtype, shape, size)
                assert array is not None, "compute writes the array"
            return array
    except OSError as error:
        raise InputError(f"{path} cannot be read or written: {error.strerror}; {remedy}") from None


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
    excess = sum(bytes_ for _, bytes_, _ in files) + size - limit
    deleted = 0
    for _, bytes_, path in files:
        if deleted >= excess:
            break
        with suppress(OSError), path.open("rb") as opened:  # in use, or deleted by another process
            if fcntl is not None:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            deleted += bytes_
    return deleted


def _cached_files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """For each file of the cache: when it was last used, its bytes, its path."""
    for path in folder.glob("*"):
        if _OWN_NAME.fullmatch(path.name):
            with suppress(FileNotFoundError):
                status = path.lstat()
                if path.is_file() and not path.is_symlink():
                    yield status.st_mtime, status.st_size, path


def _mapped(path: Path, dtype: Any, shape: tuple[int, ...], size: int) -> Array | None:
    """The array of a file, which is locked as long as it is mapped; None if there is no file of this size."""
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with file:
        _lock_while_open(file)
        with suppress(OSError):  # the folder is read-only
            os.utime(path)
        if os.fstat(file.fileno()).st_size != size:
            return None
        return np.memmap(file, dtype, "r", shape=shape)


def _lock_while_open(file: IO[bytes]) -> None:
    """Keeps a file from being deleted."""
    if fcntl is not None:
        with suppress(OSError):  # the file system has no locks
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a block for the same file of the cache.

    Where the file system has no locks, nobody waits.
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
