"""Text in any of the languages that come with the package -> tagged sentences: finds the language, then its tagger.

A document has the language that its beginning looks most like, by a linear model over pieces of words (`Identifier`).
A paragraph has the language of its document, but

- two letters or more in a script that this language does not use make it one of the languages of that script, whatever
  its length: the one that it looks most like, unless it has letters of the document's script, too, and looks more like
  that. Fewer than 8 words in Latin letters alone are English.
- if it has at least 8 words, and the log odds of another language are 10 better, it has that one.

Addresses do not count. A text is refused if no language is there for its script, or if its tagger knows too few of its
words (see `_knows`). If that is true of a paragraph, a warning says so, and it is tagged with its document; or as the
language that it looks most like, if that has another script.
"""

# L languages, W words, R rows of weights

import gc
import math
import re
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from safetensors.numpy import load_file

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import DEFAULT, bundled_languages, codes_of, find_language, find_tagger
from tagger.bundled import bundled
from tagger.errors import InputError, shorten
from tagger.tagging.decoding import Request
from tagger.tagging.tagger import DocumentTagger, Tagger
from tagger.tagging.tagger_options import AUTO, CACHE_SIZE, TaggerOptions
from tagger.tagging.workers import Workers
from tagger.text.paragraphs import JsonText, Paragraph, Part, texts_of
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import NO_TAG, text_hash
from tagger.words.lookalikes import SERBIAN
from tagger.words.segment import RULES

IDENTIFIER = "languages.safetensors"  # a file of `data`
WEIGHTS, SCALE, BIAS = "weights", "scale", "bias"  # names in that file
MAX_PIECE = 4  # characters of a piece of a word
MAX_WORD = 24  # characters of a word that are read
COLUMNS = ("upos", "xpos", "feats", "lemma")  # of the output, whatever the language
BEGINNING = 1 << 16  # characters of a document that decide its language
PARAGRAPH_WORDS = 8  # a paragraph with fewer is too short to tell languages of one script apart
MAX_PARAGRAPH_WORDS = 50  # of a paragraph that are looked at
PARAGRAPH_ODDS = 10.0  # log odds from which a paragraph has another language than its document
WORD_ODDS = 2.0  # log odds that a language loses in a line of a document, for each word at most
ABSENT_ODDS = 3.0  # log odds from which a document is taken to have a language whose tagger was deleted
CHECKED_CHARACTERS = 3_000  # of a text, whose words are looked up in the vocabulary
MAX_BYTES = 600_000_000  # of the taggers in memory
LICENCE = "CC BY-SA 4.0"  # of the taggers
THIN = "this tagger is thin: it learned from few words, and the best one of its language makes far fewer errors"
FORMS = 20_000  # that each tagger remembers
LATIN = "LATIN"
SCRIPTS = {  # of the languages that are not written in Latin letters; see `script_of`
    "arabic": {"ARABIC"},
    "armenian": {"ARMENIAN"},
    "belarusian": {"CYRILLIC"},
    "chinese": {"CJK"},
    "coptic": {"COPTIC"},
    "greek": {"GREEK"},
    "hebrew": {"HEBREW"},
    "hindi": {"DEVANAGARI"},
    "japanese": {"CJK", "HIRAGANA", "KATAKANA"},
    "korean": {"HANGUL"},
    "persian": {"ARABIC"},
    "russian": {"CYRILLIC"},
    "serbian": {LATIN, "CYRILLIC"},
    "thai": {"THAI"},
    "ukrainian": {"CYRILLIC"},
    "uyghur": {"ARABIC"},
}

_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4e\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces between words
_VOWELS = "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963"  # and other marks of Devanagari, which are no letters
_LETTER = rf"[^\W\d_{_UNSPACED}]"
_IN_ADDRESS = rf"[^\s@{_UNSPACED}]"  # since in Chinese, words may follow an address without a space
_ADDRESS = (
    rf"(?:https?://|www\.)(?:[^\s{_UNSPACED}]|(?<=[/=])[{_UNSPACED}]+)+"
    rf"|{_IN_ADDRESS}{{0,64}}@(?:{_IN_ADDRESS}+|[{_UNSPACED}]+)"
)
_WORD = re.compile(rf"{_ADDRESS}|([{_UNSPACED}]{{1,2}}|{_LETTER}+(?:['’ʼ׳״-]{_LETTER}+|[{_VOWELS}]+{_LETTER}*)*)")
_ONLY_SERBIAN, _CYRILLIC = re.compile("[ђћЂЋ]"), re.compile("[Ѐ-ӿ]")
_loading = threading.Lock()  # of the threads that load a tagger, one at a time


