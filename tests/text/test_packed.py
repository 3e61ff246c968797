"""Compressed files: what is packed comes back, in bounded memory, and damage is seen."""

import gzip
import io
import random
import sys
from pathlib import Path

import pytest
import zstandard

from tagger.errors import InputError
from tagger.text import packed as module
from tagger.text.files import decoded_lines, read_lines
from tagger.text.output_files import text_writer, whole_file
from tagger.text.packed import PACKED, packing, unpacked

LINES = [f"They book flights {number}.\n" for number in range(20_000)]
TEXT = "".join(LINES)


def zst(text: str, **options: object) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(text.encode())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a.txt.ZST"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "again" / name):
        with whole_file(path) as out:
            for line in LINES:
                out.write(line)
    content = (tmp_path / name).read_bytes()
    assert content == (tmp_path / "again" / name).read_bytes()
    assert list(read_lines(str(tmp_path / name))) == LINES
    assert (len(content) < len(TEXT) / 3) == bool(packing(name))
    if packing(name) == ".zst":
        assert zstandard.ZstdDecompressor().decompressobj().decompress(content).decode() == TEXT


def test_other_programs_and_this_one_agree(tmp_path: Path) -> None:
    frames = zst(TEXT[:1000]) + b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + zst("") + zst(TEXT[1000:], level=10)
    for name, content in (("a.zst", zst(TEXT)), ("b.ZST", zst(TEXT, write_checksum=True)), ("c.zst", frames)):
        (tmp_path / name).write_bytes(content)
        assert list(read_lines(str(tmp_path / name))) == LINES
    assert list(decoded_lines(io.BufferedReader(io.BytesIO(frames)), "-")) == LINES  # type: ignore[arg-type]
    (tmp_path / "plain").write_bytes(frames)
    assert list(read_lines(str(tmp_path / "plain"))) == LINES
    (tmp_path / "empty.zst").write_bytes(b"")
    assert list(read_lines(str(tmp_path / "empty.zst"))) == []


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("frames", [1, 2])
def test_a_file_that_is_cut_is_damaged(tmp_path: Path, share: float, frames: int) -> None:
    content = zst(TEXT, write_checksum=True)
    path = tmp_path / "a.zst"
    path.write_bytes(content * (frames - 1) + content[: int(share * len(content))])
    with pytest.raises(
        InputError, match=r"a\.zst, after line \d+: not a whole Zstandard file \(it ends within a frame\)"
    ):
        list(read_lines(str(path)))


def test_a_file_with_a_changed_byte_is_damaged(tmp_path: Path) -> None:
    chance = random.Random(3)
    content = zst(TEXT, write_checksum=True)
    path = tmp_path / "a.zst"
    for _ in range(20):
        place = chance.randrange(4, len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with pytest.raises(InputError, match="not a whole Zstandard file"):
            list(read_lines(str(path)))
    path.write_bytes(TEXT.encode())
    with pytest.raises(InputError, match="not a whole Zstandard file"):
        list(read_lines(str(path)))


def test_what_unpacks_to_much_takes_little_memory() -> None:
    size = 1 << 28
    content = zstandard.ZstdCompressor().compress(b"\n" * size)
    reader = unpacked(io.BytesIO(content), ".zst")
    largest = total = 0
    while block := reader.read1(1 << 20):  # type: ignore[attr-defined]
        total += len(block)
        raw = reader.raw  # type: ignore[attr-defined]
        largest = max(largest, len(raw._bytes))
    assert total == size
    assert largest <= 1 << 25


def test_a_wide_window_is_read(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)  # as `zstd --long=28`
    stream = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(stream, closefd=False) as out:
        out.write(TEXT.encode())
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompressobj().decompress(stream.getvalue())  # what the default does
    (tmp_path / "a.zst").write_bytes(stream.getvalue())
    assert list(read_lines(str(tmp_path / "a.zst"))) == LINES


def test_names() -> None:
    assert [packing(name) for name in ("a.gz", "b.txt.ZST", "c.txt", "gz", "s3://b/a.tsv.zst")] == [
        ".gz",
        ".zst",
        "",
        "",
        ".zst",
    ]
    assert set(module._MAGIC.values()) == set(PACKED)
    assert gzip.compress(b"").startswith(b"\x1f\x8b")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"zstandard is not installed; .*'\.\[remote\]'"):
        text_writer(io.BytesIO(), "a.zst")
    (tmp_path / "a.zst").write_bytes(b"x")
    with pytest.raises(InputError, match=r"'\.\[remote\]'"):
        list(read_lines(str(tmp_path / "a.zst")))
