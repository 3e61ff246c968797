"""`Tagger`, which users hold: tokens or text come in, tagged sentences go out, any number of them."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain

import numpy as np

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError, shorten
from tagger.model.decoder import Decoded
from tagger.model.device import choose_device, choose_precision
from tagger.segmenter.learned import LearnedSegmenter
from tagger.tagging.batches import BATCH_TOKENS
from tagger.tagging.casing import Casing
from tagger.tagging.checks import (
    checked_columns,
    checked_corpus,
    checked_given,
    checked_number,
    checked_sentences,
    checked_stream,
    checked_texts,
)
from tagger.tagging.constraints import constraints_of, given_tags
from tagger.tagging.decoding import Request
from tagger.tagging.document_tagger import DocumentTagger
from tagger.tagging.engine import CACHE_SIZE, Engine
from tagger.tagging.layer_vectors import ALL, LayerVectors
from tagger.tagging.windows import Work, cut_windows, fill, first_window
from tagger.tagging.workers import Batch, Workers
from tagger.text.lexicon_files import Lexicon
from tagger.text.paragraphs import Part, cut_texts
from tagger.text.segment import LEARNED, RULES, RuleSegmenter, Segmenter
from tagger.text.sentence import Sentence, Token

AUTO = "auto"
SEGMENTERS = (AUTO, LEARNED, *RULES)
MAX_SPACED_SHARE = 0.01  # with a larger share of forms with spaces, no rule can find the tokens of running text


class Tagger(DocumentTagger):
    """A trained tagger. Threads may share it: they take turns; see `device.own_turn`.

    Its tags depend on the list of sentences alone: not on what it tagged before, and not on the number of workers. The
    last digits of probabilities may differ with the number of workers, which decides what is computed together.

    Attributes:
        name: of the tagger or its folder, as `load` was given it; empty if the tagger was made otherwise.
        config: the content of `config.json`: corpus, scores, segmentation rules.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        precision: str = "auto",
        cache_size: int = CACHE_SIZE,
        workers: int = 1,
        segmenter: str = AUTO,
        corpus: str | None = None,
        lexicons: Mapping[str, Lexicon] | None = None,
        name: str = "",
    ) -> None:
        """Puts a bundle to work; `load` makes a tagger of a folder, and has the same options.

        Args:
            bundle: its networks are moved to the device.
            device: auto, cpu, cuda, the second GPU cuda:1, or mps.
            precision: of products and states: auto, float32 or bfloat16.
            cache_size: number of word forms to cache, at least those of a batch.
            workers: processes.
            segmenter: auto, learned, or the name of rules.
            corpus: of a tagger that was trained on several corpora, the one that the text is like.
            lexicons: of some columns, the tags that word forms may have; these tags are known to the tagger.
            name: of the tagger.

        Raises:
            InputError: an option has another value, or the tagger does not know the corpus or has no segmenter.
        """
        checked_number("workers", workers, 1)
        self.bundle, self.name = bundle, name
        self.segmenter = _segmenter(bundle, segmenter, name)
        device = choose_device(device)
        precision = choose_precision(precision, device)
        checked_number("cache_size", cache_size, BATCH_TOKENS, ", the forms that one batch may have")
        checked_corpus(corpus, bundle.vocabulary.corpus_ids)
        for member in bundle.members:
            member.network.eval().to(device)
        options = device, precision, cache_size, corpus, bundle.config.get("temperatures"), bundle.linear
        self.engine = Engine(bundle.members, bundle.vocabulary, *options)
        self.vocabulary, self.config, self.device = bundle.vocabulary, bundle.description, self.engine.device
        self.columns, self.corpus, self.lexicons = self.vocabulary.columns, corpus, lexicons or {}
        self._casing = None if bundle.has_noise else Casing(bundle.vocabulary.forms)
        self.workers = Workers(self, workers if self.device == "cpu" else 1)

    def __repr__(self) -> str:
        return f"Tagger({self.name!r}, columns={self.columns}, device={self.device!r})"

    @property
    def layers(self) -> LayerVectors:
        """The layers that `embed` can take vectors from."""
        width = sum(network.embedding.width for network in self.bundle.networks)
        return LayerVectors(self.engine, width)

    def embed(self, sentences: Iterable[Sequence[str]], layer: int | str = ALL) -> Iterator[np.ndarray]:
        """The vectors of words in their sentences, which are read as they are, a few windows at a time.

        Args:
            layer: 0 for the embedding of the form alone, without a transformer; 1 for the states of the first
                recurrent layer, and so on; `all` for all of these layers side by side; `mean` for the mean of the
                recurrent layers.

        Returns:
            For each sentence, in order, an array (words, D) of float32. They are computed in the tagger's
            precision: load it with `float32` to have all of their digits.

        Raises:
            InputError: no such layer, the mean of layers of different widths, or members of different depths.
        """
        layers = self.layers
        name = layers.checked(layer)
        windows = cut_windows(map(Sentence, checked_sentences(sentences)))
        return chain.from_iterable(layers.of([sentence.tokens for sentence in window], name) for window in windows)

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
        return self.segmenter.segment_all(paragraphs)

    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """See `DocumentTagger.cuts_of` and `segment_all`."""
        return cut_texts(self.segment_all, parts)

    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterable[Part]:
        """The parts as they are; this tagger has one language."""
        return parts

    @property
    def has_fixed_shapes(self) -> bool:
        """See `Engine.has_fixed_shapes`."""
        return self.engine.has_fixed_shapes

    @property
    def takes_text(self) -> bool:
        """Whether running text can be cut into the tagger's words: whether `segment` works."""
        return not isinstance(self.segmenter, RuleSegmenter) or self._spaced is None

    @cached_property
    def _spaced(self) -> str | None:
        """A training form with a space; None if such forms are rare exceptions."""
        spaced = [form for form in self.vocabulary.forms if " " in form]
        return spaced[len(spaced) // 2] if len(spaced) > MAX_SPACED_SHARE * len(self.vocabulary.forms) else None

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """See `DocumentTagger.stream`."""
        request = Request(
            checked_columns(columns, self.columns),
            checked_number("top", top, 1),
            probabilities,
            keep,
        )
        stream, first = checked_stream(sentences), first_window(sentences, self.workers.count)
        if keep:
            known = self.known_tags
            stream = checked_given(stream, {c: known[c] for c in request.columns or () if c in known})
        return self._stream(stream, request, first)

    @property
    def known_tags(self) -> dict[str, Collection[str]]:
        """See `DocumentTagger.known_tags`."""
        return {c: ids for c, ids in self.vocabulary.tag_ids.items() if not self.vocabulary.codecs[c].edits}

    def _stream(self, sentences: Iterator[Sentence], request: Request, first: int) -> Iterator[Sentence]:
        windows = cut_windows(sentences, first)
        work = ((window, self._work(window, request)) for window in windows)
        batches = (Batch((window, each.read), each, sum(map(len, window))) for window, each in work)
        for (window, read), found in self.workers.map(partial(_decoded, request=request), batches):
            fill(window, read, found, request, self.vocabulary.codecs)
            yield from window

    def tag_window(self, window: list[Sentence], request: Request, fixed_shapes: bool = False) -> None:
        """See `DocumentTagger.tag_window`."""
        work = self._work(window, request)
        fill(window, work.read, _decoded(self, work, request, fixed_shapes), request, self.vocabulary.codecs)

    def as_read(self, tokens: Sequence[str]) -> Sequence[str]:
        """What the networks read for the words of a sentence to find its tags; see `Casing`."""
        return tokens if self._casing is None else self._casing.read(tokens)

    def retag(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, dict[str, list[str]]]]:
        """Tags sentences that have gold tags; yields each, with probabilities, beside its gold tags."""
        gold: deque[dict[str, list[str]]] = deque()

        def remembered() -> Iterator[Sentence]:
            for sentence in sentences:
                gold.append(sentence.tags)
                yield sentence

        for tagged in self.stream(remembered(), probabilities=True):
            yield tagged, gold.popleft()

    def _work(self, window: list[Sentence], request: Request) -> Work:
        sentences = [sentence.tokens for sentence in window]
        columns = self.columns if request.columns is None else request.columns
        given = given_tags(window, columns) if request.keep else {}
        return Work(sentences, list(map(self.as_read, sentences)), given)


def _segmenter(bundle: Bundle, choice: str, name: str) -> Segmenter:
    """What cuts text for a tagger; see `load`."""
    if choice not in SEGMENTERS:
        raise InputError(f"{shorten(str(choice))} is no segmenter; choose one of {', '.join(SEGMENTERS)}")
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


def _decoded(tagger: Tagger, work: Work, request: Request, fixed_shapes: bool = False) -> dict[str, Decoded]:
    constraints = constraints_of(work.sentences, _wanted(tagger.lexicons, request), work.given, tagger.vocabulary)
    return tagger.engine.tag(work.read, request, fixed_shapes, constraints)


def _wanted(lexicons: Mapping[str, Lexicon], request: Request) -> Mapping[str, Lexicon]:
    return {c: lexicon for c, lexicon in lexicons.items() if request.columns is None or c in request.columns}
