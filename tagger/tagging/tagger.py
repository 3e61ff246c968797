"""`Tagger`, what users hold: tokens or text in, tagged sentences out, of any number."""

import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import torch

from tagger.errors import InputError
from tagger.model.decoder import Decoded
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import CACHE_SIZE, PRECISIONS, Engine
from tagger.tagging.layer_vectors import ALL, checked_layer, layer_vectors
from tagger.tagging.workers import Part, Workers
from tagger.text.readers import read
from tagger.text.segment import segment
from tagger.text.sentence import Sentence
from tagger.weights.catalog import DEFAULT, find_tagger
from tagger.weights.folder import load_tagger
from tagger.weights.pretrained_folder import load_masked
from tagger.weights.saved_config import predicts_words

WINDOW_TOKENS = 48_000  # sentences are sorted by length within a window of this many tokens
FIRST_WINDOW = 1_000  # the first window is small, so that the first sentences come soon; then they double
WINDOW_SENTENCES = 8_000
_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # instructions of processors that make it pay
SPACED_SHARE = 0.01  # with this share of forms with spaces, no rule can find the tokens of running text


class Wanted(NamedTuple):
    """What is asked of every token."""

    columns: Sequence[str] | None = None  # None: all
    top: int = 1
    probabilities: bool = False


class Tagger:
    """A trained tagger.

    Attributes:
        network: the network, in evaluation mode.
        vocabulary: its words, characters and tags.
        config: what `config.json` says: corpus, scores, segmentation rules.
        columns: the tag columns; the first is the default.
        engine: what runs the network.
        workers: processes with copies of this tagger, for much to tag.
    """

    def __init__(
        self,
        network: TaggerNetwork,
        vocabulary: Vocabulary,
        config: dict[str, Any],
        tokenizer: PieceTokenizer | None = None,
        device: str = "cpu",
        precision: str = "auto",
        cache_size: int = CACHE_SIZE,
        workers: int = 1,
    ) -> None:
        """Makes a tagger; see `load` for the last four."""
        self.network = network.eval().to(device)
        self.vocabulary, self.config, self.device = vocabulary, config, device
        self.columns = vocabulary.columns
        precision = choose_precision(precision, device)
        self.engine = Engine(
            self.network, vocabulary, config["network"]["buckets"], tokenizer, device, precision, cache_size
        )
        self.workers = Workers(self, workers if device == "cpu" else 1)
        self._names = {column: np.array(tags, dtype=object) for column, tags in vocabulary.tags.items()}

    def __getstate__(self) -> dict[str, Any]:
        """A copy in a worker has no workers."""
        return {name: value for name, value in vars(self).items() if name != "workers"}

    def close(self) -> None:
        """Ends the worker processes; they start again when they are needed."""
        self.workers.close()

    def tag(self, tokens: Sequence[str], column: str | None = None) -> list[str]:
        """The tags of one sentence, one per token.

        Args:
            tokens: word forms.
            column: `upos`, ...; the first column by default.

        Raises:
            InputError: the tagger has no such column.
        """
        return self.tag_sentences([tokens], column)[0]

    def tag_sentences(self, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[list[str]]:
        """The tags of many sentences; see `tag`."""
        if not self.columns:
            raise InputError("this network predicts words and has no tags; train a tagger that starts from it")
        column = self.columns[0] if column is None else column
        if column not in self.columns:
            raise InputError(f"this tagger has no column {column!r}; it has {', '.join(self.columns)}")
        plain = (Sentence(_forms(tokens)) for tokens in sentences)
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
        if isinstance(source, str):
            sentences = read(io.StringIO(source), "the text", "text", segment=self.segment)
            return list(self.stream(sentences, probabilities=True, top=top))
        return next(iter(self.stream([Sentence(_forms(source))], probabilities=True, top=top)))

    def embed(self, sentences: Iterable[Sequence[str]], layer: int | str = ALL) -> Iterator[np.ndarray]:
        """The vectors of words in their sentences, of sentences as they come, a few windows of them at a time.

        Args:
            sentences: lists of word forms.
            layer: 0 for the embedding of the form alone, which no other word changes (of a tagger with a
                transformer too); 1 for the states of the first recurrent layer, and so on; `all` for all of
                these layers side by side; `mean` for their mean; `predicted`, of a pretrained network
                alone, for what it expects in the place of each word when that is hidden, which takes longer.

        Returns:
            For each sentence, in order, an array (words, D) of float32. They are computed in the tagger's
            precision: load it with `float32` to have all of their digits.

        Raises:
            InputError: no such layer, or the mean of layers of different widths.
        """
        layer = checked_layer(self.engine, layer)
        windows = _windows(Sentence(_forms(tokens)) for tokens in sentences)
        return chain.from_iterable(
            layer_vectors(self.engine, [sentence.tokens for sentence in window], layer) for window in windows
        )

    def segment(self, paragraph: str) -> list[list[tuple[int, int]]]:
        """Sentences and tokens of a paragraph by the rules that fit the tagger; see `segment.segment`.

        Raises:
            InputError: the training data's forms contain spaces, so that running text cannot be cut into them.
        """
        if self._spaced:
            raise InputError(
                f"this tagger learned words with spaces inside ({self._spaced!r}), which no rule finds in running text;"
                " give it tokens (--input tokens, conllu or jsonl)"
            )
        return segment(paragraph, self.config["segmenter"])

    @property
    def takes_text(self) -> bool:
        """Whether running text can be cut into the tagger's words: whether `segment` works."""
        return self._spaced is None

    @cached_property
    def _spaced(self) -> str | None:
        """An example, if forms with spaces are more than strays."""
        spaced = [form for form in self.vocabulary.forms if " " in form]
        return spaced[len(spaced) // 2] if len(spaced) > SPACED_SHARE * len(self.vocabulary.forms) else None

    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
    ) -> Iterator[Sentence]:
        """Tags sentences as they come, each an object of its own, in order, holding a few windows of them at a time.

        The `tags` of each sentence are replaced by a new mapping, in which the columns of this tagger, or
        those of them that are given, are its predictions; with `probabilities` their probabilities are
        filled in, and with `top` of 2 or more the best alternatives.
        """
        wanted = Wanted(columns, top, probabilities)
        parts = (
            Part(window, [sentence.tokens for sentence in window], sum(map(len, window)))
            for window in _windows(sentences)
        )
        for window, found in self.workers.map(partial(_decoded, wanted=wanted), parts):
            self._fill(window, found, wanted)
            yield from window

    def tag_window(self, window: list[Sentence], wanted: Wanted) -> None:
        """Tags sentences that are in memory, here and now; see `stream`."""
        self._fill(window, _decoded(self, [sentence.tokens for sentence in window], wanted), wanted)

    def retag(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, dict[str, list[str]]]]:
        """Tags sentences that have gold tags; yields each, with probabilities, beside its gold tags."""
        gold: deque[dict[str, list[str]]] = deque()

        def remembered() -> Iterator[Sentence]:
            for sentence in sentences:
                gold.append(sentence.tags)
                yield sentence

        for tagged in self.stream(remembered(), probabilities=True):
            yield tagged, gold.popleft()

    def _fill(self, window: list[Sentence], found: dict[str, Decoded], wanted: Wanted) -> None:
        """Gives sentences their tags, which come for all of their tokens together."""
        spans = list(pairwise(accumulate(map(len, window), initial=0)))
        for sentence in window:
            sentence.tags = {**sentence.tags}
            sentence.probabilities, sentence.alternatives = {}, {}
        for column, (ids, shares) in found.items():
            names = self._names[column][ids]  # (tokens, k)
            best = names[:, 0].tolist()
            for sentence, (start, end) in zip(window, spans, strict=True):
                sentence.tags[column] = best[start:end]
            if wanted.probabilities and shares is not None:
                first = shares[:, 0].tolist()
                for sentence, (start, end) in zip(window, spans, strict=True):
                    sentence.probabilities[column] = first[start:end]
            if wanted.top > 1 and shares is not None:
                pairs = [list(zip(*pair, strict=True)) for pair in zip(names.tolist(), shares.tolist(), strict=True)]
                for sentence, (start, end) in zip(window, spans, strict=True):
                    sentence.alternatives[column] = pairs[start:end]


