"""A trained tagger that another one learns from: its best tags of train and of untagged text, and the loss.

A student learns from the probabilities of its teacher: Hinton, Vinyals and Dean (2015),
https://arxiv.org/abs/1503.02531. It can learn from text without tags, too, since the teacher tags it: Kim and Rush
(2016), https://arxiv.org/abs/1606.07947. What the teacher says is computed once and kept below the run's folder, in
files of some thousand sentences each. The name of a file is a digest of everything that decides its content, so a
resumed run computes only what is missing.
"""

# T tokens in the longest sentence, B sentences, N packed tokens of all, K tags of a column, k of them that are kept

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import datasets
import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import pad

from tagger.bundle.catalog import is_hub_name
from tagger.bundle.saved_config import CONFIG, TAGGER_IN_RUN
from tagger.corpus.corpus_config import CORPUS
from tagger.corpus.raw_text import MAX_COUNTED_FORMS, Texts
from tagger.corpus.splits import to_arrow, token_counts
from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.model.crf import packing
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.cached_outputs import saved_array
from tagger.tagging.languages import load
from tagger.tagging.tagger_options import Request
from tagger.text.files import file_version
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG
from tagger.training.config import DistillConfig, find_start
from tagger.training.report import describe

GOLD_SHARE = 0.5  # of the gold tags in what a word of train teaches; the teacher has the rest
TOP = 8  # the teacher's best tags that are kept of each word
TEXT_MIN_COUNT = 5  # how often a word of text must occur for a vector of its own
RATIO = 4  # words of text in an epoch for each word of the corpus
WORDS_OF_TEXT = 100_000  # in an epoch, at least
SHARD_TOKENS = 50_000  # of a file, at least, but for the last one
MAX_SHARDS = 128  # about; of more text a file has more tokens, since each stays open while it is mapped
SECONDS = 10  # between two lines of progress
IDS, SHARES = np.dtype(np.uint16), np.dtype(np.float16)
MASKED = -1e4  # a score of no tag; not -inf, because the gradient of a sum of those alone is no number

_log = logging.getLogger(__name__)


def text_ratio(words: int) -> float:
    """How many words of untagged text an epoch has for each word of train, of which there are so many."""
    return max(RATIO, WORDS_OF_TEXT / max(1, words))


