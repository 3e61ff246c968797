"""A trained tagger and its corpus -> its scores, `report.html`, the files that show its errors, and a few lines."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
from datasets import Dataset

from tagger.bundle.bundle import Bundle
from tagger.corpus.splits import Corpus, by_corpus
from tagger.errors import InputError
from tagger.evaluation.calibration import BINS
from tagger.evaluation.raw_scores import COLUMNS, CUT_SCORES, WORDS
from tagger.evaluation.report_page import Table, WordError, percent, report_page
from tagger.evaluation.scores import (
    calibrations,
    columns_of,
    draw_calibration,
    report_dev,
    score_raw,
    score_split,
    sentences_of,
)
from tagger.evaluation.temperatures import fit_temperatures
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.arguments import Options
from tagger.tagging.tagger import Tagger
from tagger.text.output_files import whole_file
from tagger.text.spacing import JUDGED, gold_paragraphs, has_spacing
from tagger.text.strings import is_annotated
from tagger.training.run_folder import REPORT_PAGE

NAMED = "named"  # the accuracy of a tagger that is told the corpus
SPEED_WORDS = 2_000  # words, at least, that show the speed of a tagger with a transformer
KEPT = ("tokens", "accuracy", "known", "unknown", "whole_sentences")  # of the scores of a column

_log = logging.getLogger(__name__)


def corpus_scores(tagger: "Tagger", named: Iterable["Tagger"], splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Split -> corpus -> column -> the scores of `KEPT`, of a tagger that is told no corpus, and `NAMED`.

    A corpus without gold tags in a split has no scores there.
    """
    parts = {split: by_corpus(data) for split, data in splits.items()}
    found: dict[str, Any] = {split: {} for split in splits}
    for other in named:
        for split, corpora in parts.items():
            if other.options.corpus not in corpora:
                continue
            part = corpora[other.options.corpus]
            try:
                told, untold = score_split(other, part), score_split(tagger, part)
            except InputError:  # no gold tags
                continue
            found[split][other.options.corpus] = {
                column: {score: values[score] for score in KEPT} | {NAMED: told[column]["accuracy"]}
                for column, values in untold.items()
            }
    return found


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


def write_tagger_page(folder: Path, results: Mapping[str, Any], errors: Sequence[WordError]) -> None:
    """Writes the page: what `report.json` holds, the errors on dev, and the pictures that lie in the run's folder."""
    facts = [f"{results['parameters']:,} parameters", f"{results['training_seconds']:,.0f} s of training"]
    if "best_epoch" in results:
        facts.append(f"best epoch {results['best_epoch']} of {results['epochs']}")
    if "words_per_second" in results:
        facts.append(f"{results['words_per_second']:,} words a second on one thread")
    if "steps" in (found := results.get("segmenter", {})):
        size = f"{found['parameters']:,} parameters, {found['steps']:,} steps, {found['seconds']:,.0f} s"
        facts.append(f"learned segmenter: {size}")
    page = report_page(
        f"{results['corpus']}: what the tagger gets right and wrong",
        {split: results[split] for split in ("dev", "test") if split in results},
        errors,
        facts,
        [table for tables in result_tables(results).values() for table in tables],
        sorted(path.name for path in folder.glob("*.png")),
    )
    with whole_file(folder / REPORT_PAGE) as out:
        out.write(page)


def result_tables(results: Mapping[str, Any]) -> dict[str, list[Table]]:
    """What `report.json` says beside the scores of dev and test, as tables, by the section of a model card."""
    names = ("accuracy", "known", "unknown", NAMED)
    corpora = [
        [f"{corpus} {split}, {column}", f"{scores['tokens']:,}", *(percent(scores[name]) for name in names)]
        for split, found in results.get("corpora", {}).items()
        for corpus, columns in found.items()
        for column, scores in columns.items()
    ]
    baseline = results.get("baseline", {})
    frequent = [[column, *(percent(of.get(column)) for of in baseline.values())] for column in results.get("dev", ())]
    found = results.get("calibration", {"temperatures": {}, "before": {}, "after": {}})
    confidence = [
        [
            f"{split} {column}",
            f"{found['temperatures'][column]:.3f}",
            *(percent(found[when][split][column]["ece"]) for when in ("before", "after")),
        ]
        for split, columns in found["after"].items()
        for column in columns
    ]
    segmenter, raw = results.get("segmenter", {}), results.get("raw", {})
    cuts = [
        [f"{cut} (kept)" if cut == segmenter["kept"] else cut, *(percent(scores[name]) for name in CUT_SCORES)]
        for cut, scores in segmenter.get("dev", {}).items()
    ]
    raw_rows = [[split, *map(percent, scores.values())] for split, scores in raw.items()]
    confident = f"Calibration error in {BINS} bins, before and after a temperature that was fitted on dev"
    sections = {
        "Baseline": [Table("Accuracy of the most frequent tag of each word", ["", *baseline], baseline and frequent)],
        "Corpora": [
            Table("Each corpus", ["", "words", "accuracy", "seen", "not seen", "with tag --corpus NAME"], corpora)
        ],
        "Confidence": [Table(confident, ["", "temperature", "before", "after"], confidence)],
        "Raw text": [
            Table("What cuts raw text, F1 on dev", ["", *CUT_SCORES.values()], cuts),
            Table("From raw text, F1", ["", *next(iter(raw.values()), {})], raw_rows),
        ],
    }
    return {name: [table for table in tables if table.rows] for name, tables in sections.items()}


