"""Text in by lines, whatever its compression; text out under its final name only when whole."""

import gzip
import io
import os
import secrets
import stat
import sys
from pathlib import Path

import pytest

from tagger.errors import InputError, shorten
from tagger.text import files
from tagger.text.files import decoded_lines, is_replaced, new_folder, read_lines, whole_file, whole_lines

BOM = b"\xef\xbb\xbf"


class Trickle(io.RawIOBase):
    """A pipe that gives three bytes at a time and cannot look ahead."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        piece, self.rest = self.rest[:3], self.rest[3:]
        buffer[: len(piece)] = piece
        return len(piece)


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> io.BufferedReader:
    buffer = io.BufferedReader(Trickle(content))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer


@pytest.mark.parametrize(
    ("content", "encoding", "lines"),
    [
        (b"", "utf-8", []),
        (BOM, "utf-8", []),
        (b"a\nb", "utf-8", ["a\n", "b"]),
        (b"a\r\n\r\nb\r\n", "utf-8", ["a\r\n", "\r\n", "b\r\n"]),
        (b"a\rb\n", "utf-8", ["a\rb\n"]),
        ("a\x0bb\x0c\x1c\x85\u2028\u2029c\nd".encode(), "utf-8", ["a\x0bb\x0c\x1c\x85\u2028\u2029c\n", "d"]),
        (b"\0\x1b\n", "utf-8", ["\0\x1b\n"]),
        (BOM + "é\n".encode(), "utf-8", ["é\n"]),
        (BOM + BOM + b"a\n" + BOM + b"b", "UTF8", ["\ufeffa\n", "\ufeffb"]),
        (b"caf\xe9\n", "latin-1", ["café\n"]),
        ("Straße\r\nb".encode("utf-16"), "utf-16", ["Straße\r\n", "b"]),
        ("猫\n".encode("utf-16-le"), "utf-16-le", ["猫\n"]),
        ("謟\n".encode("utf-16-le"), "utf-16-le", ["謟\n"]),  # the bytes that gzip starts with
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines(tmp_path: Path, content: bytes, encoding: str, lines: list[str], suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    assert list(read_lines(str(path), encoding)) == lines


def test_an_empty_gz_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.gz").touch()
    assert list(read_lines(str(tmp_path / "a.gz"))) == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, pack) -> None:  # type: ignore[no-untyped-def]
    buffer = stdin(monkeypatch, pack(BOM + "é\nb".encode()))
    assert list(read_lines("-")) == ["é\n", "b"]
    assert not buffer.closed


def test_standard_input_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="closed"):
        list(read_lines("-"))


def test_a_stream_that_cannot_look_ahead() -> None:
    assert list(decoded_lines(io.BytesIO(b"a\nb"), "a.txt")) == ["a\n", "b"]


@pytest.mark.parametrize(
    ("name", "content", "encoding", "said"),
    [
        ("a.txt", b"a\nb\xff\n", "utf-8", ["a.txt, line 2", "0xff", "utf-8;", "--encoding"]),
        ("a.txt", b"\xff", "utf-8", ["a.txt, line 1", "0xff"]),
        ("a.txt", b"a\ncut \xe2\x82", "utf-8", ["a.txt, line 2", "0xe2"]),
        ("a.txt", b"\xed\xa0\x80\n", "utf-8", ["a.txt, line 1", "0xed"]),  # a surrogate is not UTF-8
        ("a.txt", "a\nb".encode("utf-16") + b"\0", "utf-16", ["a.txt, near line", "utf-16", "--encoding"]),
        ("a.txt", b"a", "klingon", ["klingon", "utf-8"]),
        ("a.txt", b"a", "rot13", ["rot13"]),
        ("a.gz", b"plain text", "utf-8", ["a.gz, after line 0", "not a whole gzip file"]),
        ("a.gz", gzip.compress(b"a\n" * 9000)[:-9], "utf-8", ["a.gz, after line", "not a whole gzip file"]),
        ("a.gz", gzip.compress(b"a\n")[:12] + b"\xff" * 20, "utf-8", ["a.gz, after line 0", "not a whole gzip file"]),
        ("b.txt", b"\x1f\x8b\x08 no", "utf-8", ["b.txt, after line 0", "not a whole gzip file"]),
    ],
)
def test_errors(tmp_path: Path, name: str, content: bytes, encoding: str, said: list[str]) -> None:
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


def test_missing_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InputError, match=r"no such file|is a folder") as raised:
            list(read_lines(str(path)))
        assert str(path) in str(raised.value)


def test_long_lines_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 4)
    path = tmp_path / "a"
    path.write_bytes(b"abcdefghij\nabc\nabcd\nabcdefgh\n\nx\r\nabc\r\nabcdefgh")
    pieces = list(read_lines(str(path)))
    assert pieces[:3] == ["abcd", "efgh", "ij\n"]
    assert max(map(len, pieces)) == 4
    whole = list(whole_lines(pieces, "a"))
    assert whole == ["abcdefghij\n", "abc\n", "abcd\n", "abcdefgh\n", "\n", "x\r\n", "abc\r\n", "abcdefgh"]
    path.write_bytes(b"ok\n" + b"a" * 21)
    with pytest.raises(InputError, match=r"a, line 2: longer than 16 characters .*'aaaa'.*text"):
        list(whole_lines(read_lines(str(path)), "a"))
    path.write_bytes(b"abcdefghij\nabcdefgh\xff\n")
    with pytest.raises(InputError, match="line 2"):  # pieces are no lines
        list(read_lines(str(path)))


def test_a_reader_left_early_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\nb\n")
    reader = read_lines(str(path))
    assert next(reader) == "a\n"
    reader.close()  # type: ignore[attr-defined]
    path.unlink()


def test_shorten() -> None:
    assert shorten("a\nb\u2028") == r"'a\nb\u2028'"
    assert len(shorten("x" * 5000)) < 70


@pytest.mark.parametrize("name", ["a.txt", "deep/er/a.txt", "猫" * 80, "a.txt.gz", "A.GZ"])
def test_whole_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with whole_file(path) as out:
        out.write("é\r\nb\n\ud800")
        assert not path.exists()
    content = path.read_bytes()
    if name.lower().endswith(".gz"):
        content = gzip.decompress(content)
    assert content == "é\r\nb\n\\ud800".encode()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_the_same_text_gives_the_same_gz(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with whole_file(tmp_path / name) as out:
            out.write("text")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_an_error_leaves_nothing_behind(tmp_path: Path, name: str, error: type[BaseException], old: str | None) -> None:
    path = tmp_path / name
    if old:
        path.write_text(old, encoding="utf-8")

    def write_half() -> None:
        with whole_file(path) as out:
            out.write("half " * 100_000)
            out.flush()
            raise error

    with pytest.raises(error):
        write_half()
    assert [p.name for p in tmp_path.iterdir()] == ([name] if old else [])
    assert not old or path.read_text(encoding="utf-8") == old


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.txt"):
        with pytest.raises(InputError, match=r"is a folder|cannot be written") as raised, whole_file(path):
            pass
        assert str(path) in str(raised.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole_file(path) as out:
            out.write("text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert path.is_fifo()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / name).write_bytes(b"old")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / name).symlink_to(Path("..", "here", "next"))
    (tmp_path / "here" / "next").symlink_to(tmp_path / "there" / name)
    with whole_file(tmp_path / "here" / name) as out:
        out.write("new")
        assert (tmp_path / "there" / name).read_bytes() == b"old"
    assert sorted(p.name for p in (tmp_path / "here").iterdir() if p.is_symlink()) == sorted([name, "next"])
    assert [p.name for p in (tmp_path / "there").iterdir()] == [name]
    assert list(read_lines(str(tmp_path / "here" / name))) == ["new"]


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    with whole_file(tmp_path / "link") as out:
        out.write("text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_text() == "text"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"loop cannot be written: .*links"), whole_file(tmp_path / "loop"):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no names of open files here")
@pytest.mark.parametrize("names", [["/dev/fd/{}"], ["/proc/self/fd/{}"], ["link", "/dev/fd/{}"]])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_open_files_are_written_to(tmp_path: Path, names: list[str], mode: str) -> None:
    if names[0].startswith("/proc") and not os.path.exists("/proc/self/fd"):
        pytest.skip("no /proc here")
    path = tmp_path / "out"
    path.write_bytes(b"before ")
    with path.open(mode) as opened:
        opened.write(b"first ")
        opened.flush()
        name = names[-1].format(opened.fileno())
        if names[0] == "link":
            (tmp_path / "link").symlink_to(name)
            name = str(tmp_path / "link")
        assert not is_replaced(name)
        inode = path.stat().st_ino
        with whole_file(name) as out:
            out.write("text ")
        opened.write(b"last")
    assert path.read_bytes() == (b"before " if mode == "ab" else b"") + b"first text last"
    assert path.stat().st_ino == inode
    assert (tmp_path / "link").is_symlink() == (names[0] == "link")


def test_what_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "to null").symlink_to(os.devnull)
    names = ("file", "link", "to null", "missing", ".", "file/below")
    assert [name for name in names if is_replaced(tmp_path / name)] == ["file", "link"]


def test_a_link_to_a_special_file_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.devnull)
    with whole_file(tmp_path / "link") as out:
        out.write("text")
    assert (tmp_path / "link").is_symlink()
    assert [p.name for p in tmp_path.iterdir()] == ["link"]


def test_a_pipe_without_a_reader_is_a_broken_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with pytest.raises(BrokenPipeError), whole_file(f"/dev/fd/{writer}") as out:
            out.write("text")
    finally:
        os.close(writer)


def test_the_umask_decides_who_may_read_and_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to all threads"))
            with whole_file(tmp_path / "a"):
                modes = [p.stat().st_mode for p in tmp_path.iterdir()]
            folder = new_folder(tmp_path, "b")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(mode) for mode in [*modes, (tmp_path / "a").stat().st_mode]] == [0o640, 0o640]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_names_of_new_files_are_never_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["1", "1", "2", "1", "2", "3"])
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(tokens))
    with whole_file(tmp_path / "a") as first, whole_file(tmp_path / "a") as second:
        first.write("first")
        second.write("second")
    assert (tmp_path / "a").read_text() == "first"
    new_folder(tmp_path, "a").rename(tmp_path / ".a.2")
    assert new_folder(tmp_path, "a").name == ".a.3"
