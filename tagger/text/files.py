"""Files, here or at a URL, plain or compressed -> lines of text.

The first part reads lines. Below are compression (gzip, Zstandard) and remote storage, which fsspec opens, lists and
writes.
"""

import codecs
import gzip
import importlib
import io
import os
import re
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

from tagger.errors import InputError, missing_extra, reason, shorten
from tagger.text.strings import MAX_LINE

STDIO = "-"
HTML = "HTML"
_NO_TEXT = {  # how files begin that are no plain text, lower case
    b"pk\x03\x04": "a ZIP archive, such as .docx, .odt and .epub are",
    b"%pdf-": "PDF",
    b"{\\rtf": "RTF",
    b"\xd0\xcf\x11\xe0": "a file of an older Word or Excel",
    b"bzh91ay&sy": "a bzip2 archive",
    b"\xfd7zxz": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"<!doctype html": HTML,
    b"<html": HTML,
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
    if is_remote(path):  # what reading raises can be of any class: `remote_error` names it
        with _reached(path) as (system, name):
            file = system.open(name, "rb", block_size=0 if _protocol(path) in _UNLISTED else 1 << 23)  # 0: HTTP streams
        return cast(BinaryIO, io.BufferedReader(file, 1 << 20))
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
    codec_of(encoding)


def codec_of(encoding: str) -> str:
    """What Python calls an encoding of text."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise InputError(
            f"{shorten(encoding)} is no encoding that Python knows; try utf-8, or cp1252 for old files of Windows"
        ) from None


def decoded_lines(
    binary: BinaryIO, path: str, encoding: str = "utf-8", option: str = "--encoding", html: bool = False
) -> Generator[str, None, None]:
    """Yields the lines of an open file with their line ends; only `\\n` ends a line.

    The bytes are unpacked if `path` ends in `.gz` or `.zst` or, in UTF-8, if they begin like those (for standard
    input). A byte-order mark at the start is dropped. A line longer than `MAX_LINE` comes in pieces. The caller closes
    the file. The `option`, or key, that sets the encoding is for messages; it is empty if nothing sets it. A page of
    HTML is refused unless `html` says that one is due.
    """
    remedy = f"name the file's encoding, often cp1252, with {option}" if option else "save it as UTF-8"
    number, ending = 0, ""
    ended = True  # whether the last piece ended a line
    codec = codec_of(encoding)
    utf8 = codec in ("utf-8", "utf-8-sig")
    if utf8:
        encoding = "utf-8-sig"
    try:
        ending, start = packing(path), binary.peek(_START) if hasattr(binary, "peek") else b""  # which stays unread
        if utf8 and not ending:
            ending = next((name for magic, name in _PACKED_START.items() if start.startswith(magic)), "")
        plain: Any = unpacked(binary, ending)
        if not codec.startswith(("utf-16", "utf-32")):
            _check_start(plain.peek(_START) if ending else start, path, option, html)
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
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile) or type(error).__name__ == "ZstdError":
            name = "Zstandard" if ending == ".zst" else "gzip"
            why = f"not a whole {name} file ({error}); fetch it again"
            raise InputError(f"{path}, after line {number}: {why}") from None
        if is_remote(path):
            raise remote_error(path, error) from error
        if isinstance(error, OSError):
            raise InputError(f"{path}, after line {number}: cannot be read further: {error.strerror}") from None
        raise


def _check_start(start: bytes, path: str, option: str, html: bool) -> None:
    """Refuses a file whose first bytes say that it is no plain text, or UTF-16 without a byte-order mark."""
    start = start[:_START]
    text = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for magic, what in _NO_TEXT.items():
        if text.startswith(magic) and not (html and what == HTML):
            remedy = "name it .html, or give --input html" if what == HTML else "save its text as a .txt file"
            raise InputError(f"{path} is no plain text but {what}; {remedy}")
    low, high = start[::2].count(0), start[1::2].count(0)  # of ASCII in UTF-16 every second byte is 0
    if max(low, high) > max(1, len(start) // 20) and not min(low, high):
        has_mark = start.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
        name = "utf-16" if has_mark else f"utf-16-{'be' if low else 'le'}"
        raise InputError(f"{path} seems to be {name}; {f'name that with {option}' if option else 'save it as UTF-8'}")


def read_lines(path: str, encoding: str = "utf-8", option: str = "--encoding") -> Iterator[str]:
    """Yields the lines of a file, or of standard input (`-`)."""
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


PACKED = (".gz", ".zst")  # what the name of a compressed file ends in
_PACKED_START = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}  # with which no UTF-8 text begins


def _zstd() -> ModuleType:
    """Python's module for Zstandard. fsspec's reader may take a file that is cut for a whole one."""
    for name in ("compression.zstd", "backports.zstd"):  # since Python 3.14, before it
        with suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise missing_extra("backports.zstd", "remote")


def packing(name: str) -> str:
    """The ending in `PACKED` of a file's name, in lower case; empty if it has none."""
    lower = name.lower()
    return next((ending for ending in PACKED if lower.endswith(ending)), "")


def unpacked(binary: BinaryIO, ending: str, mode: str = "rb") -> BinaryIO:
    """The plain bytes of a packed file, which stays open: those that are read, or written (`wb`), always alike."""
    file: Any = binary
    if ending == ".gz":
        file = gzip.GzipFile(filename="", mode=mode, fileobj=binary, mtime=0)
    elif ending == ".zst":
        file = _zstd().ZstdFile(binary, mode)
    return cast(BinaryIO, file)


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::.*)?://", re.DOTALL)
_NO_RIGHT = ("credential", "forbidden", "unauthorized", "accessdenied", "access denied")


