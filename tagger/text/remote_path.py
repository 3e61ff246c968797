"""`RemotePath`, a file or a folder in remote storage by its URL, as `Path` is one of this machine; and its listing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from tagger.text.remote import check_protocol, filesystem, has_folders, is_remote, translated

_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "blob_id", "LastModified", "Last-Modified", "created")


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
        return PurePosixPath(self.url.removeprefix(f"{folder.url}/"))

    @cached_property
    def listing(self) -> Mapping[str, RemoteFile]:
        """The files below this folder, or this file, by their URLs, as they were when this was first asked.

        Raises:
            InputError: the storage cannot be read.
        """
        system, path = filesystem(self.url)
        if not has_folders(self.url):
            found = self.current()
            return {} if found is None else {found.url: found}
        system.invalidate_cache()
        with translated(self.url):
            try:
                entries = system.find(path, detail=True)
            except FileNotFoundError:
                return {}
        files = {}
        for name, entry in entries.items():
            if entry["type"] == "file" and not name.endswith("/") and name.startswith(path):
                url = self.url + name[len(path) :]
                files[url] = _remote_file(url, entry)
        return files

    def listed(self) -> RemoteFile | None:
        """What the listing of the folder says of this file; None if it is not there."""
        return (self.root or self).listing.get(self.url)

    def current(self) -> RemoteFile | None:
        """What the storage says of this file now; None if it is not there.

        Raises:
            InputError: the storage cannot be read.
        """
        system, path = filesystem(self.url)
        system.invalidate_cache()
        with translated(self.url):
            try:
                entry = system.info(path)
            except FileNotFoundError as error:
                if error.__cause__ is not None and not has_folders(self.url):
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


def place_of(path: str) -> Place:
    """A path or a URL that a user names.

    Raises:
        InputError: it is a URL of a protocol that is none of ours.
    """
    if not is_remote(path):
        return Path(path)
    check_protocol(path)
    return RemotePath(path)


def is_same(one: Place, other: Place) -> bool:
    """Whether both are the same file or the same folder, which exists."""
    if isinstance(one, Path) and isinstance(other, Path):
        return one.exists() and other.exists() and one.samefile(other)
    return one == other


def _remote_file(url: str, entry: Mapping[str, Any]) -> RemoteFile:
    version = next((entry[name] for name in _VERSIONS if entry.get(name)), "")
    if hasattr(version, "timestamp"):
        version = version.timestamp()
    return RemoteFile(url, int(entry.get("size") or 0), str(version))
