"""The key `distill` of a config -> a teacher, the untagged text for it, and what it says of both corpus and text.

A student learns from a teacher's probabilities: Hinton, Vinyals and Dean (2015), https://arxiv.org/abs/1503.02531. It
can learn from text without tags, too, since the teacher tags it: Kim and Rush (2016), https://arxiv.org/abs/1606.07947.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets import Dataset

from tagger.corpus.arrow import to_arrow, token_counts
from tagger.corpus.corpus_config import CORPUS, NO_HUB
from tagger.corpus.raw_text import MAX_COUNTED_FORMS, Texts
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.files import file_version
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import NO_TAG
from tagger.training.config import DistillConfig
from tagger.training.recipe import text_ratio
from tagger.training.teacher import SECONDS, Distillation, Teacher

GOLD_SHARE = 0.5  # of the gold tags in what a word of train teaches; the teacher has the rest
TEACHER_TEMPERATURE = 1.0  # of the probabilities of teacher and student when they are compared
TOP = 8  # the teacher's best tags that are kept of each word
TEXT_MIN_COUNT = 5  # how often a word of text must occur for a vector of its own

_log = logging.getLogger(__name__)


class Teaching:
    """A teacher, and the untagged text that it tags for a student."""

    def __init__(self, config: DistillConfig, columns: Sequence[str]) -> None:
        """Loads the teacher and reads the text."""
        assert config.teacher is not None
        self._config = config
        self._teacher = Teacher(config.teacher, columns, config.corpus)
        self._text = UntaggedText(config, columns, self._teacher) if config.text is not None else None

    @property
    def counts(self) -> Mapping[str, int] | None:
        """How often each form occurs in the text; None if there is no text."""
        return None if self._text is None else self._text.counts

    @property
    def description(self) -> dict[str, Any]:
        """What a model card says of the teacher and the text."""
        text = None if self._text is None else {"name": self._text.name, "words": self._text.words}
        return {**self._teacher.description, "text": text}

    def of(self, train: Dataset, vocabulary: Vocabulary, folder: Path) -> Distillation:
        """Asks the teacher about the corpus and the text; see `Teacher.targets`."""
        teacher, text = self._teacher, self._text
        if text is None:
            return Distillation(train, 0, teacher.targets(train, TOP, vocabulary, folder))
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
        return Distillation(both, sentences, teacher.targets(both, TOP, vocabulary, folder))


class UntaggedText:
    """The untagged text that a config names, cut into sentences of tokens and kept in the cache.

    Attributes:
        name: of the text.
        sentences: with `tokens` and, in every tag column, as many blanks.
        counts: how often each form occurs; of very many forms those that occur once are forgotten.
        words: the number of its tokens.
    """

    def __init__(self, config: DistillConfig, columns: Sequence[str], teacher: Teacher) -> None:
        """Reads the text, which the segmenter of the teacher cuts."""
        texts = Texts(config.text, NO_HUB, keys="distill.")
        self.name = texts.name
        arguments = {
            "text": tuple(texts.files),
            "cut": _Cut(teacher.tagger),
            "columns": tuple(columns),
        }
        version = (*(file_version(file) for file in texts.files), teacher.digest)
        self.sentences = to_arrow(_untagged, arguments, columns, texts.name, version)
        self.counts: Counter[str] = Counter()
        for rows in self.sentences.select_columns(["tokens"]).iter(1000):
            for tokens in rows["tokens"]:
                self.counts.update(tokens)
            if len(self.counts) > MAX_COUNTED_FORMS:
                self.counts = Counter({form: count for form, count in self.counts.items() if count > 1})
        self.words = int(token_counts(self.sentences).sum())


class _Cut:
    """What cuts the text: the segmenter of a tagger.

    A file in the cache is named after the name of the segmenter alone; its weights are part of the version.
    """

    def __init__(self, tagger: "Tagger") -> None:
        self.tagger = tagger

    @property
    def name(self) -> str:
        return self.tagger.segmenter.name if self.tagger.segmenter else ""

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        if not self.tagger.takes_text:
            raise InputError(
                "distill.text: the teacher learned words with spaces inside, which no rule finds in running text; give"
                " text that is cut into words (.lines, .tokens, .conllu), or train the teacher a segmenter"
                " (init=TEACHER trainer.max_epochs=0)"
            )
        return self.tagger.segment_all(paragraphs)

    def __getstate__(self) -> dict[str, str]:
        return {"segmenter": self.name}


def _untagged(text: tuple[str, ...], cut: _Cut, columns: tuple[str, ...]) -> Iterator[Sentence]:
    """The sentences of the text."""
    texts = Texts(list(text), NO_HUB, segmenter=cut, keys="distill.")
    words, said = 0, time.monotonic()
    for tokens in texts.sentences():
        words += len(tokens)
        if time.monotonic() - said >= SECONDS:
            said = time.monotonic()
            _log.info("%s: %s words are cut", texts.name, f"{words:,}")
        yield Sentence(tokens, {column: [NO_TAG] * len(tokens) for column in columns})
    if not words:
        raise InputError(f"{texts.name}: no words in it to learn from; give distill.text more")
