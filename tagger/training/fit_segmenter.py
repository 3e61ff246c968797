"""A config and a corpus -> what cuts raw text for a tagger: a segmenter that is trained here, or rules.

The best segmenter on dev is kept. `segmenter_units.py` has the texts that it learns from.
"""

import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import language_codes
from tagger.bundle.saved_config import ORIGIN
from tagger.corpus.splits import Corpus, gold_sentences
from tagger.errors import InputError
from tagger.evaluation.raw_scores import SENTENCES, TOKENS, WORDS, raw_scores
from tagger.model.batch import length_buckets
from tagger.model.vocabulary import IGNORE as IGNORED
from tagger.segmenter.features import Lexicon, context_rows, rule_labels
from tagger.segmenter.learned import LearnedSegmenter
from tagger.segmenter.unit_network import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary
from tagger.segmenter.units import UnitTable
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Token
from tagger.text.spacing import GoldParagraph, gold_paragraphs, with_usual_spacing
from tagger.training.config import AUTO, LEARNED, TrainConfig
from tagger.training.count_conventions import conventions_of
from tagger.training.count_enclitics import enclitics_of
from tagger.training.segmenter_units import Choices, TrainingText
from tagger.training.start import dictionary_of
from tagger.training.trainer import make_trainer, run_fit, time_left
from tagger.words.conventions import Conventions
from tagger.words.language_table import languages_by_word
from tagger.words.segment import RULES, RuleSegmenter

# T units of the longest window, B windows, A affixes, C columns of the surroundings, S scripts

READ_RULES = ("english",)  # those that know a language; the others tell a network nothing that it does not learn
HIDDEN, SIZE, BUCKETS, AFFIX_BUCKETS = 64, 32, 256, 128  # HIDDEN in sixteens: products are faster by a quarter
BATCH_UNITS = 1_500  # of a batch, padding included
WINDOW_UNITS = 100  # of a window; a paragraph of up to one and a half is one window
SORTED_WINDOWS = 400  # windows that are sorted by length together
LEARNING_RATE, WARMUP_STEPS, WEIGHT_DECAY, MAX_GRADIENT = 0.004, 50, 0.01, 1.0
AVERAGING = 0.995  # weight of the average so far against that of the newest step
TAG_LOSS = 0.3  # weight of the loss of the tags
MAX_STEPS = 6_000  # unless the config says otherwise; a million units then are read nine times
FEW_UNITS, POWER = 50_000, 0.3  # a text of fewer units is small; the power of how many times smaller it is
CHECKS = 10  # how often training scores dev
PATIENCE = 4  # training ends, in its second half, after so many of these without a better score
SENTENCE_WEIGHT = 0.1  # of the F1 of sentences beside that of words
THRESHOLD_STEP, MAX_THRESHOLD_STEPS = 0.5, 8  # of the score of sentence ends, a logit
INIT = "init"  # what a report calls the segmenter of the tagger that training starts from

_log = logging.getLogger(__name__)


class SegmenterPlan(NamedTuple):
    """How raw text will be cut: by `untrained`, unless a segmenter that is trained after the tagger is better."""

    untrained: str | LearnedSegmenter  # rules, or the segmenter of the tagger to start from
    learns: bool
    description: str  # for a line before training


