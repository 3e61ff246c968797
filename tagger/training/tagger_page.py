"""What a run found about its tagger -> `report.html` in its folder: scores, and the errors behind them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.evaluation.report_page import Report, Table, report_page
from tagger.text.output_files import whole_file
from tagger.training.card import NAMED, corpus_rows
from tagger.training.run_folder import REPORT, REPORT_PAGE, shown_folder

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


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"
