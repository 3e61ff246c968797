"""Text in any of the languages that come with the package -> tagged sentences: finds the language, then its tagger.

A document has the language that its beginning looks most like (`identifier.py`). Where others are nearly as likely it
is a guess, and the languages that more people write come first. A paragraph has the language of its document, but

- one that looks much more like another language has that. In a document of which as many lines are clearly in other
  languages, less is enough.
- one with two letters or more in a script that this language does not use has one of the languages of that script,
  unless it has letters of the document's script, too, and looks more like that. Latin letters alone are English.

Addresses do not count. A text is refused if no language is there for its script, or if its tagger knows too few of its
words (see `_knows`). If that is true of a paragraph, a warning says so, and it is tagged with its document; or as the
language that it looks most like, if that has another script.
"""

import gc
import math
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, cast, overload

import numpy as np

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import DEFAULT, PIP_MORE, bundled_folders, find_language, find_tagger, is_bundled
from tagger.errors import InputError, shorten
from tagger.tagging.identifier import (
    CLEAR_ODDS,
    PARAGRAPH_CHARACTERS,
    PARAGRAPH_ODDS,
    language_by_letters,
    load_identifier,
    script_of,
    telling,
    words_of,
)
from tagger.tagging.tagger import DocumentTagger, Tagger
from tagger.tagging.tagger_options import AUTO, CACHE_SIZE, Request, TaggerOptions
from tagger.tagging.workers import Workers, uncollected
from tagger.text.paragraphs import JsonText, Paragraph, Part, paragraphs_of
from tagger.text.sentence import Sentence, Token
from tagger.words.language_table import language_table
from tagger.words.segment import RULES

COLUMNS = ("upos", "xpos", "feats", "lemma")  # of the output, whatever the language
BEGINNING = 1 << 16  # characters of a document that decide its language
ABSENT_ODDS = 3.0  # log odds from which a document is taken to have a language whose tagger was deleted
GUESS_ODDS = 3.0  # log odds below which the language of a document is called a guess
CHECKED_WORDS, CHECKED_CHARACTERS = 500, 3_000  # of a document and a paragraph, that are looked up in the vocabulary
LEAST_BYTES, MOST_BYTES = 250_000_000, 400_000_000  # of the taggers in memory: about eight and twelve languages
MEMORY_SHARE = 1 / 20  # of the machine's memory, between these
LICENCE = "CC BY-SA 4.0"  # of the taggers
THIN = "this tagger is thin: it learned from few words, and the best one of its language makes far fewer errors"
FORMS = 20_000  # that each tagger remembers

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_loading = threading.Lock()  # of the threads that load a tagger, one at a time


class Found(NamedTuple):
    """The language of a document."""

    language: str
    is_guess: bool  # whether others are nearly as likely
    is_mixed: bool  # whether at least as many of its lines are clearly in other languages as in this one


@dataclass
class DocumentLanguages:
    """A document in which languages are found, and what was said about it."""

    path: str
    language: str
    odds: float  # log odds from which a paragraph has another language
    warn: Callable[[str], None] | None
    met: set[str]  # its languages so far
    is_guess: bool  # whether other languages are nearly as likely
    doubted: bool = False  # whether a warning said that a paragraph looks like a language that is not there


