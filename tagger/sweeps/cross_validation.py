"""Sentences of a corpus -> the gold tags that taggers which were trained on the rest of it find improbable.

The method is the ranking by self-confidence of confident learning (Northcutt, Jiang and Chuang 2021,
https://arxiv.org/abs/1911.00068). The corpus is cut into parts. A tagger that is trained on all other parts gives every
word of a part a probability for each tag, and the words come first whose gold tag has the lowest probability.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from datasets import Dataset, DatasetDict

from tagger.corpus.lined import LinedSentence
from tagger.corpus.lint import Finding
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.sweeps.overrides import compose_page
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_annotated
from tagger.training.config import TrainConfig, train_config
from tagger.training.datamodule import TaggerDataModule
from tagger.training.recipe import epochs_for, with_recipe
from tagger.training.start import build
from tagger.training.trainer import make_trainer, quiet, run_fit

SEED = 1
COLUMNS = ("upos", "xpos", "feats")
EPOCH_SHARE = 0.5  # of the epochs of the default training
MIN_EPOCHS = 3
SETTINGS = (
    "model.members=1",
    "embedding.chars=0",
    "auxiliary=0",
    "linear=0",
)  # what is left out of the default training
IMPROBABLE = 0.01  # a gold tag with less than this probability is a finding
MAX_PROBABILITIES = 2_000_000  # in memory at a time; XPOS and FEATS may have thousands of tags
MIN_DOCUMENTS = 10  # for each part, if documents are to stay together

Report = Callable[[str], None]


class Judgement(NamedTuple):
    """What a tagger says of a word.

    Attributes:
        gold: the probability of the gold tag; None if the word has none, or if the tagger's training had not that tag.
        other: the most probable other tag; empty if the tagger knows no other.
        probability: of that tag.
    """

    gold: float | None
    other: str
    probability: float


def improbable_tags(
    sentences: Sequence[LinedSentence], column: str = "upos", parts: int = 5, report: Report = print
) -> list[Finding]:
    """The findings, the least probable gold tag first.

    Args:
        sentences: of the corpus, all splits of it.
        column: of the gold tags.
        parts: into which the corpus is cut, at least 2.
        report: gets a line about each part.

    Raises:
        InputError: the column has no tags, or there are fewer sentences than parts.
    """
    return _findings(sentences, column, judgements(sentences, column, parts, report, SETTINGS, EPOCH_SHARE))


def judgements(
    sentences: Sequence[LinedSentence],
    column: str,
    parts: int,
    report: Report,
    settings: Sequence[str],
    epoch_share: float,
) -> list[list[Judgement]]:
    """For each sentence what the tagger that did not learn from it says of its words; see `improbable_tags`.

    Args:
        sentences: of the corpus.
        column: of the gold tags.
        parts: into which the corpus is cut.
        report: gets a line about each part.
        settings: overrides of `conf/train.yaml`.
        epoch_share: see `EPOCH_SHARE`.
    """
    if column not in COLUMNS:
        raise InputError(f"--column {column}: choose one of {', '.join(COLUMNS)}")
    if not 2 <= parts <= len(sentences):
        raise InputError(f"--cross-validate {parts}: the corpus can be cut into 2 to {len(sentences)} parts")
    if not any(tag not in ("", NO_TAG) for sentence in sentences for tag in sentence.tags[column]):
        raise InputError(f"--column {column}: the corpus has no tags in that column; choose another")
    quiet()
    found: list[list[Judgement]] = [[] for _ in sentences]
    with TemporaryDirectory() as folder:
        for number, part in enumerate(cut(sentences, parts), 1):
            start = time.monotonic()
            held_out = set(part)
            train = [sentence for i, sentence in enumerate(sentences) if i not in held_out]
            tagger = _train(train, column, settings, epoch_share, Path(folder))
            for i, judged in zip(part, _judge(tagger, [sentences[i] for i in part], column), strict=True):
                found[i] = judged
            count = sum(len(sentences[i].tokens) for i in part)
            report(f"part {number} of {parts}: {count:,} words judged in {time.monotonic() - start:.0f} s")
    return found


def cut(sentences: Sequence[LinedSentence], parts: int) -> list[list[int]]:
    """The numbers of the sentences of each part, in order; the parts have about equally many words.

    The sentences of a document stay together if the corpus has enough documents; in a file that names none, each
    sentence is one. What is cut is shuffled first, with `SEED`.
    """
    with_documents = {sentence.file for sentence in sentences if sentence.opens_document}
    starts = [0]
    for i, (before, sentence) in enumerate(pairwise(sentences), 1):
        if sentence.opens_document or sentence.file != before.file or sentence.file not in with_documents:
            starts.append(i)
    if len(starts) < MIN_DOCUMENTS * parts:
        starts = list(range(len(sentences)))
    units = [range(first, end) for first, end in pairwise([*starts, len(sentences)])]
    random.Random(SEED).shuffle(units)
    sizes = list(accumulate(sum(len(sentences[i].tokens) for i in unit) for unit in units))
    cut: list[list[int]] = [[] for _ in range(parts)]
    for unit, size in zip(units, sizes, strict=True):
        cut[min(parts - 1, (size - 1) * parts // sizes[-1])].extend(unit)
    return [sorted(part) for part in cut]


def _train(
    sentences: Sequence[LinedSentence], column: str, settings: Sequence[str], epoch_share: float, folder: Path
) -> Tagger:
    """A tagger that has learned one column from the sentences."""
    if not any(is_annotated(column, tag) for sentence in sentences for tag in sentence.tags[column]):
        raise InputError(
            f"--column {column}: one part of the corpus has all of its tags; tag more, or cut it into fewer"
        )
    words = sum(len(sentence.tokens) for sentence in sentences)
    epochs = max(MIN_EPOCHS, round(epoch_share * epochs_for(words)))
    config = with_recipe(_config([f"columns=[{column}]", f"trainer.max_epochs={epochs}", *settings]), words)
    torch.set_num_threads(config.threads)
    pl.seed_everything(SEED, verbose=False)
    corpus = Corpus("", DatasetDict(train=_dataset(sentences)), "unicode")
    beginning = build(config, corpus, None)
    module = beginning.module
    data = TaggerDataModule(
        corpus.splits,
        module.vocabulary,
        module.config,
        int(config.batch_tokens or 0),
        config.embedding.word_dropout,
        SEED,
        facts=beginning.facts if beginning.facts.names else None,
    )
    own = {"limit_val_batches": 0, "enable_checkpointing": False}
    run_fit(make_trainer(config.trainer, own, folder, []), module, data)
    return Tagger(module.trained(), precision="float32")


def _config(overrides: list[str]) -> TrainConfig:
    return train_config(compose_page("train", overrides))


def _dataset(sentences: Sequence[LinedSentence]) -> Dataset:
    rows: dict[str, list[Any]] = {"tokens": [sentence.tokens for sentence in sentences]}
    rows |= {column: [sentence.tags[column] for sentence in sentences] for column in COLUMNS}
    return Dataset.from_dict(rows)


def _judge(tagger: Tagger, sentences: Sequence[LinedSentence], column: str) -> Iterator[list[Judgement]]:
    tags = max(2, len(tagger.vocabulary.tags[column]))  # alternatives are given from two on
    for some in _chunks(sentences, MAX_PROBABILITIES // tags):
        stream = tagger.stream((Sentence(list(each.tokens)) for each in some), top=tags, columns=[column])
        for sentence, tagged in zip(some, stream, strict=True):
            words = zip(sentence.tags[column], tagged.alternatives[column], strict=True)
            yield [_judgement(gold, shares) for gold, shares in words]


def _judgement(gold: str, shares: Sequence[tuple[str, float]]) -> Judgement:
    """What the probabilities of all tags, the best first, say of a word."""
    other, probability = next((pair for pair in shares if pair[0] != gold), ("", 0.0))
    return Judgement(next((share for tag, share in shares if tag == gold), None), other, probability)


def _chunks(sentences: Sequence[LinedSentence], words: int) -> Iterator[list[LinedSentence]]:
    """Cuts sentences into lists that have about so many words."""
    chunk: list[LinedSentence] = []
    count = 0
    for sentence in sentences:
        chunk.append(sentence)
        count += len(sentence.tokens)
        if count >= words:
            yield chunk
            chunk, count = [], 0
    yield chunk


def _is_misspelt(sentence: LinedSentence, word: int) -> bool:
    """Whether the annotators saw another word behind the form: its tag is that word's, or it is a piece of one."""
    return word in sentence.torn or "Typo=Yes" in sentence.tags["feats"][word].split("|")


def _findings(sentences: Sequence[LinedSentence], column: str, judged: Sequence[Sequence[Judgement]]) -> list[Finding]:
    findings = []
    for sentence, judgements in zip(sentences, judged, strict=True):
        for i, (probability, best, share) in enumerate(judgements):
            if probability is None or probability >= IMPROBABLE or _is_misspelt(sentence, i):
                continue
            gold = sentence.tags[column][i]
            reason = f"taggers trained on the rest prefer {best}, {share:.1%} to {probability:.2%}"
            place = sentence.file, sentence.lines[i], sentence.tokens[i]
            findings.append(
                Finding("warning", "improbable-tag", *place, column, gold, reason, best, probability, share)
            )
    return sorted(findings, key=lambda each: each.probability or 0.0)
