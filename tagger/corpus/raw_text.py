"""Untagged text of files or of the Hub -> sentences of tokens, a section at a time.

The text may be of any size: only the section that is asked for is held in memory.
"""

import glob
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tagger.corpus.config import HubTextConfig
from tagger.errors import InputError
from tagger.text.files import STDIO, read_lines
from tagger.text.formats import SUFFIXES, format_of
from tagger.text.paragraphs import Paragraph, read_paragraphs
from tagger.text.paths import located
from tagger.text.readers import cut_parts, cuts_by, read
from tagger.text.segment import RuleSegmenter, Segmenter
from tagger.text.sentence import Sentence

MAX_DOCUMENT_CHARACTERS = 20_000  # a longer document counts as several
DEV_EVERY = 50  # one document in 50 is dev text
MAX_SENTENCE_TOKENS = 200  # a longer sentence is cut
MAX_COUNTED_FORMS = 5_000_000  # with more, the forms seen once are forgotten

Part = Paragraph | Sentence


class Counts(NamedTuple):
    """The counts of the text.

    Attributes:
        forms: how often each word form occurs outside of dev documents.
        characters: outside of dev documents.
        tokens: outside of dev documents.
        documents: all documents, dev documents included.
    """

    forms: Counter[str]
    characters: int
    tokens: int
    documents: int


@dataclass
class _Reading:
    """How far the text has been read.

    Attributes:
        section: the number of the next section.
        count: the number of sections.
        place: the number of characters read.
        parts: the rest of the text.
    """

    section: int
    count: int
    place: int
    parts: Iterator[Part]


