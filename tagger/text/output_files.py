"""Outputs: files and folders, here and in remote storage, that get their names when they are whole; standard output."""

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
from typing import BinaryIO, TextIO

from tagger.errors import InputError
from tagger.text.files import is_remote, packing, unpacked, upload

BeforeNaming = Callable[[Path], None]
_NAME = 40  # characters of a file's name that its hidden file has


@contextmanager
def whole_file(
    place: str | Path | None, remedy: str = "choose another place", *, before_naming: BeforeNaming | None = None
) -> Iterator[TextIO]:
    """Opens a file for writing UTF-8 that appears as `place` when the block ends without an error.

    None is standard output, which is written to directly. A name that ends in `.gz` or `.zst` is compressed. A lone
    surrogate is written as `\\udXXX`. What goes to a URL is a temporary file until it is whole; then it is uploaded.
    """
    if place is None:
        with standard_output() as out:
            yield out
    elif is_remote(str(place)):
        with tempfile.TemporaryDirectory(prefix="tagger.") as folder:
            content = Path(folder, f"content{packing(str(place))}")
            with whole_file(content, "set TMPDIR") as out:
                yield out
            upload(content, str(place))
    else:
        with whole_binary(place, remedy, before_naming=before_naming) as binary:
            plain = unpacked(binary, packing(str(place)), "wb")
            with io.TextIOWrapper(plain, "utf-8", errors="backslashreplace", newline="\n") as out:
                yield out


@contextmanager
def whole_binary(
    path: str | Path, remedy: str = "choose another place", *, before_naming: BeforeNaming | None = None
) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes that appears as `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; on an error it is removed. If `path` is a link, the file that it
    leads to is replaced and the link stays. A file that replaces another has its permissions. What is not a regular
    file (a pipe, all below `/dev`) is written to directly. Folders above it are made.

    Args:
        remedy: the end of the message of an error.
        before_naming: called with the hidden file when it is complete. If it raises an error, `path` stays unchanged.
    """
    partial: Path | None = None
    try:
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder; the name of a file is needed here")
        if str(path).startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path)):
            binary: BinaryIO = Path(path).open("wb")  # noqa: SIM115
        else:
            target = Path(os.path.realpath(path))
            if target.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target.parent.mkdir(parents=True, exist_ok=True)
            hidden = target.with_name(f".{target.name[:_NAME]}.{secrets.token_hex(4)}.part")
            binary = hidden.open("xb")
            partial = hidden
            if target.exists():
                shutil.copymode(target, partial)
        with binary:
            yield binary
        if partial is not None:
            if before_naming is not None:
                before_naming(partial)
            os.replace(partial, target)
    except BaseException as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise InputError(f"{path} cannot be written: {error.strerror}; {remedy}") from None
        raise


def is_replaced(path: str | Path) -> bool:
    """Whether writing to `path` would replace a file; False where `whole_binary` writes directly."""
    return os.path.isfile(path) and not str(path).startswith("/dev/")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to, which becomes `folder`, or replaces it, when the block ends without an error.

    No system call replaces a folder that has files, so the name is free for a moment.
    """
    folder = folder.resolve()  # a link stays a link
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
    ) as hidden:
        new, old = Path(hidden, "new"), Path(hidden, "old")
        new.mkdir()
        if folder.exists():
            new.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IRWXU)  # a private one stays private
        yield new
        (probe := Path(hidden, "probe")).touch()
        for path in new.rglob("*"):
            if path.is_file():
                path.chmod(probe.stat().st_mode)  # safetensors lets nobody else read its files
        try:
            if folder.exists():
                os.rename(folder, old)
            os.rename(new, folder)
        except BaseException:
            if old.exists() and not folder.exists():
                os.rename(old, folder)
            raise


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Standard output as UTF-8, all of it written when the block ends; InputError if that cannot be."""
    out = sys.stdout
    if out is None:
        raise InputError("standard output is closed; name a file with -o, or open it")
    if isinstance(getattr(out, "buffer", None), io.RawIOBase):  # PYTHONUNBUFFERED: it may write a part and say nothing
        out = open(out.fileno(), "w", closefd=False)  # noqa: SIM115
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    try:
        yield out
        out.flush()
    except OSError as error:  # which names no file
        drop(out)
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"standard output cannot be written: {error.strerror}") from None


def drop(stream: TextIO) -> None:
    """Discards what a stream did not take. Otherwise Python would try to write it again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