class Languages(DocumentTagger):
    """The taggers of all languages that come with the package, as one. Threads may share it.

    Every sentence that it returns has a `language`. What it does with a document follows from the document alone, and
    the sentences of a call are one document.

    Taggers stay in memory as long as all of them take no more than `max_bytes`; the one whose last use is longest ago
    goes first. They are loaded while other threads tag in other languages.

    Attributes:
        notice: is called with a line for people when a language is met for the first time, and with warnings: when its
            tagger is thin, and when paragraphs of a document look like a language that is not there.
        remedy: how a user names a language, for error messages: a format with `language` or `code`.
        without: what those can do whose language is not there, for error messages; None: how they get a tagger.
        asked: columns that the user has named; `notice` says which of them a language lacks.
    """

    takes_text = True
    has_fixed_shapes = True

    def __init__(
        self,
        device: str = "auto",
        precision: str = "auto",
        *,
        workers: int = 1,
        segmenter: str = AUTO,
        max_bytes: int | None = None,
        notice: Callable[[str], None] | None = None,
        remedy: str = 'load("{code}")',
        without: str | None = None,
    ) -> None:
        """Loads no tagger yet. The options are those of each tagger; `segmenter` is auto or the name of rules.

        None of `max_bytes` stands for `bytes_of_taggers`.
        """
        if segmenter not in (AUTO, *RULES):
            known = ", ".join((AUTO, *RULES))
            raise InputError(f"segmenter {shorten(str(segmenter))}: all languages together have {known}")
        self.columns, self.config = list(COLUMNS), {"license": LICENCE}  # what all taggers have in common
        options = TaggerOptions(device, precision, FORMS, workers, segmenter)
        self.device, self._options = options.device, replace(options, workers=1)
        named = bundled_folders()
        self.languages = [name for name in load_identifier().languages if name in named]
        table = language_table()
        self._scripts = frozenset[str]().union(*(table[language].scripts for language in self.languages))
        self._loaded: dict[str, Tagger] = {}
        self._last_used: dict[str, float] = {}
        self._max_bytes, self._garbage = bytes_of_taggers() if max_bytes is None else max_bytes, 0
        # Of taggers that were loaded: the words of training, and the share of dev's words that they are.
        self._known: dict[str, tuple[Collection[str], float]] = {}
        self.notice, self.remedy, self.without, self.asked = notice, remedy, without, list[str]()
        self._met: set[str] = set()
        self.workers = Workers(self, options.workers)

    def __repr__(self) -> str:
        return f"Languages({len(self.languages)} languages)"

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process loads its own."""
        return {**self.__dict__, "_loaded": {}, "_known": {}, "notice": None}

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """No tags can be given."""
        raise InputError("tags can be kept in one language alone; load its tagger by name")

    def of(self, language: str) -> Tagger:
        """The tagger of a language; see `find_language`."""
        if language not in self.languages:
            language = find_language(language)
        self._last_used[language] = time.monotonic()
        tagger = self._loaded.get(language)
        if tagger is None:
            with _loading:
                tagger = self._loaded.get(language)  # another thread may have loaded it meanwhile
                if tagger is None:
                    with uncollected():
                        tagger = Tagger(Bundle.load(bundled_folders()[language]), self._options, language, COLUMNS)
                    tagger.language = language
                    if self._loaded:
                        self._make_room(tagger.nbytes)
                    self._loaded[language] = tagger
        return tagger

    def _make_room(self, size: int) -> None:
        """Drops the taggers whose last use is longest ago, until one of a size fits in memory beside the others.

        Their parts refer to each other, so that only the garbage collector frees them. It takes longer than loading a
        tagger, and runs when it has much to free.
        """
        sizes = {language: tagger.nbytes for language, tagger in self._loaded.items()}
        for language in sorted(sizes, key=self._last_used.__getitem__):
            if size + sum(sizes.values()) <= self._max_bytes:
                break
            del self._loaded[language]
            self._garbage += sizes.pop(language)
        if self._garbage > self._max_bytes // 4:
            self._garbage = 0
            gc.collect()

    def language_of(self, text: str, path: str = "the text") -> str:
        """The language of a text; see `find`."""
        return self.find(text, path).language

    def find(self, text: str, path: str = "the text") -> Found:
        """What the first 65,536 characters of a text look like; InputError if that is no language that is there."""
        if not isinstance(text, str):
            raise InputError(f"a language is found for a text, and {text!r:.60} is none")
        text, table = text[:BEGINNING], language_table()
        by_letters = language_by_letters(text)
        if by_letters in self.languages:
            return Found(by_letters, False, False)
        every = [words for line in text.split("\n") if (words := words_of(line, names=True))]
        if not every:
            return Found(DEFAULT, True, False)
        letters = {*chain.from_iterable(chain.from_iterable(every))}
        foreign = {letter for letter in letters if script_of(letter) not in self._scripts}
        lines = [line for words in every if (line := [word for word in words if not foreign.issuperset(word)])]
        if not lines:
            raise InputError(
                f"{path}: no tagger comes with the package for the script of {shorten(text.strip())};"
                f" {self.without or 'train one, and name it with --model'}"
            )
        names = load_identifier().languages
        odds, scores = load_identifier().of_document(lines)
        place = max(map(names.index, self.languages), key=odds.__getitem__)
        language, nearest = names[int(odds.argmax())], names[place]
        remedy = self.remedy.format(language=nearest, code=table[nearest].codes[0])
        if odds.max() - odds[place] >= ABSENT_ODDS:
            absent = "no tagger of this language comes with the package"
            absent = self.without or (PIP_MORE if table[language].more else absent)
            other = f"if it is {shown_name(nearest)}, name it: {remedy}"
            raise InputError(f"{path} looks like {shown_name(language)}; {absent}; {other}")
        # By how much this language is above the best of the others, in each line.
        margins = scores[:, place] - np.delete(scores, place, axis=1).max(1)
        own = [words for words, margin in zip(lines, margins, strict=True) if margin > 0]
        if not self._knows(nearest, map(str.lower, islice(chain.from_iterable(own or every), CHECKED_WORDS))):
            raise InputError(
                f"{path} looks most like {shown_name(nearest)}, but few of its words are known: its language may be"
                f" none of those that come with the package; if it is {shown_name(nearest)}, name it: {remedy}"
            )
        others = np.count_nonzero(margins < -CLEAR_ODDS)
        is_mixed = 0 < others >= np.count_nonzero(margins > CLEAR_ODDS)
        is_guess = odds[place] - np.delete(odds, place).max() < GUESS_ODDS and not is_mixed
        return Found(nearest, bool(is_guess), bool(is_mixed))

    def _knows(self, language: str, words: Iterable[str]) -> bool:
        """Whether the tagger of a language knows enough words of a text for the text to be of that language.

        Of the n words of a text that tell its language, the tagger knows about E = n times the share that it knows of
        its dev split. The text is not of that language if it knows fewer than

            0.5 E - 0.57 sqrt(n),

        since chance makes the number that is known differ by about sqrt(n); or if it knows none, and E is at least 4.
        Fewer than 8 words say nothing.
        """
        words = telling(words)
        if len(words) < 8:
            return True
        if language not in self._known:
            tagger = self.of(language)
            self._known[language] = tagger.vocabulary.word_ids.keys(), tagger.config.get("known", 0.5)
        vocabulary, share = self._known[language]
        known, expected = sum(word in vocabulary for word in words), share * len(words)
        return known >= 0.5 * expected - 0.57 * math.sqrt(len(words)) and (known > 0 or expected < 4)

    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterator[Part]:
        """The parts of a document with their languages; a line of JSON may name its own in its key `language`."""
        stream = (part if isinstance(part, Paragraph) else _with_named_language(part, path) for part in parts)
        beginning: list[Part] = []
        size = 0
        for part in stream:
            if part.language is not None and not beginning:
                yield part
                continue
            beginning.append(part)
            size += 1 + len(_text(part))
            if size >= BEGINNING:
                break
        if not beginning:
            return
        unnamed = "\n".join(_text(part) for part in beginning if part.language is None)
        language, is_guess, is_mixed = self.find(unnamed, path)
        least, met = CLEAR_ODDS if is_mixed else PARAGRAPH_ODDS, self._met if warn is None else set[str]()
        document = DocumentLanguages(path, language, least, warn or self.notice, met, is_guess)
        self._meet(language, document, is_guess)
        for part in chain(beginning, stream):
            yield part if part.language is not None else self._with_language(part, document)

    def _meet(self, language: str, document: DocumentLanguages, is_guess: bool = False) -> None:
        """Says that there is text of a language, the first time, and whether that is a guess, or the tagger is thin."""
        found = f"{language}, a guess" if is_guess else language
        if found in document.met or document.warn is None:
            return
        if self.notice is not None:
            self.notice(f"language: {found} ({document.path})")
            if lacking := self.of(language).lacking(self.asked):
                self.notice(missing_columns(language, lacking))
        elif is_guess:
            document.warn(f"language: {found}")
        if language not in document.met and self.of(language).config.get("thin"):
            document.warn(f"{language}: {THIN}")
        document.met |= {found, language}

    def _with_language(self, part: Part, document: DocumentLanguages) -> Part:
        """A part of a document with its language."""
        if isinstance(part, JsonText):
            own = [self._with_language(paragraph, document) for paragraph in part.paragraphs]
            return part._replace(paragraphs=cast(list[Paragraph], own), language=document.language)
        text, table, language = _text(part), language_table(), document.language
        by_letters = language_by_letters(text)
        text = text.translate(table[by_letters or language].latin)  # as training has it
        words = words_of(text[:PARAGRAPH_CHARACTERS], names=True)
        found = by_letters or load_identifier().of_paragraph(words, language, self.languages, document.odds)
        if found != language:
            is_known = False
            if found in self.languages:
                is_known = self._knows(found, words_of(text[:CHECKED_CHARACTERS]))
                if is_known or table[found].scripts.isdisjoint(table[language].scripts):
                    language = found
            self._meet(language, document)
            if not is_known and not document.doubted and document.warn is not None:
                document.doubted = True
                document.warn(
                    f"{document.path}: {shorten(text.strip())} looks like a language that is not there; it is tagged as"
                    f" {language}"
                )
        is_guess = (document.is_guess and language == document.language) or self._has_others(text, language)
        if isinstance(part, Sentence):
            part.language, part.is_guess = language, is_guess
            return part
        return part._replace(language=language, is_guess=is_guess)

    @staticmethod
    def _has_others(text: str, language: str) -> bool:
        """Whether a sentence of a paragraph is clearly in another language than the paragraph."""
        sentences = _SENTENCE_END.split(text[:PARAGRAPH_CHARACTERS])
        lines = [words for each in sentences if (words := words_of(each, names=True))]
        if len(lines) < 2:
            return False
        place = load_identifier().languages.index(language)
        _, scores = load_identifier().of_document(lines)
        return bool((scores.max(1) - scores[:, place] > CLEAR_ODDS).any())

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts; the texts of a language are cut together."""
        paragraphs = [paragraph for part in parts for paragraph in paragraphs_of(part)]
        languages = [paragraph.language or self.language_of(paragraph.text) for paragraph in paragraphs]
        cuts: list[list[list[Token]]] = [[] for _ in paragraphs]
        # Those in memory first: if not all fit, only a few are loaded again each time.
        for language in sorted(dict.fromkeys(languages), key=lambda each: each not in self._loaded):
            numbers = [number for number, each in enumerate(languages) if each == language]
            sentences = self.of(language).segment_all([paragraphs[number].text for number in numbers])
            for number, cut in zip(numbers, sentences, strict=True):
                cuts[number] = cut
        return iter(cuts)

    def tag_window(self, window: list[Sentence], request: Request) -> None:
        """Tags sentences, those of a language together."""
        groups: dict[str, list[Sentence]] = {}
        for sentence in window:
            if sentence.tokens:
                groups.setdefault(sentence.language or DEFAULT, []).append(sentence)
            else:
                sentence.tags = {column: [] for column in request.columns or self.columns}
        for language in sorted(groups, key=lambda each: each not in self._loaded):  # as in `cuts_of`
            self.of(language).tag_window(groups[language], request)


