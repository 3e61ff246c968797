"""Training a tagger: config -> corpus, module, batches -> the tagger's folder -> its segmenter, scores and report."""

import logging
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytorch_lightning as pl
from datasets import Dataset
from pytorch_lightning.callbacks import EarlyStopping

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.corpus.arrow import token_counts
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus, by_corpus
from tagger.errors import InputError
from tagger.evaluation.plots import draw_learning_curve
from tagger.model.crf import MAX_CRF_TAGS, CRFDecoder
from tagger.model.decoders import CRF
from tagger.model.vocabulary import Vocabulary
from tagger.training.card import describe, model_card
from tagger.training.config import TrainConfig
from tagger.training.datamodule import TaggerDataModule
from tagger.training.distill import Teaching
from tagger.training.linear import linear_members, linear_seconds
from tagger.training.module import TaggerModule
from tagger.training.recipe import with_recipe
from tagger.training.report import format_page, format_scores, report_tagger, write_tagger_page
from tagger.training.run import Fitting, accuracies, begun, finish, fit_best, format_run
from tagger.training.run_folder import REPORT, SHARDS
from tagger.training.segmenter_choice import SegmenterTraining
from tagger.training.start import Beginning, build, load_start, with_start
from tagger.training.watch import UNWATCHED, EndedEarly, Watch

_log = logging.getLogger(__name__)


def train(
    config: TrainConfig, folder: Path, command: str, resume: bool = False, watch: Watch = UNWATCHED
) -> dict[str, Any] | None:
    """Trains a tagger, from its config to its report.

    The tagger's folder is written when its epochs have ended, and again with its segmenter and its scores; that of a
    finished run, which is resumed, stays as it is until then. Each time it is whole.

    Args:
        config: checked values.
        folder: the run's folder.
        command: the command line that started the run, for the model card.
        resume: whether to go on after the run's last complete epoch.
        watch: what a sweep wants of the run.

    Returns:
        What `report.json` holds, or None in a process that only helps (DDP).

    Raises:
        InputError: the data or a value of the config is bad, or the folder cannot be written to.
        Interrupted: by Ctrl+C or a signal.
        EndedEarly: `watch` wanted that.
    """
    target = folder / TAGGER_IN_RUN
    with begun(config, folder) as loggers:
        prepared = prepare(config, folder / SHARDS)
        try:
            fitted = fit_best(prepared.fitting, config, folder, resume, watch, loggers)
        except EndedEarly:
            shutil.rmtree(folder / SHARDS, ignore_errors=True)
            raise
        if fitted is None:
            return None
        results = prepared.summary | fitted.results
        began = time.perf_counter()
        bundle = prepared.trained().rounded(config.storage_dtype)
        results["training_seconds"] = round(results["training_seconds"] + time.perf_counter() - began, 1)
        if not (folder / REPORT).is_file():
            bundle.save(target, model_card(bundle, results, command))

        choice = prepared.segmenting.choose(folder)
        bundle, scores, errors = report_tagger(
            choice.of(bundle), prepared.corpus, folder, str(fitted.device), config.test, watch.measures_speed
        )
        results |= {"segmenter": choice.report} | scores
        bundle = bundle.described(scores=accuracies(results))
        bundle.save(target, model_card(bundle, results, command))
        draw_learning_curve(fitted.epochs, folder / "learning_curve.png")
        write_tagger_page(folder, results, errors)
        finish(folder, results, fitted, loggers)
        shutil.rmtree(folder / SHARDS, ignore_errors=True)
    best = f"best epoch {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s"
    print("\n".join([format_scores(results), best, format_page(folder), format_run(folder)]))
    return results


class Prepared(NamedTuple):
    """The training of a tagger before its first epoch.

    Attributes:
        corpus: it learns from.
        beginning: what the module begins with.
        fitting: how it is trained.
        segmenting: how raw text will be cut.
        linear: weight of the linear member; None: the tagger keeps those of the one that it started from.
        config: what `config.json` says of the tagger.
        summary: what `report.json` says of the data and the network.
    """

    corpus: Corpus
    beginning: Beginning
    fitting: Fitting
    segmenting: SegmenterTraining
    linear: float | None
    config: dict[str, Any]
    summary: dict[str, Any]

    def trained(self) -> Bundle:
        """The tagger, when its module is trained, with rules for raw text; trains its linear member."""
        linear = self.beginning.linear
        if self.linear is not None:
            linear = linear_members(self.linear, self.corpus.splits["train"], self.beginning.module.vocabulary)
        bundle = self.beginning.module.trained(self.segmenting.rules, self.config, self.beginning.tokenizer)
        return replace(bundle, linear=linear)


