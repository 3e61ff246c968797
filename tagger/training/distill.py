"""The key `distill` of a config -> a teacher, the untagged text for it, and what it says of both corpus and text.

A student learns from a teacher's probabilities: Hinton, Vinyals and Dean (2015), https://arxiv.org/abs/1503.02531. Text
without tags teaches as well as text with tags, since the teacher tags it: Kim and Rush (2016),
https://arxiv.org/abs/1606.07947.
"""

# N tokens, K tags of a column, k of them that a teacher names

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import datasets
import torch
from datasets import Dataset
from torch import Tensor

from tagger.corpus.arrow import to_arrow, token_counts
from tagger.corpus.config import HubTextConfig
from tagger.corpus.raw_text import Texts
from tagger.corpus.several import CORPUS
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.load import load
from tagger.text.files import file_version
from tagger.text.gold_tags import NO_TAG
from tagger.text.sentence import Sentence
from tagger.training.distill_config import DistillConfig
from tagger.training.teacher import Targets, Teacher

_log = logging.getLogger(__name__)
MASKED = -1e4  # a score that is no tag's; not -inf, whose gradient is no number


class Distillation(NamedTuple):
    """What a student learns beside gold tags.

    Attributes:
        sentences: of train, then those of the untagged text.
        gold: how many of them are of train.
        text_sentences: of the text in an epoch.
        targets: what the teacher says of all sentences.
    """

    sentences: Dataset
    gold: int
    text_sentences: int
    targets: Targets


class UntaggedText:
    """The untagged text that a config names, cut into sentences of tokens and kept in the cache.

    Attributes:
        sentences: with `tokens` and, in every tag column, as many blanks.
        counts: how often each form occurs.
    """

    def __init__(self, config: DistillConfig, columns: Sequence[str], teacher: Teacher) -> None:
        """Reads the text.

        Raises:
            InputError: the text cannot be read or has no words.
        """
        segmenter = teacher.tagger.segmenter
        texts = Texts(config.text, config.hub, segmenter=segmenter)
        self.name = texts.name
        arguments = {
            "text": None if config.text is None else tuple(texts.files),
            "hub": tuple(dataclasses.asdict(config.hub).values()),
            "teacher": str(teacher.folder.resolve()),
            "columns": tuple(columns),
        }
        version = (*(file_version(file) for file in texts.files), segmenter and segmenter.name, teacher.digest)
        self.sentences = to_arrow(_untagged, arguments, columns, texts.name, "text", version)
        self.counts: Counter[str] = Counter()
        for rows in self.sentences.select_columns(["tokens"]).iter(1000):
            for tokens in rows["tokens"]:
                self.counts.update(tokens)

    @property
    def words(self) -> int:
        """The number of its tokens."""
        return self.counts.total()


def _untagged(
    text: tuple[str, ...] | None, hub: tuple[Any, ...], teacher: str, columns: tuple[str, ...]
) -> Iterator[Sentence]:
    """The sentences of the text; plain arguments, since they are part of the name of a file in the cache."""
    files = None if text is None else list(text)
    for tokens in Texts(files, HubTextConfig(*hub), segmenter=load(teacher, "cpu").segmenter).sentences():
        yield Sentence(tokens, {column: [NO_TAG] * len(tokens) for column in columns})


def with_text(vocabulary: Vocabulary, text: UntaggedText, min_count: int) -> Vocabulary:
    """The vocabulary with vectors of their own for words and characters that are frequent in the text.

    The forms of the vocabulary stay those of the corpus: other words are still unseen in training.

    Args:
        vocabulary: of the corpus.
        text: untagged.
        min_count: occurrences in the text that a word or a character needs.
    """
    of_text = Vocabulary.of_forms(text.counts, min_count)
    words = {word: count + of_text.words.get(word, 0) for word, count in vocabulary.words.items()}
    characters = [*vocabulary.characters, *(c for c in of_text.characters if c not in vocabulary.character_ids)]
    return dataclasses.replace(vocabulary, words=of_text.words | words, characters=characters)


def distillation(
    config: DistillConfig, train: Dataset, vocabulary: Vocabulary, teacher: Teacher, text: UntaggedText | None
) -> Distillation:
    """Asks the teacher about the corpus and the text.

    Args:
        config: of the training.
        train: the sentences of the corpus.
        vocabulary: the student's.
        teacher: of the student.
        text: untagged, if there is any.

    Raises:
        InputError: the teacher lacks a column or all tags of one, or the cache cannot be written.
    """
    teacher.check(vocabulary)
    if text is None:
        return Distillation(train, len(train), 0, teacher.targets(train, config.top, vocabulary))
    untagged = text.sentences
    if CORPUS in train.column_names:
        nothing: Any = [""] * len(untagged)
        untagged = untagged.add_column(CORPUS, nothing)
    columns = [name for name in train.column_names if name in untagged.column_names]
    both = datasets.concatenate_datasets([train.select_columns(columns), untagged.select_columns(columns)])
    share = min(1.0, config.ratio * int(token_counts(train).sum()) / text.words)
    _log.info("%s: %s words of text, %.0f %% of them in an epoch", text.name, f"{text.words:,}", 100 * share)
    sentences = max(1, round(share * len(untagged)))
    return Distillation(both, len(train), sentences, teacher.targets(both, config.top, vocabulary))


def teacher_loss(scores: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of the student with the teacher, of each token, (N,).

    The tags that the teacher does not name count as one, with the probability that is left. Both distributions are
    taken at a temperature, and the loss is multiplied by its square: Hinton, Vinyals and Dean (2015), section 2.

    Args:
        scores: (N, K) of the student.
        targets: (N, k, 2) ids and probabilities of tags.
        temperature: of both.
    """
    ids, shares = targets[..., 0].long(), targets[..., 1]
    shares = torch.cat([shares, (1 - shares.sum(-1, keepdim=True)).clamp(min=0)], dim=-1)  # (N, k + 1)
    if temperature != 1:
        shares = shares ** (1 / temperature)
    shares = shares / shares.sum(-1, keepdim=True)
    scores = scores.float() / temperature
    others = scores.scatter(1, ids, MASKED).logsumexp(-1, keepdim=True)
    logs = torch.cat([scores.gather(1, ids), others], dim=-1) - scores.logsumexp(-1, keepdim=True)
    return -(shares * logs).sum(-1) * temperature**2
