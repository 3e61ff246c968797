"""A learned segmenter at work: paragraphs -> sentences of tokens, as fast as one thread can.

It computes what `SegmenterNetwork.forward` computes, in float32. A paragraph is read in windows that overlap. Every
product has a fixed number of rows, so the cuts of a paragraph depend on the paragraph alone: not on the paragraphs
beside it, and not on the tagger's precision.
"""

# N units of all paragraphs, boundaries included; P units of a batch of windows, packed; X columns of the product of the
# layer with its input, S scripts

import copy
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import regex
import torch
from torch import Tensor
from torch.nn.functional import pad

from tagger.model.segmenter import Label
from tagger.model.segmenter_features import Lexicon, context_rows
from tagger.model.segmenter_rules import rule_labels
from tagger.model.segmenter_units import Units, UnitTable
from tagger.tagging.batches import plan_batches
from tagger.tagging.packed import Layer
from tagger.tagging.turns import own_turn
from tagger.text.edit_scripts import apply_script
from tagger.text.segment import SPACE
from tagger.text.sentence import Token
from tagger.weights.saved_config import LEARNED

if TYPE_CHECKING:
    from torch import nn

    from tagger.model.encoder import BidirectionalLayer
    from tagger.model.segmenter import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary

MAX_UNITS = 300  # of a window
OVERLAP = 40  # units that a window reads beyond those that it decides on, on each side
WINDOWS = 64  # of a batch; rows of each product with the state
BLOCK = 512  # rows of every other product
HEAD_COLUMNS = 16  # of narrower products the last bits of a row depend on its place, on some processors
MARGIN = 5.0  # a token of which the score of one word is higher by this is one word
MAX_CHARACTERS = 200_000  # of the paragraphs whose units are in memory together

_GAP = regex.compile(f"[{SPACE}]+")


