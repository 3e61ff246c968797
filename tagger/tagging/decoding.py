"""The scores of a batch -> the tags of its tokens, in all columns that are wanted, under constraints -> sentences.

A lexicon and given tags are constraints: they say which tags tokens may have.
"""

# N packed tokens of a batch, L tokens of a sentence, K tags of a column

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.decoder import CRFDecoder, Decoded, Decoder
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import LEMMA, NO_TAG, UPOS, is_given
from tagger.text.tags import Lexicon, is_span_column
from tagger.words.dictionary_lemmas import UnseenLemmas
from tagger.words.symbols import Symbols
from tagger.words.tag_codec import TagCodec

GivenTags = Mapping[str, Sequence[Sequence[str]]]
"""Of some columns, the tags of each sentence; `_` and an empty string stand for a tag that is to be found."""


class Request(NamedTuple):
    """The results that are wanted for every token."""

    columns: Sequence[str] | None = None  # None: all
    top: int = 1
    probabilities: bool = False
    keep: bool = False  # whether tags that sentences have stay as they are
    # Whether the tags of a sentence must not depend on the others, to the last bit of a score; see `PackedBatch`
    fixed_shapes: bool = False

    @property
    def weighs(self) -> bool:
        """Whether probabilities are needed."""
        return self.probabilities or self.top > 1


class Constraint(NamedTuple):
    """Which tags of a column some tokens may have."""

    sets: list[tuple[int, ...]]  # ids of tags
    of_token: np.ndarray  # (tokens,) for each token the number of its set from 1; 0: it may have every tag


class BatchScores(NamedTuple):
    """The scores of a batch, and what they are of."""

    scores: dict[str, Tensor]  # of each column (N, K)
    tokens: np.ndarray  # (N,) number of each packed token among all tokens
    counts: list[int]  # (T,) sentences that have a token at each step
    rows: int | None  # of every product of a decoder; see `Decoder.log_probabilities`

    def copied(self) -> "BatchScores":
        """The same with scores of its own, which decoding may change."""
        return self._replace(scores={column: each.clone() for column, each in self.scores.items()})


NAME, SURE = "PROPN", 0.8  # a word that is so probably a name keeps its capital: chosen on dev of seventeen treebanks
MAX_SCORES = 1 << 22  # the most scores of combinations in memory at a time


