"""Sentences whose tags are given, in part -> the same, checked; an unknown tag is an error with its line."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from tagger.errors import InputError, shorten
from tagger.text.format import Part
from tagger.text.formats import FORMATS
from tagger.text.lexicon_files import known_tags
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_given


def checked_tags(
    read: Callable[[Iterable[str]], Iterator[Part]],
    lines: Iterable[str],
    path: str,
    format: str,
    known: Mapping[str, Collection[str]],
) -> Iterator[Part]:
    """What a reader of a tagged file yields; InputError for a tag that is not one of those `known` of its column."""
    counted = _CountedLines(lines, FORMATS[format].has_rows)
    for part in read(counted):
        if isinstance(part, Sentence):
            for column, tags in part.tags.items():
                for word, tag in enumerate(tags if column in known else ()):
                    if tag not in known[column] and is_given(tag):
                        raise InputError(
                            f"{path}, line {counted.line_of(part, word)}: {shorten(tag)} is no tag of {column};"
                            f" {known_tags(known[column])}; correct it, or write {NO_TAG}"
                        )
        yield part


class _CountedLines:
    """Lines, whose number is counted while they are read."""

    def __init__(self, lines: Iterable[str], in_rows: bool) -> None:
        """Takes the lines; `in_rows` says whether a word that has no CoNLL-U has a line of its own."""
        self._lines, self._in_rows = lines, in_rows
        self._ended = 0  # lines that have ended
        self._last = "\n"  # what has been read last

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._ended += line.endswith("\n")
            self._last = line
            yield line

    def line_of(self, sentence: Sentence, word: int) -> int:
        """The number of the line of a word, if its sentence is the last one that was read."""
        here = self._ended + (not self._last.endswith("\n"))
        if sentence.lines is not None:  # CoNLL-U
            rows = [i for i, row in enumerate(sentence.lines) if row.partition("\t")[0].isdigit()]
            return here - len(sentence.lines) + rows[word] + 1
        if not self._in_rows:
            return here
        after = here if not self._last.strip() else here + 1  # the line after the sentence's last word
        return after - len(sentence) + word
