"""Training a tagger: config -> corpus, module, batches -> the tagger's folder -> its segmenter, scores and report.

`launch.py` makes the config from a command line and `conf/train.yaml`, and calls `train` with it. Some values are still
None: `start.py` fills them when the corpus is known.
"""

import logging
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping
from torch import nn

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import CARD, TAGGER_IN_RUN
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus, by_corpus, token_counts
from tagger.errors import InputError
from tagger.evaluation.report_page import draw_learning_curve
from tagger.model.decoder import CRF, MAX_CRF_TAGS, CRFDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import FEATS, UPOS
from tagger.training.auxiliary import Auxiliary
from tagger.training.config import TrainConfig, find_start
from tagger.training.count_conventions import with_tags
from tagger.training.data import BatchOptions, TaggerDataModule
from tagger.training.fit_linear import linear_chains
from tagger.training.fit_segmenter import SegmenterPlan, plan_segmenter, with_segmenter
from tagger.training.module import TaggerModule
from tagger.training.report import describe, format_scores, kept_card, model_card, report_tagger, write_tagger_page
from tagger.training.run_folder import REPORT, REPORT_PAGE, SHARDS
from tagger.training.start import (
    dictionary_digests,
    lemma_reliability,
    load_init,
    new_module,
    with_dictionary,
    with_init,
    with_recipe,
)
from tagger.training.teacher import Teacher, TeacherTargets
from tagger.training.trainer import begin, finish, fit_best, run_loggers
from tagger.words.conventions import Conventions

_log = logging.getLogger(__name__)


def train(
    config: TrainConfig, folder: Path, command: str, resume: bool = False, callbacks: Sequence[Callback] = ()
) -> dict[str, Any]:
    """Trains a tagger, from its config to its report; returns what `report.json` holds.

    The tagger's folder is written when its epochs have ended, and again with its segmenter and its scores; that of a
    finished run, which is resumed, stays as it is until then. Each time it is whole.

    Args:
        config: checked values; those that the corpus decides are still None.
        command: the command line that started the run, for the model card.
        callbacks: of Lightning's trainer, beside our own.
    """
    begin(config.threads, config.seed)
    init = load_init(config)

    def save(bundle: Bundle) -> None:
        if config.learns or config.init is None:
            card = model_card(bundle, results, command)
        else:
            card = kept_card(find_start(config.init) / CARD, bundle, results, command)
        bundle.save(folder / TAGGER_IN_RUN, card)

    with run_loggers(config.logger, folder) as loggers:
        if config.learns or init is None:
            corpus = load_corpus(config.corpus, config.columns)
            plan = plan_segmenter(config, corpus, init)
            run = prepare(config, corpus, init, plan, folder)
            epochs, results = fit(run, resume, callbacks, loggers)
            bundle, results = assemble(run, results)
        else:
            corpus, columns = corpus_of_tagger(config, init)
            config = replace(config, columns=columns)
            plan = plan_segmenter(config, corpus, init)
            _log.info("%s: the networks stay; %s", config.init, plan.description)
            parameters = sum(each.numel() for each in nn.ModuleList(init.networks).parameters())
            bundle, epochs = init, []
            results = {"corpus": corpus.name, "parameters": parameters, "training_seconds": 0.0}
        if not (folder / REPORT).is_file():
            save(bundle)
        bundle, results["segmenter"] = with_segmenter(bundle, plan, config, corpus, init, folder)
        device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
        bundle, scores, errors = report_tagger(bundle, corpus, folder, device, config.test)
        results |= scores
        if config.learns:
            bundle = bundle.described(scores=accuracies(results))
        save(bundle)
        if epochs:
            draw_learning_curve(epochs, folder / "learning_curve.png")
        write_tagger_page(folder, results, errors)
        finish(folder, results, loggers)
        shutil.rmtree(folder / SHARDS, ignore_errors=True)
    print(format_scores(results))
    if epochs:
        print(f"best epoch {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s")
    print(f"look at its errors: {folder / REPORT_PAGE}")
    print(f"score it: python -m tagger evaluate GOLD --model {shlex.quote(str(folder))}")
    print(f"tag with it: python -m tagger tag FILE --model {shlex.quote(str(folder))}")
    return results


