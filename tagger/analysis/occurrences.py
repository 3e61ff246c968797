"""Sentences -> the occurrences of a word in them, and a sample of all the sentences."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Generic, NamedTuple, TypeVar

from tagger.analysis.located import Located, listed
from tagger.errors import InputError, shorten
from tagger.tagging.tagger import Tagger
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted

MIN_OCCURRENCES = 3  # fewer cannot be grouped
SAMPLE_SENTENCES = 5_000  # sentences of the sample
MAX_DROPPED = 15  # characters of a word that is dropped whole at the end of a line; a longer word is cut
MAX_SPELLINGS = 200_000  # different words that are remembered to suggest one if the word never occurs
_SPACES = re.compile(r"\s+")

T = TypeVar("T")


class Occurrence(NamedTuple):
    """A word in its sentence."""

    file: str
    number: int  # index of the sentence in its file
    position: int  # index of the word in its sentence
    sentence: Sentence

    def context(self) -> tuple[str, str, str]:
        """The text before the word, the word, and the text after it.

        Joined words take the place of a text that is not known, or that has a multiword token in the word's place.
        """
        sentence, i = self.sentence, self.position
        if sentence.text is not None and sentence.offsets:
            first = sentence.offsets[0][0]
            start, end = (place - first for place in sentence.offsets[i])
            if _one_line(sentence.text[start:end]) == _one_line(sentence.tokens[i]):
                return _one_line(sentence.text[:start]), sentence.tokens[i], _one_line(sentence.text[end:])
        return " ".join([*sentence.tokens[:i], ""]), sentence.tokens[i], " ".join(["", *sentence.tokens[i + 1 :]])

    def line(self, width: int) -> str:
        """A line of `width` cells: the word in square brackets, in the middle of its sentence."""
        before, word, after = self.context()
        word = f"[{fitted(word, width // 3)}]"
        left = (width - display_width(word)) // 2
        before = _last(fitted(before, len(before) * 2), left)
        line = " " * (left - display_width(before)) + before + word
        return (line + _first(after, width - display_width(line))).rstrip()


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text)


def _last(text: str, width: int) -> str:
    """The last `width` cells of a text without control characters; an ellipsis marks a cut."""
    if display_width(text) <= width:
        return text
    start, used = len(text), 1
    while (used := used + display_width(text[start - 1])) <= width:
        start -= 1
    space = text.find(" ", start, start + MAX_DROPPED)
    return "…" + text[space + 1 if space >= 0 else start :]


def _first(text: str, width: int) -> str:
    """The first `width` cells of a text without control characters; an ellipsis marks a cut."""
    shown = fitted(text, width)
    if not shown.endswith("…") or len(shown) > len(text):
        return shown
    space = shown.rfind(" ", max(1, len(shown) - MAX_DROPPED))
    return shown if space < 0 else shown[:space] + "…"


class EvenSample(Generic[T]):
    """A sample of at most `size` items of a stream, at even distances; at most twice as many are held.

    Attributes:
        seen: the number of items so far.
    """

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, 0
        self._kept: list[T] = []
        self._step = 1

    def add(self, item: T) -> None:
        """Takes the next item."""
        if self.seen % self._step == 0:
            self._kept.append(item)
        self.seen += 1
        if len(self._kept) > 2 * self.size:
            self._kept = self._kept[::2]
            self._step *= 2

    def chosen(self) -> list[T]:
        """The sample, in order."""
        return evenly(self._kept, self.size)


def evenly(items: Sequence[T], size: int) -> list[T]:
    """At most `size` of the items, at even distances."""
    return [items[i * len(items) // size] for i in range(size)] if len(items) > size else list(items)


class Found(NamedTuple):
    """The result of `find`."""

    total: int  # all occurrences
    occurrences: list[Occurrence]  # a sample of them
    sample: list[list[str]]  # a sample of all sentences, with and without the word


def find(tagger: "Tagger", word: str, files: Sequence[str], sentences: Iterable[Located], most: int) -> Found:
    """Finds a word in sentences.

    Args:
        tagger: its segmenter says what a word is (for the error message).
        word: the word; upper and lower case are the same.
        files: the files of the sentences (for the error message).
        sentences: any number of sentences; few are held in memory.
        most: the size of the sample of occurrences.

    Raises:
        InputError: the word occurs never or fewer than MIN_OCCURRENCES times.
    """
    lower = word.lower()
    found: EvenSample[Occurrence] = EvenSample(most)
    sample: EvenSample[list[str]] = EvenSample(SAMPLE_SENTENCES)
    spellings: dict[str, None] = {}
    for file, number, sentence in sentences:
        forms = [form.lower() for form in sentence.tokens]
        if forms:
            sample.add(sentence.tokens)
        if lower in forms:
            for position, form in enumerate(forms):
                if form == lower:
                    found.add(Occurrence(file, number, position, sentence))
        if not found.seen and len(spellings) < MAX_SPELLINGS:
            spellings.update(dict.fromkeys(forms))
    where = listed(files)
    if not found.seen:
        raise InputError(f"{shorten(word)} does not occur in {where}{_remedy(tagger, word, list(spellings))}")
    if found.seen < MIN_OCCURRENCES:
        times = "once" if found.seen == 1 else "twice"
        raise InputError(
            f"{shorten(word)} occurs only {times} in {where}; {MIN_OCCURRENCES} occurrences are needed: name more files"
        )
    return Found(found.seen, found.chosen(), sample.chosen())


def _remedy(tagger: "Tagger", word: str, spellings: Sequence[str]) -> str:
    parts = [word]
    if tagger.takes_text:
        sentences = Paragraph(0, word, opens=True).sentences(tagger.segment_all, layout=False)
        parts = [token for sentence in sentences for token in sentence.tokens]
    if len(parts) > 1:
        return f"; it is several words, {' and '.join(map(shorten, parts[:6]))}: give one of them"
    near = get_close_matches(word.lower(), spellings, n=1, cutoff=0.7)
    return f"; the most similar word that does is {shorten(near[0])}" if near else ""
