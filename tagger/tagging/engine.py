"""A reading of sentences -> tags: runs the members of a tagger as fast as one thread can, and asks the judges.

The members are networks and linear chains (sums of weights of a token's neighbouring forms, see
`model/linear_chain.py`). Networks compute what `TaggerNetwork.forward` does, from the same weights, in float32 or
bfloat16. Everything that tags goes through the same steps:

1. `Reader` reads the words, perhaps otherwise than they are written.
2. `stack.py` gives the scores of the members, which are added up. Words are left out of which a judge knows the only
   tag (`settled`).
3. Column by column, judges refuse tags, and a decoder chooses the best ones.
4. Judges replace answers.

Which judges there are, and in which order they act, says `words/judges.py`.
"""

# E embedding of a form, N packed tokens of a batch (see `PackedBatch`; `counts` says how many sentences have a token at
# each step), S states of all layers, K tags of a column

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
from torch import Tensor

from tagger.bundle.bundle import Bundle, Member, networks_share
from tagger.model.batch import FIXED_SENTENCES, plan_batches
from tagger.model.decoder import CRFDecoder, Decoder, mean_decoder
from tagger.model.device import own_turn
from tagger.tagging.stack import LinearScorer, Networks
from tagger.tagging.tagger_options import Request, TaggerOptions
from tagger.text.sentence import Sentence
from tagger.text.tags import Lexicon, is_span_column
from tagger.words.facts import FormFacts, Judge, Refusing, Replacing, Tokens
from tagger.words.judges import Knowledge
from tagger.words.lemmas import KnownLemmas
from tagger.words.reading import Reader, Reading

_NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


class Answers(NamedTuple):
    """The tags of the N words of a reading, in one column."""

    ids: np.ndarray  # (N, k) of the best tags, best first
    probabilities: np.ndarray | None  # (N, k); None if nobody asked for them
    instead: dict[int, tuple[str, float]]  # place of a word -> its tag, which has no id, and the probability of that


class BatchScores(NamedTuple):
    """The scores of a batch, and what they are of."""

    scores: dict[str, Tensor]  # of each column, of the n tokens that are open in it (n, K)
    open_rows: dict[str, np.ndarray]  # of each column, those of these tokens among all (n,)
    tokens: np.ndarray  # (N,) the place of each packed token in the reading
    counts: list[int]  # (T,) sentences that have a token at each step
    rows: int | None  # of every product of a decoder; see `Decoder.log_probabilities`


class Scored(NamedTuple):
    """The scores of sentences, from which tags can be decoded more than once."""

    reading: Reading
    batches: list[BatchScores]

    def copies(self) -> list[BatchScores]:
        """The batches with scores of their own, which judges may change."""
        return [batch._replace(scores={c: each.clone() for c, each in batch.scores.items()}) for batch in self.batches]


