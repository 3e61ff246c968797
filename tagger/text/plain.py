"""The formats `text`, running text, and `lines`, a sentence per line."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from tagger.text.columns import BLANK_SEPARATED
from tagger.text.format import Format, Part, Reading
from tagger.text.paragraphs import read_paragraphs
from tagger.text.sentence import Sentence
from tagger.text.strings import whole_lines


class Text(Format):
    """Running text."""

    reads: ClassVar[str] = "running text"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    has_text: ClassVar[bool] = True

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """Yields the paragraphs."""
        return read_paragraphs(lines, how.paragraph_per_line)


class Lines(Format):
    """A sentence per line."""

    reads: ClassVar[str] = "a sentence per line, its tokens between spaces"
    suffixes: ClassVar[tuple[str, ...]] = (".lines",)

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """Yields the sentence of each line."""
        start = 0
        for line in whole_lines(lines, path):
            words = list(BLANK_SEPARATED.finditer(line))
            yield Sentence(
                tokens=[word.group() for word in words],
                offsets=[(start + word.start(), start + word.end()) for word in words],
                text=line[words[0].start() : words[-1].end()] if words else "",
            )
            start += len(line)
