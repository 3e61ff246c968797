"""Text in any of the languages that come with the package -> tagged sentences: finds the language, then its tagger.

The beginning of a document decides its language. A paragraph of at least 8 words has another one if the log odds of
that are 10 better. A language that is not there is refused: of the n words of a text (at least 8) that tell a language,
the tagger of the nearest one must know at least

    0.5 E - 0.57 sqrt(n),

and one word if E is at least 4. E is the number that it knows of as many words of its own dev split.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import DEFAULT, bundled_languages, find_language
from tagger.bundle.language_codes import codes_of
from tagger.bundle.saved_config import read_config
from tagger.bundled import bundled
from tagger.errors import InputError, shorten
from tagger.model.device import choose_device, choose_precision, turn
from tagger.tagging.checks import checked_columns, checked_number, checked_stream
from tagger.tagging.decoding import Request
from tagger.tagging.document_tagger import DocumentTagger
from tagger.tagging.identify import Identifier, words_of
from tagger.tagging.tagger import AUTO, Tagger
from tagger.tagging.windows import cut_windows, first_window
from tagger.tagging.workers import Batch, Workers
from tagger.text.paragraphs import JsonText, Paragraph, Part, texts_of
from tagger.text.segment import RULES
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import NO_TAG

IDENTIFIER = "languages.safetensors"  # a file of `data`
COLUMNS = ("upos", "xpos", "feats", "lemma")  # of the output, whatever the language
BEGINNING = 1 << 16  # characters that decide the language of a document
OWN_WORDS, MAX_WORDS, OWN_ODDS = 8, 50, 10.0  # of a paragraph; more words are not looked at
SURE_ODDS = 3.0  # log odds from which a text is taken to have a language that is not there
CHECKED_WORDS, CHECKED_CHARACTERS = 8, 3_000  # at least, and at most, of the text whose words are counted
KNOWN_SHARE, CAUTION, FEW_KNOWN = 0.5, 0.57, 4  # of the formula above
KNOWN = 0.5  # E / n, where the config of a tagger does not say it
LICENCE = "CC BY-SA 4.0"  # of the taggers
THIN = "this tagger is thin: it is more than four points of UPOS behind the best one of its language"
FORMS = 20_000  # that each tagger remembers


class LanguageTagger(DocumentTagger):
    """The taggers of all languages that come with the package, as one. Threads may share it.

    Every sentence that it returns has a `language`. What it does with a document follows from the document alone, and
    the sentences of a call are one document. `columns` are those of all languages; in a sentence whose language lacks
    one, `_` stands there, or what a CoNLL-U file has there.

    Attributes:
        notice: is called with a line for people when a language is met for the first time, when its tagger is thin, and
            when paragraphs of a document look like a language that is not there.
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
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """Loads nothing yet. The options are those of each tagger; `segmenter` is auto or the name of rules."""
        checked_number("workers", workers, 1)
        if segmenter not in (AUTO, *RULES):
            known = ", ".join((AUTO, *RULES))
            raise InputError(f"segmenter {shorten(str(segmenter))}: all languages together have {known}")
        self.columns = list(COLUMNS)
        self.device = choose_device(device)
        choose_precision(precision, self.device)
        self._options = device, precision, FORMS, 1, segmenter
        self._loaded: dict[str, Tagger] = {}
        self.notice = notice
        self._met: set[str] = set()
        self._doubted = ""  # the document whose paragraphs were said to be doubtful last
        self.workers = Workers(self, workers if self.device == "cpu" else 1)

    def __repr__(self) -> str:
        return f"LanguageTagger({len(self.languages)} languages)"

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process loads its own."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_identifier"}
        return {**kept, "_loaded": {}, "notice": None}

    @property
    def config(self) -> dict[str, Any]:
        """What all of the taggers have in common."""
        return {"license": LICENCE}

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """No tags can be given; see `stream`."""
        return {}

    @cached_property
    def languages(self) -> list[str]:
        """The names of the languages."""
        known = bundled_languages()
        return [name for name in self._identifier.languages if name in known]

    @cached_property
    def _identifier(self) -> Identifier:
        return Identifier.load(bundled("data") / IDENTIFIER)

    def of(self, language: str) -> Tagger:
        """The tagger of a language (see `find_language`), which stays in memory."""
        with turn:
            if language not in self._loaded:
                language = find_language(language)
            if language not in self._loaded:
                self._loaded[language] = Tagger(Bundle.load(_folder(language)), *self._options, name=language)
            return self._loaded[language]

    def language_of(self, text: str, path: str = "the text") -> str:
        """The language of a text, of which 65,536 characters are read; InputError if it is none that is there."""
        text = text[:BEGINNING]
        words = list(words_of(text))
        if not words:
            return DEFAULT
        scores = dict(zip(self._identifier.languages, self._identifier.scores(words).tolist(), strict=True))
        language = max(scores, key=scores.__getitem__)
        nearest = max(self.languages, key=scores.__getitem__)
        if scores[language] - scores[nearest] < SURE_ODDS:
            language = nearest
        if language not in self.languages:
            raise InputError(
                f"{path} looks like {language.title()}, for which no tagger comes with the package; python -m tagger"
                " models lists the languages; if it is one of them, name it, such as --language en"
            )
        place = self._identifier.languages.index(language)
        lines = (line for line in text.split("\n") if self._identifier.scores(words_of(line)).argmax() == place)
        if not self._knows(language, "\n".join(lines) or text):
            code = codes_of(language)[0]
            raise InputError(
                f"{path} looks most like {language.title()}, but few of its words are known: its language may be one"
                " that python -m tagger models does not list; if it is"
                f' {language.title()}, name it: --language {code}, load("{code}"), or model {code} of the service'
            )
        return language

    def _knows(self, language: str, text: str) -> bool:
        """Whether the tagger of a language knows enough words of a text; few words say nothing."""
        words = telling_words(text[:CHECKED_CHARACTERS])
        if len(words) < CHECKED_WORDS:
            return True
        tagger = self.of(language)
        known = sum(word in tagger.vocabulary.word_ids for word in words)
        expected = len(words) * float(tagger.config.get("known", KNOWN))
        least = KNOWN_SHARE * expected - CAUTION * math.sqrt(len(words))
        return known >= least and (known > 0 or expected < FEW_KNOWN)

    def told(self, parts: Iterable[Part], path: str = "the text") -> Iterator[Part]:
        """The parts of a document, each with its language; a line of JSON may name one in its key `language`."""
        stream = map(_with_own_language, parts)
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
        self._meet(language, path)
        for part in chain(beginning, stream):
            yield part if part.language is not None else self._with_language(part, language, path)

    def _meet(self, language: str, path: str) -> None:
        """Says that a document has text of a language, the first time, and whether the tagger is thin."""
        if self.notice is not None and language not in self._met:
            self._met.add(language)
            self.notice(f"language: {language} ({path})")
            if read_config(_folder(language)).get("thin"):
                self.notice(f"{language}: {THIN}")

    def _doubt(self, text: str, language: str, path: str) -> None:
        """Says, once for a document, that a paragraph looks like a language that is not there."""
        if self.notice is not None and self._doubted != path:
            self._doubted = path
            self.notice(
                f"{path}: {shorten(text.strip())} looks like a language that is not there; it is tagged as {language}"
            )

    def _with_language(self, part: Part, language: str, path: str) -> Part:
        """A part with its language, which is that of its document, if it does not look like another one."""
        if isinstance(part, JsonText):
            own = [self._with_language(paragraph, language, path) for paragraph in part.paragraphs]
            return part._replace(paragraphs=cast(list[Paragraph], own), language=language)
        words = list(islice(words_of(_text(part)), MAX_WORDS))
        if len(words) >= OWN_WORDS:
            scores = self._identifier.scores(words)
            best = self._identifier.languages[int(scores.argmax())]
            place = self._identifier.languages.index(language)
            if scores.max() - scores[place] > OWN_ODDS:
                if best in self.languages and self._knows(best, _text(part)):
                    language = best
                    self._meet(language, path)
                else:
                    self._doubt(_text(part), language, path)
        if isinstance(part, Sentence):
            part.language = language
            return part
        return part._replace(language=language)

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """See `DocumentTagger.cuts_of`; the texts of a language are cut together."""
        own = [
            paragraph.language or self.language_of(paragraph.text)
            for part in parts
            for paragraph in (part.paragraphs if isinstance(part, JsonText) else [part])
            if not isinstance(paragraph, Sentence)
        ]
        texts = [text for part in parts for text in texts_of(part)]
        found: list[list[list[Token]]] = [[] for _ in texts]
        for language in dict.fromkeys(own):
            places = [place for place, each in enumerate(own) if each == language]
            cuts = self.of(language).segment_all([texts[place] for place in places])
            for place, cut in zip(places, cuts, strict=True):
                found[place] = cut
        return iter(found)

    def tag_window(self, window: list[Sentence], request: Request, fixed_shapes: bool = False) -> None:
        """See `DocumentTagger.tag_window`; the sentences of a language are tagged together."""
        wanted = self.columns if request.columns is None else request.columns
        groups: dict[str, list[Sentence]] = {}
        for sentence in window:
            if sentence.tokens:
                groups.setdefault(sentence.language or DEFAULT, []).append(sentence)
            else:
                _fill(sentence, wanted)
        for language, own in groups.items():
            tagger = self.of(language)
            there = [column for column in wanted if column in tagger.columns]
            tagger.tag_window(own, request._replace(columns=there), fixed_shapes)
            for sentence in own:
                _fill(sentence, [column for column in wanted if column not in there])

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """Tags sentences as they come, after the first 65,536 characters; those without a language are one document."""
        if keep:
            raise InputError("tags can be kept in one language alone; load its tagger by name")
        request = Request(checked_columns(columns, self.columns), checked_number("top", top, 1), probabilities)
        return self._stream(checked_stream(sentences), request, first_window(sentences, self.workers.count))

    def _stream(self, sentences: Iterator[Sentence], request: Request, first: int) -> Iterator[Sentence]:
        told = cast(Iterator[Sentence], self.told(sentences))
        batches = (Batch(window, window, sum(map(len, window))) for window in cut_windows(told, first))
        for window, found in self.workers.map(partial(_tagged, request=request), batches):
            for sentence, values in zip(window, found, strict=True):
                sentence.tags, sentence.probabilities, sentence.alternatives = values
            yield from window


