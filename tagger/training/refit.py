"""A tagger and a corpus -> the same tagger with another part: runs with `parts=segmenter` or `parts=temperature`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import CARD, TAGGER_IN_RUN, predicts_words
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.evaluation.calibration import Calibrations, calibration_results, format_calibration
from tagger.evaluation.report import calibrations, columns_of, draw_calibration, format_raw, sentences_of
from tagger.evaluation.temperatures import fit_temperatures
from tagger.tagging.tagger import Tagger
from tagger.training.card import confidence_section, raw_text_section, with_raw_text, with_section
from tagger.training.config import SEGMENTER, TEMPERATURE, TrainConfig, find_start
from tagger.training.processes import is_helper
from tagger.training.report import raw_scores
from tagger.training.run import format_run, write_report
from tagger.training.segmenter_choice import SegmenterTraining
from tagger.training.trainer import quiet

UNFINISHED = {SEGMENTER: "the segmenter was not complete", TEMPERATURE: "the temperatures were not found"}
MAX_CARD_CHARACTERS = 1_000_000

_log = logging.getLogger(__name__)


def refit(config: TrainConfig, folder: Path, command: str) -> dict[str, Any] | None:
    """Makes a part for the tagger that `init` names, and writes both as a new tagger; that of `init` stays.

    Args:
        config: checked values; `parts` names the part.
        folder: the run's folder.
        command: the command line that started the run, for the model card.

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
    source, of_segmenter = find_start(config.init), config.parts == SEGMENTER
    before = Bundle.load(source)
    if predicts_words(source):
        raise InputError(f"init={config.init}: it predicts words and has no tags; name a tagger")
    if of_segmenter:
        corpus = load_corpus(config.corpus, config.columns, config.seed)
        training = SegmenterTraining(config, corpus, before)
    else:
        corpus = _corpus_of(config, before.vocabulary.columns)
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    aim = "a segmenter" if of_segmenter else "temperatures"
    _log.info("%s: sentences %s; %s for %s", corpus.name, sizes, aim, source)

    results: dict[str, Any] = {"corpus": corpus.name, "init": str(config.init)}
    device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
    if of_segmenter:
        choice = training.choose(folder)
        after, results["segmenter"] = choice.of(before), choice.report
    else:
        tagger, dev = Tagger(before, device, "float32"), corpus.splits["dev"]
        after = before.described(temperatures=fit_temperatures(tagger, sentences_of(dev, columns_of(dev, tagger))))
    old, note = _read_card(source), f"\nThis part of the tagger was made by\n\n    {command}\n"
    after.save(folder / TAGGER_IN_RUN, _card(old, after, results, note, of_segmenter))  # the run cannot be resumed

    wanted = ("dev", "test") if config.test else ("dev",)
    scored = {split: corpus.splits[split] for split in wanted if split in corpus.splits}
    if of_segmenter:
        results |= raw_scores(Tagger(after, device, "float32"), scored)
        text = format_raw(results, corpus.name)
    else:
        plain, warm = (
            _calibrations(Tagger(each, device, "float32"), scored)
            for each in (before.described(temperatures={}), after)
        )
        results["calibration"] = calibration_results(after.config["temperatures"], plain, warm)
        draw_calibration(results["calibration"], corpus.name, folder)
        text = format_calibration(results["calibration"], corpus.name)
    after.save(folder / TAGGER_IN_RUN, _card(old, after, results, note, of_segmenter))
    write_report(folder, results)
    print(text + format_run(folder))
    return results


def _corpus_of(config: TrainConfig, columns: list[str]) -> Corpus:
    """The corpus with the columns of a tagger, or with those that it has."""
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


def _calibrations(tagger: Tagger, scored: Mapping[str, Any]) -> Calibrations:
    found = {}
    for split, data in scored.items():
        try:
            found[split] = calibrations(tagger, data)
        except InputError as error:
            if split == "dev":
                raise
            _log.info("%s: %s", split, error)  # a test split may have no gold tags
    return found


def _card(before: str, bundle: Bundle, results: Mapping[str, Any], note: str, of_segmenter: bool) -> str:
    """The model card: that of the tagger before, and what is known of the part, with a note."""
    if of_segmenter:
        return with_raw_text(before, raw_text_section(bundle, results) + note)
    section = confidence_section(results)
    return with_section(before, section + note) if section else before


def _read_card(folder: Path) -> str:
    """The model card of a tagger; a title if it has none."""
    try:
        with (folder / CARD).open(encoding="utf-8", errors="replace") as lines:
            return lines.read(MAX_CARD_CHARACTERS)
    except OSError:
        return "# Part-of-speech tagger\n"
