"""Tokens -> tag ids: runs the members of a tagger as fast as one thread can; everything that tags goes through it.

The members are networks and linear chains (sums of weights of a token's neighbouring forms, see
`model/linear_chain.py`). Networks compute what `TaggerNetwork.forward` does, from the same weights, in float32 or
bfloat16. `Engine.tag` directs, in this order:

1. Words may be read otherwise than they are written (`as_read`): `spelling` replaces characters that training lacks,
   `Casing` words of sentences in one case.
2. Lemmas depend on UPOS, so this column is needed where lemmas are wanted.
3. The lemma of a word is `decided` if training has one edit script alone for it. No member scores it then. Columns with
   constraints (a lexicon, given tags) are not decided; the others are open.
4. `symbols` finds emoji, addresses and the like, which can have few tags.
5. `stack.py` gives the scores of the members, which are added up.
6. `decoding.py` turns them into tags. Of words that training lacks it says how reliable the lemma of a dictionary is
   (`unseen`).
"""

# E embedding of a form, N packed tokens of a batch (see `PackedBatch`; `counts` says how many sentences have a token at
# each step), S states of all layers, K tags of a column

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
import torch

from tagger.bundle.bundle import Bundle, Member, networks_share
from tagger.errors import InputError
from tagger.model.batch import FIXED_SENTENCES, PackedBatch, plan_batches
from tagger.model.decoder import CRFDecoder, Decoded, Decoder, mean_decoder
from tagger.model.device import own_turn
from tagger.tagging.decoding import BatchScores, Constraint, Decoding, Request, joined
from tagger.tagging.stack import LinearScorer, Networks
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.strings import LEMMA, UPOS
from tagger.words.casing import Casing
from tagger.words.dictionary_lemmas import UnseenLemmas
from tagger.words.lookalikes import Spelling

_NO_CONSTRAINTS: Mapping[str, Constraint] = MappingProxyType({})
_NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Scored(NamedTuple):
    """The scores of sentences, from which tags can be decoded more than once."""

    forms: list[str]  # of all tokens, as they were read
    batches: list[BatchScores]


