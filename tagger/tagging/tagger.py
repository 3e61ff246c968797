"""`Tagger`, which users hold: tokens or text come in, tagged sentences go out, any number of them."""

import io
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, overload

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError, shorten
from tagger.model.decoder import Decoded
from tagger.segmenter.learned import LearnedSegmenter
from tagger.tagging.arguments import (
    AUTO,
    TaggerOptions,
    check_corpus,
    checked_column,
    checked_columns,
    checked_given,
    checked_number,
    checked_sentences,
    checked_stream,
    checked_texts,
    checked_tokens,
    read_lexicons,
)
from tagger.tagging.decoding import GivenTags, Request, constraints_of, fill, given_tags
from tagger.tagging.engine import Engine
from tagger.tagging.windows import cut_windows, first_window
from tagger.tagging.workers import WorkBatch, Workers
from tagger.text.formats import read_parts
from tagger.text.paragraphs import Part, cut_parts, cut_texts
from tagger.text.segment import RULES, RuleSegmenter, Segmenter
from tagger.text.sentence import Sentence, Token

# Bytes in memory for each byte of weights, with what the engine makes of them, and for each form of training. They are
# the increase of memory, over 43 taggers, without dictionaries, which lie in files that are mapped into memory.
WEIGHT_BYTES, FORM_BYTES = 2.5, 500
MAX_SPACED_SHARE = 0.01  # with a larger share of forms with spaces, no rule can find the tokens of running text


