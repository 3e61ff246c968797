"""A trained tagger and its corpus -> what `report.json` says of it, the files that show its errors, and tables."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset

from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.evaluation import metrics
from tagger.evaluation.calibration import calibration_results, format_calibration
from tagger.evaluation.report import (
    calibrations,
    draw_calibration,
    format_raw,
    report_dev,
    score_split,
    sentences_of,
)
from tagger.evaluation.temperatures import fit_temperatures
from tagger.training.corpus_scores import corpus_scores, format_corpus_scores
from tagger.training.raw_text_scores import raw_scores

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

SPEED_WORDS = 2_000  # words, at least, that show the speed of a tagger with a transformer

_log = logging.getLogger(__name__)


def report_tagger(
    make: Callable[..., "Tagger"],
    description: dict[str, Any],
    corpus: Corpus,
    folder: Path,
    test: bool,
    measures_speed: bool = True,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fits the temperatures of a tagger and scores it.

    Args:
        make: makes the tagger that `description` describes; it takes the options `precision` and `corpus` of `Tagger`.
        description: the content of `config.json`, without temperatures, which are added.
        corpus: its dev split is scored.
        folder: the run's folder, where pictures and tables of errors go.
        test: whether the test split is scored too, if there is one.
        measures_speed: whether the tagger is timed.

    Returns:
        What `report.json` says, and the errors on dev that a page shows; see `ErrorCollector.sample`.
    """
    splits, name = corpus.splits, corpus.name
    plain = make(precision="float32")  # with temperature 1
    description["temperatures"] = fit_temperatures(plain, sentences_of(splits["dev"], plain.columns))
    tagger = make(precision="float32")
    speed = words_per_second(make(precision="auto"), splits["dev"]["tokens"]) if measures_speed else None
    dev, errors = report_dev(tagger, splits["dev"], f"{name} dev", folder)
    results: dict[str, Any] = ({} if speed is None else {"words_per_second": speed}) | {"dev": dev}
    if test and "test" in splits:
        try:
            results["test"] = score_split(tagger, splits["test"])
        except InputError as error:  # a test split may have no gold tags
            _log.info("test: %s", error)
    scored: dict[str, Dataset] = {split: splits[split] for split in ("dev", "test") if split in results}
    results["calibration"] = calibration_results(
        description["temperatures"],
        {split: calibrations(plain, data) for split, data in scored.items()},
        {split: {column: s["calibration"] for column, s in results[split].items()} for split in scored},
    )
    draw_calibration(results["calibration"], name, folder)
    if corpus.parts:
        named = (make(precision="float32", corpus=name) for name in corpus.parts)
        results["corpora"] = corpus_scores(tagger, named, scored)
    return results | raw_scores(tagger, scored), errors


def format_tables(results: Mapping[str, Any], name: str) -> list[str]:
    """What `report_tagger` found as tables for the terminal; `name` is that of the corpus."""
    tables = [metrics.format_report(results[split], f"{name} {split}") for split in ("dev", "test") if split in results]
    tables.append(format_calibration(results["calibration"], name))
    if "corpora" in results:
        tables.append(format_corpus_scores(results["corpora"]))
    return [*tables, format_raw(results, name)]


def words_per_second(tagger: "Tagger", sentences: Sequence[Sequence[str]]) -> int:
    """The words per second on one thread; `tagger` has the precision that `auto` chooses.

    It is the best of three rounds, with the word forms in the cache. A tagger with a transformer, which is slow, tags
    the first sentences alone.
    """
    if not tagger.engine.has_pools:
        before = np.cumsum([0, *map(len, sentences)])[:-1]  # words before each sentence
        sentences = sentences[: int(np.count_nonzero(before < SPEED_WORDS))]
    tagger.tag_sentences(sentences)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        tagger.tag_sentences(sentences)
        seconds.append(time.perf_counter() - start)
    return round(sum(map(len, sentences)) / min(seconds))
