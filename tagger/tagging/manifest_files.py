"""The files of a folder's manifest: lines of runs come out, and the lines of one run go in.

On a file system, a run appends to one file. An object store cannot append: a run has files of its own there, each of
which is written again with every line until it has `MAX_LINES`, so that a million lines make ten thousand small files.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from tagger.errors import InputError
from tagger.tagging.jobs import MANIFEST_NAME, is_manifest
from tagger.text.remote_path import Place, RemotePath, read_remote, write_remote

MAX_LINES = 100  # of a remote file
READERS = 16  # threads that wait for a storage


class ManifestFiles(Protocol):
    """The manifest of a folder, for a run that adds lines."""

    @property
    def own(self) -> str:
        """The file that takes the lines."""

    def read(self) -> Iterator[tuple[str, bytes]]:
        """The name and the content of each file, the lines of a run in their order.

        Raises:
            InputError: a file cannot be read.
        """

    def append(self, line: str) -> None:
        """Adds a line, which is on disk or in the storage afterwards.

        Raises:
            InputError: it cannot be written.
        """

    def close(self) -> None:
        """Ends the run."""


def manifest_files(folder: Place, name: str, run: str) -> ManifestFiles:
    """The manifest of a folder.

    Args:
        folder: it need not exist.
        name: of the file that takes the lines, on a file system.
        run: the id of the run, which names its files in a storage.
    """
    return _RemoteFiles(folder, run) if isinstance(folder, RemotePath) else _LocalFiles(folder, name)


class _LocalFiles:
    """`tagger.manifest`, and such files of shards. Each line is appended by one call of the system."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._path = folder, folder / name
        self._out: BinaryIO | None = None
        self._torn = False  # whether the file ends within a line

    @property
    def own(self) -> str:
        return str(self._path)

    def read(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self._folder.glob(f"{MANIFEST_NAME}*")):
            if is_manifest(path.name):
                try:
                    yield str(path), path.read_bytes()
                except OSError as error:
                    raise InputError(f"{path} cannot be read: {error.strerror}") from None

    def append(self, line: str) -> None:
        try:
            out = self._opened()
            text = ("\n" if self._torn else "") + line + "\n"
            self._torn = True
            complete = out.write(text.encode()) == len(text)
        except OSError as error:
            raise InputError(f"{self.own} cannot be written: {error.strerror}") from None
        if not complete:
            raise InputError(f"{self.own} cannot be written: no space left on the device")
        self._torn = False

    def close(self) -> None:
        if self._out is not None:
            self._out.close()

    def _opened(self) -> BinaryIO:
        if self._out is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._out = cast(BinaryIO, self._path.open("a+b", buffering=0))
            size = self._out.seek(0, os.SEEK_END)
            if size:
                self._out.seek(size - 1)
                self._torn = self._out.read(1) != b"\n"
        return self._out


class _RemoteFiles:
    """`tagger.manifest/RUN-000001` and so on."""

    def __init__(self, folder: RemotePath, run: str) -> None:
        self._folder, self._run = folder, run
        self._number = 1
        self._lines: list[str] = []  # of the last file

    @property
    def own(self) -> str:
        return f"{self._folder}/{MANIFEST_NAME}/{self._run}-{self._number:06}"

    def read(self) -> Iterator[tuple[str, bytes]]:
        names = sorted(url for url in self._folder.listing if url.startswith(f"{self._folder}/{MANIFEST_NAME}/"))
        with ThreadPoolExecutor(READERS) as threads:
            yield from zip(names, threads.map(read_remote, names), strict=True)

    def append(self, line: str) -> None:
        if len(self._lines) == MAX_LINES:
            self._number += 1
            self._lines = []
        self._lines.append(f"{line}\n")
        write_remote(self.own, "".join(self._lines).encode())

    def close(self) -> None:
        pass
