"""A tagger and the dev split of a corpus -> the same tagger with other temperatures: a run with `parts=temperature`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.evaluation.calibration import Calibrations, calibration_results, format_calibration
from tagger.evaluation.report import calibrations, columns_of, draw_calibration, sentences_of
from tagger.evaluation.temperatures import fit_temperatures
from tagger.training.card import confidence_section, with_section
from tagger.training.config import TrainConfig
from tagger.training.part_run import PartRun, PartStart
from tagger.weights.folder import save_with_description

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

_log = logging.getLogger(__name__)


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
        save_with_description(target, self.start.folder, description, card)

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
