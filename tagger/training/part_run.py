"""A tagger and a corpus -> the same tagger with another part: runs with `parts=segmenter` or `parts=temperature`."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytorch_lightning as pl
import torch

from tagger.bundle.ensemble_folder import SavedEnsemble, read_saved
from tagger.bundle.folder import SavedTagger, save_copy
from tagger.bundle.saved_config import CARD, TAGGER_IN_RUN, predicts_words
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.evaluation.calibration import Calibrations, calibration_results, format_calibration
from tagger.evaluation.report import calibrations, columns_of, draw_calibration, format_raw, sentences_of
from tagger.evaluation.temperatures import fit_temperatures
from tagger.tagging.tagger import Tagger
from tagger.text.output_files import whole_file
from tagger.training.card import confidence_section, raw_text_section, with_raw_text, with_section
from tagger.training.config import TrainConfig, find_start
from tagger.training.experiment import format_run
from tagger.training.processes import is_helper
from tagger.training.report import raw_scores
from tagger.training.run_folder import REPORT
from tagger.training.segmenter_choice import SegmenterTraining, Start
from tagger.training.trainer import quiet

MAX_CARD_CHARACTERS = 1_000_000

_log = logging.getLogger(__name__)


class PartStart(NamedTuple):
    """The tagger or the ensemble that gets a part.

    Attributes:
        tagger: what its folder holds.
        folder: its folder.
        tagger_of: makes a `Tagger` of it; see `tagging.load`.
    """

    tagger: SavedTagger | SavedEnsemble
    folder: Path
    tagger_of: "Callable[..., Tagger]"


class PartRun(ABC):
    """A run that makes one part of a tagger anew, prepared.

    Attributes:
        config: of the run.
        start: the tagger that gets the part; it stays as it is.
        corpus: what the part is made from.
        aim: what the run makes, for the log.
        unfinished: what is missing if the run is interrupted.
    """

    aim: ClassVar[str]
    unfinished: ClassVar[str]

    def __init__(self, config: TrainConfig, start: PartStart, corpus: Corpus) -> None:
        """Looks whether the corpus has what the part needs.

        Raises:
            InputError: it has not.
        """
        self.config, self.start, self.corpus = config, start, corpus

    @staticmethod
    def load(config: TrainConfig, start: PartStart) -> Corpus:
        """Opens the corpus.

        Raises:
            InputError: as `load_corpus`.
        """
        return load_corpus(config.corpus, config.columns, config.seed)

    @abstractmethod
    def make(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Makes the part.

        Args:
            folder: the run's folder.

        Returns:
            What changes in the tagger's `config.json`, and what `report.json` says.
        """

    @abstractmethod
    def save(self, target: Path, description: dict[str, Any], card: str) -> None:
        """Writes the tagger with the part, which `make` has made; all else is copied."""

    @abstractmethod
    def report(self, description: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Scores the part.

        Args:
            description: the new `config.json`.
            folder: the run's folder, where pictures go.

        Returns:
            What `report.json` says.
        """

    @abstractmethod
    def card(self, before: str, description: Mapping[str, Any], results: Mapping[str, Any], note: str) -> str:
        """The model card: that of the tagger before, and what is known of the part, with a note."""

    @abstractmethod
    def format_results(self, results: Mapping[str, Any]) -> str:
        """The results as text for the terminal."""

    @property
    def device(self) -> str:
        """What the run's taggers compute on."""
        return "cpu" if self.config.trainer.get("accelerator") == "cpu" else "auto"

    @property
    def scored(self) -> dict[str, Any]:
        """The splits to score."""
        wanted = ("dev", "test") if self.config.test else ("dev",)
        return {split: self.corpus.splits[split] for split in wanted if split in self.corpus.splits}


def run_part(
    kind: type[PartRun], config: TrainConfig, folder: Path, command: str, tagger_of: "Callable[..., Tagger]"
) -> dict[str, Any] | None:
    """Makes a part for the tagger that `init` names, and writes both as a new tagger; that of `init` stays.

    Args:
        kind: of the part that `config.parts` names.
        config: checked values.
        folder: the run's folder.
        command: the command line that started the run, for the model card.
        tagger_of: makes a `Tagger` of what a folder holds; see `tagging.load`.

    Returns:
        What `report.json` holds, or None in a process that only helps.

    Raises:
        InputError: the tagger or the corpus cannot be read, the corpus lacks what the part needs, or the folder cannot
            be written to.
        Interrupted: by Ctrl+C or a signal.
    """
    quiet()
    if is_helper():
        return None
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    assert config.init is not None  # `TrainConfig` refuses that
    source = find_start(config.init)
    start = PartStart(read_saved(source), source, tagger_of)
    if predicts_words(source):
        raise InputError(f"init={config.init}: it predicts words and has no tags; name a tagger")
    corpus = kind.load(config, start)
    run = kind(config, start, corpus)
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    _log.info("%s: sentences %s; %s for %s", corpus.name, sizes, run.aim, source)
    changes, found = run.make(folder)

    description = {name: value for name, value in start.tagger.config.items() if name != "format"} | changes
    results: dict[str, Any] = {"corpus": corpus.name, "init": str(config.init)} | found
    target, before = folder / TAGGER_IN_RUN, _read_card(source)
    note = f"\nThis part of the tagger was made by\n\n    {command}\n"
    run.save(target, description, run.card(before, description, results, note))  # the run cannot be resumed
    results |= run.report(description, folder)
    run.save(target, description, run.card(before, description, results, note))
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    print(run.format_results(results) + format_run(folder))
    return results


def _read_card(folder: Path) -> str:
    """The model card of a tagger; a title if it has none."""
    try:
        with (folder / CARD).open(encoding="utf-8", errors="replace") as lines:
            return lines.read(MAX_CARD_CHARACTERS)
    except OSError:
        return "# Part-of-speech tagger\n"


class SegmenterRun(PartRun):
    """Trains a segmenter, or keeps rules where they are better."""

    aim, unfinished = "a segmenter", "the segmenter was not complete"

    def __init__(self, config: TrainConfig, start: PartStart, corpus: Corpus) -> None:
        super().__init__(config, start, corpus)
        self._training = SegmenterTraining(config, corpus, Start(start.tagger.config, start.folder))

    def make(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        self._choice = self._training.choose(folder)
        return self._choice.description, {"segmenter": self._choice.report}

    def save(self, target: Path, description: dict[str, Any], card: str) -> None:
        save_copy(target, self.start.folder, description, card, self._choice.saved, self.config.storage_dtype)

    def report(self, description: dict[str, Any], folder: Path) -> dict[str, Any]:
        saved = self.start.tagger._replace(config=description)
        tagger = self.start.tagger_of(saved, self.device, "float32", segmenter=self._choice.segmenter)
        return raw_scores(tagger, self.scored)

    def card(self, before: str, description: Mapping[str, Any], results: Mapping[str, Any], note: str) -> str:
        return with_raw_text(before, raw_text_section(description, results) + note)

    def format_results(self, results: Mapping[str, Any]) -> str:
        return format_raw(results, self.corpus.name)


class TemperatureRun(PartRun):
    """Fits the temperature of each column of the tagger."""

    aim, unfinished = "temperatures", "the temperatures were not found"

    @staticmethod
    def load(config: TrainConfig, start: PartStart) -> Corpus:
        """Opens the corpus with the columns of the tagger, or with those that it has."""
        columns = start.tagger.vocabulary.columns
        try:
            return load_corpus(config.corpus, columns, config.seed)
        except InputError:
            if len(columns) == 1:
                raise
        there, missing = [], []
        for column in columns:
            try:
                load_corpus(config.corpus, [column], config.seed)
                there.append(column)
            except InputError as error:
                missing.append((column, error))
        if not there:
            raise missing[0][1]
        for column, reason in missing:
            _log.info("%s keeps its temperature: %s", column, reason)
        return load_corpus(config.corpus, there, config.seed)

    def make(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        tagger = self._tagger(self.start.tagger.config)
        dev = self.corpus.splits["dev"]
        return {"temperatures": fit_temperatures(tagger, sentences_of(dev, columns_of(dev, tagger)))}, {}

    def save(self, target: Path, description: dict[str, Any], card: str) -> None:
        save_copy(target, self.start.folder, description, card)

    def report(self, description: dict[str, Any], folder: Path) -> dict[str, Any]:
        before = self._calibrations(self._tagger(description | {"temperatures": {}}))
        after = self._calibrations(self._tagger(description))
        results = calibration_results(description["temperatures"], before, after)
        draw_calibration(results, self.corpus.name, folder)
        return {"calibration": results}

    def card(self, before: str, description: Mapping[str, Any], results: Mapping[str, Any], note: str) -> str:
        section = confidence_section(results)
        return with_section(before, section + note) if section else before

    def format_results(self, results: Mapping[str, Any]) -> str:
        return format_calibration(results["calibration"], self.corpus.name)

    def _tagger(self, description: dict[str, Any]) -> "Tagger":
        return self.start.tagger_of(self.start.tagger._replace(config=description), self.device, "float32")

    def _calibrations(self, tagger: "Tagger") -> Calibrations:
        found = {}
        for split, data in self.scored.items():
            try:
                found[split] = calibrations(tagger, data)
            except InputError as error:
                if split == "dev":
                    raise
                _log.info("%s: %s", split, error)  # a test split may have no gold tags
        return found
