"""Subtitles and Markdown: what is tagged of them, and where it stands."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text import markup
from tagger.text.markup import read_markdown, read_subtitles
from tagger.text.paragraphs import Paragraph
from tests.commands.conftest import call

SRT = """\ufeff1
00:00:01,000 --> 00:00:02,500
<i>Hello there.</i>
{\\an8}- How are you?

2
00:00:03,000 --> 00:00:04,000

42
00:00:05,000 --> 00:00:06,000
42
"""
VTT = """WEBVTT - a film

STYLE
::cue { color: red }

NOTE nobody reads this

intro
00:01.000 --> 00:02.000 align:start
<v Mary>Well, <b>yes</b>.
"""
MARKDOWN = """---
title: left out
---
# A *big* title #

Text with `code x` and [a **link**](http://x.y/z(1) "t") b, ![alt](i.png) <http://a.b> 5 \\* 6.
Second line, [named][ref].
> - quoted item
>   goes on

| a cat | b |
|---|---|
| `e` f | |

Setext
======

```py
x = 1
```

    y = 2

1. one
   - <b>two</b>

[ref]: http://c.d
"""


def words(paragraphs: list[Paragraph], text: str) -> list[str]:
    """The words of each paragraph, which stand in the file where the paragraph says."""
    for paragraph in paragraphs:
        for place, character in enumerate(paragraph.text):
            assert character in (" ", "\n") or text[paragraph.start + place] == character
    return [" ".join(paragraph.text.split()) for paragraph in paragraphs]


@pytest.mark.parametrize(
    ("text", "expected"), [(SRT, ["Hello there. - How are you?", "42"]), (VTT, ["Well, yes ."]), ("", []), ("\n\n", [])]
)
def test_subtitles(text: str, expected: list[str]) -> None:
    assert words(list(read_subtitles(text.splitlines(keepends=True), "a.srt")), text) == expected


def test_markdown() -> None:
    assert words(list(read_markdown(MARKDOWN.splitlines(keepends=True), "a.md")), MARKDOWN) == [
        "A big title",
        "Text with and a link b, 5 * 6. Second line, named .",
        "quoted item goes on",
        "a cat",
        "b",
        "f",
        "Setext",
        "one",
        "two",
    ]


def test_what_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"a\.srt, line 1: 'Hello\.' and no line like .*--input text"):
        list(read_subtitles(["Hello.\n"], "a.srt"))
    front = ["---\r\n", "title: a\r\n", "---\r\n"]
    assert list(read_markdown(front, "a.md")) == []
    monkeypatch.setattr(markup, "MAX_CHARACTERS", 3)
    with pytest.raises(InputError, match=r"a\.md: more than 3 characters .*split the file"):
        list(read_markdown(["abcd\n"], "a.md"))


def test_the_command_tags_them(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(SRT, encoding="utf-8")
    (tmp_path / "b.md").write_text(MARKDOWN, encoding="utf-8")
    call("tag", str(tmp_path / "a.srt"), str(tmp_path / "b.md"), "--language", "en", "-o", str(tmp_path / "out"))
    rows = [line.split("\t")[0] for line in (tmp_path / "out" / "a.tsv").read_text("utf-8").splitlines() if line]
    assert rows == ["Hello", "there", ".", "-", "How", "are", "you", "?", "42"]
    assert (tmp_path / "out" / "b.tsv").read_text("utf-8").startswith("A\tDET")
