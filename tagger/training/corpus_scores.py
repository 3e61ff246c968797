"""Taggers and the splits of several corpora -> the scores of each, with and without its name."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from datasets import Dataset

from tagger.corpus.several import by_corpus
from tagger.errors import InputError
from tagger.evaluation.report import score_split
from tagger.training.card import NAMED, CorpusScores, corpus_rows

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
