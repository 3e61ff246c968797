"""Text in any of the languages that come with the package -> tagged sentences: finds the language, then its tagger.

The beginning of a document decides its language. A paragraph of some words may have another one, if it looks much more
like that. A language that is not there is refused: too few of the words are known to the tagger of the nearest one.
"""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain, islice
from typing import Any, cast

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_languages, find_tagger
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.model.device import choose_device
from tagger.tagging.batches import BATCH_TOKENS
from tagger.tagging.checks import checked_columns, checked_number, checked_sentences, checked_stream, checked_tokens
from tagger.tagging.decoding import Request
from tagger.tagging.identify import Identifier, words_of
from tagger.tagging.tagger import AUTO, Tagger
from tagger.tagging.windows import cut_windows
from tagger.tagging.workers import Batch, Workers
from tagger.text.format import Part
from tagger.text.paragraphs import JsonText, Paragraph
from tagger.text.readers import cut_parts, read_parts, texts_of
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import NO_TAG

IDENTIFIER = "languages.safetensors"  # a file of `data`
COLUMNS = ("upos", "xpos", "feats", "lemma")  # of the output, whatever the language
DEFAULT_LANGUAGE = "english"  # of a document without words
BEGINNING = 1 << 16  # characters that decide the language of a document
MAX_WORDS = 50  # of a paragraph that are looked at
OWN_WORDS = 8  # words with which a paragraph may have a language of its own
OWN_ODDS = 10.0  # log odds for that, against the language of the document
SURE_ODDS = 3.0  # log odds from which a text is taken to have a language that is not there
CHECKED_WORDS = 12  # words of a beginning from which it is checked that its language is there
KNOWN_SHARE = 0.3  # of the words of a document that the tagger of its language must know
UNSPACED = ("chinese", "japanese", "thai")  # whose words no spaces separate, so that they cannot be counted
LICENCE = "CC BY-SA 4.0"  # of the taggers
THIN = "this tagger is thin: it had little to learn from, and makes more errors than others"
MAX_LOADED = 8  # taggers in memory