def words_of(text: str) -> Iterator[str]:
    """The words of a text in lower case: runs of letters, cut to `MAX_WORD`; in scripts without spaces two letters.

    Addresses of the web and of e-mail, and names of users (`@name`), have none.
    """
    return (match[1][:MAX_WORD].lower() for match in _WORD.finditer(text) if match[1])


def telling_words(text: str) -> list[str]:
    """The words of a text that tell its language: short ones of Latin letters are alike in many languages."""
    return [word for word in words_of(text) if len(word) > 2 or not word.isascii()]


@lru_cache(maxsize=10_000)
def script_of(letter: str) -> str:
    """The script of a letter: the first word of its name in Unicode.

    >>> script_of("ß"), script_of("я"), script_of("書")
    ('LATIN', 'CYRILLIC', 'CJK')
    """
    letter = unicodedata.normalize("NFKC", letter)[0]  # a letter of another width, or a mathematical one
    script = re.split("[ -]", unicodedata.name(letter, ""))[0]
    return "CJK" if script == "IDEOGRAPHIC" else script  # 々


def pieces_of(word: str, rows: int) -> list[int]:
    """The rows of the pieces of a word in lower case; a row that several pieces share is there several times."""
    bounded = f" {word} "
    pieces = [bounded[i : i + n] for n in range(1, MAX_PIECE + 1) for i in range(len(bounded) - n + 1)]
    return [text_hash(piece) % rows for piece in [*pieces[1:], bounded]]


class Identifier:
    """Scores languages, whose names stand in the order of the scores.

    The score of a language is the sum of the weights of all pieces of the words: sequences of one to four characters,
    the borders of the word among them, and the word itself. Different pieces may share a row of weights (hashing:
    Weinberger et al. 2009, https://arxiv.org/abs/0902.2206).
    """

    def __init__(self, languages: Sequence[str], weights: np.ndarray, bias: np.ndarray) -> None:
        """Takes L names, weights (R, L) and a bias (L,)."""
        self.languages, self._bias = list(languages), bias
        rows = len(weights)
        self._of_word = lru_cache(maxsize=50_000)(lambda word: weights[pieces_of(word, rows)].sum(axis=0))

    @classmethod
    def load(cls, path: Path) -> "Identifier":
        """Reads weights of one byte each, and what one step of each language stands for."""
        stored = load_file(path)
        (names,) = (name for name in stored if name.startswith(WEIGHTS))
        weights = stored[names].astype(np.float32) * stored[SCALE]
        return cls(names.split()[1:], weights, stored[BIAS])

    def scores(self, words: Iterable[str]) -> np.ndarray:
        """(L,) log odds of the languages, up to a constant, for words of `words_of`."""
        total = self._bias.copy()
        for word in words:
            total += self._of_word(word)
        return total


def _is_serbian(text: str) -> bool:
    """Whether a text is in Cyrillic letters with ђ or ћ, which no other language has."""
    return bool(_ONLY_SERBIAN.search(text)) and len(_CYRILLIC.findall(text)) > sum(map(str.isalpha, text)) / 2


def scripts_of(language: str) -> set[str]:
    """The scripts in which a language is written."""
    return SCRIPTS.get(language, {LATIN})


def foreign_script(words: Iterable[str], language: str) -> str | None:
    """The script of two or more letters of some words in which a language is not written; of several, the commonest.

    Since all languages write names in Latin letters, these are foreign only where there are no others.

    >>> foreign_script(["москва"], "german"), foreign_script(["iphone"], "russian"), foreign_script(["iphone"], "welsh")
    ('CYRILLIC', 'LATIN', None)
    >>> foreign_script(["новый", "smartphone"], "russian")
    """
    letters, own = "".join(words), scripts_of(language)
    if own.issuperset(map(script_of, letters)):  # so it is nearly always
        return None
    scripts = Counter(map(script_of, filter(str.isalpha, letters)))
    if len(scripts) > 1:
        del scripts[LATIN]
    foreign = {script: count for script, count in scripts.items() if script not in own}
    return max(foreign, key=foreign.__getitem__) if sum(foreign.values()) >= 2 else None


