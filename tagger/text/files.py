"""Files -> lines of text, plain or compressed."""

import codecs
import io
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tagger.errors import InputError, shorten
from tagger.text.packed import is_damage, packing, packing_of_content, unpacked
from tagger.text.remote import is_remote, open_remote, remote_error
from tagger.text.strings import MAX_LINE

STDIO = "-"
_NO_TEXT = {  # how files begin that are no plain text, lower case
    b"pk\x03\x04": "a ZIP archive, such as .docx, .odt and .epub are",
    b"%pdf-": "PDF",
    b"{\\rtf": "RTF",
    b"\xd0\xcf\x11\xe0": "a file of an older Word or Excel",
    b"bzh91ay&sy": "a bzip2 archive",
    b"\xfd7zxz": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"<!doctype html": "HTML",
    b"<html": "HTML",
    b"<?xml": "XML",
}
_START = 1_000  # bytes of a file that tell what it is
_UNDECODED = re.compile("[\udc80-\udcff]")


def open_binary(path: str) -> BinaryIO:
    """Opens `path` for reading: a file, `-` as standard input, or a URL such as `s3://bucket/book.txt`."""
    if path == STDIO:
        if sys.stdin is None:
            raise InputError("standard input is closed; name a file")
        return sys.stdin.buffer
    if is_remote(path):
        return open_remote(path)
    try:
        return Path(path).open("rb")
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def check_input(paths: Iterable[str], encoding: str) -> None:
    """Checks what can be checked of inputs before a model is loaded: files can be opened, Python knows the encoding."""
    for path in paths:
        if path != STDIO and not Path(path).is_fifo():  # who writes into a pipe would see it close
            open_binary(path).close()
    _codec(encoding)


def _codec(encoding: str) -> str:
    """What Python calls an encoding of text."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise InputError(f"{shorten(encoding)} is no encoding that Python knows; try utf-8 or latin-1") from None


def decoded_lines(
    binary: BinaryIO, path: str, encoding: str = "utf-8", option: str = "--encoding"
) -> Generator[str, None, None]:
    """Yields the lines of an open file with their line ends; only `\\n` ends a line.

    The bytes are unpacked if `path` ends in `.gz` or `.zst` or, in UTF-8, if they begin like those (for standard
    input). A byte-order mark at the start is dropped. A line longer than `MAX_LINE` comes in pieces; see `whole_lines`
    of `strings.py`.

    Args:
        binary: the open file; the caller closes it.
        path: its name.
        encoding: any that Python knows.
        option: the option or key that sets the encoding, for error messages; an empty string if nothing sets it.
    """
    remedy = f"name the file's encoding with {option}" if option else "save it as UTF-8"
    number, ending = 0, ""
    ended = True  # whether the last piece ended a line
    codec = _codec(encoding)
    utf8 = codec in ("utf-8", "utf-8-sig")
    if utf8:
        encoding = "utf-8-sig"
    try:
        ending = packing(path) or (packing_of_content(binary) if utf8 else "")
        plain = unpacked(binary, ending)
        if not codec.startswith(("utf-16", "utf-32")):
            _check_start(plain, path, remedy)
        text = io.TextIOWrapper(plain, encoding, errors="surrogateescape", newline="\n")
        try:
            while line := text.readline(MAX_LINE):
                number += ended
                ended = line.endswith("\n")
                if not line.isascii() and (bad := _UNDECODED.search(line)):
                    byte = ord(bad.group()) - 0xDC00
                    raise InputError(
                        f"{path}, line {number}: byte 0x{byte:02x} is not {encoding.removesuffix('-sig')}; {remedy}"
                    )
                yield line
        finally:
            with suppress(ValueError):  # the caller has closed it already
                text.detach()  # does not close `binary`
    except InputError:
        raise
    except UnicodeError as error:
        raise InputError(f"{path}, near line {number + ended}: not {encoding}: {error}; {remedy}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a file is needed here") from None
    except Exception as error:
        if is_damage(error):
            name = "Zstandard" if ending == ".zst" else "gzip"
            why = f"not a whole {name} file ({error}); fetch it again"
            raise InputError(f"{path}, after line {number}: {why}") from None
        if is_remote(path):
            raise remote_error(path, error) from error
        if isinstance(error, OSError):
            raise InputError(f"{path}, after line {number}: cannot be read further: {error.strerror}") from None
        raise


def _check_start(binary: BinaryIO, path: str, remedy: str) -> None:
    """Refuses a file whose first bytes say that it is no plain text, or UTF-16 without a byte-order mark."""
    start: bytes = binary.peek(_START)[:_START] if hasattr(binary, "peek") else b""
    text = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for magic, what in _NO_TEXT.items():
        if text.startswith(magic):
            raise InputError(f"{path} is no plain text but {what}; save its text as a .txt file")
    low, high = start[::2].count(0), start[1::2].count(0)  # of ASCII in UTF-16 every second byte is 0
    if max(low, high) > max(1, len(start) // 20) and not min(low, high):
        raise InputError(f"{path} seems to be utf-16-{'be' if low else 'le'}; {remedy}")


def read_lines(path: str, encoding: str = "utf-8", option: str = "--encoding") -> Iterator[str]:
    """Yields the lines of a file, or of standard input (`-`); see `decoded_lines`."""
    binary = open_binary(path)
    try:
        yield from decoded_lines(binary, path, encoding, option)
    finally:
        if path != STDIO:
            binary.close()


def file_version(path: str | Path) -> tuple[str, int, int]:
    """The path, size and time of the last change of a file; a key for caches."""
    status = os.stat(path)
    return os.path.realpath(path), status.st_size, status.st_mtime_ns