class Reported(NamedTuple):
    """The tagger with its temperatures, what `report.json` says, and the errors on dev."""

    bundle: Bundle
    results: dict[str, Any]
    errors: list[WordError]


def report_tagger(bundle: Bundle, corpus: Corpus, folder: Path, device: str, test: bool) -> Reported:
    """Fits the temperatures of a tagger on dev, scores it, and writes pictures and tables to the run's folder.

    Columns that the corpus lacks keep their temperatures. `test`: whether the test split is scored too.
    """
    splits, name = corpus.splits, corpus.name
    plain = before = Tagger(bundle, Options(device, "float32"))
    temperatures = fit_temperatures(before, sentences_of(splits["dev"], columns_of(splits["dev"], before)))
    if bundle.config.get("temperatures"):
        plain = Tagger(bundle.described(temperatures={}), Options(device, "float32"))
    bundle = bundle.described(temperatures=temperatures)
    tagger = Tagger(bundle, Options(device, "float32"))
    speed = words_per_second(Tagger(bundle, Options(device)), splits["dev"]["tokens"])
    dev, errors = report_dev(tagger, splits["dev"], f"{name} dev", folder)
    results: dict[str, Any] = ({} if speed is None else {"words_per_second": speed}) | {"dev": dev}
    if test and "test" in splits:
        try:
            results["test"] = score_split(tagger, splits["test"])
        except InputError as error:  # a test split may have no gold tags
            _log.info("test: %s", error)
    scored: dict[str, Dataset] = {split: splits[split] for split in ("dev", "test") if split in results}
    results["calibration"] = {
        "temperatures": temperatures,
        "before": {split: calibrations(plain, data) for split, data in scored.items()},
        "after": {split: {column: s["calibration"] for column, s in results[split].items()} for split in scored},
    }
    draw_calibration(results["calibration"], name, folder)
    if corpus.parts:
        named = (Tagger(bundle, Options(device, "float32", corpus=name)) for name in corpus.parts)
        results["corpora"] = corpus_scores(tagger, named, scored)
    results["baseline"] = most_frequent_tags(splits["train"], scored, tagger.vocabulary)
    return Reported(bundle, results | raw_scores(tagger, scored), errors)


def most_frequent_tags(
    train: Dataset, scored: Mapping[str, Dataset], vocabulary: Vocabulary
) -> dict[str, dict[str, float]]:
    """The accuracy of giving each word its most frequent tag in train, for each split and column that has gold tags.

    A word that train lacks gets the tag that is most frequent there. Of lemmas, tags are edit scripts.
    """
    found: dict[str, dict[str, float]] = {split: {} for split in scored}
    for column in vocabulary.columns:
        if column not in train.column_names:
            continue
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for form, tag in _learned(train, column, vocabulary):
            counts[form][tag] += 1
        first = Counter(tag for of_form in counts.values() for tag in of_form.elements()).most_common(1)[0][0]
        best = {form: of_form.most_common(1)[0][0] for form, of_form in counts.items()}
        for split, data in scored.items():
            gold = _learned(data, column, vocabulary) if column in data.column_names else ()
            right = [best.get(form, first) == tag for form, tag in gold]
            if right:
                found[split][column] = sum(right) / len(right)
    return found


def _learned(split: Dataset, column: str, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """The words of a split that have a gold tag, with what a network learns of it."""
    for forms, tags in zip(split["tokens"], split[column], strict=True):
        learned = vocabulary.codecs[column].learned(forms, tags)
        for form, tag, script in zip(forms, tags, learned, strict=True):
            if is_annotated(column, tag, form):
                yield form, script


def format_scores(results: Mapping[str, Any]) -> str:
    """What people want to know first of what `report_tagger` found, for the terminal; the page has the rest."""
    splits = [split for split in ("dev", "test") if split in results]
    rows = [("", splits)]
    for column in results["dev"]:
        scores = [results[split].get(column, {}) for split in splits]
        rows.append((f"{column}, accuracy", [percent(each.get("accuracy")) for each in scores]))
        rows.append(("  of words not seen in training", [percent(each.get("unknown")) for each in scores]))
        baseline = [percent(results["baseline"][split].get(column)) for split in splits]
        rows.append(("  by the most frequent tag of a word", baseline))
    for name in (WORDS, COLUMNS["upos"]):
        if any(name in scores for scores in results.get("raw", {}).values()):
            cells = [percent(results["raw"].get(split, {}).get(name)) for split in splits]
            rows.append((f"from raw text, F1 of {name}", cells))
    return "\n".join(f"{head:<36}" + "".join(f"{cell:>10}" for cell in cells) for head, cells in rows)


def words_per_second(tagger: "Tagger", sentences: Sequence[Sequence[str]], rounds: int = 3) -> int:
    """The words per second on one thread; `tagger` has the precision that `auto` chooses.

    It is the best of some rounds, with the word forms in the cache. A tagger with a transformer, which is slow, tags
    the first sentences alone.
    """
    if not tagger.has_fixed_shapes:
        before = np.cumsum([0, *map(len, sentences)])[:-1]  # words before each sentence
        sentences = sentences[: int(np.count_nonzero(before < SPEED_WORDS))]
    tagger.tag_sentences(sentences)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        tagger.tag_sentences(sentences)
        seconds.append(time.perf_counter() - start)
    return round(sum(map(len, sentences)) / min(seconds))
