"""Compressed files, gzip and Zstandard: packed bytes <-> bytes, in bounded memory."""

import gzip
import importlib
import zlib
from contextlib import suppress
from types import ModuleType
from typing import Any, BinaryIO, cast

from tagger.errors import missing_extra

PACKED = (".gz", ".zst")  # what the name of a compressed file ends in
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}  # with which no UTF-8 text begins


def _zstd() -> ModuleType:
    """Python's module for Zstandard. fsspec's reader may take a file that is cut for a whole one."""
    for name in ("compression.zstd", "backports.zstd"):  # since Python 3.14, before it
        with suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise missing_extra("backports.zstd", "remote")


def is_damage(error: Exception) -> bool:
    """Whether reading raised this error because the file is not whole."""
    return isinstance(error, EOFError | zlib.error | gzip.BadGzipFile) or type(error).__name__ == "ZstdError"


def packing(name: str) -> str:
    """The ending in `PACKED` of a file's name, in lower case; empty if it has none."""
    lower = name.lower()
    return next((ending for ending in PACKED if lower.endswith(ending)), "")


def packing_of_content(binary: BinaryIO) -> str:
    """The same by the first bytes of an open file; empty if they are others, or cannot be seen."""
    peek = getattr(binary, "peek", None)
    start = b"" if peek is None else peek(4)
    return next((ending for magic, ending in _MAGIC.items() if start.startswith(magic)), "")


def unpacked(binary: BinaryIO, ending: str) -> BinaryIO:
    """The unpacked bytes of an open file, which stays open; of several members or frames, all."""
    file: Any = binary
    if ending == ".gz":
        file = gzip.GzipFile(fileobj=binary)
    elif ending == ".zst":
        file = _zstd().ZstdFile(binary)
    return cast(BinaryIO, file)


def packed(binary: BinaryIO, ending: str) -> BinaryIO:
    """A file whose bytes are packed into an open one, which stays open. The same bytes are packed alike."""
    file: Any = binary
    if ending == ".gz":
        file = gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0)
    elif ending == ".zst":
        file = _zstd().ZstdFile(binary, "wb")
    return cast(BinaryIO, file)