def _tagged(tagger: LanguageTagger, window: list[Sentence], request: Request) -> list[tuple[Any, Any, Any]]:
    tagger.tag_window(window, request)
    return [(sentence.tags, sentence.probabilities, sentence.alternatives) for sentence in window]


def telling_words(text: str) -> list[str]:
    """The words of a text that tell its language: short words are alike in many languages, but in some scripts."""
    return [word for word in words_of(text) if len(word) > 2 or not word.isascii()]


@lru_cache(maxsize=1000)  # to find one looks at the folders of all taggers, and each line of a file may name one
def _there(language: str) -> str | None:
    """The name of the tagger of a language; None if there is none."""
    try:
        return find_language(language)
    except InputError:
        return None


def _with_own_language(part: Part) -> Part:
    """A part that has the language that its key `language` names, if it is one that is there."""
    if isinstance(part, Paragraph) or part.language is not None or not isinstance(part.fields.get("language"), str):
        return part
    language = _there(part.fields["language"])
    if language is None:
        return part
    if isinstance(part, JsonText):
        own = [each._replace(language=language) for each in part.paragraphs]
        return part._replace(paragraphs=own, language=language)
    part.language = language
    return part


def _text(part: Part) -> str:
    return " ".join(part.tokens) if isinstance(part, Sentence) else part.text


def _folder(language: str) -> Path:
    return bundled("data") / language


def _fill(sentence: Sentence, columns: Sequence[str]) -> None:
    """Gives a sentence `_` in the columns that its language lacks; what a CoNLL-U file has there stays."""
    for column in columns:
        if sentence.lines is None or column not in sentence.tags:
            sentence.tags = sentence.tags | {column: [NO_TAG] * len(sentence)}
