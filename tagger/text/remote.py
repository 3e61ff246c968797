"""Files in remote storage, by their URL: bytes come in and go out, through fsspec.

A file appears under its name when its upload is complete: an object store shows no half object.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from tagger.errors import InputError, missing_extra, reason

BLOCK = 1 << 23  # bytes that are fetched at a time
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:://|::.*://)", re.DOTALL)


class _Protocol(NamedTuple):
    package: str  # which fsspec needs for it
    rights: str  # what to do if the user has no right to a file
    is_written: bool = False
    is_listed: bool = True  # whether there are folders


_PROTOCOLS: Mapping[str, _Protocol] = {
    "s3": _Protocol("s3fs", "check your AWS credentials; for public files set FSSPEC_S3_ANON=true", is_written=True),
    "gs": _Protocol(
        "gcsfs", "run gcloud auth application-default login; for public files set FSSPEC_GS_TOKEN=anon", is_written=True
    ),
    "hf": _Protocol("huggingface_hub", "log in with hf auth login or set HF_TOKEN"),
    "https": _Protocol("aiohttp", "its server lets only others read it", is_listed=False),
    "http": _Protocol("aiohttp", "its server lets only others read it", is_listed=False),
    "memory": _Protocol("fsspec", "", is_written=True),  # of this process; for tests
}
_NO_RIGHT = ("credential", "403", "401", "forbidden", "unauthorized", "accessdenied", "access denied")


def is_remote(path: str) -> bool:
    """Whether `path` is a URL such as `s3://bucket/book.txt`, of whatever protocol."""
    return _SCHEME.match(path) is not None


def check_protocol(url: str) -> None:
    """Raises InputError if the protocol of a URL is none of ours."""
    _protocol(url)


def has_folders(url: str) -> bool:
    """Whether the storage of a URL has folders, and can list them.

    Raises:
        InputError: the protocol is none of ours.
    """
    return _protocol(url).is_listed


def check_writable(url: str) -> None:
    """Checks that files can be written to the storage of a URL.

    Raises:
        InputError: the protocol is none of ours, or it is only read.
    """
    if not _protocol(url).is_written:
        written = [f"{name}://" for name, protocol in _PROTOCOLS.items() if protocol.is_written and name != "memory"]
        raise InputError(
            f"{url}: files there are only read; write to {' or '.join(written)}, or into a folder of this machine"
            " and upload it"
        )


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    Chains of URLs such as `zip://a.txt::s3://...` are no paths here, and neither are other protocols that fsspec knows.

    Raises:
        InputError: the protocol is none of ours, or its package is not installed.
    """
    protocol = _protocol(url)
    try:
        import fsspec
    except ModuleNotFoundError:
        raise missing_extra("fsspec", "remote") from None
    with translated(url):
        try:
            system = fsspec.filesystem(url.partition("://")[0].lower(), use_listings_cache=False)
        except ImportError:
            raise InputError(
                f"{url}: the package {protocol.package} is not installed; run pip install {protocol.package}"
            ) from None
        return system, cast(str, system._strip_protocol(url))


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turns whatever a library raises in the block into an `InputError` that names the URL and the remedy."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each package has exceptions of its own, with no common base
        raise _input_error(url, error) from error


def open_remote(url: str) -> BinaryIO:
    """Opens a remote file for reading.

    Raises:
        InputError: it cannot be read; also while reading.
    """
    system, path = filesystem(url)
    with translated(url):
        file = system.open(path, "rb", block_size=BLOCK if has_folders(url) else 0)  # 0: HTTP streams
    return io.BufferedReader(_Remote(url, file), 1 << 20)


def read_remote(url: str) -> bytes:
    """The bytes of a small remote file.

    Raises:
        InputError: it cannot be read.
    """
    system, path = filesystem(url)
    with translated(url):
        return cast(bytes, system.cat_file(path))


def write_remote(url: str, content: bytes) -> None:
    """Makes or replaces a small remote file.

    Raises:
        InputError: it cannot be written.
    """
    check_writable(url)
    system, path = filesystem(url)
    with translated(url):
        system.pipe_file(path, content)


def upload(content: Path, url: str) -> None:
    """Makes or replaces a remote file with the bytes of a local one. If it fails, the remote file is what it was.

    Raises:
        InputError: it cannot be written.
    """
    check_writable(url)
    system, path = filesystem(url)
    with translated(url):
        if url.startswith("memory:"):  # its put_file shows the file while it grows
            system.pipe_file(path, content.read_bytes())
        else:
            system.put_file(str(content), path)  # in parts if it is large; on an error the upload is aborted


class _Remote(io.RawIOBase):
    """An open file of fsspec whose errors name the URL."""

    def __init__(self, url: str, file: Any) -> None:
        self._url, self._file, self._position = url, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with translated(self._url):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _protocol(url: str) -> _Protocol:
    match = _SCHEME.match(url)
    name = "" if match is None else match[1].lower()
    if name not in _PROTOCOLS or "://" not in url[: len(name) + 3]:
        known = ", ".join(f"{name}://" for name in _PROTOCOLS if name != "memory")
        raise InputError(f"{url}: {name or 'this'} is no protocol for files here; give a path, or one of {known}")
    return _PROTOCOLS[name]


def _input_error(url: str, error: Exception) -> InputError:
    if not _protocol(url).is_listed and isinstance(error.__cause__, Exception):
        error = error.__cause__  # HTTP says that there is no such file, whatever went wrong
    said = f"{type(error).__name__} {error}".lower()
    if isinstance(error, PermissionError) or any(word in said for word in _NO_RIGHT):
        return InputError(f"{url}: no right to it ({reason(error)}); {_protocol(url).rights}")
    if isinstance(error, FileNotFoundError) or "404" in said:
        return InputError(f"{url}: no such {'file or bucket' if _protocol(url).is_written else 'file'}; check the name")
    return InputError(f"{url} cannot be reached ({reason(error) or type(error).__name__}); check the connection")