def bytes_of_taggers() -> int:
    """How many bytes the taggers in memory may take: a share of the machine's memory, within bounds."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # the system does not say
        memory = 0
    return min(max(LEAST_BYTES, int(memory * MEMORY_SHARE)), MOST_BYTES)


# It looks at the folders of all taggers, and each line of a file may name a language.
_find_language = lru_cache(maxsize=1000)(find_language)


def _with_named_language(part: Sentence | JsonText, path: str) -> Part:
    """A part that has the language that its key `language` names."""
    if part.language is not None or not isinstance(part.fields.get("language"), str):
        return part
    try:
        language = _find_language(part.fields["language"])
    except InputError as error:
        where = f"{path}, line {part.line}" if part.line else path
        raise InputError(f"{where}: {error}") from None
    if isinstance(part, JsonText):
        own = [each._replace(language=language) for each in part.paragraphs]
        return part._replace(paragraphs=own, language=language)
    part.language = language
    return part


def _text(part: Part) -> str:
    return " ".join(part.tokens) if isinstance(part, Sentence) else part.text


def shown_name(language: str) -> str:
    """The name of a language for people."""
    return language.replace("_", " ").title()


def clear_language(text: str) -> str | None:
    """The language that a text looks like; None if others are nearly as likely. Its words are not looked up."""
    if (by_letters := language_by_letters(text[:BEGINNING])) is not None:
        return by_letters
    lines = [words for line in text[:BEGINNING].split("\n") if (words := words_of(line, names=True))]
    if not lines:
        return None
    odds, _ = load_identifier().of_document(lines)
    *_, second, best = odds.argsort().tolist()
    return load_identifier().languages[best] if odds[best] - odds[second] >= GUESS_ODDS else None


def missing_columns(name: str, columns: Sequence[str]) -> str:
    """A line for people who have asked for columns that a tagger has not learned."""
    return f"{name} has no {' and no '.join(columns)}: _ stands there"


@overload
def load(
    name: None = None,
    device: str = "auto",
    precision: str = "auto",
    *,
    workers: int = 1,
    segmenter: str = AUTO,
    max_bytes: int | None = None,
) -> Languages: ...
@overload
def load(
    name: str | Path,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
    segmenter: str = AUTO,
    corpus: str | None = None,
    lexicons: Mapping[str, Path | str] | None = None,
) -> Tagger: ...
def load(
    name: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
    segmenter: str = AUTO,
    corpus: str | None = None,
    lexicons: Mapping[str, Path | str] | None = None,
    max_bytes: int | None = None,
) -> Tagger | Languages:
    """Loads a trained tagger, or without a name those of all languages that come with the package, as one.

    Tagging uses one thread per process and leaves torch's number of threads unchanged. Threads of a program may share
    a tagger; they take turns.

    Args:
        name: None for all languages: what is returned finds the language of each text. A language that comes with the
            package, by its English name or its code, `german` or `de`; `latest`, the newest run below `runs/`;
            `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`, a tagger on the Hugging Face Hub; or the folder of a tagger,
            of an ensemble or of the run that trained it.
        device: auto, cpu, cuda, the second GPU cuda:1, or mps.
        precision: of products and states: auto, float32 or bfloat16; auto is bfloat16 on processors that have
            instructions for it.
        cache_size: number of word forms whose first product is cached; at least 16,000.
        workers: processes that share large amounts of text, each with one thread; 1 starts none.
        segmenter: what cuts text into sentences and tokens: `learned`, the tagger's own segmenter; `english` or
            `unicode`, rules; `auto`, its own, or the rules that its training chose.
        corpus: of a tagger that was trained on several corpora, the one that the text is like; None: that is not known.
        lexicons: for some columns a file that says which tags word forms may have. An empty name stands for the first
            column.
        max_bytes: that the taggers of all languages take together; None: `bytes_of_taggers`. With less than texts in
            turn need, they are read from the disk again and again, a tenth of a second each.
    """
    if name is None:
        if (cache_size, corpus, lexicons) != (CACHE_SIZE, None, None):
            raise InputError(f"cache_size, corpus and lexicons need one tagger; name it, such as load({DEFAULT!r})")
        return Languages(device, precision, workers=workers, segmenter=segmenter, max_bytes=max_bytes)
    if max_bytes is not None:
        raise InputError(f"max_bytes is for all languages together; leave it out with {shorten(str(name))}")
    options = TaggerOptions(device, precision, cache_size, workers, segmenter, corpus, lexicons)
    folder = find_tagger(str(name))
    bundle = Bundle.load(folder)
    if not bundle.vocabulary.columns:
        raise InputError(f"{name} has no tags; train a tagger from it with python -m tagger init={name}")
    is_own = is_bundled(folder)
    tagger = Tagger(bundle, options, str(name), COLUMNS if is_own else None)
    tagger.language = folder.name if is_own else None
    return tagger
