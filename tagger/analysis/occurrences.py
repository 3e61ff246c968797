"""Files -> the occurrences of a word in them, and a sample of all of their sentences."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Generic, NamedTuple, TypeVar

from tagger.analysis.located import Located, listed
from tagger.errors import InputError, shorten
from tagger.tagging.tagger import Tagger
from tagger.text.characters import fitted, wide
from tagger.text.sentence import Sentence

LEAST = 3  # occurrences; fewer have no groups
SENTENCES = 5_000  # of the sample
WORD = 15  # characters; a longer one is cut where the line ends, others are left out whole
SPELLINGS = 200_000  # that are remembered in case the word never occurs
_SPACES = re.compile(r"\s+")

T = TypeVar("T")


class Occurrence(NamedTuple):
    """A word in its sentence."""

    file: str
    number: int  # of the sentence in its file, from 0
    position: int  # of the word in its sentence, from 0
    sentence: Sentence

    def context(self) -> tuple[str, str, str]:
        """What stands before the word, the word, and what follows, as in the text where that is known."""
        sentence, i = self.sentence, self.position
        if sentence.text is not None and sentence.offsets:
            first = sentence.offsets[0][0]
            start, end = (place - first for place in sentence.offsets[i])
            if sentence.text[start:end] == sentence.tokens[i]:
                parts = (sentence.text[:start], sentence.text[start:end], sentence.text[end:])
                return _one_line(parts[0]), parts[1], _one_line(parts[2])
        return " ".join([*sentence.tokens[:i], ""]), sentence.tokens[i], " ".join(["", *sentence.tokens[i + 1 :]])

    def line(self, width: int) -> str:
        """The word in square brackets, in the middle of as much of its sentence as fits into `width` cells."""
        before, word, after = self.context()
        word = f"[{fitted(word, width // 3)}]"
        left = (width - wide(word)) // 2
        before = _last(fitted(before, len(before) * 2), left)
        line = " " * (left - wide(before)) + before + word
        return (line + _first(after, width - wide(line))).rstrip()


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text)


def _last(text: str, width: int) -> str:
    """The end of a text without control characters, with an ellipsis where its start is cut off."""
    if wide(text) <= width:
        return text
    start, used = len(text), 1
    while (used := used + wide(text[start - 1])) <= width:
        start -= 1
    space = text.find(" ", start, start + WORD)
    return "…" + text[space + 1 if space >= 0 else start :]


def _first(text: str, width: int) -> str:
    """The start of a text without control characters, with an ellipsis where its end is cut off."""
    shown = fitted(text, width)
    if not shown.endswith("…") or len(shown) > len(text):
        return shown
    space = shown.rfind(" ", max(1, len(shown) - WORD))
    return shown if space < 0 else shown[:space] + "…"


class Even(Generic[T]):
    """At most so many of any number of things, at even distances; no more than twice as many are held.

    Attributes:
        seen: how many there were.
    """

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, 0
        self._kept: list[T] = []
        self._step = 1

    def add(self, thing: T) -> None:
        """Takes the next one."""
        if self.seen % self._step == 0:
            self._kept.append(thing)
        self.seen += 1
        if len(self._kept) > 2 * self.most:
            self._kept = self._kept[::2]
            self._step *= 2

    def chosen(self) -> list[T]:
        """Those that stay, in order."""
        return evenly(self._kept, self.most)


def evenly(things: Sequence[T], most: int) -> list[T]:
    """At most so many of them, at even distances."""
    return [things[i * len(things) // most] for i in range(most)] if len(things) > most else list(things)


class Found(NamedTuple):
    """What `find` found."""

    total: int  # occurrences
    occurrences: list[Occurrence]  # those of them that were chosen
    sample: list[list[str]]  # sentences, with the word or without it


def find(tagger: Tagger, word: str, files: Sequence[str], sentences: Iterable[Located], most: int) -> Found:
    """Where a word occurs.

    Args:
        tagger: whose rules say what a word is.
        word: compared in lower case.
        files: where the sentences are from.
        sentences: any number; few are held.
        most: occurrences, chosen at even distances over all of them.

    Raises:
        InputError: the word occurs never, or less than LEAST times.
    """
    lower = word.lower()
    found: Even[Occurrence] = Even(most)
    sample: Even[list[str]] = Even(SENTENCES)
    spellings: dict[str, None] = {}
    for file, number, sentence in sentences:
        forms = [form.lower() for form in sentence.tokens]
        if forms:
            sample.add(sentence.tokens)
        if lower in forms:
            for position, form in enumerate(forms):
                if form == lower:
                    found.add(Occurrence(file, number, position, sentence))
        if not found.seen and len(spellings) < SPELLINGS:
            spellings.update(dict.fromkeys(forms))
    where = listed(files)
    if not found.seen:
        raise InputError(f"{shorten(word)} does not occur in {where}{_remedy(tagger, word, list(spellings))}")
    if found.seen < LEAST:
        times = "once" if found.seen == 1 else "twice"
        raise InputError(
            f"{shorten(word)} occurs only {times} in {where}; {LEAST} occurrences are needed, name more files"
        )
    return Found(found.seen, found.chosen(), sample.chosen())


def _remedy(tagger: Tagger, word: str, spellings: Sequence[str]) -> str:
    parts = [word[a:b] for spans in tagger.segment(word) for a, b in spans] if tagger.takes_text else [word]
    if len(parts) > 1:
        return f"; it is no single word but {' and '.join(map(shorten, parts[:6]))}: give one of them"
    near = get_close_matches(word.lower(), spellings, n=1, cutoff=0.7)
    return f"; the nearest spelling that does is {shorten(near[0])}" if near else ""