def teacher_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of the student with the teacher, of each token, (N,).

    The tags that the teacher does not name count as one, with the probability that is left. So both have a distribution
    over k + 1 tags.

    Args:
        scores: (N, K) of the student.
        targets: (N, k, 2) ids and probabilities of different tags; the id -1 names no tag.
    """
    tags = scores.shape[1]
    ids, shares = targets[..., 0].long(), targets[..., 1]
    named = ids >= 0
    ids = torch.where(named, ids, tags)  # the column of `MASKED` that comes next
    scores = pad(scores.float(), (0, 1), value=MASKED)  # (N, K + 1)
    others = scores.scatter(1, ids, MASKED).logsumexp(-1, keepdim=True)
    logs = torch.cat([scores.gather(1, ids), others], dim=-1).log_softmax(-1)  # (N, k + 1)

    # Probabilities in half precision leave a rest by rounding, even where no tag is left that could have it.
    rest = (1 - shares.sum(-1, keepdim=True)).clamp(min=0) * (named.sum(-1, keepdim=True) < tags)
    shares = torch.cat([shares, rest], dim=-1)
    shares = shares / shares.sum(-1, keepdim=True).clamp(min=1e-9)  # 0 if the student has no tag that is probable
    return -(shares * logs).sum(-1)


def student_loss(
    scores: Sequence[Mapping[str, Tensor]], of_gold: Mapping[str, Tensor], batch: Batch, gold: float = GOLD_SHARE
) -> Tensor:
    """The loss of gold tags and of what a teacher says, each a mean over all words: a sum over columns and networks.

    Args:
        scores: of each network, those of each column, (T, B, K).
        of_gold: for each column the sum over the networks of the mean loss of the words that have gold tags.
        gold: the weight of the gold loss of a word that has a gold tag; that of the teacher has the rest.
    """
    places = packing(batch.lengths).places  # (N,) the words among T * B
    losses = []
    for column, target in batch.targets.items():
        has_gold = target.flatten()[places] >= 0  # (N,)
        share = has_gold.float().mean()
        said = batch.teacher.get(column)
        if said is None:  # the teacher lacks the column
            losses.append(share * of_gold[column])
            continue
        losses.append(gold * share * of_gold[column])
        weights = torch.where(has_gold, 1 - gold, 1.0)
        for of_network in scores:
            own = of_network[column].flatten(0, 1)[places]  # (N, K)
            losses.append((weights * teacher_loss(own, said.flatten(0, 1)[places])).mean())
    return torch.stack(losses).sum()


class Teacher:
    """A trained tagger that a student learns from, and the untagged text that it tags for the student, if there is one.

    Its name is the last part of that of its folder, or of the folder of its run.
    """

    def __init__(self, config: DistillConfig, columns: Sequence[str]) -> None:
        """Loads the tagger and reads the text; of several corpora it takes all sentences to be like those of one."""
        assert config.teacher is not None
        name, corpus = config.teacher, config.corpus
        folder = find_start(name, "distill.teacher")
        resolved = folder.resolve()
        own_name = resolved.parent.name if resolved.name == TAGGER_IN_RUN else resolved.name
        self.name = name if is_hub_name(name) else own_name
        with torch.random.fork_rng(devices=[]):  # the student begins with the weights that it has without a teacher
            self.tagger = load(folder, corpus=corpus)
        # `config.json` has the digests of the other files.
        self.digest = f"{hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()} {corpus or ''}"
        own = self.tagger.vocabulary.columns
        if not set(columns) & set(own):
            raise InputError(
                f"distill.teacher={name}: it has no column {' or '.join(columns)}, only {', '.join(own)}; choose"
                " columns=[...] with one of these, or another teacher"
            )
        self.text = UntaggedText(config, columns, self) if config.text is not None else None

    @property
    def description(self) -> dict[str, Any]:
        """What a model card says of it: its name, what it was trained on, its scores, and the text."""
        config = self.tagger.config
        corpus = describe(config) if config.get("corpus") else None
        text = None if self.text is None else {"name": self.text.name, "words": self.text.words}
        return {"name": self.name, "corpus": corpus, "scores": config.get("scores", {}), "text": text}

    def teach(self, train: Dataset, vocabulary: Vocabulary, folder: Path) -> "TeacherTargets":
        """What a student learns from the corpus and the text."""
        text = self.text
        if text is None:
            return self.targets(train, TOP, vocabulary, folder)
        untagged = text.sentences
        if CORPUS in train.column_names:
            nothing: Any = [""] * len(untagged)
            untagged = untagged.add_column(CORPUS, nothing)
        columns = [name for name in train.column_names if name in untagged.column_names]
        both = datasets.concatenate_datasets([train.select_columns(columns), untagged.select_columns(columns)])
        words = int(token_counts(train).sum())
        share = min(1.0, text_ratio(words) * words / text.words)
        _log.info("%s: %s words of text, %.0f %% of them in an epoch", text.name, f"{text.words:,}", 100 * share)
        sentences = max(1, round(share * len(untagged)))
        return self.targets(both, TOP, vocabulary, folder, sentences)

    def targets(
        self, sentences: Dataset, top: int, vocabulary: Vocabulary, folder: Path, text_sentences: int = 0
    ) -> "TeacherTargets":
        """The teacher's tags for sentences, whose files are in a folder; `top` (k) of each token are kept, or all."""
        tags = self.tagger.vocabulary.tags
        for column, wanted in vocabulary.tags.items():
            if column in tags and not set(wanted) & set(tags[column]):
                raise InputError(
                    f"distill.teacher={self.name}: it knows no tag that the corpus has in {column}; choose a teacher"
                    " that was trained on such tags"
                )
        # All columns of the teacher are asked for, since its tags of one fit those of the others.
        sizes = {column: min(top, len(tags[column])) for column in self.tagger.vocabulary.columns}
        total, done, shards = int(token_counts(sentences).sum()), 0, list[np.ndarray]()
        _log.info("%s tags %s words for the student once", self.name, f"{total:,}")
        start = said = time.monotonic()
        for shard in _shards(sentences, max(SHARD_TOKENS, total // MAX_SHARDS)):
            shards.append(self._shard(shard, sizes, folder))
            done += len(shards[-1])
            if time.monotonic() - said >= SECONDS:
                said = time.monotonic()
                minutes = (said - start) / done * (total - done) / 60
                _log.info("teacher: %s of %s words, %.1f min left", f"{done:,}", f"{total:,}", minutes)
        translations = {  # the student's id of each of the teacher's tags; -1: the student lacks it
            column: np.array([ids.get(tag, -1) for tag in tags[column]], dtype=np.int64)
            for column, ids in vocabulary.tag_ids.items()
            if column in tags
        }
        return TeacherTargets(sentences, text_sentences, shards, sizes, translations)

    def _shard(self, sentences: list[list[str]], sizes: dict[str, int], folder: Path) -> np.ndarray:
        """What the teacher says of some sentences; see `by_column`."""
        key = json.dumps([self.digest, self.tagger.options.precision, sizes, sentences])
        shape = (sum(map(len, sentences)), 2, sum(sizes.values()))

        def write(file: BinaryIO) -> None:
            engine = self.tagger.engine
            request = Request([*sizes], max(sizes.values()), probabilities=True)
            found = engine.tag(engine.reader.read(sentences), request)
            shard = np.empty(shape, IDS)
            for column, (ids, shares) in by_column(shard, sizes).items():
                tags = found[column]
                assert tags.probabilities is not None
                ids[:] = tags.ids[:, : sizes[column]]
                shares[:] = tags.probabilities[:, : sizes[column]].clip(0, 1)
            np.save(file, shard)

        return saved_array(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy", shape, write)


class TeacherTargets:
    """The teacher's best tags of the tokens of all sentences, with their probabilities.

    Attributes:
        sentences: those of train, then those of the untagged text.
        text_sentences: how many of the text an epoch has.
    """

    def __init__(
        self,
        sentences: Dataset,
        text_sentences: int,
        shards: Sequence[np.ndarray],
        sizes: Mapping[str, int],
        translations: Mapping[str, np.ndarray],
    ) -> None:
        """Takes shards and the k of each of their columns; see `by_column`.

        `translations` are for each column the student's ids of the teacher's tags; -1 for a tag that it lacks.
        """
        self.sentences, self.text_sentences = sentences, text_sentences
        self._shards, self._translations = [by_column(shard, sizes) for shard in shards], translations
        lengths = token_counts(sentences)
        ends = np.cumsum(lengths)
        self._starts = ends - lengths
        self._lengths = lengths
        self._borders = np.cumsum([0, *map(len, shards)])  # tokens before each shard
        self._of = np.searchsorted(self._borders, self._starts, side="right") - 1  # the shard of each sentence

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """For each column float32 (T, B, k, 2): ids and probabilities of B sentences, 0 after a sentence's end.

        A tag that the student lacks has the id -1 and the probability 0.
        """
        longest, found = int(self._lengths[numbers].max()), {}
        for column, translation in self._translations.items():
            k = self._shards[0][column][0].shape[1]
            values = np.zeros((longest, len(numbers), k, 2), dtype=np.float32)
            for i, number in enumerate(numbers):
                shard, length = self._of[number], self._lengths[number]
                start = self._starts[number] - self._borders[shard]
                ids, shares = (array[start : start + length] for array in self._shards[shard][column])
                ids = translation[ids]
                values[:length, i, :, 0] = ids
                values[:length, i, :, 1] = _sharpened(shares, len(translation)) * (ids >= 0)
            found[column] = values
        return found


def by_column(shard: np.ndarray, sizes: Mapping[str, int]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each column the ids and the probabilities of its best tags, (tokens, k) each.

    Args:
        shard: (tokens, 2, sum of all k) of ids, and of the bits of probabilities in half precision.
        sizes: k of each column.
    """
    ends = np.cumsum([*sizes.values()])
    places = {column: slice(end - k, end) for (column, k), end in zip(sizes.items(), ends, strict=True)}
    return {column: (shard[:, 0, place], shard[:, 1, place].view(SHARES)) for column, place in places.items()}


def _sharpened(shares: np.ndarray, tags: int) -> np.ndarray:
    """Probabilities in half precision, the largest of each token corrected; float32.

    A number near 1 is rounded so much in half precision that the rest, 1 minus the sum, would mean nothing. But no tag
    that is not kept is more probable than the last one that is, so the rest has a bound.

    Args:
        shares: (tokens, k) of the chosen tag and of the best others, best first.
        tags: how many tags the teacher has.
    """
    shares = shares.astype(np.float32)
    k = shares.shape[1]
    if k == 1 < tags:  # the chosen tag may be less probable than others
        return shares
    rows, largest = np.arange(len(shares)), shares.argmax(axis=1)
    before = shares[rows, largest]
    least = 1 - (shares.sum(axis=1) - before) - (tags - k) * shares[:, -1]
    shares[rows, largest] = np.maximum(before, least)
    return shares


class UntaggedText:
    """The untagged text that a config names, cut into sentences of tokens and kept in the cache.

    Attributes:
        sentences: with `tokens` and, in every tag column, as many blanks.
        counts: how often each form occurs; of very many forms those that occur once are forgotten.
        words: the number of its tokens.
    """

    def __init__(self, config: DistillConfig, columns: Sequence[str], teacher: Teacher) -> None:
        """Reads the text, which the segmenter of the teacher cuts."""
        assert config.text is not None
        texts = Texts(config.text, teacher.tagger.segment_all, "distill.text")
        self.name = texts.name
        arguments = {"texts": texts, "columns": tuple(columns)}
        version = (*(file_version(file) for file in texts.files), teacher.digest)
        self.sentences = to_arrow(_untagged, arguments, columns, texts.name, version)
        self.counts: Counter[str] = Counter()
        for rows in self.sentences.select_columns(["tokens"]).iter(1000):
            for tokens in rows["tokens"]:
                self.counts.update(tokens)
            if len(self.counts) > MAX_COUNTED_FORMS:
                self.counts = Counter({form: count for form, count in self.counts.items() if count > 1})
        self.words = int(token_counts(self.sentences).sum())


def _untagged(texts: Texts, columns: tuple[str, ...]) -> Iterator[Sentence]:
    """The sentences of the text."""
    words, said = 0, time.monotonic()
    for tokens in texts.sentences():
        words += len(tokens)
        if time.monotonic() - said >= SECONDS:
            said = time.monotonic()
            _log.info("%s: %s words are cut", texts.name, f"{words:,}")
        yield Sentence(tokens, {column: [NO_TAG] * len(tokens) for column in columns})
    if not words:
        raise InputError(f"{texts.name}: no words in it to learn from; give distill.text more")


def _shards(sentences: Dataset, size: int) -> Iterator[list[list[str]]]:
    """Sentences of at least `size` tokens at a time."""
    shard: list[list[str]] = []
    tokens = 0
    for rows in sentences.select_columns(["tokens"]).iter(1000):
        for sentence in rows["tokens"]:
            shard.append(sentence)
            tokens += len(sentence)
            if tokens >= size:
                yield shard
                shard, tokens = [], 0
    if shard:
        yield shard
