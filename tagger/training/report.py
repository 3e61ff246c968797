"""A trained tagger and its corpus -> `report.json`, `report.html`, the files that show its errors, and tables."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
from datasets import Dataset

from tagger.corpus.splits import Corpus, by_corpus
from tagger.errors import InputError
from tagger.evaluation import metrics
from tagger.evaluation.calibration import calibration_results, format_calibration
from tagger.evaluation.report import (
    calibrations,
    draw_calibration,
    format_raw,
    report_dev,
    score_raw,
    score_split,
    sentences_of,
)
from tagger.evaluation.report_page import Report, Table, report_page
from tagger.evaluation.temperatures import fit_temperatures
from tagger.text.output_files import whole_file
from tagger.text.spacing import JUDGED, gold_paragraphs, has_spacing
from tagger.training.card import NAMED, CorpusScores, corpus_rows
from tagger.training.run_folder import REPORT, REPORT_PAGE, shown_folder

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger


KEPT = ("tokens", "accuracy", "known", "unknown", "whole_sentences")  # of the scores of a column


def corpus_scores(tagger: "Tagger", named: Iterable["Tagger"], splits: Mapping[str, Dataset]) -> CorpusScores:
    """The scores of each corpus, for `report.json`: those of `KEPT`, and `NAMED`.

    Args:
        tagger: is told no corpus.
        named: the same tagger, told each of the corpora.
        splits: of several corpora; a part without gold tags has no scores.
    """
    parts = {split: by_corpus(data) for split, data in splits.items()}
    found: CorpusScores = {split: {} for split in splits}
    for other in named:
        for split, corpora in parts.items():
            if other.corpus not in corpora:
                continue
            part = corpora[other.corpus]
            try:
                told, untold = score_split(other, part), score_split(tagger, part)
            except InputError:  # no gold tags
                continue
            found[split][other.corpus] = {
                column: {score: values[score] for score in KEPT} | {NAMED: told[column]["accuracy"]}
                for column, values in untold.items()
            }
    return found


def format_corpus_scores(scores: CorpusScores) -> str:
    """The scores as a table for the terminal."""
    heads = ("words", "accuracy", "not seen", "corpus named")
    lines = ["each corpus" + " " * 29 + "".join(f"{head:>14}" for head in heads)]
    for split, corpus, column, values in corpus_rows(scores):
        cells = (f"{values['tokens']:,}", *(_percent(values[name]) for name in ("accuracy", "unknown", NAMED)))
        lines.append(f"{f'  {corpus} {split}, {column}':<40}" + "".join(f"{cell:>14}" for cell in cells))
    return "".join(f"{line}\n" for line in lines)


def _percent(share: Any) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"


def raw_scores(tagger: "Tagger", splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """What `report.json` says of raw text: `raw`, with the F1 of tokens, words, sentences and tags on each split.

    It is empty if no split says where its text has spaces, or if the tagger takes no text.
    """
    known = {name: spaced_parts(split) for name, split in splits.items()} if tagger.takes_text else {}
    scored: dict[str, Dataset] = {}
    for name, parts in known.items():
        if parts:
            scored[name] = datasets.concatenate_datasets([*parts.values()])
        scored |= {f"{name} {corpus}": part for corpus, part in parts.items() if corpus}
    return {"raw": {name: score_raw(tagger, split) for name, split in scored.items()}} if scored else {}


def spaced_parts(split: Dataset) -> dict[str, Dataset]:
    """The parts of a split by corpus (see `by_corpus`) that say where their text has spaces."""
    return {name: part for name, part in by_corpus(split).items() if shows_spacing(part)}


def shows_spacing(split: Dataset) -> bool:
    """Whether a split says where its text has spaces."""
    first = list(islice(sentences_of(split, []), JUDGED))
    return has_spacing(first) and any(True for _ in gold_paragraphs(first, skip=True))


FILES = {
    "errors.tsv": "every wrong tag on dev",
    "dev.predicted.conllu": "dev with the predicted tags",
    REPORT: "all scores",
    "metrics.csv": "loss and accuracies of every epoch",
    "tagger/README.md": "the model card",
}


def write_tagger_page(
    folder: Path, results: Mapping[str, Any], errors: Mapping[str, Any], epochs: Sequence[Mapping[str, float]] = ()
) -> None:
    """Writes the page.

    Args:
        folder: the run's folder.
        results: what `report.json` holds.
        errors: on dev; see `ErrorCollector.sample`.
        epochs: of the training; none of an ensemble, whose members have them.

    Raises:
        InputError: the file cannot be written.
    """
    report = Report(
        title=f"{results['corpus']}: what the tagger gets right and wrong",
        splits={split: results[split] for split in ("dev", "test") if split in results},
        sample=errors,
        model=shown_folder(folder) if folder.is_absolute() else str(folder),  # the page may be sent to others
        facts=_facts(results),
        epochs=epochs,
        best_epoch=results.get("best_epoch"),
        tables=[table for table in (_corpora(results), _raw_text(results), _members(results)) if table.rows],
        files={name: what for name, what in FILES.items() if name == REPORT or (folder / name).is_file()},
    )
    with whole_file(folder / REPORT_PAGE) as out:
        out.write(report_page(report))


def format_page(folder: Path) -> str:
    """Where the page is, for the terminal."""
    return f"look at its errors: {folder / REPORT_PAGE}"


def _facts(results: Mapping[str, Any]) -> list[str]:
    facts = [f"{results['parameters']:,} parameters", f"{results['training_seconds']:,.0f} s of training"]
    if "best_epoch" in results:
        facts.append(f"best epoch {results['best_epoch']} of {results['epochs']}")
    if "words_per_second" in results:
        facts.append(f"{results['words_per_second']:,} words a second on one thread")
    return facts


def _corpora(results: Mapping[str, Any]) -> Table:
    rows = [
        [f"{corpus} {split}, {column}", f"{scores['tokens']:,}"]
        + [_percent(scores[name]) for name in ("accuracy", "known", "unknown", NAMED)]
        for split, corpus, column, scores in corpus_rows(results.get("corpora", {}))
    ]
    return Table("Each corpus", ["", "words", "accuracy", "seen", "not seen", "corpus named"], rows)


def _raw_text(results: Mapping[str, Any]) -> Table:
    raw = results.get("raw", {})
    names = [*next(iter(raw.values()), {})]
    rows = [[split, *map(_percent, scores.values())] for split, scores in raw.items()]
    return Table("From raw text, F1", ["", *names], rows)


def _members(results: Mapping[str, Any]) -> Table:
    members = results.get("members", [])
    scores = [(split, column) for split in ("dev", "test") for column in results.get(split, ())]
    scores = [(split, column) for split, column in scores if all(column in m.get(split, ()) for m in members)]
    rows = [[f"seed {member['seed']}", *(_percent(member[s][c]) for s, c in scores)] for member in members]
    return Table("Members of the ensemble", ["", *(f"{split} {column}" for split, column in scores)], rows)


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


def words_per_second(tagger: "Tagger", sentences: Sequence[Sequence[str]], rounds: int = 3) -> int:
    """The words per second on one thread; `tagger` has the precision that `auto` chooses.

    It is the best of some rounds, with the word forms in the cache. A tagger with a transformer, which is slow, tags
    the first sentences alone.
    """
    if not tagger.engine.has_pools:
        before = np.cumsum([0, *map(len, sentences)])[:-1]  # words before each sentence
        sentences = sentences[: int(np.count_nonzero(before < SPEED_WORDS))]
    tagger.tag_sentences(sentences)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        tagger.tag_sentences(sentences)
        seconds.append(time.perf_counter() - start)
    return round(sum(map(len, sentences)) / min(seconds))