class Engine:
    """Finds the tags of sentences; threads take turns.

    Attributes:
        reader: makes readings, which `tag` takes.
        knowledge: of words, for the judges.
        judges: what is known of words, in the order in which it counts.
        groups: the networks, those of equal shape together.
        decoders: of the mean scores of each column.
        size: how much of a batch a sentence takes.
        has_fixed_shapes: whether `tag` can use fixed shapes; a transformer cannot, because it pads sentences.
    """

    def __init__(self, bundle: Bundle, options: TaggerOptions, lexicons: Mapping[str, Lexicon] | None = None) -> None:
        self.vocabulary = vocabulary = bundle.vocabulary
        self.reader = Reader(vocabulary.known_forms, cases=not bundle.has_noise)
        parts = {column: networks_share(bundle.linear, column) for column in vocabulary.columns}
        self.decoders: dict[str, Decoder] = {}
        for column, part in parts.items():
            own = [(cast(Decoder, m.network.decoders[column]), part * m.share(column)) for m in bundle.members]
            own += [(each.chain.decoder, each.share) for each in bundle.linear if each.column == column]
            self.decoders[column] = mean_decoder(*zip(*own, strict=True)).to(options.device)
        crfs = {column for column, decoder in self.decoders.items() if isinstance(decoder, CRFDecoder)}
        spans = {column for column in crfs if is_span_column(vocabulary.tags[column])}  # which must stay whole
        self.knowledge = Knowledge(
            vocabulary.tag_ids,
            vocabulary.codecs,
            vocabulary.known_forms,
            bundle.conventions.marks,
            vocabulary.combinations,
            [column for column in vocabulary.combined if column not in spans],
            {} if lexicons is None else lexicons,
            bundle.lemmas,
            options.cache_size,
        )
        self.judges = self.knowledge.judges()
        self._needs = {
            column: [other for other in judge.needs if other in vocabulary.tags]
            for judge in self.judges
            if judge.needs
            for column in judge.columns
        }
        # Only networks can leave tokens out, and only where each is decoded alone.
        whole = {*crfs, *(each.column for each in bundle.linear)}
        self._settling = {
            column: judge
            for judge in self.judges
            if isinstance(judge, KnownLemmas)
            for column in judge.columns
            if column not in whole
        }
        self._temperatures = dict(bundle.config.get("temperatures") or {})
        shapes: dict[tuple[object, ...], list[Member]] = {}
        for member in bundle.members:
            shapes.setdefault(Networks.shape(member.network), []).append(member)
        self.groups = [Networks(members, parts, options) for members in shapes.values()]
        linear = (LinearScorer(each, options) for each in bundle.linear)
        self._scorers: list[Networks | LinearScorer] = [*self.groups, *linear]
        self.has_fixed_shapes = all(member.network.transformer is None for member in bundle.members)
        self.size = len if self.has_fixed_shapes else self._pieces

    def tag(self, reading: Reading, request: Request, scored: Scored | None = None) -> dict[str, Answers]:
        """The tags of all words of a reading; its scores are computed, or taken as they were `scored` before."""
        columns = self.vocabulary.columns if request.columns is None else request.columns
        facts, settled = self.knowledge.facts(reading), {}
        if request.top == 1 and scored is None:  # alternatives need all scores
            settled = {c: judge.settled(facts) for c, judge in self._settling.items() if c in columns}
        answers, has_probabilities = {}, request.probabilities or request.top > 1
        for column in columns:
            candidates = self.vocabulary.codecs[column].candidates(request.top, has_probabilities)
            ids = np.zeros((len(reading.forms), candidates), dtype=np.int64)
            ids[:, 0] = settled.get(column, 0)
            shares = np.zeros(ids.shape, dtype=np.float32) if has_probabilities else None
            if shares is not None:
                shares[:, 0] = 1
            answers[column] = Answers(ids, shares, {})
        with own_turn():
            batches = scored.copies() if scored else self._scores(reading, columns, settled, request.fixed_shapes)
            for batch in batches:
                decided = self._decide(batch, facts, self.judges)
                wanted = {column: decided[column] for column in columns}
                for judge in self.judges:
                    if isinstance(judge, Replacing) and not wanted.keys().isdisjoint(judge.columns):
                        judge.replace(wanted)
                for column, tokens in wanted.items():
                    self._answer(answers[column], tokens, batch)
        return answers

    def _decide(self, batch: BatchScores, facts: FormFacts, judges: Sequence[Judge]) -> dict[str, Tokens]:
        """The best tags of each column, after judges refused some; the scores are changed."""
        decided: dict[str, Tokens] = {}
        for column, scores in batch.scores.items():
            rows, decoder = batch.open_rows[column], self.decoders[column]
            conditionals = partial(decoder.log_conditionals, counts=batch.counts)
            temperature = self._temperatures.get(column, 1.0)
            decided[column] = tokens = Tokens(
                column, facts, batch.tokens, rows, scores, {**decided}, conditionals, temperature
            )
            for judge in judges:
                if isinstance(judge, Refusing) and column in judge.columns:
                    judge.refuse(tokens)
            tokens.best = decoder.best(scores, batch.counts)
        return decided

    def _answer(self, answers: Answers, tokens: Tokens, batch: BatchScores) -> None:
        """Adds the answers for a batch in one column."""
        ids, shares, instead = answers
        places, decoder = batch.tokens[tokens.rows], self.decoders[tokens.column]
        instead.update(tokens.instead)
        if shares is None:
            ids[places, 0] = tokens.best.cpu().numpy()
        else:
            ids[places], shares[places] = decoder.top(
                tokens.scores, batch.counts, tokens.best, ids.shape[1], tokens.temperature, batch.rows
            )

    def _scores(
        self,
        reading: Reading,
        columns: Sequence[str],
        settled: Mapping[str, np.ndarray] = _NOTHING,
        fixed_shapes: bool = False,
    ) -> Iterator[BatchScores]:
        """The mean scores of all tokens, batch by batch; to be used within `own_turn`. See `Networks.scores` for
        `settled`.

        The columns are those that are wanted, and those that others need, which come before these.
        """
        columns = [*dict.fromkeys([*(other for column in columns for other in self._needs.get(column, ())), *columns])]
        batches = list(plan_batches(reading.sentences, self.size, fixed_shapes))
        of_members = [scorer.scores(reading.forms, batches, columns, settled) for scorer in self._scorers]
        for batch, first, *others in zip(batches, *of_members, strict=True):
            scores = dict(first)
            for each in others:
                scores |= {column: scores[column].float() + more.float() for column, more in each.items()}
            every = np.arange(len(batch.tokens))
            rows = {c: np.flatnonzero(settled[c][batch.tokens] < 0) if c in settled else every for c in scores}
            yield BatchScores(scores, rows, batch.tokens, batch.counts, FIXED_SENTENCES if batch.fixed else None)

    def score(self, sentences: Sequence[Sequence[str]]) -> Scored:
        """The scores of all columns and words in float32. All are in memory at once."""
        reading = self.reader.read(sentences)
        with own_turn():
            batches = [
                batch._replace(scores={column: each.float() for column, each in batch.scores.items()})
                for batch in self._scores(reading, self.vocabulary.columns)
            ]
        return Scored(reading, batches)

    def weighed(self, scored: Scored) -> list[BatchScores]:
        """The scores after the judges that belong to training: -inf for a lemma that a word cannot have."""
        batches, facts = scored.copies(), self.knowledge.facts(scored.reading)
        with own_turn():
            for batch in batches:
                self._decide(batch, facts, [judge for judge in self.judges if isinstance(judge, KnownLemmas)])
        return batches

    def fill(
        self, window: Sequence[Sentence], reading: Reading, answers: Mapping[str, Answers], request: Request
    ) -> None:
        """Gives each sentence of a window its part of the answers."""
        spans = list(pairwise(accumulate(map(len, reading.sentences), initial=0)))
        for sentence in window:
            sentence.tags, sentence.probabilities, sentence.alternatives = {**sentence.tags}, {}, {}
        for column, (ids, of_ids, instead) in answers.items():
            best, shares, alternatives = self.vocabulary.codecs[column].read(
                reading.distinct, reading.rows, ids, of_ids, request.top
            )
            for place, (tag, share) in instead.items():
                best[place] = tag
                if shares is not None:
                    shares[place] = share
                if alternatives is not None:  # what is left is shared as before
                    others = dict(alternatives[place] if share < 1 else ())
                    rest = 1 - others.pop(tag, 0.0)
                    scale = (1 - share) / rest if rest > 0 else 0.0
                    pairs = sorted(
                        ((other, round(p * scale, 6)) for other, p in others.items()), key=lambda pair: -pair[1]
                    )
                    alternatives[place] = [(tag, share), *pairs][: request.top]
            for sentence, (start, end) in zip(window, spans, strict=True):
                sentence.tags[column] = best[start:end]
                if request.probabilities and shares is not None:
                    sentence.probabilities[column] = shares[start:end]
                if request.top > 1 and alternatives is not None:
                    sentence.alternatives[column] = alternatives[start:end]

    def _pieces(self, sentence: Sequence[str]) -> int:
        """How much of a batch a sentence takes; see `Networks.size`."""
        return max(group.size(sentence) for group in self.groups)

    @property
    def cached_bytes(self) -> int:
        """The size of what was computed of word forms."""
        return sum(scorer.cache.values.nbytes for scorer in self._scorers)
