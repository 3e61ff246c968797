"""Lines of text from files, whatever their compression and encoding; a file gets its name when it is whole."""

import gzip
import io
import os
import stat
import sys
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text import files, strings
from tagger.text.files import decoded_lines, packing, read_lines, unpacked
from tagger.text.output_files import is_replaced, whole_file, whole_folder
from tagger.text.strings import whole_lines

BOM = b"\xef\xbb\xbf"


class Trickle(io.RawIOBase):
    """A pipe that gives three bytes at a time and cannot look ahead."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        piece, self.rest = self.rest[:3], self.rest[3:]
        buffer[: len(piece)] = piece
        return len(piece)


def test_lines(tmp_path: Path) -> None:
    for content, encoding, expected in (
        (b"", "utf-8", []),
        (BOM, "utf-8", []),
        (b"a\nb", "utf-8", ["a\n", "b"]),
        (b"a\r\n\r\nb\r\n", "utf-8", ["a\r\n", "\r\n", "b\r\n"]),
        ("a\x0bb\x0c\x1c\x85\u2028\u2029c\nd".encode(), "utf-8", ["a\x0bb\x0c\x1c\x85\u2028\u2029c\n", "d"]),
        (BOM + BOM + b"a\n" + BOM + b"b", "UTF8", ["\ufeffa\n", "\ufeffb"]),
        (b"caf\xe9\n", "latin-1", ["café\n"]),
        ("Straße\r\nb".encode("utf-16"), "utf-16", ["Straße\r\n", "b"]),
        ("謟\n".encode("utf-16-le"), "utf-16-le", ["謟\n"]),  # the bytes that gzip starts with
    ):
        for name, packed in (("a.txt", content), ("a.txt.gz", gzip.compress(content))):
            (tmp_path / name).write_bytes(packed)
            assert list(read_lines(str(tmp_path / name), encoding)) == expected


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for pack in (bytes, gzip.compress):
        buffer = io.BufferedReader(Trickle(pack(BOM + "é\nb".encode())))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
        assert list(read_lines("-")) == ["é\n", "b"]
        assert not buffer.closed
    assert list(decoded_lines(io.BytesIO(b"a\nb"), "a.txt")) == ["a\n", "b"]


def test_errors(tmp_path: Path) -> None:
    for name, content, encoding, said in (
        ("a.txt", b"a\nb\xff\n", "utf-8", ["a.txt, line 2", "0xff", "utf-8;", "--encoding"]),
        ("a.txt", b"a\ncut \xe2\x82", "utf-8", ["a.txt, line 2", "0xe2"]),
        ("a.txt", b"\xed\xa0\x80\n", "utf-8", ["a.txt, line 1", "0xed"]),  # a surrogate is not UTF-8
        ("a.txt", "a\nb".encode("utf-16") + b"\0", "utf-16", ["a.txt, near line", "utf-16", "--encoding"]),
        ("a.txt", b"a", "klingon", ["klingon", "utf-8"]),
        ("a.txt", b"a", "rot13", ["rot13"]),
        ("a.txt", b"a", "utf\0-8", ["no encoding that Python knows"]),
        ("a.docx", b"PK\x03\x04\x14\0", "latin-1", ["a.docx is no plain text but a ZIP archive", "save its text"]),
        ("a.pdf", b"%PDF-1.7\n", "utf-8", ["a.pdf is no plain text but PDF"]),
        ("a.htm", b"\n <!DOCTYPE HTML>\n", "utf-8", ["no plain text but HTML"]),
        ("a.txt", "Он\nidёт".encode("utf-16-le"), "utf-8", ["a.txt seems to be utf-16-le; name that with --encoding"]),
        ("a.txt", "Er geht".encode("utf-16"), "utf-8", ["a.txt seems to be utf-16; name that with --encoding"]),
        ("a.txt", "Er".encode("utf-16-be"), "latin-1", ["a.txt seems to be utf-16-be"]),
        ("a.gz", b"plain text", "utf-8", ["a.gz, after line 0: not a whole gzip file"]),
        ("a.gz", gzip.compress(b"a\n" * 9000, mtime=0)[:-9], "utf-8", ["a.gz, after line", "not a whole gzip file"]),
        ("a.gz", gzip.compress(b"a\n", mtime=0)[:12] + b"\xff" * 20, "utf-8", ["line 0: not a whole gzip file"]),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with path.open("rb") as binary:
            with pytest.raises(InputError) as raised:
                list(decoded_lines(binary, str(path), encoding))
            assert not binary.closed  # it is the caller's
            binary.seek(0)
        message = str(raised.value)
        assert "\n" not in message
        assert all(part in message for part in said), message
        assert raised.value.__cause__ is None


def test_missing_files_folders_and_links_that_lead_nowhere(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InputError, match=rf"{path}.*(no such file|is a folder)"):
            list(read_lines(str(path)))
    (tmp_path / "link").symlink_to("later")
    with whole_file(tmp_path / "link") as out:
        out.write("text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_text() == "text"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"loop cannot be written: .*links"), whole_file(tmp_path / "loop"):
        pass


def test_long_lines_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, strings):
        monkeypatch.setattr(module, "MAX_LINE", 4)
    path = tmp_path / "a"
    path.write_bytes(b"abcdefghij\nabc\nabcd\nabcdefgh\n\nx\r\nabc\r\nabcdefgh")
    pieces = list(read_lines(str(path)))
    assert pieces[:3] == ["abcd", "efgh", "ij\n"]
    assert max(map(len, pieces)) == 4
    whole = list(whole_lines(pieces, "a"))
    assert whole == ["abcdefghij\n", "abc\n", "abcd\n", "abcdefgh\n", "\n", "x\r\n", "abc\r\n", "abcdefgh"]
    for content, said in (
        (b"ok\n" + b"a" * 21, r"a, line 2: longer than 16 characters .*'aaaa'.*text"),
        (b"a" * 18, "line 1: longer than 16 characters"),  # more than four pieces, if less than five
        (b"abcdefghij\nabcdefgh\xff\n", "line 2"),  # pieces are no lines
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=said):
            list(whole_lines(read_lines(str(path)), "a"))
    monkeypatch.undo()
    with pytest.raises(InputError, match="a, line 1: lines end in CR alone; write LF"):
        list(whole_lines(["Er\rSie\r"], "a"))
    for lines in (["Er\r"], ["Er\r\n", "Sie\r\n"], ["a\rb\n"]):
        assert list(whole_lines(lines, "a")) == lines


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


def test_packed_files_that_are_cut_or_changed_or_have_no_name_or_unpack_to_much(tmp_path: Path) -> None:
    content = zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})
    for frames, cut in ((0, 5), (0, -1), (1, 1000), (1, -1)):
        changed = content[:cut] + bytes([content[cut] ^ 0xFF]) + content[cut:][1:]
        for damaged in (content * frames + content[:cut], content * frames + changed, b"They book.\n"):
            (tmp_path / "a.zst").write_bytes(damaged)
            with pytest.raises(InputError, match=r"a\.zst, after line \d+: not a whole Zstandard file"):
                list(read_lines(str(tmp_path / "a.zst")))
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    frames = zstd.compress(TEXT[:1000]) + skipped + zstd.compress(b"") + zstd.compress(TEXT[1000:])
    for name in ("a.ZST", "plain"):
        (tmp_path / name).write_bytes(frames)
        assert list(read_lines(str(tmp_path / name))) == LINES
    assert list(decoded_lines(io.BufferedReader(io.BytesIO(frames)), "-")) == LINES  # type: ignore[arg-type]
    size = 1 << 26
    reader = unpacked(io.BytesIO(zstd.compress(b"\n" * size)), ".zst")
    pieces = [len(piece) for piece in iter(lambda: reader.read1(1 << 20), b"")]
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


@pytest.mark.parametrize("name", ["a.txt", "deep/er/a.txt", "猫" * 80, "a.txt.gz", "A.GZ"])
def test_whole_file(tmp_path: Path, name: str) -> None:
    path, plain = tmp_path / name, tmp_path / "plain"
    with whole_file(path) as out:
        out.write("é\r\nb\n\ud800")
        assert not path.exists()
    content = path.read_bytes()
    assert (gzip.decompress(content) if name[-2:].lower() == "gz" else content) == "é\r\nb\n\\ud800".encode()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(("name", "old"), [("a.txt", None), ("a.txt", "old"), ("a.txt.gz", "old")])
@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_nothing_behind(tmp_path: Path, name: str, error: type[BaseException], old: str | None) -> None:
    path = tmp_path / name
    if old:
        path.write_text(old, encoding="utf-8")
    with pytest.raises(error), whole_file(path) as out:  # noqa: PT012
        out.write("half " * 100_000)
        out.flush()
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ([name] if old else [])
    assert not old or path.read_text(encoding="utf-8") == old


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path, name: str) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
    (there / name).write_bytes(b"old")
    (here / name).symlink_to(Path("..", "here", "next"))
    (here / "next").symlink_to(there / name)
    with whole_file(here / name) as out:
        out.write("new")
        assert (there / name).read_bytes() == b"old"
    assert {p.name for p in here.iterdir() if p.is_symlink()} == {name, "next"}
    assert [p.name for p in there.iterdir()] == [name]
    assert list(read_lines(str(here / name))) == ["new"]


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no names of open files here")
def test_pipes_and_open_files_are_written_to(tmp_path: Path) -> None:
    pipe, path = tmp_path / "pipe", tmp_path / "out"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("wb") as opened:
        for name in (pipe, f"/dev/fd/{opened.fileno()}"):
            inode = os.stat(name).st_ino
            assert not is_replaced(name)
            with whole_file(name) as out:
                out.write("text")
            assert os.stat(name).st_ino == inode
    assert os.read(reader, 100) == path.read_bytes() == b"text"
    os.close(reader)
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), whole_file(f"/dev/fd/{writer}") as out:  # nobody reads
        out.write("text")
    os.close(writer)
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "to null").symlink_to(os.devnull)
    names = ("out", "link", "to null", "missing", ".", "out/below")
    assert [name for name in names if is_replaced(tmp_path / name)] == ["out", "link"]


def test_the_umask_decides_who_may_read_and_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to all threads"))
            with whole_file(tmp_path / "a"):
                (part,) = tmp_path.iterdir()
                assert stat.S_IMODE(part.stat().st_mode) == 0o640
            with whole_folder(tmp_path / "b"):
                pass
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [0o640, 0o750]


@pytest.mark.parametrize(("name", "mode"), [("a.txt", 0o600), ("a.txt.gz", 0o640), ("a.txt", 0o444), ("a.gz", 0o755)])
def test_a_file_that_replaces_another_has_its_permissions(tmp_path: Path, name: str, mode: int) -> None:
    path = tmp_path / name
    path.write_text("old")
    path.chmod(mode)
    with whole_file(path) as out:
        out.write("new")
        (partial,) = [each for each in tmp_path.iterdir() if each != path]
        assert stat.S_IMODE(partial.stat().st_mode) & ~mode == 0  # nobody else reads it before it is whole
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(read_lines(str(path))) == ["new"]
