"""Files in remote storage, by their URLs, through fsspec: opened, listed, and uploaded when they are whole."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from tagger.errors import InputError, missing_extra, reason

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::.*)?://", re.DOTALL)
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "blob_id", "LastModified", "Last-Modified", "created")
_NO_RIGHT = ("credential", "forbidden", "unauthorized", "accessdenied", "access denied")


class Protocol(NamedTuple):
    """What is known of the URLs that begin alike."""

    package: str  # which fsspec needs for it
    is_written: bool = False
    is_listed: bool = True  # whether there are folders


PROTOCOLS: Mapping[str, Protocol] = {
    "s3": Protocol("s3fs", is_written=True),
    "gs": Protocol("gcsfs", is_written=True),
    "hf": Protocol("huggingface_hub"),
    "https": Protocol("aiohttp", is_listed=False),
    "http": Protocol("aiohttp", is_listed=False),
    "memory": Protocol("fsspec", is_written=True),  # of this process; for tests
}


class RemoteFile(NamedTuple):
    """What a storage says of a file."""

    size: int  # bytes; 0 if it is not known
    version: str  # differs when the content does; empty if it is not known


def is_remote(path: str) -> bool:
    """Whether `path` is a URL such as `s3://bucket/book.txt`, of whatever protocol."""
    return _URL.match(path) is not None


def check_writable(url: str) -> None:
    """Checks that files can be written to the storage of a URL."""
    if not _protocol(url).is_written:
        raise InputError(
            f"{url}: files there are only read; write to s3:// or gs://, or into a folder of this machine and upload it"
        )


def list_remote(url: str) -> dict[str, RemoteFile]:
    """The files below a folder, or the one file of that name, by their URLs; empty if there is none."""
    url = url.rstrip("/")
    with _reached(url) as (system, path):
        system.invalidate_cache()
        try:
            entries = system.find(path, detail=True) if _protocol(url).is_listed else {path: system.info(path)}
        except FileNotFoundError as error:
            if error.__cause__ is not None and not _protocol(url).is_listed:
                raise  # HTTP: what went wrong is in its cause
            return {}
    urls = {url + name[len(path) :]: entry for name, entry in entries.items() if name.startswith(path)}
    return {each: _file(entry) for each, entry in urls.items() if entry["type"] == "file" and each[-1] != "/"}


def open_remote(url: str) -> BinaryIO:
    """Opens a remote file for reading. What reading raises can be of any class; see `remote_error`."""
    with _reached(url) as (system, path):
        file = system.open(path, "rb", block_size=1 << 23 if _protocol(url).is_listed else 0)  # 0: HTTP streams
    return cast(BinaryIO, io.BufferedReader(file, 1 << 20))


def upload(file: Path, url: str) -> None:
    """Makes or replaces a remote file. If that fails, the remote file is what it was."""
    check_writable(url)
    with _reached(url) as (system, path):
        system.put_file(str(file), path)  # in parts if it is large; on an error the upload is aborted


def remote_error(url: str, error: Exception) -> InputError:
    """Names the URL and the remedy in place of what a library raised; each has exceptions of its own."""
    if isinstance(error, InputError):
        return error
    if not _protocol(url).is_listed and isinstance(error.__cause__, Exception):
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
    package = _protocol(url).package
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


def _protocol(url: str) -> Protocol:
    name = url.partition("://")[0].lower()
    if name not in PROTOCOLS:
        known = ", ".join(f"{name}://" for name in PROTOCOLS if name != "memory")
        raise InputError(f"{url}: {name} is no protocol for files here; give a path, or one of {known}")
    return PROTOCOLS[name]


def _file(entry: Mapping[str, Any]) -> RemoteFile:
    version = next((entry[name] for name in _VERSIONS if entry.get(name)), "")
    version = version.timestamp() if hasattr(version, "timestamp") else version
    return RemoteFile(int(entry.get("size") or 0), str(version))
