"""`Tagger`, which users hold: tokens or text come in, tagged sentences go out, any number of them."""

import io
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar, cast

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError, shorten
from tagger.tagging.engine import Engine
from tagger.tagging.tagger_options import (
    AUTO,
    Request,
    TaggerOptions,
    checked_column,
    checked_columns,
    checked_least,
    checked_tokens,
)
from tagger.tagging.workers import WorkBatch, Workers, uncollected
from tagger.text.files import read_lines
from tagger.text.formats import read_parts
from tagger.text.paragraphs import MAX_GROUP, JsonText, Part, cut_parts, cut_texts, grouped, sentences_of
from tagger.text.sentence import LANGUAGE, Document, Sentence, Token
from tagger.text.strings import NO_TAG
from tagger.text.tags import Lexicon, read_lexicon, unknown_tag
from tagger.words.segment import RULES, RuleSegmenter, Segmenter

# Bytes in memory for each byte of weights, with what the engine makes of them, and for each form of training. They are
# the increase of memory, over 43 taggers, without dictionaries, which lie in files that are mapped into memory.
WEIGHT_BYTES, FORM_BYTES = 2.5, 500
WINDOW_TOKENS = 48_000  # of the largest windows: parts of a stream that are tagged all at once
FIRST_WINDOW = 1_000  # the first window of a stream is small, so that the first sentences come soon; then they double
# The first one of a list that one process tags: few and large batches are faster. With the same first window for any
# number of processes, either one loses up to 11 % of its speed (8,000), or several half of theirs (16,000).
LIST_WINDOW = 16_000
WINDOW_SENTENCES = 8_000
MAX_SPACED_SHARE = 0.01  # with a larger share of forms with spaces, no rule can find the tokens of running text

Tokens = TypeVar("Tokens", bound=Sized)