PROTOCOLS = {  # of URLs, and the package that fsspec needs for each
    "s3": "s3fs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "https": "aiohttp",
    "http": "aiohttp",
    "memory": "fsspec",  # of this process; for tests
}
_WRITTEN = ("s3", "gs", "memory")
_UNLISTED = ("https", "http")  # there are no folders


def is_remote(path: str) -> bool:
    """Whether `path` is a URL such as `s3://bucket/book.txt`, of whatever protocol."""
    return _URL.match(path) is not None


def check_writable(url: str) -> None:
    """Checks that files can be written to the storage of a URL."""
    if _protocol(url) not in _WRITTEN:
        raise InputError(f"{url}: files there are only read; write to s3:// or gs://, or to a folder, and upload that")


def list_remote(url: str) -> dict[str, int]:
    """The sizes of the files below a folder, or of the one of that name, by their URLs; 0 for one that is not known."""
    url = url.rstrip("/")
    with _reached(url) as (system, path):
        system.invalidate_cache()
        try:
            entries = system.find(path, detail=True) if _protocol(url) not in _UNLISTED else {path: system.info(path)}
        except FileNotFoundError as error:
            if error.__cause__ is not None and _protocol(url) in _UNLISTED:
                raise  # HTTP: what went wrong is in its cause
            return {}
    urls = {url + name[len(path) :]: entry for name, entry in entries.items() if name.startswith(path)}
    files = {each: entry for each, entry in urls.items() if entry["type"] == "file" and each[-1] != "/"}
    return {each: int(entry.get("size") or 0) for each, entry in files.items()}


def upload(file: Path, url: str) -> None:
    """Makes or replaces a remote file. If that fails, the remote file is what it was."""
    check_writable(url)
    with _reached(url) as (system, path):
        system.put_file(str(file), path)  # in parts if it is large; on an error the upload is aborted


def remote_error(url: str, error: Exception) -> InputError:
    """Names the URL and the remedy in place of what a library raised; each has exceptions of its own."""
    if isinstance(error, InputError):
        return error
    if _protocol(url) in _UNLISTED and isinstance(error.__cause__, Exception):
        error = error.__cause__  # HTTP says that there is no such file, whatever went wrong
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, FileNotFoundError) or status == 404:
        return InputError(f"{url}: no such file or bucket; check the name")
    said = f"{type(error).__name__} {error}".lower()
    if isinstance(error, PermissionError) or status in (401, 403) or any(word in said for word in _NO_RIGHT):
        return InputError(f"{url}: no right to it ({reason(error)}); docs/tagging.md says how to give credentials")
    return InputError(f"{url} cannot be reached ({reason(error) or type(error).__name__}); check the connection")


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    """The fsspec file system of a URL, and the path in it; an error in the block names the URL.

    Chains of URLs such as `zip://a.txt::s3://...` are no paths here, and neither are other protocols that fsspec knows.
    """
    package = PROTOCOLS[_protocol(url)]
    try:
        import fsspec
    except ModuleNotFoundError:
        raise missing_extra("fsspec", "remote") from None
    try:
        system = fsspec.filesystem(url.partition("://")[0].lower(), use_listings_cache=False)
        yield system, system._strip_protocol(url)
    except ImportError:
        raise InputError(f"{url}: the package {package} is not installed; run pip install {package}") from None
    except Exception as error:
        raise remote_error(url, error) from error


def _protocol(url: str) -> str:
    name = url.partition("://")[0].lower()
    if name not in PROTOCOLS:
        known = ", ".join(f"{name}://" for name in PROTOCOLS if name != "memory")
        raise InputError(f"{url}: {name} is no protocol for files here; give a path, or one of {known}")
    return name
