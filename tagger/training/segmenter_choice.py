"""A config and a corpus -> what cuts raw text for a tagger: a learned segmenter or rules, the better of them on dev."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from datasets import Dataset

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import ORIGIN
from tagger.corpus.splits import Corpus, gold_sentences
from tagger.errors import InputError
from tagger.segmenter.learned import LearnedSegmenter
from tagger.segmenter.saved import SavedSegmenter, rounded
from tagger.text.segment import RULES, RuleSegmenter
from tagger.text.spacing import GoldParagraph, gold_paragraphs
from tagger.training.config import AUTO, LEARNED, TrainConfig
from tagger.training.fit_segmenter import STEP_SECONDS, score_cuts, steps_for, train_segmenter

INIT = "init"  # the name of the segmenter of the tagger that training starts from

_log = logging.getLogger(__name__)


class SegmenterTraining:
    """How raw text will be cut, as far as it is known before training.

    Attributes:
        rules: those that the tagger has until a segmenter is trained.
        learns: whether one is trained.
    """

    def __init__(self, config: TrainConfig, corpus: Corpus, start: Bundle | None) -> None:
        """Looks whether the corpus has what a segmenter learns from; training starts from the tagger `start`."""
        self.config, self.corpus = config, corpus
        wanted = config.segmenter
        own = start.segmenter if start else None
        self.rules = wanted if wanted in RULES else own if isinstance(own, str) else corpus.rules
        self._init: LearnedSegmenter | None = None
        self._init_origin: dict[str, Any] | None = None
        if start and isinstance(own, SavedSegmenter) and wanted == AUTO:
            self._init = _rounded(LearnedSegmenter(*own), config.storage_dtype)
            self._init_origin = _origin_of(start.config)
        self.learns = False
        if wanted in (AUTO, LEARNED):
            without = next((split for split in ("train", "dev") if not corpus.spaced[split]), None)
            self.learns = without is None
            if without and wanted == LEARNED:
                raise InputError(
                    f"segmenter=learned: {without} of {corpus.name} does not say where its text has spaces; give a"
                    " corpus in CoNLL-U with `# text` or SpaceAfter=No"
                )
        if self.learns:
            self.outlook = "a segmenter for raw text is learned after the tagger"
            names = [*corpus.spaced["train"]]
            if len(names) < len(corpus.parts):
                self.outlook += f", from {' and '.join(names)} alone, since no other says where its text has spaces"
        elif wanted == AUTO:
            stays = f"the segmenter of {config.init} stays" if self._init else f"raw text by the rules {self.rules}"
            self.outlook = f"{stays}, since {corpus.name} does not say where its text has spaces"
        else:
            self.outlook = f"raw text by the rules {self.rules}"

    def seconds_about(self, words: int) -> float:
        """About how long a segmenter is trained on so many words, if one is trained."""
        return (self.config.segmenter_steps or steps_for(words)) * STEP_SECONDS if self.learns else 0.0

    def choose(self, bundle: Bundle, folder: Path) -> tuple[Bundle, dict[str, Any]]:
        """Trains a segmenter, if one is wanted; the tagger with the best for raw text on dev, and what was found."""
        if not self.learns:
            if self._init is not None:
                return _with_segmenter(bundle, self._init, self._init_origin), {"kind": LEARNED, "kept": INIT}
            return _with_segmenter(bundle, RuleSegmenter(self.rules), None), {"kind": self.rules, "kept": self.rules}
        config, corpus = self.config, self.corpus
        column = "upos" if "upos" in config.columns else config.columns[0]
        train, dev = (_paragraphs(corpus.spaced[split].values(), [column]) for split in ("train", "dev"))
        start = time.monotonic()
        accelerator = config.trainer.get("accelerator") or "auto"
        trained, steps = train_segmenter(
            train, dev, corpus.rules, column, config.seed, folder, config.segmenter_steps, accelerator
        )
        learned = _rounded(trained, config.storage_dtype)
        seconds = round(time.monotonic() - start, 1)
        segmenters: dict[str, LearnedSegmenter | RuleSegmenter] = {
            name: RuleSegmenter(name) for name in (self.rules, corpus.rules)
        }
        if self._init is not None:
            segmenters[INIT] = self._init
        segmenters[LEARNED] = learned
        scores = {name: score_cuts(each.segment_all, dev) for name, each in segmenters.items()}
        best = max(scores, key=lambda name: (scores[name].words, scores[name].sentences))  # of equals the simplest
        if best == LEARNED:  # a network that learned from little may find words but no sentences
            best = max(scores, key=lambda name: scores[name].total)
        kept = LEARNED if config.segmenter == LEARNED else best
        shown = "; ".join(f"{name}: {each}" for name, each in reversed([*scores.items()]))
        _log.info("segmenter: %s is kept; %s", kept, shown)
        origins = {
            LEARNED: {"corpus": corpus.name, **asdict(config.card), "seed": config.seed, "steps": steps},
            INIT: self._init_origin,
        }
        report = {
            "kind": segmenters[kept].name,
            "kept": kept,
            "dev": {name: each._asdict() for name, each in scores.items()},
            "seconds": seconds,
            "steps": steps,
            "parameters": sum(parameter.numel() for parameter in learned.network.parameters()),
        }
        return _with_segmenter(bundle, segmenters[kept], origins.get(kept)), report


def _with_segmenter(
    bundle: Bundle, segmenter: LearnedSegmenter | RuleSegmenter, origin: dict[str, Any] | None
) -> Bundle:
    """The tagger with what cuts raw text; `origin` is what the training data of a learned segmenter was."""
    saved: str | SavedSegmenter = segmenter.name
    if isinstance(segmenter, LearnedSegmenter):
        saved = SavedSegmenter(segmenter.network, segmenter.vocabulary, segmenter.config, segmenter.lexicon)
    return replace(bundle, segmenter=saved, config={**bundle.config, ORIGIN: origin})


def _paragraphs(parts: Iterable[Dataset], columns: Sequence[str]) -> list[GoldParagraph]:
    return [paragraph for part in parts for paragraph in gold_paragraphs(gold_sentences(part, columns), skip=True)]


def _rounded(segmenter: LearnedSegmenter, dtype: str) -> LearnedSegmenter:
    """The segmenter with the weights that its file will have, so that these are scored."""
    network = segmenter.network
    lexicon = rounded(network, segmenter.lexicon, dtype)
    return LearnedSegmenter(network, segmenter.vocabulary, segmenter.config, lexicon)


def _origin_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The training data of the segmenter of a tagger, which may come from somebody else."""
    origin = config.get(ORIGIN)
    known = origin if isinstance(origin, dict) else config
    names = {name: known.get(name) for name in ("corpus", "version", "license")}
    return {name: value if isinstance(value, str) else None for name, value in names.items()}
