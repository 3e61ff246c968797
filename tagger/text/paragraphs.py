"""Running text -> paragraphs, in bounded memory."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from tagger.text.sentence import Sentence

MAX_PARAGRAPH = 100_000  # characters; a longer paragraph is cut at white space
LOOK_AHEAD = 1 << 20  # characters in which an empty line shows that paragraphs have more than one line

Segment = Callable[[str], list[list[tuple[int, int]]]]
"""A paragraph to its sentences, each a list of the (start, end) of its tokens."""


class Paragraph(NamedTuple):
    """A paragraph of running text, or a piece of a very long one."""

    start: int  # characters of the input before it
    text: str
    opens: bool  # False for all but the first piece

    def sentences(self, segment: Segment, offsets: bool = True) -> Iterator[Sentence]:
        """Its sentences, with or without offsets; the first has the comment `# newpar`."""
        start, text, opens = self
        for spans in segment(text):
            if spans:
                yield Sentence(
                    tokens=[text[a:b] for a, b in spans],
                    offsets=[(start + a, start + b) for a, b in spans] if offsets else None,
                    text=text[spans[0][0] : spans[-1][1]],
                    comments=["# newpar"] if opens else [],
                )
                opens = False


_LAST_SPACE = re.compile(r"\s\S*\Z")


def read_paragraphs(lines: Iterable[str], per_line: bool | None = None) -> Iterator[Paragraph]:
    """The paragraphs of running text, uncut; see `read` for `per_line`, its `paragraph_per_line`."""
    lines = iter(lines)
    ahead: list[str] = []
    if per_line is None:
        size = 0
        for line in lines:
            ahead.append(line)
            size += len(line)
            if line.isspace() or size >= LOOK_AHEAD:
                break
        per_line = not (ahead and ahead[-1].isspace())
    held, start, opens, ended = "", 0, True, True
    for line in chain(ahead, lines):
        empty = ended and line.isspace()
        ended = line.endswith("\n")  # not so for a piece of a very long line
        held += line
        while len(held) > MAX_PARAGRAPH:
            space = _LAST_SPACE.search(held, 0, MAX_PARAGRAPH)
            cut = space.start() + 1 if space else MAX_PARAGRAPH
            yield Paragraph(start, held[:cut], opens)
            start, held, opens = start + cut, held[cut:], False
        if empty or (per_line and ended):
            if not held.isspace():
                yield Paragraph(start, held, opens)
            start, held, opens = start + len(held), "", True
    if held:
        yield Paragraph(start, held, opens)
