"""Files and folders in remote storage, by their URLs, through fsspec; a `RemotePath` is what a `Path` is here.

A file appears under its name when its upload is complete: an object store shows no half object.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from tagger.errors import InputError, missing_extra, reason

BLOCK = 1 << 23  # bytes that are fetched at a time
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::.*)?://", re.DOTALL)
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "blob_id", "LastModified", "Last-Modified", "created")
_NO_RIGHT = ("credential", "forbidden", "unauthorized", "accessdenied", "access denied")


class Protocol(NamedTuple):
    """What is known of the URLs that begin alike."""

    package: str  # which fsspec needs for it
    rights: str  # what to do if the user has no right to a file
    is_written: bool = False
    is_listed: bool = True  # whether there are folders


PROTOCOLS: Mapping[str, Protocol] = {
    "s3": Protocol("s3fs", "check your AWS credentials; for public files set FSSPEC_S3_ANON=true", is_written=True),
    "gs": Protocol(
        "gcsfs", "run gcloud auth application-default login; for public files set FSSPEC_GS_TOKEN=anon", is_written=True
    ),
    "hf": Protocol("huggingface_hub", "log in with hf auth login or set HF_TOKEN"),
    "https": Protocol("aiohttp", "its server lets only others read it", is_listed=False),
    "http": Protocol("aiohttp", "its server lets only others read it", is_listed=False),
    "memory": Protocol("fsspec", "", is_written=True),  # of this process; for tests
}


class RemoteFile(NamedTuple):
    """What a storage says of a file."""

    url: str
    size: int  # bytes; 0 if it is not known
    version: str  # differs when the content does; empty if it is not known


@dataclass(frozen=True, order=True)
class RemotePath:
    """A file or a folder in remote storage. A `Path` would turn `s3://` into `s3:/`.

    A folder is listed once, in one go, since a request for each of a million files would take hours. The files below it
    know what the listing says of them.
    """

    url: str  # without a slash at the end
    root: "RemotePath | None" = field(default=None, compare=False, repr=False)  # the folder that is listed

    def __post_init__(self) -> None:
        if not self.url.endswith("://"):
            object.__setattr__(self, "url", self.url.rstrip("/"))

    def __str__(self) -> str:
        """The URL."""
        return self.url

    def __truediv__(self, place: object) -> "RemotePath":
        """A file below this folder."""
        return RemotePath(f"{self.url.removesuffix('/')}/{place}", self.root or self)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy in another process lists again, if it has to."""
        return RemotePath, (self.url,)

    @property
    def name(self) -> str:
        """The last part of the path."""
        path = unquote(urlsplit(self.url).path) if self.url.startswith("http") else self.url
        return path.rstrip("/").rpartition("/")[2]

    def relative_to(self, folder: "RemotePath") -> PurePosixPath:
        """The place below a folder."""
        return PurePosixPath(self.url.removeprefix(f"{folder.url}/").lstrip("/"))  # never above the folder

    @cached_property
    def listing(self) -> Mapping[str, RemoteFile]:
        """The files below this folder, or this file, by their URLs, as they were when this was first asked.

        Raises:
            InputError: the storage cannot be read.
        """
        if not _protocol(self.url).is_listed:
            found = self.current()
            return {} if found is None else {found.url: found}
        with _reached(self.url) as (system, path):
            system.invalidate_cache()
            try:
                entries = system.find(path, detail=True)
            except FileNotFoundError:
                return {}
        urls = {self.url + name[len(path) :]: entry for name, entry in entries.items() if name.startswith(path)}
        files = {url: entry for url, entry in urls.items() if entry["type"] == "file" and not url.endswith("/")}
        return {url: _remote_file(url, entry) for url, entry in files.items()}

    def listed(self) -> RemoteFile | None:
        """What the listing of the folder says of this file; None if it is not there."""
        return (self.root or self).listing.get(self.url)

    def current(self) -> RemoteFile | None:
        """What the storage says of this file now; None if it is not there.

        Raises:
            InputError: the storage cannot be read.
        """
        with _reached(self.url) as (system, path):
            system.invalidate_cache()
            try:
                entry = system.info(path)
            except FileNotFoundError as error:
                if error.__cause__ is not None and not _protocol(self.url).is_listed:
                    raise  # HTTP: what went wrong is in its cause
                return None
        return _remote_file(self.url, entry) if entry["type"] == "file" else None

    def is_file(self) -> bool:
        """Whether the listing has this file."""
        return self.listed() is not None

    def is_dir(self) -> bool:
        """Whether there are files below it."""
        return any(url != self.url for url in self.listing)

    def exists(self) -> bool:
        """Whether there is a file of this name, or there are files below it."""
        return bool(self.listing)


Place = Path | RemotePath


def is_remote(path: str) -> bool:
    """Whether `path` is a URL such as `s3://bucket/book.txt`, of whatever protocol."""
    return _URL.match(path) is not None