class DocumentTagger(ABC):
    """What all taggers do with tokens and texts: `Tagger`, and those of all languages as one, `LanguageTagger`.

    Attributes:
        columns: the tag columns; the first is the default.
        device: where it computes.
        workers: processes with copies of this tagger, for large amounts of text.
        takes_text: whether running text can be cut into the tagger's words.
        has_fixed_shapes: see `Engine`.
    """

    columns: list[str]
    device: str
    workers: Workers[Any]
    takes_text: bool
    has_fixed_shapes: bool

    def close(self) -> None:
        """Ends the worker processes; they start again when they are needed."""
        self.workers.close()

    def tag(self, tokens: Sequence[str], column: str | None = None) -> list[str]:
        """The tags of one sentence, one per token, of a column such as `upos`; of the first one by default."""
        return self.tag_sentences([checked_tokens(tokens)], column)[0]

    def tag_sentences(self, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[list[str]]:
        """The tags of many sentences; see `tag`.

        The sentences are computed together, so a sum may be rounded differently than for one sentence alone: see
        "Precision" in the documentation of tagging.
        """
        column = self.columns[0] if column is None else checked_column(column, self.columns)
        plain = list(map(Sentence, checked_sentences(sentences)))
        return [tagged.tags[column] for tagged in self.stream(plain, columns=[column])]

    @overload
    def annotate(self, source: str, top: int = 1) -> list[Sentence]: ...
    @overload
    def annotate(self, source: list[str] | tuple[str, ...], top: int = 1) -> Sentence: ...
    def annotate(self, source: str | list[str] | tuple[str, ...], top: int = 1) -> list[Sentence] | Sentence:
        """All columns with probabilities: of one sentence given as tokens, or of the sentences of a text.

        Args:
            source: the tokens of a sentence, or a text, read as `python -m tagger tag` reads a file; its
                sentences get offsets in characters.
            top: with 2 or more, the best alternatives are kept too.
        """
        checked_number("top", top, 1)
        if isinstance(source, str):
            parts = self.with_languages(read_parts(io.StringIO(source), "the text", "text"))
            return list(self.stream(list(cut_parts(parts, self.cuts_of)), probabilities=True, top=top))
        return next(self.stream([Sentence(checked_tokens(source))], probabilities=True, top=top))

    @property
    @abstractmethod
    def known_tags(self) -> dict[str, Collection[str]]:
        """For each column the tags that may be given; lemmas are not limited, so their column is missing."""

    @abstractmethod
    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterable[Part]:
        """The parts of a document, with their language if there are several.

        Args:
            path: of the document, for messages.
            warn: gets each warning about the document, a line.
        """

    @abstractmethod
    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts of documents."""

    @abstractmethod
    def tag_window(self, window: list[Sentence], request: Request, fixed_shapes: bool = False) -> None:
        """Tags sentences in this process, all at once; see `stream`, and `Engine.tag` for `fixed_shapes`."""

    @abstractmethod
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


class Tagger(DocumentTagger):
    """A trained tagger. Threads may share it: they take turns; see `device.own_turn`.

    What it finds depends on the sentences of a call alone, not on what it tagged before. A stream gives the same to the
    bit with any number of workers. One worker cuts a list into larger windows than several do, so the last digits of
    probabilities may differ, not the tags.

    Attributes:
        name: of the tagger or its folder, as `load` was given it; empty if the tagger was made otherwise.
        config: the content of `config.json`: corpus, scores, segmentation rules.
        lexicons: of some columns, the tags that word forms may have.
    """

    def __init__(self, bundle: Bundle, options: TaggerOptions | None = None, name: str = "") -> None:
        """Puts a bundle to work, whose networks are moved to the device; `load` makes a tagger of a folder.

        Raises:
            InputError: the tagger does not know the corpus, has no segmenter, or a lexicon cannot be read.
        """
        self.options = options = options or TaggerOptions()
        self.bundle, self.name, self.device = bundle, name, options.device
        self.vocabulary, self.config = bundle.vocabulary, bundle.description
        self.columns = self.vocabulary.columns
        check_corpus(options.corpus, self.vocabulary.corpus_ids)
        self.segmenter = _segmenter(bundle, options.segmenter, name)
        self.lexicons = read_lexicons(options.lexicons or {}, self.vocabulary)
        for member in bundle.members:
            member.network.eval().to(self.device)
        self.engine = Engine(bundle, options)
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
        """Sentences and tokens of a paragraph; see `segment_all`."""
        return self.segment_all([paragraph])[0]

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph and their tokens. How a paragraph is cut depends on that paragraph alone.

        A learned segmenter is many times faster with many paragraphs at a time.

        Raises:
            InputError: `paragraphs` is no list of strings; or the training data's forms contain spaces, so that no
                rules can cut text into them.
        """
        paragraphs = checked_texts(paragraphs)
        if not paragraphs:
            return []
        if not self.takes_text:
            raise InputError(
                f"this tagger learned words with spaces inside ({self._spaced!r}), which no rule finds in running text;"
                " give it tokens (--input tokens, conllu or jsonl), or train it a segmenter (init=FOLDER"
                " trainer.max_epochs=0)"
            )
        if self.segmenter.name == "english":  # whose rules know such characters
            return self.segmenter.segment_all(paragraphs)
        read = [*map(self.engine.spelling.text, paragraphs)]
        cuts = zip(self.segmenter.segment_all(read), read, paragraphs, strict=True)
        return [cut if text == written else _as_written(cut, text, written) for cut, text, written in cuts]

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """See `DocumentTagger.cuts_of` and `segment_all`."""
        return cut_texts(self.segment_all, parts)

    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterable[Part]:
        """The parts as they are; this tagger has one language."""
        return parts

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """See `DocumentTagger.known_tags`."""
        return {c: ids for c, ids in self.vocabulary.tag_ids.items() if not self.vocabulary.codecs[c].edits}

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """See `DocumentTagger.stream`."""
        wanted = checked_columns(columns, self.columns)
        request = Request(wanted, checked_number("top", top, 1), probabilities, keep)
        stream, first = checked_stream(sentences), first_window(sentences, self.workers.count)
        if keep:
            stream = checked_given(stream, {c: tags for c, tags in self.known_tags.items() if c in wanted})
        return self._stream(stream, request, first)

    def _stream(self, sentences: Iterator[Sentence], request: Request, first: int) -> Iterator[Sentence]:
        batches = (
            WorkBatch(window, self._work(window, request), sum(map(len, window)))
            for window in cut_windows(sentences, first)
        )
        for window, found in self.workers.map(partial(Tagger._found, request=request), batches):
            self._fill(window, found, request)
            yield from window

    def tag_window(self, window: list[Sentence], request: Request, fixed_shapes: bool = False) -> None:
        """See `DocumentTagger.tag_window`."""
        self._fill(window, self._found(self._work(window, request), request, fixed_shapes), request)

    def _work(self, window: list[Sentence], request: Request) -> tuple[list[list[str]], GivenTags]:
        """What a process needs to find the tags of a window: its tokens, and tags that stay."""
        columns = self.engine.needed(self.columns if request.columns is None else request.columns)
        return [sentence.tokens for sentence in window], given_tags(window, columns) if request.keep else {}

    def _found(
        self, work: tuple[list[list[str]], GivenTags], request: Request, fixed_shapes: bool = False
    ) -> dict[str, Decoded]:
        sentences, given = work
        columns = self.engine.needed(self.columns if request.columns is None else request.columns)
        lexicons = {column: lexicon for column, lexicon in self.lexicons.items() if column in columns}
        constraints = constraints_of(sentences, lexicons, given, self.vocabulary)
        return self.engine.tag(sentences, request, fixed_shapes, constraints)

    def _fill(self, window: list[Sentence], found: Mapping[str, Decoded], request: Request) -> None:
        words: Sequence[Sequence[str]] = [sentence.tokens for sentence in window]
        if any(self.vocabulary.codecs[column].edits for column in found):
            words = self.engine.as_read(words)  # which the scripts are for
        fill(window, words, found, request, self.vocabulary.codecs, self.engine.unseen)

    def retag(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, dict[str, list[str]]]]:
        """Tags sentences that have gold tags; yields each, with probabilities, beside its gold tags."""
        gold: deque[dict[str, list[str]]] = deque()

        def remembered() -> Iterator[Sentence]:
            for sentence in sentences:
                gold.append(sentence.tags)
                yield sentence

        for tagged in self.stream(remembered(), probabilities=True):
            yield tagged, gold.popleft()


def _as_written(sentences: list[list[Token]], read: str, written: str) -> list[list[Token]]:
    """Tokens of a text as it was read, with the words of multiword tokens as it is written: `l’`, not `l'`."""

    def own(token: Token) -> Token:
        spans = read[token.start : token.end], written[token.start : token.end]
        return token._replace(words=tuple(word.translate(str.maketrans(*spans)) for word in token.words))

    return [[own(token) if token.words else token for token in tokens] for tokens in sentences]


def _segmenter(bundle: Bundle, choice: str, name: str) -> Segmenter:
    """What cuts text for a tagger; see `load`."""
    own = bundle.segmenter
    if choice in RULES:
        return RuleSegmenter(choice)
    if not isinstance(own, str):
        return LearnedSegmenter(*own)
    if choice == AUTO:
        return RuleSegmenter(own)
    corpus = shorten(str(bundle.config.get("corpus")))
    raise InputError(
        f"{name or 'this tagger'} has no learned segmenter: it was trained on {corpus} with the rules {own}; train it"
        f" one (python -m tagger init={name or 'FOLDER'} trainer.max_epochs=0 corpus=...), or"
        " leave out --segmenter learned"
    )