class DocumentTagger(ABC):
    """What tags tokens, texts and streams: the tagger of one language, `Tagger`, or of all as one, `Languages`."""

    columns: list[str]  # of tags; the first is the default
    language: str | None = None  # of a tagger that comes with the package
    device: str
    workers: Workers  # processes with copies of this tagger, for large amounts of text
    takes_text: bool  # whether running text can be cut into the tagger's words
    has_fixed_shapes: bool  # see `Engine`

    @property
    @abstractmethod
    def known_tags(self) -> dict[str, Collection[str]]:
        """For each column the tags that may be given; lemmas are not limited, so their column is missing."""

    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterable[Part]:
        """The parts of a document, with their language if there are several, or if they claim to have another.

        `path` is that of the document, for messages, and `warn` gets each warning about the document, a line.
        """
        return parts if self.language is None else (_tagged_as(part, self.language) for part in parts)

    @abstractmethod
    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts of documents."""

    @abstractmethod
    def tag_window(self, window: list[Sentence], request: Request) -> None:
        """Tags sentences in this process, all at once; see `stream`."""

    def close(self) -> None:
        """Ends the worker processes; they start again when they are needed."""
        self.workers.close()

    def tag(self, tokens: Sequence[str], column: str | None = None) -> list[str]:
        """The tags of one sentence, one per token, of a column such as `upos`; of the first one by default."""
        return self.tag_sentences([tokens], column)[0]

    def tag_sentences(self, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[list[str]]:
        """The tags of many sentences.

        The sentences are computed together, so a sum may be rounded differently than for one sentence alone: see
        "Precision" in the documentation of tagging.
        """
        column = self.columns[0] if column is None else column
        plain = [Sentence(checked_tokens(tokens)) for tokens in sentences]
        return [tagged.tags[column] for tagged in self.stream(plain, columns=[column])]

    def annotate(self, source: str | Sequence[str], top: int = 1) -> Document:
        """The sentences of a text, or one sentence that is given as tokens, with all columns and probabilities.

        Of many texts, `pipe` is faster.

        A text is read as `python -m tagger tag` reads a file; its sentences get offsets in characters. With `top` of 2
        or more, the best alternatives are kept too.
        """
        if isinstance(source, str):
            return next(self._documents([source], top))
        tokens = checked_tokens(source)
        sentence = Sentence(tokens, language=self.language)
        return Document(self.stream([sentence], probabilities=True, top=top), " ".join(tokens), self.columns)

    __call__ = annotate

    def pipe(self, texts: Iterable[str], top: int = 1, skip_refused: bool = False) -> Iterator[Document]:
        """A document for each text, in order. Texts are tagged together, about 50,000 characters at a time.

        With `skip_refused`, a text in a language that is not there gives a document without sentences, whose `refused`
        says why.

        Raises:
            InputError: a text is refused. The documents of the texts before it have come; the message has its number.
        """
        if isinstance(texts, str):
            raise InputError(f"pipe takes many texts; call the tagger for one, such as {shorten(texts)}")
        return self._documents(texts, top, skip_refused, numbered=True)

    def _documents(
        self, texts: Iterable[str], top: int, skip_refused: bool = False, numbered: bool = False
    ) -> Iterator[Document]:
        """A document for each text; see `pipe`. Errors say the number of a text if texts are `numbered`."""
        before = 0
        for group in grouped(texts, _length, MAX_GROUP, 4 * MAX_GROUP):
            names = [f"text {before + number}" if numbered else "the text" for number, _ in enumerate(group, 1)]
            cut, refused = self._cut(group, names, skip_refused)
            tagged = self.stream([*chain.from_iterable(cut)], probabilities=True, top=top)
            for number, sentences in enumerate(cut):
                document = Document(islice(tagged, len(sentences)), group[number], self.columns)
                document.refused = refused.get(number)
                yield document
            if refused and not skip_refused:
                hint = "; skip_refused=True goes on" if numbered else ""
                raise InputError(refused[len(cut)] + hint)
            before += len(group)

    @uncollected()
    def _cut(
        self, texts: Sequence[str], names: Sequence[str], skip_refused: bool
    ) -> tuple[list[list[Sentence]], dict[int, str]]:
        """The sentences of each text up to the first that is refused, or of all; and why texts are, by their places."""
        parts: list[list[Part]] = []
        refused: dict[int, str] = {}
        for text, name in zip(texts, names, strict=True):
            try:
                parts.append(list(self.with_languages(read_parts(io.StringIO(text), name, "text"), name)))
            except InputError as error:
                refused[len(parts)] = str(error)
                if not skip_refused:
                    break
                parts.append([])
        if len(texts) == 1:  # which may be long
            cut = [list(cut_parts(own, self.cuts_of, first=MAX_GROUP)) for own in parts]
        else:
            cuts = self.cuts_of([*chain.from_iterable(parts)])
            cut = [[sentence for part in own for sentence in sentences_of(part, cuts)] for own in parts]
        for sentence in chain.from_iterable(cut):
            sentence.language = sentence.language or self.language
        return cut, refused

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """Tags sentences as they come and yields them in order; those of a list in larger batches, which is faster.

        At most a few windows of a stream are in memory. Every sentence must be an object of its own. Its `tags` are
        replaced by a new mapping that has the predictions of this tagger in all of its columns, or in those of
        `columns`. With `probabilities` the probabilities of the tags are filled in, with `top` of 2 or more the best
        alternatives. With `keep`, tags that a sentence has stay as they are, and the other tags are chosen to fit
        them; `_` stands for a tag that is to be found. A lemma that is given changes no other tag.
        """
        checked_least("top", top, 1)
        wanted = checked_columns(columns, self.columns)
        request = Request(wanted, top, probabilities, keep)
        first = LIST_WINDOW if isinstance(sentences, list) and self.workers.count == 1 else FIRST_WINDOW
        stream = cast(Iterable[Sentence], self.with_languages(sentences))
        if keep:
            stream = _checked_given(stream, {c: tags for c, tags in self.known_tags.items() if c in wanted})
        return self._stream(stream, request, first)

    def _stream(self, sentences: Iterable[Sentence], request: Request, first: int) -> Iterator[Sentence]:
        batches = (WorkBatch(window, window, sum(map(len, window))) for window in cut_windows(sentences, first))
        for window, found in self.workers.map(partial(_tagged, request=request), batches):
            for sentence, values in zip(window, found, strict=True):
                sentence.tags, sentence.probabilities, sentence.alternatives = values
            yield from window


def cut_windows(sentences: Iterable[Tokens], first: int = FIRST_WINDOW) -> Iterator[list[Tokens]]:
    """Cuts a stream into windows; the first has about `first` tokens."""
    return grouped(sentences, len, first, WINDOW_TOKENS, count=WINDOW_SENTENCES)


def _tagged_as(part: Part, language: str) -> Part:
    """A part that is tagged in a language; what it says of its language follows."""
    if isinstance(part, Sentence) and ("language" in part.fields or any(c.startswith(LANGUAGE) for c in part.comments)):
        part.language = language
    elif isinstance(part, JsonText) and "language" in part.fields:
        own = [each._replace(language=language) for each in part.paragraphs]
        part = part._replace(paragraphs=own, language=language)
    return part


def _length(text: str) -> int:
    if not isinstance(text, str):
        raise InputError(f"a text is a string, and {shorten(repr(text))} is none; tokens go to annotate or tag")
    return len(text)


def _tagged(tagger: DocumentTagger, window: list[Sentence], request: Request) -> list[tuple[Any, Any, Any]]:
    """What a process sends back of a window."""
    tagger.tag_window(window, request)
    return [(sentence.tags, sentence.probabilities, sentence.alternatives) for sentence in window]


def _checked_given(sentences: Iterable[Sentence], known: Mapping[str, Collection[str]]) -> Iterator[Sentence]:
    """The sentences, whose tags are to be kept."""
    for sentence in sentences:
        if (unknown := unknown_tag(sentence, known)) is not None:
            raise InputError(unknown[1])
        yield sentence


class Tagger(DocumentTagger):
    """A trained tagger. Threads may share it: they take turns; see `device.own_turn`.

    What it finds depends on the sentences of a call alone, not on what it tagged before. A stream gives the same to the
    bit with any number of workers. One worker cuts a list into larger windows than several do, so the last digits of
    probabilities may differ, not the tags.
    """

    def __init__(
        self, bundle: Bundle, options: TaggerOptions | None = None, name: str = "", columns: Sequence[str] | None = None
    ) -> None:
        """Puts a bundle to work, whose networks are moved to the device; `load` makes a tagger of a folder.

        `name` is that of the tagger or its folder, as `load` was given it. `columns` are those of the output; `_`
        stands in one that the tagger has not learned. None: those that it has learned.
        """
        self.options = options = options or TaggerOptions()
        self.bundle, self.name, self.device = bundle, name, options.device
        self.vocabulary, self.config = bundle.vocabulary, bundle.config
        self.columns = self.vocabulary.columns if columns is None else list(columns)
        corpora = self.vocabulary.corpora
        if options.corpus is not None and options.corpus not in corpora:
            known = f"choose one of {', '.join(corpora)}" if corpora else "it was trained on a single one; leave it out"
            raise InputError(f"this tagger knows no corpus {shorten(options.corpus)}; {known}")
        self.segmenter = _segmenter(bundle, options.segmenter, name)
        self.lexicons = self._read_lexicons(options.lexicons) if options.lexicons else {}
        for member in bundle.members:
            member.network.eval().to(self.device)
        self.engine = Engine(bundle, options, self.lexicons)
        self.has_fixed_shapes = self.engine.has_fixed_shapes
        spaced = [form for form in self.vocabulary.forms if " " in form]
        rare = len(spaced) <= MAX_SPACED_SHARE * len(self.vocabulary.forms)
        self.takes_text = rare or not isinstance(self.segmenter, RuleSegmenter)
        self._spaced = None if rare else spaced[len(spaced) // 2]  # an example of training
        self.workers = Workers(self, options.workers)

    def __repr__(self) -> str:
        return f"Tagger({self.name!r}, columns={self.columns}, device={self.device!r})"

    @property
    def nbytes(self) -> int:
        """About how much memory it takes; more when it has met many words."""
        weights = sum(each.nbytes for member in self.bundle.members for each in member.network.parameters())
        return int(WEIGHT_BYTES * weights) + FORM_BYTES * len(self.vocabulary.forms) + self.engine.cached_bytes

    def segment(self, paragraph: str) -> list[list[Token]]:
        """Sentences and tokens of a paragraph."""
        return self.segment_all([paragraph])[0]

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph and their tokens. How a paragraph is cut depends on that paragraph alone.

        A learned segmenter is many times faster with many paragraphs at a time.
        """
        if isinstance(paragraphs, str):
            raise InputError(f"segment_all takes a list of paragraphs, not {shorten(paragraphs)}; use segment for one")
        if not paragraphs:
            return []
        if not self.takes_text:
            raise InputError(
                f"this tagger learned words with spaces inside ({self._spaced!r}), which no rule finds in running text;"
                " give it tokens (--input tokens, conllu or jsonl), or train it a segmenter (init=FOLDER"
                " trainer.max_epochs=0)"
            )
        return self.engine.reader.cut(paragraphs, self.segmenter)

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts, cut together."""
        return cut_texts(self.segment_all, parts)

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """For each column the tags that may be given."""
        return {c: ids for c, ids in self.vocabulary.tag_ids.items() if not self.vocabulary.codecs[c].edits}

    def tag_window(self, window: list[Sentence], request: Request) -> None:
        """Tags sentences, all at once, under the constraints of lexicons and of tags that are given."""
        given = {
            column: [tag for each in window for tag in each.tags.get(column) or [NO_TAG] * len(each)]
            for column in (self.vocabulary.columns if request.keep else ())
            if any(column in sentence.tags for sentence in window)
        }
        reading = self.engine.reader.read([sentence.tokens for sentence in window], given)
        wanted = self.columns if request.columns is None else request.columns
        lacking = self.lacking(wanted)
        request = request._replace(columns=[column for column in wanted if column not in lacking])
        self.engine.fill(window, reading, self.engine.tag(reading, request), request)
        for column in lacking:
            for sentence in window:
                if sentence.lines is None or column not in sentence.tags:  # what a CoNLL-U file has there stays
                    sentence.tags[column] = [NO_TAG] * len(sentence)

    def lacking(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that the tagger has not learned."""
        return [column for column in columns if column not in self.vocabulary.columns]

    def _read_lexicons(self, files: Mapping[str, Path | str]) -> dict[str, Lexicon]:
        """The lexicons of columns; an empty name stands for the first column."""
        lexicons: dict[str, Lexicon] = {}
        for name, file in files.items():
            column = checked_column(name or self.columns[0], self.vocabulary.columns)
            if column in lexicons:
                raise InputError(f"{file}: the column {column} has another lexicon already; join the two files")
            if self.vocabulary.codecs[column].edits:
                raise InputError(f"{file}: the column {column} can have no lexicon, because its tags are edit scripts")
            ids = self.vocabulary.tag_ids[column]
            lexicons[column] = read_lexicon(read_lines(str(file), option=""), str(file), ids, column)
        return lexicons

    def retag(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, dict[str, list[str]]]]:
        """Tags sentences that have gold tags; yields each, with probabilities, beside its gold tags."""
        gold: deque[dict[str, list[str]]] = deque()

        def remembered() -> Iterator[Sentence]:
            for sentence in sentences:
                gold.append(sentence.tags)
                yield sentence

        for tagged in self.stream(remembered(), probabilities=True):
            yield tagged, gold.popleft()


def _segmenter(bundle: Bundle, choice: str, name: str) -> Segmenter:
    """What cuts text for a tagger."""
    own = bundle.segmenter
    if choice in RULES:
        return RuleSegmenter(choice, bundle.conventions)
    if not isinstance(own, str):
        return own
    if choice == AUTO:
        return RuleSegmenter(own, bundle.conventions)
    corpus = shorten(str(bundle.config.get("corpus")))
    raise InputError(
        f"{name or 'this tagger'} has no learned segmenter: it was trained on {corpus} with the rules {own}; train it"
        f" one (python -m tagger init={name or 'FOLDER'} trainer.max_epochs=0 corpus=...), or"
        " leave out --segmenter learned"
    )
