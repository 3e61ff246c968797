"""Compressed files: what is packed comes back, in bounded memory, and damage is seen."""

import io
import sys
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text.files import decoded_lines, packing, read_lines, unpacked
from tagger.text.output_files import whole_file

zstd = pytest.importorskip("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")

LINES = [f"They book flights {number}.\n" for number in range(20_000)]
TEXT = "".join(LINES).encode()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a.txt.ZST"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "again" / name):
        with whole_file(path) as out:
            for line in LINES:
                out.write(line)
    content = (tmp_path / name).read_bytes()
    assert content == (tmp_path / "again" / name).read_bytes()
    assert list(read_lines(str(tmp_path / name))) == LINES
    assert (len(content) < len(TEXT) / 3) == bool(packing(name)) == (name != "a.txt")
    assert packing(f"s3://b/{name}") == packing(name)


def test_frames_and_content_without_a_name(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    frames = zstd.compress(TEXT[:1000]) + skipped + zstd.compress(b"") + zstd.compress(TEXT[1000:])
    for name in ("a.ZST", "plain"):
        (tmp_path / name).write_bytes(frames)
        assert list(read_lines(str(tmp_path / name))) == LINES
    assert list(decoded_lines(io.BufferedReader(io.BytesIO(frames)), "-")) == LINES  # type: ignore[arg-type]


@pytest.mark.parametrize(("frames", "cut"), [(0, 5), (0, -1), (1, 1000), (1, -1)])
def test_a_file_that_is_cut_or_changed_is_damaged(tmp_path: Path, frames: int, cut: int) -> None:
    content = zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})
    changed = content[:cut] + bytes([content[cut] ^ 0xFF]) + content[cut:][1:]
    for damaged in (content * frames + content[:cut], content * frames + changed, b"They book.\n"):
        (tmp_path / "a.zst").write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.zst, after line \d+: not a whole Zstandard file"):
            list(read_lines(str(tmp_path / "a.zst")))


def test_what_unpacks_to_much_comes_in_pieces() -> None:
    size = 1 << 26
    reader = unpacked(io.BytesIO(zstd.compress(b"\n" * size)), ".zst")
    pieces = [len(piece) for piece in iter(lambda: reader.read1(1 << 20), b"")]  # type: ignore[attr-defined]
    assert sum(pieces) == size
    assert max(pieces) <= 1 << 20


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "a.zst").write_bytes(b"x")
    with pytest.raises(InputError, match=r"'\.\[remote\]'"), whole_file(tmp_path / "b.zst"):
        pass
    with pytest.raises(InputError, match=r"'\.\[remote\]'"):
        list(read_lines(str(tmp_path / "a.zst")))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zst"]
