"""A file or a folder that a user names, here or in remote storage -> the files to tag."""

from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from tagger.errors import InputError
from tagger.text.remote_path import Place, RemoteFile, RemotePath, is_same, place_of


class FoundFile(NamedTuple):
    """A file to tag."""

    source: str  # its path or URL
    place: PurePath  # below the folder that the user named, or its name
    listed: RemoteFile | None = None  # what the storage said of a remote file


def found_files(source: str, to: Place | None) -> tuple[list[FoundFile], bool]:
    """The files that a source stands for, and whether it is a folder.

    Args:
        source: a file or a folder. A folder is searched with all folders in it.
        to: where the outputs go. Files in there are left out if it is within the source, and so are hidden ones.

    Raises:
        InputError: there is no such file or folder, or the storage cannot be read.
    """
    place = place_of(source)
    if place.is_dir():
        return list(_remote_files(place, to) if isinstance(place, RemotePath) else _local_files(place, to)), True
    if isinstance(place, RemotePath) and place.is_file():
        return [FoundFile(place.url, PurePosixPath(place.name), place.listed())], False
    if isinstance(place, Path) and place.exists():
        return [FoundFile(source, Path(place.name))], False
    raise InputError(f"{source}: no such file or folder")


def _local_files(folder: Path, to: Place | None) -> Iterator[FoundFile]:
    outputs = to.resolve() if isinstance(to, Path) else None
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        output = outputs is not None and folder.resolve() != outputs and path.resolve().is_relative_to(outputs)
        if not _is_hidden(place) and not output and path.is_file():
            yield FoundFile(str(path), place)


def _remote_files(folder: RemotePath, to: Place | None) -> Iterator[FoundFile]:
    outputs = f"{to}/" if to is not None and not is_same(folder, to) else None
    for url in sorted(folder.listing, key=lambda url: url.split("/")):
        place = RemotePath(url).relative_to(folder)
        if url != folder.url and not _is_hidden(place) and (outputs is None or not url.startswith(outputs)):
            yield FoundFile(url, place, folder.listing[url])


def _is_hidden(place: PurePath) -> bool:
    return any(part.startswith(".") for part in place.parts)