def plan_segmenter(config: TrainConfig, corpus: Corpus, init: Bundle | None) -> SegmenterPlan:
    """Chooses what cuts raw text.

    Raises:
        InputError: a learned segmenter is wanted, but the corpus lacks what it learns from.
    """
    name, wanted = corpus.name, config.segmenter in (AUTO, LEARNED)
    without = next((split for split in ("train", "dev") if wanted and not corpus.spaced[split]), None)
    if without and config.segmenter == LEARNED:
        raise InputError(
            f"segmenter=learned: {without} of {name} does not say where its text has spaces; give a"
            " corpus in CoNLL-U with `# text` or SpaceAfter=No"
        )
    untrained = init.segmenter if init else corpus.rules
    if config.segmenter in RULES:
        untrained = config.segmenter
    elif not isinstance(untrained, str) and not (config.segmenter == AUTO and without):
        untrained = corpus.rules
    if wanted and without is None:
        names = [*corpus.spaced["train"]]
        from_some = f", from {' and '.join(names)} alone, since no other says where its text has spaces"
        shown = "a segmenter for raw text is learned after the tagger" + from_some * (len(names) < len(corpus.parts))
        return SegmenterPlan(untrained, True, shown)
    is_rules = isinstance(untrained, str)
    shown = f"raw text by the rules {untrained}" if is_rules else f"the segmenter of {config.init} stays"
    why = f", since {name} does not say where its text has spaces" if wanted else ""
    return SegmenterPlan(untrained, False, shown + why)


def with_segmenter(
    bundle: Bundle, plan: SegmenterPlan, config: TrainConfig, corpus: Corpus, init: Bundle | None, folder: Path
) -> tuple[Bundle, dict[str, Any]]:
    """The tagger with what cuts raw text best on dev and the conventions of the corpus, and what was found."""
    segmenter, origin = plan.untrained, None  # the origin of a learned segmenter is its training data
    report: dict[str, Any] = {"kind": segmenter, "kept": segmenter}
    if not isinstance(segmenter, str):
        origin, report = _origin_of(init.config if init else {}), {"kind": LEARNED, "kept": INIT}
    elif corpus.spaced["train"] or init is None:
        column = "upos" if "upos" in config.columns else config.columns[0]
        train = with_usual_spacing(_gold(corpus.spaced["train"].values(), column))
        codes = language_codes(corpus.name)
        language = languages_by_word()[codes[0]].name if len(codes) == 1 else ""
        found = conventions_of(train, corpus.splits["train"]["tokens"], language)
        conventions = replace(found, marks=bundle.conventions.marks, features=bundle.conventions.features)
        bundle = replace(bundle, conventions=conventions)
        if plan.learns:
            segmenter, report = _best_segmenter(segmenter, conventions, train, column, config, corpus, folder)
        if not isinstance(segmenter, str):
            dictionary = dictionary_of(codes[0]) if len(codes) == 1 else None
            enclitics = enclitics_of((sentence for each in train for sentence in each.sentences), dictionary)
            segmenter = segmenter.with_enclitics(enclitics)
            origin = {"corpus": corpus.name, **asdict(config.card), "seed": config.seed, "steps": report["steps"]}
    return replace(bundle, segmenter=segmenter, config={**bundle.config, ORIGIN: origin}), report


def _best_segmenter(
    untrained: str,
    conventions: Conventions,
    train: Sequence[GoldParagraph],
    column: str,
    config: TrainConfig,
    corpus: Corpus,
    folder: Path,
) -> tuple[str | LearnedSegmenter, dict[str, Any]]:
    """Trains a segmenter, which is kept if it is better than rules or if the config says so; and what was found."""
    dev = _gold(corpus.spaced["dev"].values(), column)
    start = time.monotonic()
    accelerator = config.trainer.get("accelerator") or "auto"
    trained, steps = train_segmenter(train, dev, corpus.rules, conventions, column, config.seed, folder, accelerator)
    learned = trained.rounded(config.storage_dtype)  # what is scored is what is saved
    seconds = round(time.monotonic() - start, 1)
    scores = {
        name: score_cuts(RuleSegmenter(name, conventions).segment_all, dev)
        for name in dict.fromkeys((untrained, corpus.rules))
    }
    scores[LEARNED] = score_cuts(learned.segment_all, dev)
    best = max(scores, key=lambda name: (scores[name].words, scores[name].sentences))  # of equals the simplest
    if best == LEARNED:  # a network that learned from little may find words but no sentences
        best = max(scores, key=lambda name: scores[name].total)
    kept = LEARNED if config.segmenter == LEARNED else best
    shown = "; ".join(f"{name}: {each}" for name, each in reversed([*scores.items()]))
    _log.info("segmenter: %s is kept; %s", kept, shown)
    report = {
        "kind": kept,
        "kept": kept,
        "dev": {name: each._asdict() for name, each in scores.items()},
        "seconds": seconds,
        "steps": steps,
        "parameters": sum(parameter.numel() for parameter in learned.network.parameters()),
    }
    return learned if kept == LEARNED else kept, report


