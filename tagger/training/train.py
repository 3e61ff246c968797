"""Training a tagger: config -> corpus, module, batches -> the tagger's folder -> its segmenter, scores and report."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from torch import nn

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import CARD, TAGGER_IN_RUN, predicts_words
from tagger.corpus.arrow import token_counts
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus, by_corpus
from tagger.errors import InputError
from tagger.evaluation.plots import draw_learning_curve
from tagger.model.decoder import CRF, MAX_CRF_TAGS, CRFDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.training.card import describe, kept_card, model_card
from tagger.training.checkpoints import AfterEpoch
from tagger.training.config import TrainConfig
from tagger.training.data import TEMPERATURE, TaggerDataModule
from tagger.training.distill import Teaching
from tagger.training.fit_linear import linear_members, linear_seconds
from tagger.training.loggers import run_loggers
from tagger.training.module import TaggerModule
from tagger.training.recipe import with_recipe
from tagger.training.report import format_scores, report_tagger, write_tagger_page
from tagger.training.run import accuracies, begin, finish, fit_best, format_run
from tagger.training.run_folder import REPORT, REPORT_PAGE, SHARDS
from tagger.training.segmenter_choice import SegmenterTraining
from tagger.training.start import Start, build, load_start, with_start

_log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """A tagger with rules for raw text, before its segmenter and its report are made."""

    bundle: Bundle
    corpus: Corpus
    segmenting: SegmenterTraining
    epochs: list[dict[str, float]]
    results: dict[str, Any]
    device: str


def train(
    config: TrainConfig, folder: Path, command: str, resume: bool = False, after_epoch: AfterEpoch | None = None
) -> dict[str, Any]:
    """Trains a tagger, from its config to its report; returns what `report.json` holds.

    The tagger's folder is written when its epochs have ended, and again with its segmenter and its scores; that of a
    finished run, which is resumed, stays as it is until then. Each time it is whole.

    Args:
        config: checked values.
        folder: the run's folder.
        command: the command line that started the run, for the model card.
        resume: whether to go on after the run's last complete epoch; see `EpochWatcher` for after_epoch.
    """
    target = folder / TAGGER_IN_RUN
    begin(config)
    start = load_start(config)

    def save(bundle: Bundle) -> None:
        if config.learns or start is None:
            bundle.save(target, model_card(bundle, results, command))
        else:
            bundle.save(target, kept_card(start.folder / CARD, bundle, results, command))

    with run_loggers(config.logger, folder) as loggers:
        if config.learns or start is None:
            trained = learn(config, start, folder, resume, after_epoch, loggers)
        else:
            trained = keep(config, start)
        bundle, corpus, segmenting, epochs, results, device = trained
        if not (folder / REPORT).is_file():
            save(bundle)
        choice = segmenting.choose(folder)
        bundle, scores, errors = report_tagger(choice.of(bundle), corpus, folder, device, config.test)
        results |= {"segmenter": choice.report} | scores
        if config.learns:
            bundle = bundle.described(scores=accuracies(results))
        save(bundle)
        if epochs:
            draw_learning_curve(epochs, folder / "learning_curve.png")
        write_tagger_page(folder, results, errors)
        finish(folder, results, loggers)
        shutil.rmtree(folder / SHARDS, ignore_errors=True)
    lines = [format_scores(results)]
    if epochs:
        lines.append(f"best epoch {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s")
    print("\n".join([*lines, f"look at its errors: {folder / REPORT_PAGE}", format_run(folder)]))
    return results


def learn(
    config: TrainConfig,
    start: Start | None,
    folder: Path,
    resume: bool,
    after_epoch: AfterEpoch | None,
    loggers: Sequence[Any],
) -> Trained:
    """Trains networks and linear members; see `train`."""
    corpus = load_corpus(config.corpus, config.columns)
    words = int(token_counts(corpus.splits["train"]).sum())
    config, own = with_recipe(with_start(config, start), words), config
    teaching = None if config.distill.teacher is None else Teaching(config.distill, config.columns)
    beginning = build(config, corpus, start, teaching.counts if teaching else None)
    module = beginning.module
    _check_dev(corpus, module.vocabulary)
    distilled = teaching.of(corpus.splits["train"], module.vocabulary, folder / SHARDS) if teaching else None
    segmenting = SegmenterTraining(config, corpus, start.bundle if start else None)
    _log_plan(config, corpus, module, words, segmenting.outlook)

    data = TaggerDataModule(
        corpus.splits,
        module.vocabulary,
        module.config,
        cast(int, config.batch_tokens),
        config.embedding.word_dropout,
        config.seed,
        beginning.tokenizer,
        module.body.transformer,
        TEMPERATURE,
        config.corpus.dropout,
        beginning.facts if beginning.facts.names else None,
        distilled,
        config.noise,
        folder / SHARDS,
    )
    fitted = fit_best(
        module,
        data,
        own,
        folder,
        resume,
        after_epoch,
        loggers,
        asdict(config),
        settings={"max_epochs": config.trainer["max_epochs"]},
        callbacks=[_Patience(module, cast(int, config.patience))],
        seconds_after=segmenting.seconds_about(words) + (linear_seconds(words) if config.linear else 0),
    )
    began = time.perf_counter()
    linear = beginning.linear
    if config.linear is not None:
        linear = linear_members(config.linear, corpus.splits["train"], module.vocabulary)
    teacher = teaching.description if teaching else None
    described = {
        "corpus": corpus.name,
        **asdict(config.card),
        "start": describe(start.bundle.config) if start else None,
        "teacher": teacher,
        "training": {name: value for name, value in asdict(config).items() if name not in ("test", "logger")},
        "scores": {},
    }
    bundle = module.trained(segmenting.rules, described, beginning.tokenizer)
    bundle = replace(bundle, linear=linear).rounded(config.storage_dtype)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    results: dict[str, Any] = {"corpus": corpus.name, "parameters": parameters}
    results |= ({"teacher": teacher} if teacher else {}) | fitted.results
    results["training_seconds"] = round(results["training_seconds"] + time.perf_counter() - began, 1)
    return Trained(bundle, corpus, segmenting, fitted.epochs, results, str(fitted.device))


def keep(config: TrainConfig, start: Start) -> Trained:
    """The tagger that `init` names as it is, and those of its columns that the corpus has."""
    if predicts_words(start.folder):
        raise InputError(f"init={config.init}: it predicts words and has no tags; name a tagger")
    corpus = _corpus_of(config, start.bundle.vocabulary.columns)
    columns = [column for column in config.columns if column in corpus.splits["dev"].column_names]
    config = replace(config, columns=columns or start.bundle.vocabulary.columns)
    segmenting = SegmenterTraining(config, corpus, start.bundle)
    _log.info("%s: the networks stay; %s", start.folder, segmenting.outlook)
    parameters = sum(each.numel() for each in nn.ModuleList(start.bundle.networks).parameters())
    results = {"corpus": corpus.name, "parameters": parameters, "training_seconds": 0.0}
    device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
    return Trained(start.bundle, corpus, segmenting, [], results, device)


def _corpus_of(config: TrainConfig, columns: list[str]) -> Corpus:
    """The corpus with the columns of a tagger, or with those that it has."""
    there, missing = [], []
    for column in columns:
        try:
            load_corpus(config.corpus, [column])
            there.append(column)
        except InputError as error:
            missing.append(error)
            _log.info("%s keeps its temperature: %s", column, error)
    if not there:
        raise missing[0]
    corpus = load_corpus(config.corpus, there)
    blank = [column for column in {*columns} - {*there} if column in corpus.splits["dev"].column_names]
    return corpus._replace(splits=corpus.splits.remove_columns(blank))


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


def _log_plan(config: TrainConfig, corpus: Corpus, module: TaggerModule, words: int, raw_text: str) -> None:
    vocabulary, parameters, epochs = module.vocabulary, list(module.parameters()), config.trainer["max_epochs"]
    sizes = ", ".join(
        f"{name} {' + '.join(f'{len(part):,}' for part in by_corpus(split).values())}"
        for name, split in corpus.splits.items()
    )
    _log.info("%s: sentences %s; %d forms, %d words", corpus.name, sizes, len(vocabulary.forms), len(vocabulary.words))
    for column, tags in vocabulary.tags.items():
        if module.config["decoder"] == CRF and not isinstance(module.body.decoders[column], CRFDecoder):
            _log.info("%s: softmax, because a CRF has at most %d tags; there are %d", column, MAX_CRF_TAGS, len(tags))
    count, learned = (sum(p.numel() for p in parameters if p.requires_grad or frozen) for frozen in (True, False))
    shown = f"{count:,} parameters" + (f", {learned:,} of them learned" if learned < count else "")
    _log.info("%s: %s; %s", " + ".join(vocabulary.columns), shown, raw_text)
    at_most = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    rest = (config.batch_tokens, config.model.dropout)
    _log.info("%s words: at most %s, batches of %d words, dropout %g", f"{words:,}", at_most, *rest)
    if cast(int, config.patience) < epochs:
        _log.info("training ends after %d epochs without a better dev accuracy", config.patience)


def _check_dev(corpus: Corpus, vocabulary: Vocabulary) -> None:
    for column, ids in vocabulary.tag_ids.items():
        dev, codec = corpus.splits["dev"], vocabulary.codecs[column]
        words = zip(dev["tokens"], dev[column], strict=True)
        if not any(tag in ids for forms, tags in words for tag in codec.learned(forms, tags)):
            raise InputError(
                f"{corpus.name}: column {column} of dev has no tag that train has; give another corpus.dev"
            )
