"""An HTML page as tests read it."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Page(HTMLParser):
    """The elements of a page and the text of its table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)
        if tag == "th" and ("scope", "row") in attrs:
            self.words.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-2:] == ["th", "bdi"]:
            self.words[-1] += data


def data_of(path: Path) -> Any:
    """What a page that `data_page` made shows."""
    (data,) = (part.partition("</script>")[0] for part in path.read_text(encoding="utf-8").split('id="data">')[1:])
    return json.loads(data)