def _gold(parts: Iterable[Dataset], column: str) -> list[GoldParagraph]:
    """The paragraphs of each part, for they do not go on from one to the next."""
    return [each for part in parts for each in gold_paragraphs(gold_sentences(part, [column]), skip=True)]


def _origin_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The training data of the segmenter of a tagger, which may come from somebody else."""
    origin = config.get(ORIGIN)
    known = origin if isinstance(origin, dict) else config
    names = {name: known.get(name) for name in ("corpus", "version", "license")}
    return {name: value if isinstance(value, str) else None for name, value in names.items()}


class CutScores(NamedTuple):
    """The F1 of what a segmenter finds in raw text, in [0, 1]."""

    tokens: float
    words: float
    sentences: float

    @property
    def total(self) -> float:
        """What the best segmenter has most of: words count more than sentences, whose score depends on few cases."""
        return self.words + self.sentences * SENTENCE_WEIGHT

    def __str__(self) -> str:
        return f"dev words {100 * self.words:.2f}  sentences {100 * self.sentences:.2f}"


class SegmenterBatch(NamedTuple):
    """Windows of texts, padded on the right."""

    types: Tensor  # (T, B, 1 + 2 A)
    context: Tensor  # (T, B, C)
    lengths: Tensor  # (B,)
    labels: Tensor  # (T, B), IGNORED where nothing is to be learned, as in the next two
    scripts: Tensor
    tags: Tensor
    odds: Tensor  # (scripts to be learned, S + 1), see `Choices`


class SegmenterBatches(IterableDataset[SegmenterBatch]):
    """The batches of an epoch; each iteration is the next epoch. `units` counts those of the unchanged text."""

    def __init__(
        self, text: TrainingText, vocabulary: SegmenterVocabulary, config: SegmenterConfig, lexicon: Lexicon, seed: int
    ) -> None:
        """`seed` decides the order of sentences, their variants and the windows."""
        self._text, self._lexicon, self._config = text, lexicon, config
        self._choices = Choices(vocabulary)
        self._table = UnitTable(vocabulary.forms, config["affix_buckets"], config["characters"])
        self._generator = random.Random(seed)
        self.units = sum(stop - start for start, stop in self._table.read(text.texts()[0]).bounds)

    def __iter__(self) -> Iterator[SegmenterBatch]:
        texts, gold = self._text.texts(self._generator)
        config, units = self._config, self._table.read(texts)
        targets = self._text.targets(texts, gold, units, self._choices)
        rules = rule_labels(texts, units, config["rules"])
        context = context_rows(units, self._lexicon, rules, config["buckets"], config["pairs"], targets.lengths)
        types = self._table.rows[units.types]
        odds = np.array(self._choices.odds, dtype=np.float32)
        for windows in batches_of(units.bounds, self._generator):
            lengths = windows[:, 1] - windows[:, 0]
            steps = np.arange(lengths.max())[:, None]
            places = np.minimum(windows[:, 0] + steps, len(types) - 1)  # (T, B)
            labels, scripts, rows, tags = (np.where(steps < lengths, each[places], IGNORED) for each in targets[:4])
            own = odds[rows[rows != IGNORED]]
            yield SegmenterBatch(
                *map(torch.from_numpy, (types[places], context[places], lengths, labels, scripts, tags, own))
            )


def batches_of(bounds: list[tuple[int, int]], generator: random.Random) -> list[np.ndarray]:
    """The windows of an epoch's batches, at random: (B, 2) of the first unit and the one after the last."""
    windows = []
    for start, stop in bounds:
        if stop - start > 1.5 * WINDOW_UNITS:
            end = start + generator.randint(WINDOW_UNITS // 2, WINDOW_UNITS)
            windows.append((start, end))
            start = end
            while stop - start > 1.5 * WINDOW_UNITS:
                windows.append((start, start + WINDOW_UNITS))
                start += WINDOW_UNITS
        if stop > start:
            windows.append((start, stop))
    generator.shuffle(windows)
    batches = []
    for first in range(0, len(windows), SORTED_WINDOWS):
        near = np.array(windows[first : first + SORTED_WINDOWS])
        batches += [near[numbers] for numbers in length_buckets(near[:, 1] - near[:, 0], BATCH_UNITS)]
    generator.shuffle(batches)
    return batches


class SegmenterModule(pl.LightningModule):
    """Trains a network, and keeps the segmenter with the moving average of the weights that is the best on dev."""

    best: tuple[LearnedSegmenter, CutScores]

    def __init__(
        self,
        vocabulary: SegmenterVocabulary,
        config: SegmenterConfig,
        lexicon: Lexicon,
        conventions: Conventions,
        tags: int,
        dev: Sequence[GoldParagraph],
        steps: int,
    ) -> None:
        """Builds the network; `tags` of words are learned beside its labels, which helps."""
        super().__init__()
        self.network = SegmenterNetwork(vocabulary, config)
        self.tag_scores = nn.Linear(2 * config["hidden"], tags) if tags else None
        self._average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self._parts, self._dev, self._steps = (vocabulary, config, lexicon, conventions), dev, steps
        self._next, self._worse = steps / CHECKS, 0
        self._start = time.monotonic()

    def training_step(self, batch: SegmenterBatch, _: int) -> Tensor:
        """The loss of a batch: labels, scripts and tags."""
        states = self.network(batch.types, batch.context, batch.lengths)
        loss = self._loss(states, self.network.labels, batch.labels)
        loss = loss + self._loss(states, self.network.scripts, batch.scripts, batch.odds)
        if self.tag_scores is not None:
            loss = loss + TAG_LOSS * self._loss(states, self.tag_scores, batch.tags)
        return loss

    @staticmethod
    def _loss(states: Tensor, head: nn.Linear, targets: Tensor, odds: Tensor | float = 0.0) -> Tensor:
        learned = targets != IGNORED
        if not learned.any():
            return states.new_zeros(())
        return cross_entropy(head(states[learned]) + odds, targets[learned])

    def on_train_batch_end(self, *_: Any) -> None:
        """From time to time scores the average on dev; then averages the weights, of which the first count less."""
        step = self.global_step
        if step >= self._next or step == self._steps:
            self._next += self._steps / CHECKS
            self._score(step)
        kept = min(AVERAGING, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self._average[name].lerp_(value.cpu(), 1 - kept)

    def _score(self, step: int) -> None:
        network = SegmenterNetwork(*self._parts[:2])
        network.load_state_dict({name: value.clone() for name, value in self._average.items()})
        segmenter = LearnedSegmenter(network.eval(), *self._parts)
        scores = score_cuts(segmenter.segment_all, self._dev)
        left = time_left((time.monotonic() - self._start) / step * (self._steps - step))
        _log.info("segmenter: step %d/%d  %s%s", step, self._steps, scores, left)
        if not hasattr(self, "best") or scores.total > self.best[1].total:
            self.best, self._worse = (segmenter, scores), 0
        else:
            self._worse += 1
            self.trainer.should_stop |= self._worse >= PATIENCE and 2 * step > self._steps  # the average needs steps

    def configure_optimizers(self) -> Any:
        """AdamW with a linear warm-up and decay."""
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / WARMUP_STEPS) * max(0.0, 1 - step / self._steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def steps_for(units: int) -> int:
    """The most steps of a training on so many units: 30 epochs, fewer of a large text, and more of a small one.

    >>> [steps_for(units) for units in (1_000, 15_000, 50_000, 300_000, 2_000_000)]
    [65, 431, 1000, 3000, 6000]
    """
    epochs = 30 * (FEW_UNITS / units) ** POWER if units < FEW_UNITS else 12 + 900_000 / units
    return min(MAX_STEPS, round(epochs * units / BATCH_UNITS))


def score_cuts(cut: Callable[[Sequence[str]], list[list[list[Token]]]], gold: Sequence[GoldParagraph]) -> CutScores:
    """How well what cuts texts finds the tokens, words and sentences of paragraphs."""
    found = cut([paragraph.text for paragraph in gold])
    system = (
        sentence
        for paragraph, sentences in zip(gold, found, strict=True)
        for sentence in Paragraph(0, paragraph.text, True).cut(sentences, layout=False)
    )
    scores = raw_scores((sentence for paragraph in gold for sentence in paragraph.sentences), system)
    return CutScores(*(scores[name].f1 for name in (TOKENS, WORDS, SENTENCES)))


def train_segmenter(
    train: Sequence[GoldParagraph],
    dev: Sequence[GoldParagraph],
    rules: str,
    conventions: Conventions,
    column: str | None,
    seed: int,
    folder: Path,
    accelerator: str = "auto",
) -> tuple[LearnedSegmenter, int]:
    """Trains a segmenter; the best one on dev, and the steps of the optimizer.

    Args:
        rules: the rules for raw text that fit the corpus; the network reads their result if they are in READ_RULES.
        conventions: of the corpus.
        column: a column of tags that are learned, too, which helps.
    """
    pl.seed_everything(seed, verbose=False)
    text = TrainingText(train, column)
    vocabulary, lexicon = text.vocabulary()
    config = SegmenterConfig(
        hidden=HIDDEN,
        size=SIZE,
        buckets=BUCKETS,
        affix_buckets=AFFIX_BUCKETS,
        characters=text.characters,
        spaces=text.spaces,
        rules=rules if rules in READ_RULES else None,
        sentences=None,
        pairs=bool(vocabulary.scripts),
        cuts=text.cuts(),
    )
    batches = SegmenterBatches(text, vocabulary, config, lexicon, seed)
    steps = steps_for(batches.units)
    module = SegmenterModule(vocabulary, config, lexicon, conventions, len(text.tags), dev, steps)
    parameters = sum(parameter.numel() for parameter in module.network.parameters())
    _log.info("segmenter: %d units, %s parameters, %d steps", batches.units, f"{parameters:,}", steps)
    settings = {"accelerator": accelerator, "devices": 1, "gradient_clip_val": MAX_GRADIENT}
    trainer = make_trainer(settings | {"max_steps": steps, "enable_checkpointing": False}, folder)
    run_fit(trainer, module, DataLoader(batches, batch_size=None))
    return with_threshold(*module.best, dev), trainer.global_step


def with_threshold(segmenter: LearnedSegmenter, scores: CutScores, dev: Sequence[GoldParagraph]) -> LearnedSegmenter:
    """A trained segmenter with the threshold that finds sentences best on dev, where it has these scores.

    Of all thresholds whose F1 is at most one standard error below the highest, it is the nearest to 0: dev has few
    sentences, and those of other texts may end in other ways. This is the rule of one standard error of Breiman et al.
    (1984), Classification and Regression Trees.
    """
    found = {
        step: score_cuts(segmenter.moved(THRESHOLD_STEP * step).segment_all, dev) if step else scores
        for step in range(-MAX_THRESHOLD_STEPS, MAX_THRESHOLD_STEPS + 1)
    }
    best = max(found.values(), key=lambda each: each.total)
    sentences = sum(len(paragraph.sentences) for paragraph in dev)
    error = math.sqrt(best.sentences * (1 - best.sentences) / sentences)
    enough = best.total - error * SENTENCE_WEIGHT
    nearest = min((step for step in found if found[step].total >= enough), key=abs)
    _log.info("segmenter: score of sentence ends %+g  %s", THRESHOLD_STEP * nearest, found[nearest])
    return segmenter.moved(THRESHOLD_STEP * nearest)