class Engine:
    """Finds the tags of sentences; threads take turns.

    To find tags, words may be read otherwise than they are written, see `as_read`. `states` takes words as they are
    written.

    Attributes:
        groups: the networks, those of equal shape together.
        decoders: of the mean scores of each column.
        has_fixed_shapes: whether `tag` can use fixed shapes; a transformer cannot, because it pads sentences.
    """

    def __init__(self, bundle: Bundle, options: TaggerOptions) -> None:
        self.vocabulary = bundle.vocabulary
        self.spelling = Spelling(self.vocabulary.known_forms)
        self._casing = None if bundle.has_noise else Casing(self.vocabulary.forms)
        parts = {column: networks_share(bundle.linear, column) for column in self.vocabulary.columns}
        self.decoders: dict[str, Decoder] = {}
        for column, part in parts.items():
            own = [(cast(Decoder, m.network.decoders[column]), part * m.share(column)) for m in bundle.members]
            own += [(each.chain.decoder, each.share) for each in bundle.linear if each.column == column]
            self.decoders[column] = mean_decoder(*zip(*own, strict=True)).to(options.device)
        edited = {column for column, codec in self.vocabulary.codecs.items() if codec.edits}
        self._before_lemmas = [UPOS] if LEMMA in edited and UPOS in self.decoders else []
        # Columns of scripts that only one kind of member scores, each token alone.
        self._decidable = edited - {each.column for each in bundle.linear}
        self._decidable -= {column for column in edited if isinstance(self.decoders[column], CRFDecoder)}
        lemmas = bundle.lemmas if LEMMA in edited else None
        upos = self.vocabulary.tags.get(UPOS, [""])
        codec = self.vocabulary.codecs.get(LEMMA)
        self.unseen = UnseenLemmas(lemmas, codec, upos, options.cache_size) if lemmas and codec else None
        temperatures = dict(bundle.config.get("temperatures") or {})
        self._decoding = Decoding(self.decoders, self.vocabulary, temperatures, options.device, self.unseen)
        self.symbols = self._decoding.symbols
        shapes: dict[tuple[object, ...], list[Member]] = {}
        for member in bundle.members:
            shapes.setdefault(Networks.shape(member.network), []).append(member)
        self.groups = [Networks(members, parts, options) for members in shapes.values()]
        linear = (LinearScorer(each, options) for each in bundle.linear)
        self._scorers: list[Networks | LinearScorer] = [*self.groups, *linear]
        self.has_fixed_shapes = all(member.network.transformer is None for member in bundle.members)

    def as_read(self, sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
        """Sentences as the networks read them: see `lookalikes` and, if no noise has been read, `Casing`."""
        read = [self.spelling.words(tokens) for tokens in sentences]
        return read if self._casing is None else [self._casing.read(tokens) for tokens in read]

    def tag(
        self,
        sentences: Sequence[Sequence[str]],
        request: Request,
        constraints: Mapping[str, Constraint] = _NO_CONSTRAINTS,
    ) -> dict[str, Decoded]:
        """The tags of all tokens of sentences as they are read; see `as_read`."""
        columns = list(self.vocabulary.columns if request.columns is None else request.columns)
        needed = list(dict.fromkeys([*columns, *(self._before_lemmas if LEMMA in columns else ())]))
        forms = [form for sentence in sentences for form in sentence]
        # The only script that each form can have, or -1; see `Networks.scores`. Alternatives need all scores.
        open_columns = [c for c in columns if c in self._decidable and c not in constraints and request.top == 1]
        decided = {column: self.vocabulary.codecs[column].decided(forms) for column in open_columns}
        found, places = [], []
        symbols = self.symbols.find(forms)
        with own_turn():
            batches = self._batches(sentences, request.fixed_shapes)
            for batch in self._scores(batches, forms, needed, decided):
                places.append(batch.tokens)
                found.append(self._decoding.decode(batch, forms, request, constraints, decided, symbols))
        if not found:
            return {column: self._decoding.nothing(column, request) for column in columns}
        return {column: joined([each[column] for each in found], places) for column in columns}

    def _scores(
        self,
        batches: Sequence[PackedBatch],
        forms: Sequence[str],
        columns: Sequence[str],
        decided: Mapping[str, np.ndarray] = _NOTHING,
    ) -> Iterator[BatchScores]:
        """The mean scores of all tokens, batch by batch; to be used within `own_turn`. See `Networks.scores` for
        `decided`.
        """
        of_members = [scorer.scores(forms, batches, columns, decided) for scorer in self._scorers]
        for batch, first, *others in zip(batches, *of_members, strict=True):
            scores = dict(first)
            for each in others:
                scores |= {column: scores[column].float() + more.float() for column, more in each.items()}
            yield BatchScores(scores, batch.tokens, batch.counts, FIXED_SENTENCES if batch.fixed else None)

    def _batches(self, read: Sequence[Sequence[str]], fixed_shapes: bool = False) -> list[PackedBatch]:
        """Which sentences are computed together; it follows from their list alone."""
        if self.has_fixed_shapes:
            return list(plan_batches(read, fixed=fixed_shapes))
        return list(plan_batches(read, lambda sentence: max(group.size(sentence) for group in self.groups)))

    def score(self, sentences: Sequence[Sequence[str]]) -> Scored:
        """The scores of all columns and tokens in float32. All are in memory at once."""
        read = self.as_read(sentences)
        forms = [form for sentence in read for form in sentence]
        with own_turn():
            batches = [
                batch._replace(scores={column: each.float() for column, each in batch.scores.items()})
                for batch in self._scores(self._batches(read), forms, self.vocabulary.columns)
            ]
        return Scored(forms, batches)

    def weighed(self, scored: Scored) -> list[BatchScores]:
        """The scores as they are decoded, but for `Symbols`: -inf for a lemma that a word cannot have."""
        batches = [batch.copied() for batch in scored.batches]
        with own_turn():
            for batch in batches:
                for column, each in batch.scores.items():
                    self.vocabulary.codecs[column].weigh(each, scored.forms, batch.tokens)
        return batches

    def decoded(self, scored: Scored, request: Request) -> dict[str, Decoded]:
        """The tags that `tag` finds, of all columns, with this engine's temperatures; the scores stay as they are."""
        symbols = self.symbols.find(scored.forms)
        with own_turn():
            found = [
                self._decoding.decode(batch.copied(), scored.forms, request, _NO_CONSTRAINTS, _NOTHING, symbols)
                for batch in scored.batches
            ]
        places = [batch.tokens for batch in scored.batches]
        return {column: joined([each[column] for each in found], places) for column in self.vocabulary.columns}

    @property
    def widths(self) -> list[int]:
        """The width of each recurrent layer: F + R, of all networks together."""
        widths = [group.widths for group in self.groups]
        if len({len(each) for each in widths}) > 1:
            raise InputError("the members of this tagger have different numbers of layers, so it has no vectors")
        return [sum(each) for each in zip(*widths, strict=True)]

    def states(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """The states of all recurrent layers side by side, of all tokens: float32, (tokens, S).

        Within a layer, those of all networks stand side by side.
        """
        forms = [form for sentence in sentences for form in sentence]
        states = np.empty((len(forms), sum(self.widths)), dtype=np.float32)
        with own_turn():
            batches = self._batches(sentences)
            of_groups = [group.states(forms, batches) for group in self.groups]
            for batch, *groups in zip(batches, *of_groups, strict=True):
                layers = [each for layer in zip(*groups, strict=True) for each in layer]
                states[batch.tokens] = torch.cat(layers, dim=1).float().cpu().numpy()
        return states

    @property
    def cached_bytes(self) -> int:
        """The size of what was computed of word forms."""
        return sum(scorer.cache.values.nbytes for scorer in self._scorers)

    def clear_cache(self) -> None:
        """Forgets what was computed of word forms."""
        for scorer in self._scorers:
            scorer.cache.clear()
        if self.unseen is not None:
            self.unseen.clear_cache()