@dataclass
class _Document:
    """A document in which languages are found, and what was said about it."""

    path: str
    language: str
    warn: Callable[[str], None] | None
    met: set[str]  # its languages so far
    doubted: bool = False  # whether a warning said that a paragraph looks like a language that is not there


class Languages(DocumentTagger):
    """The taggers of all languages that come with the package, as one. Threads may share it.

    Every sentence that it returns has a `language`. What it does with a document follows from the document alone, and
    the sentences of a call are one document. `columns` are those of all languages; in a sentence whose language lacks
    one, `_` stands there, or what a CoNLL-U file has there.

    Taggers stay in memory as long as all of them take no more than `max_bytes`; the one whose last use is longest ago
    goes first. They are loaded while other threads tag in other languages.

    Attributes:
        notice: is called with a line for people when a language is met for the first time, and with warnings: when its
            tagger is thin, and when paragraphs of a document look like a language that is not there.
        remedy: how a user names a language, for error messages: a format with `language` or `code`.
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
        max_bytes: int = MAX_BYTES,
        notice: Callable[[str], None] | None = None,
        remedy: str = 'load("{code}")',
    ) -> None:
        """Loads nothing yet. The options are those of each tagger; `segmenter` is auto or the name of rules."""
        if segmenter not in (AUTO, *RULES):
            known = ", ".join((AUTO, *RULES))
            raise InputError(f"segmenter {shorten(str(segmenter))}: all languages together have {known}")
        self.columns, self.config = list(COLUMNS), {"license": LICENCE}  # what all taggers have in common
        options = TaggerOptions(device, precision, FORMS, workers, segmenter)
        self.device, self._options = options.device, replace(options, workers=1)
        self._loaded: dict[str, Tagger] = {}
        self._last_used: dict[str, float] = {}
        self._max_bytes, self._garbage = max_bytes, 0
        self._told: dict[str, tuple[Collection[str], dict[str, Any]]] = {}  # see `_about`
        self.notice, self.remedy = notice, remedy
        self._met: set[str] = set()
        self.workers = Workers(self, options.workers)

    def __repr__(self) -> str:
        return f"Languages({len(self.languages)} languages)"

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process loads its own."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_identifier"}
        return {**kept, "_loaded": {}, "_told": {}, "notice": None}

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """No tags can be given."""
        raise InputError("tags can be kept in one language alone; load its tagger by name")

    @cached_property
    def languages(self) -> list[str]:
        """The names of the languages."""
        known = bundled_languages()
        return [name for name in self._identifier.languages if name in known]

    @cached_property
    def _identifier(self) -> Identifier:
        return Identifier.load(bundled("data") / IDENTIFIER)

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
                    tagger = Tagger(Bundle.load(bundled("data") / language), self._options, language)
                    if self._loaded:
                        self._make_room(tagger.nbytes)
                    self._loaded[language] = tagger
        return tagger

    def _about(self, language: str) -> tuple[Collection[str], dict[str, Any]]:
        """The words of a tagger's vocabulary, and what `config.json` says of it. They are small, and stay in memory."""
        if language not in self._told:
            tagger = self.of(language)
            self._told[language] = tagger.vocabulary.word_ids.keys(), tagger.config
        return self._told[language]

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
        """The language of a text, of which 65,536 characters are read; InputError if it is none that is there."""
        text = text[:BEGINNING]
        if _is_serbian(text) and "serbian" in self.languages:
            return "serbian"
        lines = [list(words_of(line)) for line in text.split("\n")]
        if not any(lines):
            return DEFAULT
        there = {script for language in self.languages for script in scripts_of(language)}
        lines = [
            [word for word in words if not (any(map(str.isalpha, word)) and there.isdisjoint(map(script_of, word)))]
            for words in lines
        ]
        if not any(lines):
            raise InputError(
                f"{path}: no tagger comes with the package for the script of {shorten(text.strip())}; train one, and"
                " name it with --model"
            )
        total = np.zeros(len(self._identifier.languages))
        for words in filter(None, lines):
            # In a line a language loses at most `WORD_ODDS` for each word. Else a document in many languages would get
            # one that is in none of its lines, but is not as unlikely as others in any.
            of_line = self._identifier.scores(words)
            total += np.maximum(of_line - of_line.max(), -WORD_ODDS * len(words))
        scores = self._by_language(total)
        language = max(scores, key=scores.__getitem__)
        whole = self._by_language(self._identifier.scores(chain.from_iterable(lines)))  # if all have lost what they can
        nearest = max(self.languages, key=lambda each: (scores[each], whole[each]))
        if scores[language] - scores[nearest] < ABSENT_ODDS:
            language = nearest
        if language not in self.languages:
            raise InputError(
                f"{path} looks like {language.title()}, for which no tagger comes with the package; if it is"
                f" {nearest.title()}, name it: {self._naming(nearest)}"
            )
        place = self._identifier.languages.index(language)
        own = (line for line in text.split("\n") if self._identifier.scores(words_of(line)).argmax() == place)
        if not self._knows(language, "\n".join(own) or text):
            raise InputError(
                f"{path} looks most like {language.title()}, but few of its words are known: its language may be none"
                f" of those that come with the package; if it is {language.title()}, name it: {self._naming(language)}"
            )
        return language

    def _naming(self, language: str) -> str:
        return self.remedy.format(language=language, code=codes_of(language)[0])

    def _by_language(self, scores: np.ndarray) -> dict[str, float]:
        return dict(zip(self._identifier.languages, scores.tolist(), strict=True))

    def _knows(self, language: str, text: str) -> bool:
        """Whether the tagger of a language knows enough words of a text for the text to be of that language.

        Of the n words of a text that tell its language, the tagger knows about E = n times the share that it knows of
        its dev split. The text is not of that language if it knows fewer than

            0.5 E - 0.57 sqrt(n),

        since chance makes the number that is known differ by about sqrt(n); or if it knows none, and E is at least 4.
        Fewer than 8 words say nothing.
        """
        words = telling_words(text[:CHECKED_CHARACTERS])
        if len(words) < 8:
            return True
        vocabulary, config = self._about(language)
        known = sum(word in vocabulary for word in words)
        expected = len(words) * config.get("known", 0.5)
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
        language = self.language_of("\n".join(_text(part) for part in beginning if part.language is None), path)
        document = _Document(path, language, warn or self.notice, self._met if warn is None else set())
        self._meet(language, document)
        for part in chain(beginning, stream):
            yield part if part.language is not None else self._with_language(part, document)

    def _meet(self, language: str, document: _Document) -> None:
        """Says that there is text of a language, the first time, and whether the tagger is thin."""
        if language not in document.met:
            document.met.add(language)
            if self.notice is not None:
                self.notice(f"language: {language} ({document.path})")
            if document.warn is not None and self._about(language)[1].get("thin"):
                document.warn(f"{language}: {THIN}")

    def _with_language(self, part: Part, document: _Document) -> Part:
        """A part of a document with its language."""
        if isinstance(part, JsonText):
            own = [self._with_language(paragraph, document) for paragraph in part.paragraphs]
            return part._replace(paragraphs=cast(list[Paragraph], own), language=document.language)
        language = self._language_of_paragraph(_text(part), document)
        if isinstance(part, Sentence):
            part.language = language
            return part
        return part._replace(language=language)

    def _language_of_paragraph(self, text: str, document: _Document) -> str:
        """The language in which a paragraph is tagged."""
        is_serbian = _is_serbian(text)
        if is_serbian or document.language == "serbian":
            text = text.translate(SERBIAN)  # training has Latin letters
        words = list(islice(words_of(text), MAX_PARAGRAPH_WORDS))
        found = "serbian" if is_serbian else self._likeliest(words, document.language)
        if found == document.language:
            return found
        is_there = found in self.languages
        is_known = is_there and self._knows(found, text)
        is_foreign = scripts_of(found).isdisjoint(scripts_of(document.language))
        language = found if is_known or (is_there and is_foreign) else document.language
        self._meet(language, document)
        if not is_known and not document.doubted and document.warn is not None:
            document.doubted = True
            document.warn(
                f"{document.path}: {shorten(text.strip())} looks like a language that is not there; it is tagged as"
                f" {language}"
            )
        return language

    def _likeliest(self, words: Sequence[str], of_document: str) -> str:
        """The language that the words of a paragraph look like; "" if no language is there for their script."""
        is_short = len(words) < PARAGRAPH_WORDS
        foreign = foreign_script(words, of_document)
        if foreign == LATIN and is_short:
            return DEFAULT
        if foreign is None and is_short:
            return of_document
        scores = self._by_language(self._identifier.scores(words))
        is_mixed = not scripts_of(of_document).isdisjoint(map(script_of, "".join(words)))
        if foreign is not None and (is_short or not is_mixed):
            among = [language for language in self.languages if foreign in scripts_of(language)]
            return max([*among, of_document] if is_mixed else among, key=scores.__getitem__, default="")
        likeliest = max(scores, key=scores.__getitem__)
        is_sure = foreign in scripts_of(likeliest) or scores[likeliest] - scores[of_document] > PARAGRAPH_ODDS
        return likeliest if is_sure else of_document

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts; the texts of a language are cut together."""
        languages = [
            paragraph.language or self.language_of(paragraph.text)
            for part in parts
            for paragraph in (part.paragraphs if isinstance(part, JsonText) else [part])
            if not isinstance(paragraph, Sentence)
        ]
        texts = [text for part in parts for text in texts_of(part)]
        cuts: list[list[list[Token]]] = [[] for _ in texts]
        for language in self._loaded_first(languages):
            numbers = [number for number, each in enumerate(languages) if each == language]
            sentences = self.of(language).segment_all([texts[number] for number in numbers])
            for number, cut in zip(numbers, sentences, strict=True):
                cuts[number] = cut
        return iter(cuts)

    def _loaded_first(self, languages: Iterable[str]) -> list[str]:
        """Each language once, those in memory first: if not all fit, only a few are loaded again each time."""
        return sorted(dict.fromkeys(languages), key=lambda language: language not in self._loaded)

    def tag_window(self, window: list[Sentence], request: Request) -> None:
        """Tags sentences, those of a language together."""
        wanted = self.columns if request.columns is None else request.columns
        groups: dict[str, list[Sentence]] = {}
        for sentence in window:
            if sentence.tokens:
                groups.setdefault(sentence.language or DEFAULT, []).append(sentence)
            else:
                _fill(sentence, wanted)
        for language in self._loaded_first(groups):
            tagger = self.of(language)
            columns = [column for column in wanted if column in tagger.columns]
            tagger.tag_window(groups[language], request._replace(columns=columns))
            if missing := [column for column in wanted if column not in columns]:
                for sentence in groups[language]:
                    _fill(sentence, missing)


# It looks at the folders of all taggers, and each line of a file may name a language.
_find_language = lru_cache(maxsize=1000)(find_language)


def _with_named_language(part: Sentence | JsonText, path: str) -> Part:
    """A part that has the language that its key `language` names."""
    if part.language is not None or not isinstance(part.fields.get("language"), str):
        return part
    try:
        language = _find_language(part.fields["language"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if isinstance(part, JsonText):
        own = [each._replace(language=language) for each in part.paragraphs]
        return part._replace(paragraphs=own, language=language)
    part.language = language
    return part


def _text(part: Part) -> str:
    return " ".join(part.tokens) if isinstance(part, Sentence) else part.text


def _fill(sentence: Sentence, columns: Sequence[str]) -> None:
    """Gives a sentence `_` in the columns that its language lacks; what a CoNLL-U file has there stays."""
    for column in columns:
        if sentence.lines is None or column not in sentence.tags:
            sentence.tags = sentence.tags | {column: [NO_TAG] * len(sentence)}


@overload
def load(
    name: None = None, device: str = "auto", precision: str = "auto", *, workers: int = 1, segmenter: str = AUTO
) -> Languages: ...
@overload
def load(name: str | Path, *options: Any, **more: Any) -> Tagger: ...
def load(
    name: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
    segmenter: str = AUTO,
    corpus: str | None = None,
    lexicons: Mapping[str, Path | str] | None = None,
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
    """
    if name is None:
        if (cache_size, corpus, lexicons) != (CACHE_SIZE, None, None):
            raise InputError(f"cache_size, corpus and lexicons need one tagger; name it, such as load({DEFAULT!r})")
        return Languages(device, precision, workers=workers, segmenter=segmenter)
    options = TaggerOptions(device, precision, cache_size, workers, segmenter, corpus, lexicons)
    bundle = Bundle.load(find_tagger(str(name)))
    if not bundle.vocabulary.columns:
        raise InputError(f"{name} has no tags; train a tagger from it with python -m tagger init={name}")
    return Tagger(bundle, options, name=str(name))
