"""The key `distill` of a config -> a teacher, the untagged text for it, and what it says of both corpus and text.

A student learns from a teacher's probabilities: Hinton, Vinyals and Dean (2015), https://arxiv.org/abs/1503.02531. Text
without tags teaches as well as text with tags, since the teacher tags it: Kim and Rush (2016),
https://arxiv.org/abs/1606.07947.
"""

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import datasets
from datasets import Dataset

from tagger.corpus.arrow import to_arrow, token_counts
from tagger.corpus.config import HubTextConfig
from tagger.corpus.raw_text import Texts
from tagger.corpus.several import CORPUS
from tagger.model.vocabulary import Vocabulary
from tagger.text.files import file_version
from tagger.text.gold_tags import NO_TAG
from tagger.text.segmenter import Segmenter
from tagger.text.sentence import Sentence
from tagger.training.distill_config import DistillConfig
from tagger.training.targets import Distillation
from tagger.training.teacher import Teacher

_log = logging.getLogger(__name__)


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
            "cut": _Cut(segmenter),
            "columns": tuple(columns),
        }
        version = (*(file_version(file) for file in texts.files), teacher.digest)
        self.sentences = to_arrow(_untagged, arguments, columns, texts.name, "text", version)
        self.counts: Counter[str] = Counter()
        for rows in self.sentences.select_columns(["tokens"]).iter(1000):
            for tokens in rows["tokens"]:
                self.counts.update(tokens)

    @property
    def words(self) -> int:
        """The number of its tokens."""
        return self.counts.total()


class _Cut:
    """What cuts the text. A file in the cache is named after its name alone; its weights are part of the version."""

    def __init__(self, segmenter: Segmenter | None) -> None:
        self.segmenter = segmenter

    def __getstate__(self) -> dict[str, str | None]:
        return {"segmenter": self.segmenter.name if self.segmenter else None}


def _untagged(
    text: tuple[str, ...] | None, hub: tuple[Any, ...], cut: _Cut, columns: tuple[str, ...]
) -> Iterator[Sentence]:
    """The sentences of the text."""
    files = None if text is None else list(text)
    for tokens in Texts(files, HubTextConfig(*hub), segmenter=cut.segmenter).sentences():
        yield Sentence(tokens, {column: [NO_TAG] * len(tokens) for column in columns})


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
