"""Files from outside: text in by lines, whatever its compression; text out under its final name only when whole."""

import codecs
import errno
import gzip
import io
import os
import re
import secrets
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tagger.errors import InputError, shorten

STDIO = "-"
MAX_LINE = 1 << 22  # characters; a longer line is delivered in pieces, so that memory stays bounded
MAX_LINKS = 40  # Linux follows no more either
_UNDECODED = re.compile("[\udc80-\udcff]")


def open_binary(path: str) -> BinaryIO:
    """Opens `path` for reading, `-` as standard input.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if path == STDIO:
        if sys.stdin is None:
            raise InputError("standard input is closed; name a file")
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def decoded_lines(
    binary: BinaryIO, path: str, encoding: str = "utf-8", option: str = "--encoding"
) -> Generator[str, None, None]:
    """Yields the lines of an open file, line ends kept; only `\\n` ends a line.

    Gzip is undone where `path` ends in `.gz` or, in UTF-8, where the content says so (as on
    standard input). A byte-order mark at the start is dropped. A line longer than `MAX_LINE` comes
    in pieces: see `whole_lines`.

    Raises:
        InputError: bytes that `encoding` does not know (with the line), a broken gzip file.
    """
    number = 0
    ended = True  # a piece of a long line is no line of its own
    try:
        utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        if utf8:
            encoding = "utf-8-sig"
        stream = binary
        if path.lower().endswith(".gz") or (utf8 and _starts_like_gzip(binary)):
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=binary))
        text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="\n")
        try:
            while line := text.readline(MAX_LINE):
                number += ended
                ended = line.endswith("\n")
                if not line.isascii() and (bad := _UNDECODED.search(line)):
                    byte = ord(bad.group()) - 0xDC00
                    raise InputError(
                        f"{path}, line {number}: byte 0x{byte:02x} is not {encoding.removesuffix('-sig')};"
                        f" name the file's encoding with {option}"
                    )
                yield line
        finally:
            text.detach()  # the caller closes `binary`
    except LookupError:
        raise InputError(f"{shorten(encoding)} is no encoding that Python knows; try utf-8 or latin-1") from None
    except UnicodeError as error:
        raise InputError(
            f"{path}, near line {number + ended}: not {encoding}: {error}; name the file's encoding with {option}"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}, after line {number}: not a whole gzip file ({error}); fetch it again") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None
    except OSError as error:
        raise InputError(f"{path}, after line {number}: cannot be read on: {error.strerror}") from None


def _starts_like_gzip(binary: BinaryIO) -> bool:
    """No UTF-8 text starts with these two bytes. A stream that cannot look ahead is taken as it is."""
    peek = getattr(binary, "peek", None)
    return peek is not None and peek(2)[:2] == b"\x1f\x8b"


def read_lines(path: str, encoding: str = "utf-8", option: str = "--encoding") -> Iterator[str]:
    """The lines of the file at `path`; see `decoded_lines`."""
    binary = open_binary(path)
    try:
        yield from decoded_lines(binary, path, encoding, option)
    finally:
        if path != STDIO:
            binary.close()


def whole_lines(lines: Iterable[str], path: str) -> Iterator[str]:
    """Puts the pieces of a line longer than `MAX_LINE` together again, for formats where a line has a meaning.

    Raises:
        InputError: a line longer than 4 times `MAX_LINE`.
    """
    pieces: list[str] = []
    number = 1
    for line in lines:
        if len(line) == MAX_LINE and line[-1] != "\n":
            pieces.append(line)
            if len(pieces) > 4:
                raise InputError(
                    f"{path}, line {number}: longer than {4 * MAX_LINE:,} characters ({shorten(pieces[0])});"
                    " break it up, or read the file as --input text"
                )
            continue
        yield "".join([*pieces, line]) if pieces else line
        pieces = []
        number += 1
    if pieces:
        yield "".join(pieces)


@contextmanager
def whole_file(
    path: str | Path, *, run: str = "", before_naming: Callable[[Path], None] | None = None
) -> Iterator[TextIO]:
    """A file open for writing UTF-8 that appears as `path` when the block ends without an error.

    A name that ends in `.gz` is compressed. A lone surrogate is written as `\\udXXX`; see `encodable`. For the rest
    see `whole_binary`.
    """
    with whole_binary(path, run=run, before_naming=before_naming) as binary:
        stream = binary
        if Path(path).suffix.lower() == ".gz":  # mtime=0: the same text gives the same bytes
            stream = cast(BinaryIO, gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0))
        with io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="\n") as text:
            yield text


@contextmanager
def whole_binary(
    path: str | Path,
    remedy: str = "choose another place",
    *,
    run: str = "",
    before_naming: Callable[[Path], None] | None = None,
) -> Iterator[BinaryIO]:
    """A file open for writing bytes that appears as `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; on an error it is removed. If `path` is a link, the file that it
    leads to is replaced and the link stays. What is not a regular file (a pipe, `/dev/null`), and an open file such as
    `/dev/stdout`, is written to directly.

    Args:
        path: the file; folders above it are made.
        remedy: the end of the message of an error.
        run: a name that the hidden file has in its own, by which it can be recognised if the process is killed.
        before_naming: called with the hidden file when it is complete. What it raises leaves `path` as it was.

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


def is_replaced(path: str | Path) -> bool:
    """Whether writing to `path` would replace a regular file; False where `whole_binary` writes directly."""
    try:
        target = _link_target(Path(path))
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


def _new_file(target: Path, run: str) -> tuple[Path, BinaryIO]:
    """Makes a hidden file beside `target` that nobody else uses.

    The kernel gives it the permissions of a new file. Reading the umask in order to set them later would change it for
    a moment, in which files of other threads become readable by all.
    """
    while True:
        partial = target.with_name(f".{target.name[:40]}.{run}{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            return partial, cast(BinaryIO, partial.open("xb"))


def _link_target(path: Path) -> Path | int:
    """The file that `path` leads to through links, or the number of an open file of this process.

    The names `/dev/stdout`, `/dev/fd/1` and `/proc/self/fd/1` are links on Linux, but opening what they lead to would
    start at the beginning of that file again. Links to open files of other processes are not followed.
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


def file_version(path: str | Path) -> tuple[str, int, int]:
    """What changes when a file does: for the keys of caches."""
    status = os.stat(path)
    return os.path.realpath(path), status.st_size, status.st_mtime_ns
