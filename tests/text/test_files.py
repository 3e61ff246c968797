"""Lines of text from files, whatever their compression and encoding."""

import gzip
import io
import sys
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text import files, strings
from tagger.text.files import decoded_lines, read_lines
from tagger.text.strings import whole_lines

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


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"", "utf-8", []),
        (BOM, "utf-8", []),
        (b"a\nb", "utf-8", ["a\n", "b"]),
        (b"a\r\n\r\nb\r\n", "utf-8", ["a\r\n", "\r\n", "b\r\n"]),
        ("a\x0bb\x0c\x1c\x85\u2028\u2029c\nd".encode(), "utf-8", ["a\x0bb\x0c\x1c\x85\u2028\u2029c\n", "d"]),
        (BOM + BOM + b"a\n" + BOM + b"b", "UTF8", ["\ufeffa\n", "\ufeffb"]),
        (b"caf\xe9\n", "latin-1", ["café\n"]),
        ("Straße\r\nb".encode("utf-16"), "utf-16", ["Straße\r\n", "b"]),
        ("謟\n".encode("utf-16-le"), "utf-16-le", ["謟\n"]),  # the bytes that gzip starts with
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines(tmp_path: Path, content: bytes, encoding: str, expected: list[str], suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    assert list(read_lines(str(path), encoding)) == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, pack) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BufferedReader(Trickle(pack(BOM + "é\nb".encode())))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    assert list(read_lines("-")) == ["é\n", "b"]
    assert not buffer.closed
    assert list(decoded_lines(io.BytesIO(b"a\nb"), "a.txt")) == ["a\n", "b"]


@pytest.mark.parametrize(
    ("name", "content", "encoding", "said"),
    [
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
        ("a.txt", "Он\nidёт".encode("utf-16-le"), "utf-8", ["a.txt seems to be utf-16-le; name", "--encoding"]),
        ("a.txt", "Er".encode("utf-16-be"), "latin-1", ["a.txt seems to be utf-16-be"]),
        ("a.gz", b"plain text", "utf-8", ["a.gz, after line 0", "not a whole gzip file"]),
        ("a.gz", gzip.compress(b"a\n" * 9000, mtime=0)[:-9], "utf-8", ["a.gz, after line", "not a whole gzip file"]),
        (
            "a.gz",
            gzip.compress(b"a\n", mtime=0)[:12] + b"\xff" * 20,
            "utf-8",
            ["after line 0", "not a whole gzip file"],
        ),
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
        with pytest.raises(InputError, match=rf"{path}.*(no such file|is a folder)"):
            list(read_lines(str(path)))


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
    path.write_bytes(b"ok\n" + b"a" * 21)
    with pytest.raises(InputError, match=r"a, line 2: longer than 16 characters .*'aaaa'.*text"):
        list(whole_lines(read_lines(str(path)), "a"))
    path.write_bytes(b"a" * 18)  # more than four pieces, if less than five
    with pytest.raises(InputError, match="line 1: longer than 16 characters"):
        list(whole_lines(read_lines(str(path)), "a"))
    path.write_bytes(b"abcdefghij\nabcdefgh\xff\n")
    with pytest.raises(InputError, match="line 2"):  # pieces are no lines
        list(read_lines(str(path)))


def test_lines_that_end_in_cr_alone_are_refused() -> None:
    with pytest.raises(InputError, match="a, line 1: lines end in CR alone; write LF"):
        list(whole_lines(["Er\rSie\r"], "a"))
    for lines in (["Er\r"], ["Er\r\n", "Sie\r\n"], ["a\rb\n"]):
        assert list(whole_lines(lines, "a")) == lines