class LearnedSegmenter:
    """Cuts paragraphs; threads take turns.

    Attributes:
        name: `learned`.
        network, vocabulary, config, lexicon: see `SegmenterNetwork`.
    """

    name = LEARNED

    def __init__(
        self,
        network: "SegmenterNetwork",
        vocabulary: "SegmenterVocabulary",
        config: "SegmenterConfig",
        lexicon: Lexicon,
    ) -> None:
        """Takes a copy of the weights of the layer and the heads."""
        self.vocabulary, self.config, self.lexicon = vocabulary, config, lexicon
        self._table = UnitTable(vocabulary.forms, config["affix_buckets"], config["characters"])
        self.network = network
        self._layer = Layer(cast("BidirectionalLayer", network.encoder.layers[0]), torch.float32)
        self._heads = [_Head.of(head) for head in (network.labels, network.scripts)]
        self._allowed = [0, *vocabulary.general]
        self._apply = lru_cache(maxsize=10_000)(self._words)

    def __getstate__(self) -> tuple[Any, ...]:
        """A copy, such as that of another process, remembers nothing yet."""
        return self.network, self.vocabulary, self.config, self.lexicon

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def moved(self, amount: float) -> "LearnedSegmenter":
        """A segmenter that adds `amount` to the score of the end of a sentence, so that it finds more or fewer."""
        network = copy.deepcopy(self.network)
        with torch.no_grad():
            network.labels.bias[Label.SENTENCE] += amount
        return LearnedSegmenter(network, self.vocabulary, self.config, self.lexicon)

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty.

        Every character but white space is in exactly one token.
        """
        found: list[list[list[Token]]] = []
        first = size = 0
        with own_turn():
            for number, paragraph in enumerate(paragraphs):
                size += len(paragraph)
                if size >= MAX_CHARACTERS:
                    found += self._segment(paragraphs[first : number + 1])
                    first, size = number + 1, 0
            if first < len(paragraphs):
                found += self._segment(paragraphs[first:])
        return found

    def _segment(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        units = self._table.read(paragraphs)
        rules = rule_labels(paragraphs, units, self.config["rules"])
        context = context_rows(self._table, units, self.lexicon, rules, self.config["buckets"])
        labels, scripts = self._labels(units, context)
        return [
            self._sentences(paragraph, units, bounds, labels, scripts)
            for paragraph, bounds in zip(paragraphs, units.bounds, strict=True)
        ]

    def _labels(self, units: Units, context: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """The label of each unit (N,), and the scores of the scripts (S + 1,) where a multiword token may end."""
        rows = torch.from_numpy(self._table.rows)
        kinds = self.network.types(rows)
        labels = np.zeros(len(units.types), dtype=np.int64)
        scripts: dict[int, np.ndarray] = {}
        for start, stop in units.bounds:
            if stop > start:
                labels[stop - 1] = Label.SENTENCE
        for places, decided, counts in _windows(units.bounds):
            x = self.network.context(torch.from_numpy(context[places]))
            x += kinds[torch.from_numpy(units.types[places])]
            states = self._states(x, counts)
            own = np.flatnonzero(decided)
            scores = _product(states[torch.from_numpy(own)], *self._heads[0])
            found = scores.argmax(dim=1).numpy()
            here = places[own]
            last = labels[here] == Label.SENTENCE  # of a paragraph
            labels[here] = np.where(last, labels[here], found)
            if self.vocabulary.scripts:
                ends = own[(labels[here] == Label.TOKEN) | (labels[here] == Label.SENTENCE)]
                each = _product(states[torch.from_numpy(ends)], *self._heads[1])
                likely = each[:, 1:].amax(dim=1) > each[:, 0] - MARGIN
                scripts |= dict(zip(places[ends[likely.numpy()]].tolist(), each[likely].numpy(), strict=True))
        return labels, scripts

    def _states(self, x: Tensor, counts: list[int]) -> Tensor:
        """The states (P, F + R) of packed units with the embeddings x."""
        layer = self._layer
        gates = x.new_zeros(-(-len(x) // BLOCK) * BLOCK + WINDOWS, layer.W_x.shape[1])
        for start in range(0, len(x), BLOCK):
            part = x[start : start + BLOCK]
            if len(part) < BLOCK:
                part = torch.cat([part, part.new_zeros(BLOCK - len(part), part.shape[1])])
            torch.addmm(layer.b_x, part, layer.W_x, out=gates[start : start + BLOCK])
        states = x.new_empty(len(x), layer.width)
        layer.scan(layer.prepare(gates), counts, states, fixed=WINDOWS)
        return states

    def _sentences(
        self, text: str, units: Units, bounds: tuple[int, int], labels: np.ndarray, scripts: dict[int, np.ndarray]
    ) -> list[list[Token]]:
        start, stop = bounds
        own = labels[start:stop]
        ends = np.flatnonzero((own == Label.TOKEN) | (own == Label.SENTENCE))
        firsts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
        begin, end = units.starts[start:stop][firsts].tolist(), units.ends[start:stop][ends].tolist()
        tokens = list(map(Token, begin, end))
        cuts = np.flatnonzero(own == Label.WORD)
        for number in np.unique(np.searchsorted(ends, cuts)).tolist():
            inner = cuts[(cuts >= firsts[number]) & (cuts < ends[number])]
            places = [begin[number], *units.ends[start:stop][inner].tolist(), end[number]]
            words = tuple(_GAP.sub(" ", text[a:b]).strip(" ") for a, b in pairwise(places))
            tokens[number] = Token(begin[number], end[number], words)
        if self.vocabulary.scripts:
            self._expand(text, tokens, [scripts.get(place) for place in (ends + start).tolist()])
        sentences = []
        first = 0
        for last in np.flatnonzero(own[ends] == Label.SENTENCE).tolist():
            sentences.append(tokens[first : last + 1])
            first = last + 1
        return sentences

    def _expand(self, text: str, tokens: list[Token], scores: list[np.ndarray | None]) -> None:
        """Gives words to the tokens that a script changes."""
        multiwords = self.vocabulary.multiwords
        for number, (token, each) in enumerate(zip(tokens, scores, strict=True)):
            if each is None or token.words:
                continue
            form = text[token.start : token.end]
            allowed = multiwords.get(form.lower(), self._allowed)
            best = max(allowed, key=each.__getitem__)
            if best and (words := self._apply(best, form)):
                tokens[number] = Token(token.start, token.end, words)

    def _words(self, script: int, form: str) -> tuple[str, ...]:
        """What a script makes of a token; nothing if it does not fit."""
        made = apply_script(self.vocabulary.scripts[script - 1], form)
        words = tuple(filter(None, _GAP.split(made))) if made else ()
        return words if len(words) > 1 else ()


def _windows(bounds: Sequence[tuple[int, int]]) -> Iterator[tuple[np.ndarray, np.ndarray, list[int]]]:
    """The batches of windows.

    Yields:
        The places (P,) of a batch's units in packed order, see `batches`; which of them their window decides on; and
        the number of windows that have a unit at each step.
    """
    spans, decided = [], []
    for start, stop in bounds:
        if stop - start <= MAX_UNITS:
            spans.append(range(start, stop))
            decided.append((start, stop))
            continue
        step = MAX_UNITS - 2 * OVERLAP
        for first in range(start, stop, step):
            last = min(stop, first + step)
            spans.append(range(max(start, first - OVERLAP), min(stop, last + OVERLAP)))
            decided.append((first, last))
    if not spans:
        return
    places = np.concatenate([np.arange(span.start, span.stop) for span in spans])
    own = np.concatenate(
        [
            (np.arange(span.start, span.stop) >= first) & (np.arange(span.start, span.stop) < last)
            for span, (first, last) in zip(spans, decided, strict=True)
        ]
    )
    for batch in plan_batches(cast(Sequence[Sequence[str]], spans), max_sentences=WINDOWS):
        yield places[batch.tokens], own[batch.tokens], batch.counts


class _Head(NamedTuple):
    """A linear layer; zero columns make its width a multiple of HEAD_COLUMNS."""

    W: Tensor
    b: Tensor
    columns: int  # its own

    @classmethod
    def of(cls, head: "nn.Linear") -> "_Head":
        extra = -head.out_features % HEAD_COLUMNS
        W, b = pad(head.weight.detach().T, (0, extra)), pad(head.bias.detach(), (0, extra))
        return cls(W.contiguous(), b, head.out_features)


def _product(x: Tensor, W: Tensor, b: Tensor, columns: int) -> Tensor:
    """The first columns of x W + b, computed in blocks of BLOCK rows."""
    out = x.new_empty(len(x), W.shape[1])
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        rows = len(part)
        if rows < BLOCK:
            part = torch.cat([part, part.new_zeros(BLOCK - rows, part.shape[1])])
        out[start : start + rows] = torch.addmm(b, part, W)[:rows]
    return out[:, :columns]