def _decoded(tagger: Tagger, sentences: list[list[str]], wanted: Wanted) -> dict[str, Decoded]:
    return tagger.engine.tag(sentences, wanted.columns, wanted.top, wanted.probabilities or wanted.top > 1)


def _forms(tokens: Sequence[str]) -> list[str]:
    if isinstance(tokens, str):
        raise InputError(f"a sentence is a list of tokens, not the string {tokens!r}; use annotate for text")
    return list(tokens)


def _windows(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    window: list[Sentence] = []
    tokens, limit = 0, FIRST_WINDOW
    for sentence in sentences:
        window.append(sentence)
        tokens += len(sentence)
        if tokens >= limit or len(window) >= WINDOW_SENTENCES:
            yield window
            window, tokens, limit = [], 0, min(2 * limit, WINDOW_TOKENS)
    if window:
        yield window


def choose_device(name: str) -> str:
    """`auto` as the best device there is; any other name as it is.

    Raises:
        InputError: the device is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there.get(name, False):
        raise InputError(f"device {name} is not there; choose one of {', '.join(d for d in there if there[d])}")
    return name


def choose_precision(name: str, device: str) -> str:
    """`auto` as what the processor does well: bfloat16 where it has instructions for it; any other name as it is.

    Raises:
        InputError: no such precision.
    """
    if name not in ("auto", *PRECISIONS):
        raise InputError(f"precision {name}: choose one of auto, {', '.join(PRECISIONS)}")
    if name != "auto":
        return name
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bfloat16" if device == "cpu" and any(capabilities.get(each) for each in _BFLOAT16) else "float32"


def load(
    name: str | Path = DEFAULT,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
) -> Tagger:
    """Loads a trained tagger.

    Args:
        name: `english`, which comes with the package; `latest`, the newest run below `runs/`; or the folder of
            a tagger or of the run that trained it; or of a pretraining, which has no tags, but `embed`.
        device: auto, cpu, cuda or mps.
        precision: of products and states: auto, float32 or bfloat16; auto is bfloat16 on processors that have
            instructions for it.
        cache_size: word forms of which the first layer's input is remembered.
        workers: processes that tag where there is much to tag, each with one thread; 1 starts none.

    Raises:
        InputError: no such folder, or its files are damaged; no such device or precision.
    """
    folder, device = find_tagger(str(name)), choose_device(device)
    if not predicts_words(folder):
        return Tagger(*load_tagger(folder), device, precision, cache_size, workers)
    network, vocabulary, config = load_masked(folder)
    tagger = Tagger(network.body, vocabulary, config, None, device, precision, cache_size, workers)
    tagger.engine.masked = network.to(device)
    return tagger