class Texts:
    """Documents of untagged text, some of which are dev text."""

    def __init__(
        self,
        text: str | Sequence[str] | None,
        hub: HubTextConfig,
        dev: str | Sequence[str] | None = None,
        segmenter: Segmenter | None = None,
        paragraph_per_line: bool | None = None,
        encoding: str = "utf-8",
        keys: str = "",
    ) -> None:
        """Finds the files.

        Args:
            text: files, folders or patterns (`novels/*.txt`), in any format that `tag` reads, plain or compressed.
            hub: a data set; its name is None if there is none.
            dev: dev files; they may be part of `text`. None: one document in `DEV_EVERY`.
            segmenter: cuts running text; None: the rules `english`.
            paragraph_per_line: see `read_paragraphs`.
            encoding: of the files.
            keys: what the names of the config's keys begin with, for messages; such as `distill.`.

        Raises:
            InputError: neither text nor a data set, both, or a name that no file has.
        """
        if (text is None) == (hub.name is None):
            raise InputError(f"give {keys}text=FILES, such as {keys}text=novels/*.txt, or a data set as {keys}hub.name")
        self._keys = keys
        self.dev_files = [] if dev is None else _files(dev, "dev")
        apart = {os.path.realpath(path) for path in self.dev_files}
        self.files = (
            [] if text is None else [f for f in _files(text, f"{keys}text") if os.path.realpath(f) not in apart]
        )
        if text is not None and not self.files:
            raise InputError("dev names all of text; leave some to learn from")
        self._reading: _Reading | None = None
        self.hub, self.encoding, self.paragraph_per_line = hub, encoding, paragraph_per_line
        self.segment = (segmenter or RuleSegmenter("english")).segment_all

    @property
    def name(self) -> str:
        """The name of the text, for model cards and logs."""
        if not self.files:
            return str(self.hub.name)
        first = Path(self.files[0]).name
        return first if len(self.files) == 1 else f"{first} and {len(self.files) - 1} more"

    def count(self) -> Counts:
        """Reads the whole text once.

        Raises:
            InputError: a file that cannot be read, or no words.
        """
        forms: Counter[str] = Counter()
        characters = tokens = documents = 0
        for is_dev, document, part in self._parts():
            documents = document + 1
            if is_dev:
                continue
            characters += _size(part)
            for sentence in self._sentences(part):
                forms.update(sentence)
                tokens += len(sentence)
            if len(forms) > MAX_COUNTED_FORMS:
                forms = Counter({form: count for form, count in forms.items() if count > 1})
        if not tokens:
            raise InputError(f"{self.name}: no words in it to learn from; give more text")
        return Counts(forms, characters, tokens, documents)

    def sentences(self) -> Iterator[list[str]]:
        """All sentences, as lists of tokens; those of dev documents are among them.

        Raises:
            InputError: a file that cannot be read.
        """
        for sentence in cut_parts((part for _, _, part in self._parts()), cuts_by(self.segment), layout=False):
            yield from _cut(sentence)

    def section(self, number: int, count: int, characters: int) -> list[list[str]]:
        """The sentences of a section, as lists of tokens; sections in ascending order are read in one pass.

        Args:
            number: of the section, counted from 0.
            count: the number of sections; they have equally many characters.
            characters: of the whole text; see `count`.
        """
        start, end = number * characters // count, (number + 1) * characters // count
        found: list[list[str]] = []
        reading = self._reading
        if reading is None or reading.section != number or reading.count != count:
            reading = _Reading(number, count, 0, (part for is_dev, _, part in self._parts() if not is_dev))
        while reading.place < end and (part := next(reading.parts, None)) is not None:
            if reading.place >= start:
                found += self._sentences(part)
            reading.place += _size(part)
        reading.section += 1
        self._reading = reading if reading.section < count else None
        return found

    def dev_sentences(self, tokens: int) -> list[list[str]]:
        """The first sentences of the dev documents, of about `tokens` tokens in all.

        Raises:
            InputError: there are none.
        """
        if self.dev_files:
            parts = (part for path in self.dev_files for part in self._read(path))
        else:
            parts = (part for is_dev, _, part in self._parts() if is_dev)
        found: list[list[str]] = []
        total = 0
        for part in parts:
            for sentence in self._sentences(part):
                if total >= tokens:
                    return found
                found.append(sentence)
                total += len(sentence)
        if not found:
            raise InputError(f"{self.name}: too little text to set apart dev text; give files as dev")
        return found

    def _parts(self) -> Iterator[tuple[bool, int, Part]]:
        """Yields for each paragraph or sentence: whether it is dev text, the number of its document, and itself."""
        document, size = -1, 0
        for begins, part in self._hub_parts() if not self.files else self._file_parts():
            if begins or size > MAX_DOCUMENT_CHARACTERS:
                document, size = document + 1, 0
            size += _size(part)
            yield not self.dev_files and document % DEV_EVERY == 1, document, part

    def _file_parts(self) -> Iterator[tuple[bool, Part]]:
        for path in self.files:
            first = True
            for part in self._read(path):
                new = isinstance(part, Sentence) and any(c.startswith("# newdoc") for c in part.comments)
                yield first or new, part
                first = False

    def _hub_parts(self) -> Iterator[tuple[bool, Part]]:
        from tagger.corpus.hub import stream_hub  # importing `datasets` takes seconds, which files do not need

        hub = self.hub
        for text in stream_hub(str(hub.name), hub.config, hub.split, hub.column, f"{self._keys}hub"):
            paragraphs = read_paragraphs(io.StringIO(text, newline="\n"), self.paragraph_per_line)
            for number, paragraph in enumerate(paragraphs):
                yield number == 0, paragraph

    def _read(self, path: str) -> Iterator[Part]:
        lines, format = read_lines(path, self.encoding, "" if self._keys else "encoding"), format_of(path)
        if format == "text":
            return read_paragraphs(lines, self.paragraph_per_line)
        return read(lines, path, format, segment=self.segment)

    def _sentences(self, part: Part) -> Iterator[list[str]]:
        sentences = part.sentences(self.segment, layout=False) if isinstance(part, Paragraph) else [part]
        for sentence in sentences:
            yield from _cut(sentence)


def _cut(sentence: Sentence) -> Iterator[list[str]]:
    """Its tokens, in several lists if it is very long."""
    for start in range(0, len(sentence), MAX_SENTENCE_TOKENS):
        yield sentence.tokens[start : start + MAX_SENTENCE_TOKENS]


def _size(part: Part) -> int:
    """The number of characters."""
    return len(part.text) if isinstance(part, Paragraph) else sum(map(len, part.tokens)) + len(part)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _files(patterns: str | Sequence[str], key: str) -> list[str]:
    """The files that names, folders and patterns stand for, each once. `key` is the config's, for messages."""
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        path = located(pattern)
        if os.path.isdir(path):
            inside = [
                str(p)
                for p in sorted(Path(path).rglob("*"))
                if p.is_file() and format_of(str(p), "") and not _hidden(p.relative_to(path))
            ]
            if not inside:
                raise InputError(f"{key}={pattern}: no file with one of the suffixes {' '.join(SUFFIXES)}")
            found += inside
        elif os.path.isfile(path):
            found.append(path)
        else:
            names = glob.glob(located(pattern), recursive=True)
            matching = [file for file in map(located, sorted(names)) if os.path.isfile(file)]
            if not matching or pattern == STDIO:
                raise InputError(f"{key}={path}: no such file; give files, folders or patterns such as novels/*.txt")
            found += matching
    return list(dict.fromkeys(found))