def prepare(config: TrainConfig, shards: Path) -> Prepared:
    """Reads the corpus and builds the module; what a teacher or a frozen transformer says goes to the folder `shards`.

    Raises:
        InputError: the corpus, or a pretrained part that the config names, cannot be read or does not fit.
    """
    corpus = load_corpus(config.corpus, config.columns, config.seed)
    words = int(token_counts(corpus.splits["train"]).sum())
    start = load_start(config)
    config = with_recipe(with_start(config, start), words)
    teaching = None if config.distill.teacher is None else Teaching(config.distill, config.columns)
    beginning = build(config, corpus, start, teaching.counts if teaching else None)
    module = beginning.module
    _check_dev(corpus, module.vocabulary)
    distilled = teaching.of(corpus.splits["train"], module.vocabulary, shards) if teaching else None
    segmenting = SegmenterTraining(config, corpus, start.bundle if start else None)
    _log_plan(config, corpus, beginning, words, segmenting.outlook)

    data = TaggerDataModule(
        corpus.splits,
        module.vocabulary,
        module.config,
        cast(int, config.batch_tokens),
        config.embedding.word_dropout,
        config.seed,
        beginning.tokenizer,
        module.body.transformer,
        config.corpus.temperature,
        config.corpus.dropout,
        beginning.facts if beginning.facts.names else None,
        distilled,
        config.noise,
        shards,
    )
    fitting = Fitting(
        module,
        data,
        asdict(config),
        monitor="dev/accuracy",
        mode="max",
        settings={"max_epochs": config.trainer["max_epochs"]},
        callbacks=[_Patience(module, cast(int, config.patience))],
        seconds_after=segmenting.seconds_about(words) + (linear_seconds(words) if config.linear else 0),
    )
    teacher = teaching.description if teaching else None
    described = {
        "corpus": corpus.name,
        **asdict(config.card),
        "start": describe(start.bundle.config) if start else None,
        "teacher": teacher,
        "training": {name: value for name, value in asdict(config).items() if name not in ("test", "logger")},
        "scores": {},
    }
    parameters = sum(parameter.numel() for parameter in module.parameters())
    summary = {"corpus": corpus.name, "parameters": parameters} | ({"teacher": teacher} if teacher else {})
    return Prepared(corpus, beginning, fitting, segmenting, config.linear, described, summary)


class _Patience(EarlyStopping):
    """Ends a training after so many epochs without a better accuracy on dev; those of a frozen encoder count only if it
    never learns.
    """

    def __init__(self, module: TaggerModule, epochs: int) -> None:
        super().__init__("dev/accuracy", mode="max", patience=epochs, check_on_train_epoch_end=True)
        self._module = module

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch >= self._module.frozen_epochs:
            super().on_train_epoch_end(trainer, pl_module)


def _log_plan(config: TrainConfig, corpus: Corpus, beginning: Beginning, words: int, raw_text: str) -> None:
    _log_sizes(corpus, beginning, raw_text)
    epochs = config.trainer["max_epochs"]
    _log.info(
        "%s words: at most %s, batches of %d words, dropout %g",
        f"{words:,}",
        "1 epoch" if epochs == 1 else f"{epochs} epochs",
        config.batch_tokens,
        config.model.dropout,
    )
    if cast(int, config.patience) < epochs:
        _log.info("training ends after %d epochs without a better dev accuracy", config.patience)


def _log_sizes(corpus: Corpus, beginning: Beginning, raw_text: str) -> None:
    vocabulary, parameters = beginning.module.vocabulary, list(beginning.module.parameters())
    sizes = ", ".join(f"{name} {_size(split)}" for name, split in corpus.splits.items())
    _log.info("%s: sentences %s; %d forms, %d words", corpus.name, sizes, len(vocabulary.forms), len(vocabulary.words))
    network = beginning.module.body
    if beginning.module.config["decoder"] == CRF:
        for column, tags in vocabulary.tags.items():
            if not isinstance(network.decoders[column], CRFDecoder):
                _log.info(
                    "%s: softmax, because a CRF has at most %d tags; there are %d", column, MAX_CRF_TAGS, len(tags)
                )
    count = sum(parameter.numel() for parameter in parameters)
    learned = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    _log.info(
        "%s: %s parameters%s; %s",
        " + ".join(vocabulary.columns),
        f"{count:,}",
        f", {learned:,} of them learned" if learned < count else "",
        raw_text,
    )


def _size(split: Dataset) -> str:
    """The number of sentences, of several corpora that of each."""
    return " + ".join(f"{len(part):,}" for part in by_corpus(split).values())


def _check_dev(corpus: Corpus, vocabulary: Vocabulary) -> None:
    for column, ids in vocabulary.tag_ids.items():
        dev, codec = corpus.splits["dev"], vocabulary.codecs[column]
        words = zip(dev["tokens"], dev[column], strict=True)
        if not any(tag in ids for forms, tags in words for tag in codec.learned(forms, tags)):
            raise InputError(
                f"{corpus.name}: column {column} of dev has no tag that train has; give another corpus.dev"
            )