def place_of(path: str) -> Place:
    """A path or a URL that a user names.

    Raises:
        InputError: it is a URL of a protocol that is none of ours.
    """
    if not is_remote(path):
        return Path(path)
    _protocol(path)
    return RemotePath(path)


def is_same(one: Place, other: Place) -> bool:
    """Whether both are the same file or the same folder, which exists."""
    if isinstance(one, Path) and isinstance(other, Path):
        return one.exists() and other.exists() and one.samefile(other)
    return one == other


def check_writable(url: str) -> None:
    """Checks that files can be written to the storage of a URL.

    Raises:
        InputError: the protocol is none of ours, or it is only read.
    """
    if not _protocol(url).is_written:
        written = [f"{name}://" for name, protocol in PROTOCOLS.items() if protocol.is_written and name != "memory"]
        raise InputError(
            f"{url}: files there are only read; write to {' or '.join(written)}, or into a folder of this machine"
            " and upload it"
        )


def open_remote(url: str) -> BinaryIO:
    """Opens a remote file for reading.

    Raises:
        InputError: it cannot be read; also while reading.
    """
    with _reached(url) as (system, path):
        file = system.open(path, "rb", block_size=BLOCK if _protocol(url).is_listed else 0)  # 0: HTTP streams
    return io.BufferedReader(_Remote(url, file), 1 << 20)


def read_remote(url: str) -> bytes:
    """The bytes of a small remote file.

    Raises:
        InputError: it cannot be read.
    """
    with _reached(url) as (system, path):
        return cast(bytes, system.cat_file(path))


def write_remote(url: str, content: bytes | Path) -> None:
    """Makes or replaces a remote file. If that fails, the remote file is what it was.

    Args:
        url: of the file.
        content: its bytes, which are few; or a file of this machine with them.

    Raises:
        InputError: it cannot be written.
    """
    check_writable(url)
    with _reached(url) as (system, path):
        if isinstance(content, Path) and not url.startswith("memory:"):
            system.put_file(str(content), path)  # in parts if it is large; on an error the upload is aborted
        else:  # put_file of `memory` shows the file while it grows
            system.pipe_file(path, content.read_bytes() if isinstance(content, Path) else content)


class _Remote(io.RawIOBase):
    """An open file of fsspec whose errors name the URL."""

    def __init__(self, url: str, file: Any) -> None:
        self._url, self._file, self._position = url, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _named(self._url):
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


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    """The fsspec file system of a URL, and the path in it; see `_named` for errors in the block.

    Chains of URLs such as `zip://a.txt::s3://...` are no paths here, and neither are other protocols that fsspec knows.

    Raises:
        InputError: the protocol is none of ours, or its package is not installed.
    """
    package = _protocol(url).package
    try:
        import fsspec
    except ModuleNotFoundError:
        raise missing_extra("fsspec", "remote") from None
    with _named(url):
        try:
            system = fsspec.filesystem(url.partition("://")[0].lower(), use_listings_cache=False)
        except ImportError:
            raise InputError(f"{url}: the package {package} is not installed; run pip install {package}") from None
        yield system, system._strip_protocol(url)


@contextmanager
def _named(url: str) -> Iterator[None]:
    """Turns whatever a library raises in the block into an `InputError` that names the URL and the remedy."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each package has exceptions of its own, with no common base
        raise _input_error(url, error) from error


def _protocol(url: str) -> Protocol:
    name = url.partition("://")[0].lower()
    if name not in PROTOCOLS:
        known = ", ".join(f"{name}://" for name in PROTOCOLS if name != "memory")
        raise InputError(f"{url}: {name} is no protocol for files here; give a path, or one of {known}")
    return PROTOCOLS[name]


def _input_error(url: str, error: Exception) -> InputError:
    protocol = _protocol(url)
    if not protocol.is_listed and isinstance(error.__cause__, Exception):
        error = error.__cause__  # HTTP says that there is no such file, whatever went wrong
    status = _http_status(error)
    if isinstance(error, FileNotFoundError) or status == "404":
        return InputError(f"{url}: no such {'file or bucket' if protocol.is_written else 'file'}; check the name")
    said = f"{type(error).__name__} {error}".lower()
    if (
        isinstance(error, PermissionError)
        or status in ("401", "403")
        or (not status and any(word in said for word in _NO_RIGHT))
    ):
        return InputError(f"{url}: no right to it ({reason(error)}); {protocol.rights}")
    return InputError(f"{url} cannot be reached ({reason(error) or type(error).__name__}); check the connection")


def _http_status(error: Exception) -> str:
    """As the packages keep it, or nothing; the digits in a message may be those of a port or of a file's name."""
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    return str(status or getattr(error, "code", None) or "")


def _remote_file(url: str, entry: Mapping[str, Any]) -> RemoteFile:
    version = next((entry[name] for name in _VERSIONS if entry.get(name)), "")
    if hasattr(version, "timestamp"):
        version = version.timestamp()
    return RemoteFile(url, int(entry.get("size") or 0), str(version))
