"""A tagger and a corpus -> the same tagger with another segmenter: a run with `parts=segmenter`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagger.corpus.splits import Corpus
from tagger.evaluation.report import format_raw
from tagger.training.card import raw_text_section, with_raw_text
from tagger.training.config import TrainConfig
from tagger.training.part_run import PartRun, PartStart
from tagger.training.raw_text_scores import raw_scores
from tagger.training.segmenter_choice import SegmenterTraining, Start
from tagger.weights.folder import save_with_segmenter


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
        save_with_segmenter(target, self.start.folder, self._choice.saved, description, card, self.config.storage_dtype)

    def report(self, description: dict[str, Any], folder: Path) -> dict[str, Any]:
        saved = self.start.tagger._replace(config=description)
        tagger = self.start.tagger_of(saved, self.device, "float32", segmenter=self._choice.segmenter)
        return raw_scores(tagger, self.scored)

    def card(self, before: str, description: Mapping[str, Any], results: Mapping[str, Any], note: str) -> str:
        return with_raw_text(before, raw_text_section(description, results) + note)

    def format_results(self, results: Mapping[str, Any]) -> str:
        return format_raw(results, self.corpus.name)
