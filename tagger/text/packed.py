"""Compressed files, gzip and Zstandard: packed bytes <-> bytes, in bounded memory."""

import gzip
import io
import zlib
from typing import Any, BinaryIO, cast

PACKED = (".gz", ".zst")  # what the name of a compressed file ends in
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)  # what reading raises if the file is not whole
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}  # with which no UTF-8 text begins
_CHUNK = 1 << 16  # bytes that are read at a time
_PIECE = 1 << 10  # bytes that are unpacked at a time, to 32 MB at most: a block of 4 bytes may stand for 128 kB
_MAX_WINDOW = 1 << 31  # bytes of memory that a file may ask for, as one that was made with `zstd --long=31` does


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
    """The unpacked bytes of an open file, which stays open; of several members or frames, all.

    Raises:
        ModuleNotFoundError: the package for it is not installed; it comes with the extra `remote`.
    """
    if ending == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=binary))
    return io.BufferedReader(_ZstdReader(binary)) if ending == ".zst" else binary


def packed(binary: BinaryIO, ending: str) -> BinaryIO:
    """A file whose bytes are packed into an open one, which stays open. The same bytes are packed alike.

    Raises:
        ModuleNotFoundError: the package for it is not installed; it comes with the extra `remote`.
    """
    if ending == ".gz":
        return cast(BinaryIO, gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0))
    if ending == ".zst":
        import zstandard

        compressor = zstandard.ZstdCompressor(write_checksum=True)
        return cast(BinaryIO, compressor.stream_writer(binary, closefd=False))
    return binary


class _ZstdReader(io.RawIOBase):
    """The unpacked bytes of a Zstandard file. The library's own reader takes a file that is cut for a whole one."""

    def __init__(self, binary: BinaryIO) -> None:
        import zstandard

        self._library = zstandard
        self._binary = binary
        self._frame: Any = None  # the frame that is being read
        self._packed = memoryview(b"")  # not yet unpacked
        self._bytes = memoryview(b"")  # not yet taken

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._bytes:
            if not self._packed:
                self._packed = memoryview(self._binary.read(_CHUNK))
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("it ends within a frame")
                return 0
            self._unpack()
        count = min(len(buffer), len(self._bytes))
        buffer[:count] = self._bytes[:count]
        self._bytes = self._bytes[count:]
        return count

    def _unpack(self) -> None:
        if self._frame is None:
            self._frame = self._library.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        piece = self._packed[:_PIECE]
        try:
            self._bytes = memoryview(self._frame.decompress(piece))
        except self._library.ZstdError as error:
            raise EOFError(str(error)) from None
        unused = 0
        if self._frame.eof:
            unused = len(self._frame.unused_data)
            self._frame = None
        self._packed = self._packed[len(piece) - unused :]
