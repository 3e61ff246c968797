"""Files from outside: text in by lines, whatever its compression; text out under its final name only when whole."""

import gzip
import io
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tagger.errors import InputError, shorten

STDIO = "-"
MAX_LINE = 1 << 22  # characters; a longer line is delivered in pieces, so that memory stays bounded
_UNDECODED = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def open_binary(path: str) -> BinaryIO:
    """Opens `path` for reading, `-` as standard input.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if path == STDIO:
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def decoded_lines(binary: BinaryIO, path: str, encoding: str = "utf-8") -> Iterator[str]:
    """Yields the lines of an open file, line ends kept; only `\\n` ends a line.

    Gzip is undone where `path` ends in `.gz`, a byte-order mark is dropped. A line longer than
    `MAX_LINE` comes in pieces.

    Raises:
        InputError: bytes that `encoding` does not know (with the line), a broken gzip file.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    number = 0
    try:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=binary)) if path.endswith(".gz") else binary
        text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="\n")
        try:
            for number, line in enumerate(iter(lambda: text.readline(MAX_LINE), ""), 1):
                if not line.isascii() and (bad := _UNDECODED.search(line)):
                    byte = ord(bad.group()) - 0xDC00
                    raise InputError(
                        f"{path}, line {number}: byte 0x{byte:02x} is not {encoding.removesuffix('-sig')};"
                        " name the file's encoding with --encoding"
                    )
                yield line
        finally:
            text.detach()  # the caller closes `binary`
    except LookupError:
        raise InputError(f"{shorten(encoding)} is no encoding that Python knows; try utf-8 or latin-1") from None
    except UnicodeError as error:
        reason = str(error)
        raise InputError(f"{path}, near line {number + 1}: not {encoding}: {reason}; see --encoding") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}, after line {number}: not a whole gzip file ({error}); fetch it again") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None


def read_lines(path: str, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of the file at `path`; see `decoded_lines`."""
    binary = open_binary(path)
    try:
        yield from decoded_lines(binary, path, encoding)
    finally:
        if path != STDIO:
            binary.close()


def encodable(text: str) -> str:
    """`text` with each lone surrogate, which UTF-8 cannot hold, as U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


@contextmanager
def whole_file(path: str | Path) -> Iterator[TextIO]:
    """A file open for writing UTF-8 that appears as `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; on an error it is removed. A name ending
    in `.gz` is compressed. A lone surrogate is written as `\\udXXX`: see `encodable`.

    Raises:
        InputError: the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as binary:
            # mtime=0: the same text gives the same bytes
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0) if path.suffix == ".gz" else binary
            with io.TextIOWrapper(packed, "utf-8", errors="backslashreplace", newline="\n") as text:  # type: ignore[type-var]
                yield text
                text.flush()
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