class LanguageTagger:
    """The taggers of all languages that come with the package, as one. Threads may share it.

    It has the methods of `Tagger`, and every sentence that it returns has a `language`. What it does with a document
    follows from the document alone.

    Attributes:
        columns: those of all languages; a tagger that lacks one writes `_`.
        workers: processes, for large amounts of text.
        notice: is called with a line for people when a language is met for the first time, and when its tagger is thin.
    """

    takes_text = True
    has_fixed_shapes = True

    def __init__(
        self,
        device: str = "auto",
        precision: str = "auto",
        workers: int = 1,
        segmenter: str = AUTO,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """Loads nothing yet.

        Args:
            device, precision, workers, segmenter: as for `load`, of each tagger.
            notice: see there.
        """
        checked_number("workers", workers, 1)
        self.columns = list(COLUMNS)
        self.device = choose_device(device)
        self._options = device, precision, BATCH_TOKENS, 1, segmenter
        self._loaded: OrderedDict[str, Tagger] = OrderedDict()
        self._turn = threading.RLock()  # of `_loaded`
        self.notice = notice
        self._said: set[str] = set()
        self.workers = Workers(self, workers)

    def __repr__(self) -> str:
        return f"LanguageTagger({len(self.languages)} languages)"

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process loads its own taggers."""
        return {**self.__dict__, "_loaded": OrderedDict(), "notice": None, "_turn": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())

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

    def close(self) -> None:
        """Ends the worker processes; they start again when they are needed."""
        self.workers.close()

    def of(self, language: str) -> Tagger:
        """The tagger of a language; a few are kept in memory."""
        with self._turn:
            if language not in self._loaded:
                while len(self._loaded) >= MAX_LOADED:
                    self._loaded.popitem(last=False)
                tagger = Tagger(Bundle.load(find_tagger(language)), *self._options, name=language)
                if tagger.config.get("thin"):
                    self._say(f"{language}: {THIN}")
                self._loaded[language] = tagger
            self._loaded.move_to_end(language)
            return self._loaded[language]

    def language_of(self, text: str, path: str = "the text") -> str:
        """The language of a text.

        Args:
            text: any; its first 65,536 characters are read.
            path: for messages.

        Raises:
            InputError: it is none of the languages that are there.
        """
        words = list(words_of(text[:BEGINNING]))
        if not words:
            return DEFAULT_LANGUAGE
        scores = dict(zip(self._identifier.languages, self._identifier.scores(words).tolist(), strict=True))
        language = max(scores, key=scores.__getitem__)
        nearest = max(self.languages, key=scores.__getitem__)
        if scores[language] - scores[nearest] < SURE_ODDS:
            language = nearest
        is_there = language in self.languages
        if is_there and language not in UNSPACED and len(words) >= CHECKED_WORDS:
            known = self.of(language).bundle.vocabulary.word_ids
            is_there = sum(word in known for word in words) >= KNOWN_SHARE * len(words)
        if not is_there:
            raise InputError(
                f"{path}: none of the {len(self.languages)} languages that are there (nearest: {language}); name a"
                " tagger, --model NAME, if it is one; python -m tagger models lists them"
            )
        return language

    def told(self, parts: Iterable[Part], path: str = "the text") -> Iterator[Part]:
        """The parts of a document, each with its language; see the module.

        Raises:
            InputError: as `language_of`.
        """
        stream = iter(parts)
        beginning: list[Part] = []
        size = 0
        for part in stream:
            beginning.append(part)
            size += 1 + len(_text(part))
            if size >= BEGINNING:
                break
        language = self.language_of("\n".join(map(_text, beginning)), path)
        self._say(f"language: {language}", f" ({path})")
        place = self._identifier.languages.index(language)
        for part in chain(beginning, stream):
            yield self._with_language(part, language, place)

    def _say(self, line: str, more: str = "") -> None:
        """Says a line once."""
        if self.notice is not None and line not in self._said:
            self._said.add(line)
            self.notice(line + more)

    def _with_language(self, part: Part, language: str, place: int) -> Part:
        if isinstance(part, JsonText):
            own = [self._with_language(paragraph, language, place) for paragraph in part.paragraphs]
            return part._replace(paragraphs=cast(list[Paragraph], own))
        words = list(islice(words_of(_text(part)), MAX_WORDS))
        if len(words) >= OWN_WORDS:
            scores = self._identifier.scores(words)
            best = int(scores.argmax())
            if scores[best] - scores[place] > OWN_ODDS and self._identifier.languages[best] in self.languages:
                language = self._identifier.languages[best]
        if isinstance(part, Sentence):
            part.language = language
            return part
        return part._replace(language=language)

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """See `Tagger.cuts_of`; the texts of a language are cut together."""
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
        """See `Tagger.tag_window`; the sentences of a language are tagged together."""
        wanted = self.columns if request.columns is None else request.columns
        groups: dict[str, list[Sentence]] = {}
        for sentence in window:
            groups.setdefault(sentence.language or DEFAULT_LANGUAGE, []).append(sentence)
        for language, own in groups.items():
            tagger = self.of(language)
            there = [column for column in wanted if column in tagger.columns]
            tagger.tag_window(own, request._replace(columns=there), fixed_shapes)
            for sentence in own:
                _fill_blank(sentence, wanted, request)

    def tag(self, tokens: Sequence[str], column: str | None = None) -> list[str]:
        """The tags of one sentence; see `Tagger.tag`."""
        return self.tag_sentences([checked_tokens(tokens)], column)[0]

    def tag_sentences(self, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[list[str]]:
        """The tags of many sentences, whose tokens together decide their language; see `Tagger.tag_sentences`."""
        (column,) = checked_columns([column or self.columns[0]], self.columns) or self.columns[:1]
        plain = [Sentence(tokens) for tokens in checked_sentences(sentences)]
        language = self.language_of("\n".join(" ".join(sentence.tokens) for sentence in plain))
        for sentence in plain:
            sentence.language = language
        return [tagged.tags[column] for tagged in self.stream(plain, columns=[column])]

    def annotate(self, source: str | list[str] | tuple[str, ...], top: int = 1) -> list[Sentence] | Sentence:
        """All columns with probabilities; see `Tagger.annotate`."""
        if not isinstance(source, str):
            return next(self.stream([Sentence(checked_tokens(source))], probabilities=True, top=top))
        parts = self.told(read_parts(io.StringIO(source), "the text", "text"))
        return list(self.stream(cut_parts(parts, self.cuts_of), probabilities=True, top=top))

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """Tags sentences as they come; see `Tagger.stream`. Those without a language are looked at as one document.

        Raises:
            InputError: as `Tagger.stream`; or `keep` is asked for, which needs the tags of one language.
        """
        if keep:
            raise InputError("tags can be kept in one language alone; load its tagger by name")
        request = Request(checked_columns(columns, self.columns), checked_number("top", top, 1), probabilities)
        return self._stream(checked_stream(sentences), request)

    def _stream(self, sentences: Iterator[Sentence], request: Request) -> Iterator[Sentence]:
        first = next(sentences, None)
        if first is None:
            return
        parts = chain([first], sentences)
        told = parts if first.language else self.told(parts)
        batches = (Batch(None, window, sum(map(len, window))) for window in cut_windows(told))
        for _, window in self.workers.map(partial(_tagged, request=request), batches):
            yield from window


def _tagged(tagger: LanguageTagger, window: list[Sentence], request: Request) -> list[Sentence]:
    tagger.tag_window(window, request)
    return window


def _text(part: Part) -> str:
    return " ".join(part.tokens) if isinstance(part, Sentence) else part.text


def _fill_blank(sentence: Sentence, columns: Sequence[str], request: Request) -> None:
    """Gives a sentence `_` in the columns that its language lacks."""
    size = len(sentence)
    for column in columns:
        if column not in sentence.tags or (request.probabilities and column not in sentence.probabilities):
            sentence.tags[column] = [NO_TAG] * size
            if request.probabilities:
                sentence.probabilities[column] = [1.0] * size
            if request.top > 1:
                sentence.alternatives[column] = [[(NO_TAG, 1.0)] for _ in range(size)]