def accuracies(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What `config.json` says of the scores: for each split the accuracy of each column."""
    return {
        split: {column: scores["accuracy"] for column, scores in results[split].items()}
        for split in ("dev", "test")
        if split in results
    }


@dataclass
class Run:
    """A training of networks: `prepare` makes it, `fit` trains the module, and `assemble` makes a tagger of that."""

    config: TrainConfig  # with a number for every value
    corpus: Corpus
    init: Bundle | None  # the tagger that it starts from
    plan: SegmenterPlan
    folder: Path
    module: TaggerModule
    auxiliary: Auxiliary
    teacher: Teacher | None
    targets: TeacherTargets | None  # what the teacher says


def prepare(config: TrainConfig, corpus: Corpus, init: Bundle | None, plan: SegmenterPlan, folder: Path) -> Run:
    """The networks to train, and what they learn from."""
    sentences = corpus.splits["train"]
    words = int(token_counts(sentences).sum())
    config = with_recipe(with_dictionary(config, corpus) if init is None else with_init(config, init), words)
    teacher = Teacher(config.distill, config.columns) if config.distill.teacher else None
    auxiliary = Auxiliary.of(sentences, config.columns) if config.auxiliary else Auxiliary([])
    text = teacher.text.counts if teacher and teacher.text else None
    module = new_module(config, corpus, init, len(auxiliary.values), text)
    _check_dev(corpus, module.vocabulary)
    targets = teacher.teach(sentences, module.vocabulary, folder / SHARDS) if teacher else None
    _log_plan(config, corpus, module, words, plan.description)
    return Run(config, corpus, init, plan, folder, module, auxiliary, teacher, targets)


def fit(
    run: Run, resume: bool, callbacks: Sequence[Callback], loggers: Sequence[Any]
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Trains the networks, which have those of the best epoch then; see `fit_best`."""
    config, module, shards = run.config, run.module, run.folder / SHARDS
    reading = BatchOptions(
        batch_tokens=cast(int, config.batch_tokens),
        word_dropout=config.embedding.word_dropout,
        corpus_dropout=config.corpus.dropout,
        noise=config.noise,
        seed=config.seed,
    )
    outputs_of = partial(module.outputs_once, shards) if module.body.transformer else None
    data = TaggerDataModule(run.corpus.splits, module.table, reading, run.auxiliary, run.targets, outputs_of)
    patience = _Patience("dev/accuracy", mode="max", patience=cast(int, config.patience), check_on_train_epoch_end=True)
    for logger in loggers:
        logger.log_hyperparams({name: value for name, value in asdict(config).items() if name != "logger"})
    return fit_best(
        module,
        data,
        settings=config.trainer,
        folder=run.folder,
        resume=resume,
        loggers=loggers,
        callbacks=[patience, *callbacks],
    )


def assemble(run: Run, results: Mapping[str, Any]) -> tuple[Bundle, dict[str, Any]]:
    """The tagger of a run, with its linear chains, whose segmenter is still to be trained; and what is known of it."""
    config, corpus, init, module, teacher = run.config, run.corpus, run.init, run.module, run.teacher
    began, sentences = time.perf_counter(), run.corpus.splits["train"]
    if config.linear is not None:
        linear = linear_chains(config.linear, sentences, module.vocabulary, dictionary_digests(config, init))
    else:  # those of `init`, but for those of columns that get more tags
        tags, before = module.vocabulary.tags, init.vocabulary.tags if init else {}
        linear = tuple(each for each in (init.linear if init else ()) if before[each.column] == tags.get(each.column))
    conventions = init.conventions if init else Conventions.of_language()
    if UPOS in config.columns:
        columns = [column for column in (UPOS, FEATS) if column in config.columns]
        tagged = sentences.select_columns(["tokens", *columns])
        conventions = with_tags(conventions, tagged, module.vocabulary.together(UPOS, FEATS))
    described = {
        "corpus": corpus.name,
        **asdict(config.card),
        "start": describe(init.config) if init else None,
        "teacher": teacher.description if teacher else None,
        "training": {name: value for name, value in asdict(config).items() if name not in ("test", "logger")},
        "scores": {},
    }
    bundle = replace(
        module.trained(run.plan.untrained, described),
        linear=linear,
        lemmas=lemma_reliability(config, init, sentences),
        conventions=conventions,
    ).rounded(config.storage_dtype)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    results = {"corpus": corpus.name, "parameters": parameters, **results}
    results["training_seconds"] = round(results["training_seconds"] + time.perf_counter() - began, 1)
    if teacher:
        results["teacher"] = teacher.description
    return bundle, results


def corpus_of_tagger(config: TrainConfig, init: Bundle) -> tuple[Corpus, list[str]]:
    """The corpus with those columns of a tagger that it has, and which of the wanted columns these are."""
    if not init.vocabulary.columns:
        raise InputError(f"init={config.init}: it has no tags; name a tagger")
    there, missing = [], []
    for column in init.vocabulary.columns:
        try:
            load_corpus(config.corpus, [column])
            there.append(column)
        except InputError as error:
            missing.append(error)
            _log.info("%s keeps its temperature: %s", column, error)
    if not there:
        raise missing[0]
    corpus = load_corpus(config.corpus, there)
    blank = [c for c in init.vocabulary.columns if c not in there and c in corpus.splits["dev"].column_names]
    corpus = replace(corpus, splits=corpus.splits.remove_columns(blank))
    columns = [column for column in config.columns if column in corpus.splits["dev"].column_names]
    return corpus, columns or init.vocabulary.columns


class _Patience(EarlyStopping):
    """Ends a training after so many epochs without a better accuracy on dev.

    Epochs in which a transformer is still frozen do not count, unless it never learns.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch >= cast(TaggerModule, pl_module).frozen_epochs:
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
            raise InputError(f"{corpus.name}, column {column}: dev has no tag that train has; give another corpus.dev")
