"""Files from outside: text in by lines, whatever its compression; text out under its final name only when whole."""

import codecs
import gzip
import io
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tagger.errors import InputError, shorten

STDIO = "-"
MAX_LINE = 1 << 22  # characters; a longer line is delivered in pieces, so that memory stays bounded
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
def whole_file(path: str | Path) -> Iterator[TextIO]:
    """A file open for writing UTF-8 that appears as `path` when the block ends without an error.

    A name ending in `.gz` is compressed. A lone surrogate is written as `\\udXXX`: see `encodable`. For the
    rest see `whole_binary`.
    """
    with whole_binary(path) as binary:
        stream = binary
        if Path(path).suffix.lower() == ".gz":  # mtime=0: the same text gives the same bytes
            stream = cast(BinaryIO, gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0))
        with io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="\n") as text:
            yield text


@contextmanager
def whole_binary(path: str | Path) -> Iterator[BinaryIO]:
    """A file open for writing bytes that appears as `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; on an error it is removed. What is there and is no
    regular file (a pipe, `/dev/null`) is written to directly.

    Raises:
        InputError: the folder cannot be written or is full, or `path` is a folder.
    """
    path = Path(path)
    partial: Path | None = None
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; the name of a file is needed here")
        if path.exists() and not path.is_file():
            binary = cast(BinaryIO, path.open("wb"))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
            partial = Path(name)
            binary = cast(BinaryIO, os.fdopen(handle, "wb"))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with binary:
            yield binary
        if partial is not None:
            partial.chmod(0o666 & ~umask())
            partial.replace(path)
    except BaseException as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"{path} cannot be written: {error.strerror}; nothing is left of it") from None
        raise


def umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_version(path: str | Path) -> tuple[str, int, int]:
    """What changes when a file does: for the keys of caches."""
    status = os.stat(path)
    return os.path.realpath(path), status.st_size, status.st_mtime_ns
