"""Training a tagger: config -> corpus, module and batches; after training a tagger's folder and its report."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from pytorch_lightning.callbacks import EarlyStopping

from tagger.bundle.folder import save_tagger, saved_weights
from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.corpus.arrow import token_counts
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus, by_corpus
from tagger.errors import InputError
from tagger.model.crf import MAX_CRF_TAGS, CRFDecoder
from tagger.model.decoders import CRF
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.stored import expand
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine
from tagger.tagging.tagger import Tagger
from tagger.training.card import describe, model_card
from tagger.training.checkpoints import Watch
from tagger.training.config import TrainConfig
from tagger.training.datamodule import CORPUS_DROPOUT, TaggerDataModule
from tagger.training.distill import Teaching
from tagger.training.experiment import Experiment, format_run, run_experiment
from tagger.training.recipe import with_recipe
from tagger.training.report import format_page, format_scores, report_tagger, write_tagger_page
from tagger.training.segmenter_choice import Choice, SegmenterTraining, Start
from tagger.training.start import Beginning, build, load_start, with_start
from tagger.training.teacher import Load

_log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    folder: Path,
    command: str,
    resume: bool = False,
    load: Load | None = None,
    watch: Watch | None = None,
) -> dict[str, Any] | None:
    """Trains a tagger; see `run_experiment`, and `TaggerTraining` for `load`."""
    return run_experiment(partial(TaggerTraining, load=load), config, folder, command, resume, watch)


class TaggerTraining(Experiment):
    """The training of a tagger."""

    config: TrainConfig
    monitor, mode = "dev/accuracy", "max"
    inside = TAGGER_IN_RUN

    def __init__(self, config: TrainConfig, load: Load | None = None) -> None:
        """Reads the corpus and builds the module.

        Args:
            config: of the experiment.
            load: loads the teacher, if the config has one.

        Raises:
            InputError: the corpus, or a pretrained part that the config names, cannot be read or does not fit.
        """
        self.corpus = load_corpus(config.corpus, config.columns, config.seed)
        words = int(token_counts(self.corpus.splits["train"]).sum())
        self.start = start = load_start(config)
        self.config = config = with_recipe(with_start(config, start), words)
        batch_tokens, patience = cast(int, config.batch_tokens), cast(int, config.patience)
        teaching = None
        if config.distill.teacher is not None:
            assert load is not None
            teaching = Teaching(config.distill, config.columns, load)
        self.beginning = build(config, self.corpus, start, teaching.counts if teaching else None)
        module = self.beginning.module
        vocabulary = module.vocabulary
        _check_dev(self.corpus, vocabulary)
        distilled = teaching.of(self.corpus.splits["train"], vocabulary) if teaching else None
        self.teacher = teaching.description if teaching else None
        self.segmenting = SegmenterTraining(
            config, self.corpus, Start(start.tagger.config, start.folder) if start else None
        )
        self.choice: Choice | None = None
        self.errors: dict[str, Any] = {}
        _log_sizes(self.corpus, self.beginning, self.segmenting.outlook)
        epochs = config.trainer["max_epochs"]
        _log.info(
            "%s words: at most %s, batches of %d words, dropout %g",
            f"{words:,}",
            "1 epoch" if epochs == 1 else f"{epochs} epochs",
            batch_tokens,
            config.model.dropout,
        )
        if patience < epochs:
            _log.info("training ends after %d epochs without a better dev accuracy", patience)
        transformer = module.body.transformer
        data = TaggerDataModule(
            self.corpus.splits,
            vocabulary,
            module.config,
            batch_tokens,
            config.embedding.word_dropout,
            config.seed,
            self.beginning.tokenizer,
            transformer if transformer is not None and not transformer.config["tune"] else None,
            config.corpus.temperature,
            CORPUS_DROPOUT,
            self.beginning.facts if self.beginning.facts.names else None,
            distilled,
        )
        parameters = sum(parameter.numel() for parameter in module.parameters())
        summary = {"corpus": self.corpus.name, "parameters": parameters}
        super().__init__(module, data, summary | ({"teacher": self.teacher} if self.teacher else {}))
        self.tagger_module, self.vocabulary = module, vocabulary
        self.callbacks = [EarlyStopping(self.monitor, mode=self.mode, patience=patience)]
        self.settings = {"max_epochs": epochs}
        self.seconds_after = self.segmenting.seconds_about(words)

    @cached_property
    def trained(self) -> tuple[TaggerNetwork, NetworkConfig]:
        """The network that training has made, with the rounded weights that are saved, and its config.

        It is first asked for when training has ended.
        """
        network, config = self.tagger_module.trained()
        network.load_state_dict(expand(saved_weights(network, self.config.storage_dtype)), strict=False)
        return network, config

    def description(self) -> dict[str, Any]:
        return {
            "corpus": self.corpus.name,
            **asdict(self.config.card),
            "network": self.trained[1],
            "vectors": list(self.vocabulary.vectors),
            "start": describe(self.start.tagger.config) if self.start else None,
            "teacher": self.teacher,
            "training": {name: value for name, value in asdict(self.config).items() if name not in ("test", "logger")},
        }

    def card(self, description: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
        return model_card(description, results, command)

    def save(self, folder: Path, description: dict[str, Any], card: str) -> None:
        parts = self.trained[0], self.vocabulary, description, card, self.beginning.tokenizer
        save_tagger(folder, *parts, self.config.storage_dtype, segmenter=self.choice.saved if self.choice else None)

    def report(self, folder: Path, description: dict[str, Any], device: torch.device) -> dict[str, Any]:
        self.choice = choice = self.segmenting.choose(folder)
        description |= choice.description

        def make(precision: str, corpus: str | None = None) -> Tagger:
            parts = self.trained[0], self.vocabulary, description, self.beginning.tokenizer
            engine = Engine.of(*parts, str(device), precision, corpus=corpus)
            return Tagger(engine, description, segmenter=choice.segmenter, corpus=corpus)

        results, self.errors = report_tagger(
            make, description, self.corpus, folder, self.config.test, self.measures_speed
        )
        return {"segmenter": choice.report} | results

    def write_page(self, results: Mapping[str, Any], epochs: Sequence[Mapping[str, float]], folder: Path) -> None:
        write_tagger_page(folder, results, self.errors, epochs)

    def format_results(self, results: Mapping[str, Any], folder: Path) -> str:
        best = f"best epoch {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s"
        return "\n".join([format_scores(results), best, format_page(folder), format_run(folder)])


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
