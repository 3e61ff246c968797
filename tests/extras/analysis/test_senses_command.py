"""The command `senses`: what it prints, and its mistakes."""

from pathlib import Path

import pytest

from tagger.extras.analysis.senses import TEXT_WIDTH
from tagger.text.strings import display_width
from tests.commands.conftest import call, error

TEXT = "\n\n".join(
    [f"The {noun} reads the book about it, $5 or $6." for noun in ("well", "flight", "dog", "cat", "man")] * 4
    + [f"They book {adverb} flights." for adverb in ("well", "no", "many", "two", "cheap")] * 4
)


def test_the_command(trained: Path) -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    shown = call("senses", "Book", "a.txt", "--model", str(trained)).stdout
    assert shown.startswith("Book: 40 occurrences, ")
    assert shown.count("[book]") >= 3
    assert max(map(display_width, shown.splitlines())) <= TEXT_WIDTH
    options = ["--input", "lines", "--groups", "3", "--layer", "1", "--limit", "10", "--model", str(trained)]
    few = call("senses", "book", "-", *options, input=TEXT.replace(".", " ."))
    assert few.stdout.startswith("book: 10 of 40 occurrences, 3 groups (as asked for), layer 1\n")
    assert "10 of 40 occurrences, chosen evenly from all; see --limit" in few.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zebra", "a.txt"], "'zebra' occurs 0 times as a word in the files"),
        (["book", "a.txt", "bytes.txt"], "bytes.txt, line 1"),
        (["book", "a.txt", "--layer", "9"], "0, 1, 2, all, mean"),
    ],
)
def test_bad_input_is_one_line(trained: Path, arguments: list[str], message: str) -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    Path("bytes.txt").write_bytes(b"caf\xe9")
    assert message in error("senses", "--model", str(trained), *arguments)