class Combinations:
    """Chooses the tags of several columns together, among the combinations of tag ids that training has."""

    def __init__(self, combinations: Sequence[Sequence[int]], sizes: Sequence[int], device: str = "cpu") -> None:
        tags = torch.tensor(combinations, dtype=torch.int64, device=device)
        self._tags = tags.T.contiguous()  # (columns, combinations)
        self._sizes = list(sizes)
        self._codes = torch.unique(self._code(list(self._tags)))  # sorted

    def choose(self, best: Sequence[Tensor], logs: Callable[[Tensor], Sequence[Tensor]]) -> list[Tensor]:
        """The tags of each column, (N,), that are most probable together.

        The network takes the columns for independent. So if the `best` tags of all columns, (N,) each, are a known
        combination, no other combination is more probable. The combinations are compared for the other tokens only, by
        the logarithm of the probabilities of their tags (`logs`: (n,) to (n, K) of each column). A token that cannot
        have any of them, because of constraints, keeps its best tags.
        """
        best = [column.clone() for column in best]
        codes = self._code(best)
        found = torch.searchsorted(self._codes, codes).clamp_(max=len(self._codes) - 1)  # its place if it is known
        (unknown,) = torch.nonzero(self._codes[found] != codes, as_tuple=True)
        if not len(unknown):
            return best
        size = max(1, MAX_SCORES // self._tags.shape[1])
        of_columns = [torch.split(each, size) for each in logs(unknown)]
        for rows, *columns in zip(torch.split(unknown, size), *of_columns, strict=True):
            sums = sum(log[:, tags] for log, tags in zip(columns, self._tags, strict=True))  # (rows, combinations)
            most, chosen = torch.as_tensor(sums).max(-1)
            possible = most > -torch.inf
            for column, tags in zip(best, self._tags, strict=True):
                column[rows[possible]] = tags[chosen[possible]]
        return best

    def _code(self, tags: Sequence[Tensor]) -> Tensor:
        """A number for each combination of tags, different for different combinations."""
        code = torch.zeros_like(tags[0])
        for column, size in zip(tags, self._sizes, strict=True):
            code = code * size + column
        return code


class Decoding:
    """Decodes the batches of one engine.

    `temperatures` are those that the scores of a column are divided by before they become probabilities; 1 by default.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        vocabulary: Vocabulary,
        temperatures: Mapping[str, float],
        device: str,
        unseen: UnseenLemmas | None = None,
    ) -> None:
        self._decoders, self._vocabulary, self._temperatures, self._device = decoders, vocabulary, temperatures, device
        self._unseen, self.symbols = unseen, Symbols(vocabulary.known_forms, vocabulary.tag_ids)
        # The tags of these columns may change to fit each other; the spans of a CRF must stay whole.
        self._flexible = {
            column
            for column, tags in vocabulary.tags.items()
            if not vocabulary.codecs[column].edits
            and not (isinstance(decoders[column], CRFDecoder) and is_span_column(tags))
        }
        self._combinations: dict[tuple[str, ...], Combinations | None] = {}  # of columns

    def decode(
        self,
        batch: BatchScores,
        forms: Sequence[str],
        request: Request,
        constraints: Mapping[str, Constraint],
        decided: Mapping[str, np.ndarray],
        symbols: Mapping[int, str],
    ) -> dict[str, Decoded]:
        """Decodes a batch. The tags of several columns are chosen together, among the combinations of training.

        Args:
            batch: its scores may be changed in place; they may be of more columns than those that are wanted, if lemmas
                depend on these.
            decided: for some columns the tags of all tokens, or -1; only those with -1 have scores.
            symbols: the places of emoji and the like among `forms`; see `Symbols.find`.
        """
        best: dict[str, Tensor] = {}
        names = np.zeros(len(batch.tokens), dtype=bool)
        for column in sorted(batch.scores, key=LEMMA.__eq__):  # lemmas last
            scores, codec = batch.scores[column], self._vocabulary.codecs[column]
            rows = _open_rows(batch, decided.get(column))
            tokens = batch.tokens[rows]
            if column == LEMMA and UPOS in best:
                names = self._names(batch, forms, best[UPOS], rows)
                if names.any():
                    codec.keep_capitals(scores, np.flatnonzero(names[rows]))
            codec.weigh(scores, forms, tokens)
            constraint = constraints.get(column)
            free = tokens if constraint is None else np.where(constraint.of_token[tokens] > 0, -1, tokens)
            self.symbols.weigh(column, scores, symbols, free)
            if constraint is not None:
                _constrain(scores, constraint, batch.tokens)
            best[column] = self._decoders[column].best(scores, batch.counts)
        tags = {column: best[column] for column in (best if request.columns is None else request.columns)}
        self._fit(tags, batch)
        found = {}
        for column, of_column in tags.items():
            if request.weighs:
                temperature = self._temperatures.get(column, 1.0)
                candidates = self._vocabulary.codecs[column].candidates(request.top, True)
                each = self._decoders[column].top(
                    batch.scores[column], batch.counts, of_column, candidates, temperature, batch.rows
                )
            else:
                each = Decoded(of_column[:, None].cpu().numpy(), None)
            found[column] = _completed(each, decided[column][batch.tokens]) if column in decided else each
        if self._unseen is not None and LEMMA in found:
            rows = _open_rows(batch, decided.get(LEMMA))
            reliability = self._reliability(self._unseen, batch, forms, best, rows, names)
            found[LEMMA] = found[LEMMA]._replace(reliability=reliability)
        return found

    def _names(self, batch: BatchScores, forms: Sequence[str], upos: Tensor, rows: np.ndarray) -> np.ndarray:
        """Which tokens are names with a capital that training lacks, (N,) of bool; none where lemmas have no capitals.

        `upos` (N,) are the best tags, and `rows` those of the tokens whose lemmas are open.
        """
        names = np.zeros(len(batch.tokens), dtype=bool)
        codec, name = self._vocabulary.codecs[LEMMA], self._vocabulary.tag_ids[UPOS].get(NAME)
        if name is None or not codec.keeps_names:
            return names
        found = rows[(upos == name).cpu().numpy()[rows]]
        words = [forms[token] for token in batch.tokens[found].tolist()]
        found = found[[word.istitle() and not codec.has_form(word) for word in words]]
        if not len(found):
            return names
        decoder, at = self._decoders[UPOS], torch.from_numpy(found).to(self._device)
        logs = decoder.log_conditionals(batch.scores[UPOS], batch.counts, upos, at, self._temperatures.get(UPOS, 1.0))
        names[found] = (logs[:, name].exp() > SURE).cpu().numpy()
        return names

    def _reliability(
        self,
        unseen: UnseenLemmas,
        batch: BatchScores,
        forms: Sequence[str],
        best: Mapping[str, Tensor],
        scored: np.ndarray,
        names: np.ndarray,
    ) -> np.ndarray:
        """The reliability of the dictionary's lemma of each token, (N,); 0 where the network is surer of its own.

        `best` are the tags of each column before columns are fitted to each other: a lemma does not depend on which
        columns are wanted. `scored` are the rows of the tokens whose lemmas are open.
        """
        words = [forms[token] for token in batch.tokens[scored].tolist()]
        upos = best[UPOS].cpu().numpy()[scored] if UPOS in best else None
        scripts, temperature = best[LEMMA], self._temperatures.get(LEMMA, 1.0)
        rows, shares = unseen.rivals(words, scripts.cpu().numpy(), upos, names[scored])
        at = torch.from_numpy(rows).to(self._device)
        decoder, scores = self._decoders[LEMMA], batch.scores[LEMMA]
        logs = decoder.log_conditionals(scores, batch.counts, scripts, at, temperature)
        own = logs.gather(1, scripts[at][:, None])[:, 0].exp().cpu().numpy()
        found = np.zeros(len(batch.tokens))
        found[scored[rows]] = np.where(shares > own, shares, 0)
        return found

    def nothing(self, column: str, request: Request) -> Decoded:
        """What is found in a column of no tokens."""
        codec = self._vocabulary.codecs[column]
        ids = np.zeros((0, min(len(codec), codec.candidates(request.top, request.weighs))), dtype=np.int64)
        none = np.zeros(0) if column == LEMMA and self._unseen is not None else None
        return Decoded(ids, ids.astype(np.float32) if request.weighs else None, none)

    def _fit(self, tags: dict[str, Tensor], batch: BatchScores) -> None:
        """Changes the best tags of columns to those that are most probable together."""
        together = [column for column in tags if column in self._flexible]
        combinations = self._combinations_of(together)
        if combinations is None:
            return

        def logs(at: Tensor) -> list[Tensor]:
            return [self._decoders[c].log_conditionals(batch.scores[c], batch.counts, tags[c], at) for c in together]

        tags.update(zip(together, combinations.choose([tags[c] for c in together], logs), strict=True))

    def _combinations_of(self, columns: Sequence[str]) -> Combinations | None:
        """The tag combinations of several columns, made when they are first needed; None if none are known."""
        key = tuple(columns)
        if key not in self._combinations:
            places = [self._vocabulary.combined.index(column) for column in columns]
            tags = sorted({tuple(tags[place] for place in places) for tags in self._vocabulary.combinations})
            sizes = [len(self._vocabulary.tags[column]) for column in columns]
            known = len(columns) > 1 and len(tags) > 0
            self._combinations[key] = Combinations(tags, sizes, self._device) if known else None
        return self._combinations[key]


def joined(parts: Sequence[Decoded], tokens: Sequence[np.ndarray]) -> Decoded:
    """What was found in batches, in the order of the tokens; `tokens` are the places of those of each batch."""
    order = np.argsort(np.concatenate(tokens))
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    sure = [part.reliability for part in parts if part.reliability is not None]
    ids = np.concatenate([part.ids for part in parts])[order]
    return Decoded(
        ids, np.concatenate(shares)[order] if shares else None, np.concatenate(sure)[order] if sure else None
    )


def _completed(found: Decoded, known: np.ndarray) -> Decoded:
    """What was found of some tokens, with the others, whose only tag is `known`, (N,); -1 for those that were found."""
    here = known < 0
    ids = np.zeros((len(known), found.ids.shape[1]), dtype=found.ids.dtype)
    ids[:, 0] = known
    ids[here] = found.ids
    if found.probabilities is None:
        return Decoded(ids, None)
    shares = np.zeros(ids.shape, dtype=found.probabilities.dtype)
    shares[:, 0] = 1
    shares[here] = found.probabilities
    return Decoded(ids, shares)


def _open_rows(batch: BatchScores, known: np.ndarray | None) -> np.ndarray:
    """The rows of the tokens of a batch whose tags in a column are not decided; see `Decoding.decode`."""
    return np.arange(len(batch.tokens)) if known is None else np.flatnonzero(known[batch.tokens] < 0)


def _constrain(scores: Tensor, constraint: Constraint, tokens: np.ndarray) -> None:
    """Makes the scores -inf of the tags that tokens may not have; (N, K), changed in place."""
    numbers = torch.from_numpy(constraint.of_token[tokens]).to(scores.device)
    (rows,) = torch.nonzero(numbers, as_tuple=True)
    if len(rows):
        refused = torch.ones(len(constraint.sets), scores.shape[1], dtype=torch.bool)
        for row, ids in zip(refused, constraint.sets, strict=True):
            row[list(ids)] = False
        scores[rows] = scores[rows].masked_fill(refused.to(scores.device)[numbers[rows] - 1], -torch.inf)


def given_tags(sentences: Sequence[Sentence], columns: Sequence[str]) -> GivenTags:
    """The tags that sentences have, before they are tagged."""
    blank: Sequence[str] = ()
    return {
        column: [sentence.tags.get(column, blank) for sentence in sentences]
        for column in columns
        if any(column in sentence.tags for sentence in sentences)
    }


def constraints_of(
    sentences: Sequence[Sequence[str]],
    lexicons: Mapping[str, Lexicon],
    given: GivenTags,
    vocabulary: Vocabulary,
) -> dict[str, Constraint]:
    """Which tags tokens may have. A tag that is given counts, whatever a lexicon says, but not one of edit scripts."""
    constraints = {}
    for column in dict.fromkeys([*lexicons, *given]):
        ids = vocabulary.tag_ids[column]
        numbers: dict[tuple[str, ...], int] = {}
        of_token: list[int] = []
        lexicon = lexicons.get(column)
        nothing: Sequence[Sequence[str]] = [()] * len(sentences)
        tags_of = nothing if vocabulary.codecs[column].edits else given.get(column, nothing)
        for forms, tags in zip(sentences, tags_of, strict=True):
            for place, form in enumerate(forms):
                tag = tags[place] if tags else NO_TAG
                allowed: tuple[str, ...] | None = (tag,) if tag in ids and is_given(tag) else None
                if allowed is None and lexicon is not None:
                    allowed = lexicon.get(form)
                of_token.append(0 if allowed is None else numbers.setdefault(allowed, len(numbers) + 1))
        if numbers:
            sets = [tuple(ids[tag] for tag in tags) for tags in numbers]
            constraints[column] = Constraint(sets, np.array(of_token, dtype=np.int64))
    return constraints


def fill(
    window: list[Sentence],
    words: Iterable[Sequence[str]],
    found: Mapping[str, Decoded],
    request: Request,
    codecs: Mapping[str, TagCodec],
    unseen: UnseenLemmas | None = None,
) -> None:
    """Gives each sentence of a window its part of the tags.

    `words` are those of each sentence; where edit scripts were found, as they were read.
    """
    forms = list(chain.from_iterable(words))
    spans = list(pairwise(accumulate(map(len, window), initial=0)))
    before = [sentence.tags for sentence in window]
    for sentence in window:
        sentence.tags, sentence.probabilities, sentence.alternatives = {**sentence.tags}, {}, {}
    for column, decoded in found.items():
        shown = codecs[column].read(forms, decoded.ids, decoded.probabilities, request.top)
        if unseen is not None and decoded.reliability is not None:
            unseen.put(shown, forms, decoded.reliability, request.top)
        best, shares, alternatives = shown
        for sentence, (start, end) in zip(window, spans, strict=True):
            sentence.tags[column] = best[start:end]
            if request.probabilities and shares is not None:
                sentence.probabilities[column] = shares[start:end]
            if request.top > 1 and alternatives is not None:
                sentence.alternatives[column] = alternatives[start:end]
    if request.keep:
        for sentence, tags in zip(window, before, strict=True):
            _put_back(sentence, {column: tags[column] for column in found if column in tags})


def _put_back(sentence: Sentence, given: Mapping[str, Sequence[str]]) -> None:
    """Gives a tagged sentence the tags back that it had, as certain ones without alternatives.

    Constraints have made them certain already, but not in a column of edit scripts.
    """
    for column, tags in given.items():
        for place, tag in enumerate(tags):
            if not is_given(tag):
                continue
            sentence.tags[column][place] = tag
            if column in sentence.probabilities:
                sentence.probabilities[column][place] = 1.0
            if column in sentence.alternatives:
                sentence.alternatives[column][place] = [(tag, 1.0)]
