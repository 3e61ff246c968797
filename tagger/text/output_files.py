"""Files and folders that are written, here and in remote storage: a file gets its name only when it is whole.

Links are followed, and special files are written to directly. A new file has the permissions that the kernel gives it;
a file that replaces another has those of the other.
"""

import ctypes
import errno
import io
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tagger.errors import InputError, missing_extra
from tagger.text.packed import packed, packing
from tagger.text.remote_path import Place, RemotePath, write_remote

MAX_LINKS = 40  # in a row that are followed, as on Linux


@contextmanager
def whole_file(
    place: str | Place, *, run: str = "", before_naming: Callable[[Path], None] | None = None
) -> Iterator[TextIO]:
    """Opens a file for writing UTF-8 that appears as `place` when the block ends without an error.

    A name that ends in `.gz` or `.zst` is compressed. A lone surrogate is written as `\\udXXX`; see `encodable`. All
    else is as in `whole_binary`. What goes to remote storage is a temporary file of this machine until it is whole.
    Then it is uploaded.
    """
    if not isinstance(place, RemotePath):
        with (
            whole_binary(place, run=run, before_naming=before_naming) as binary,
            text_writer(binary, Path(place).name) as text,
        ):
            yield text
        return
    with tempfile.TemporaryDirectory(prefix="tagger.") as folder:
        content = Path(folder, "content")
        try:
            with content.open("wb") as binary, text_writer(binary, place.name) as text:
                yield text
        except OSError as error:
            raise InputError(f"{place}: {content} cannot be written: {error.strerror}; set TMPDIR") from None
        if before_naming is not None:
            before_naming(content)
        write_remote(place.url, content)


def text_writer(binary: BinaryIO, name: str) -> TextIO:
    """Text of an open file, which takes its bytes, compressed if `name` says so.

    Raises:
        InputError: the package that compresses is not installed.
    """
    try:
        stream = packed(binary, packing(name))
    except ModuleNotFoundError:
        raise missing_extra("zstandard", "remote") from None
    return io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def whole_binary(
    path: str | Path,
    remedy: str = "choose another place",
    *,
    run: str = "",
    before_naming: Callable[[Path], None] | None = None,
) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes that appears as `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; on an error it is removed. If `path` is a link, the file that it
    leads to is replaced and the link stays. What is not a regular file (a pipe, `/dev/null`), and an open file such as
    `/dev/stdout`, is written to directly.

    Args:
        path: the file; folders above it are made.
        remedy: the end of the message of an error.
        run: a part of the hidden file's name, by which it can be recognised if the process is killed.
        before_naming: called with the hidden file when it is complete. If it raises an error, `path` stays unchanged.

    Raises:
        InputError: the folder cannot be written or is full, or `path` is a folder.
        BrokenPipeError: `path` is a pipe whose reader has gone.
    """
    path = Path(path)
    partial: Path | None = None
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; the name of a file is needed here")
        target = _link_target(path)
        if isinstance(target, int):
            binary = cast(BinaryIO, os.fdopen(os.dup(target), "wb"))
        elif target.exists() and not target.is_file():
            binary = cast(BinaryIO, target.open("wb"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial, binary = _new_file(target, run)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; {remedy}") from None
    try:
        with binary:
            yield binary
        if partial is not None:
            if before_naming is not None:
                before_naming(partial)
            partial.replace(cast(Path, target))
    except BaseException as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise InputError(f"{path} cannot be written: {error.strerror}; {remedy}") from None
        raise


def is_replaced(place: str | Place) -> bool:
    """Whether writing to `place` would replace a file; False where `whole_binary` writes directly.

    Of remote storage, whether its listing has the file.
    """
    if isinstance(place, RemotePath):
        return place.is_file()
    try:
        target = _link_target(Path(place))
    except OSError:
        return False
    return not isinstance(target, int) and target.is_file()


def new_folder(parent: Path, name: str) -> Path:
    """Makes a hidden folder `.NAME.XXXXXXXX` in `parent` that nobody else uses, with the usual permissions."""
    while True:
        folder = parent / f".{name}.{secrets.token_hex(4)}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def replace_folder(new: Path, folder: Path) -> None:
    """Gives a folder the name of another one, which is deleted. Both lie in the same folder.

    Linux and macOS exchange the two names in one step on most file systems, so there is a whole folder of that name at
    any time. Elsewhere the name is free for a moment between two steps.
    """
    if not folder.exists():
        os.replace(new, folder)
        return
    if not _exchange(os.fsencode(new), os.fsencode(folder)):
        old = new_folder(folder.parent, folder.name)
        old.rmdir()  # Windows moves no folder onto another one
        try:
            os.replace(folder, old)
            os.replace(new, folder)
        except BaseException:
            if old.exists() and not folder.exists():
                os.replace(old, folder)
            raise
        new = old
    shutil.rmtree(new, ignore_errors=True)


def _exchange(one: bytes, other: bytes) -> bool:
    """Exchanges the names of two files or folders; whether the system could."""
    if sys.platform == "linux":
        here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        call = getattr(ctypes.CDLL(None), "renameat2", None)
        return call is not None and call(here, one, here, other, swap) == 0
    if sys.platform == "darwin":
        return ctypes.CDLL(None).renamex_np(one, other, 2) == 0  # RENAME_SWAP
    return False


def _new_file(target: Path, run: str) -> tuple[Path, BinaryIO]:
    """Makes a hidden file beside `target` that nobody else uses, with the permissions of `target`.

    If there is no `target`, the kernel decides on them. Reading the umask in order to set them later would change it
    for a moment, in which files of other threads become readable by all.
    """
    replaced = target.stat() if target.exists() else None
    while True:
        partial = target.with_name(f".{target.name[:40]}.{run}{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            partial.touch(0o666 if replaced is None else 0o600, exist_ok=False)
            binary = cast(BinaryIO, partial.open("wb"))
            if replaced is not None:
                _allow_what(replaced, partial)
            return partial, binary


def _allow_what(other: os.stat_result, path: Path) -> None:
    """Gives a file the permissions of another, and its group if that may be done; else the group gets none."""
    mode = stat.S_IMODE(other.st_mode) & 0o777
    if other.st_gid != path.stat().st_gid:
        try:
            os.chown(path, -1, other.st_gid)
        except OSError:
            mode &= ~0o070
    with suppress(OSError):  # the file system has no such permissions
        path.chmod(mode)


def _link_target(path: Path) -> Path | int:
    """The file that `path` leads to through links, or the number of an open file of this process.

    The names `/dev/stdout`, `/dev/fd/1` and `/proc/self/fd/1` are links on Linux, but opening their target would start
    at the beginning of that file again. Links to open files of other processes are not followed.
    """
    own = f"/proc/{os.getpid()}/fd"
    for _ in range(MAX_LINKS):
        path = Path(os.path.realpath(path.parent), path.name)
        folder = str(path.parent)
        if folder in (own, "/dev/fd") and path.name.isdecimal():
            return int(path.name)
        if folder.startswith("/proc/") or not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
