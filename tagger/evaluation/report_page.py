"""Scores, and the errors behind them -> a page on which people find out what a tagger gets wrong."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tagger.evaluation.metrics import most_confused
from tagger.evaluation.page import data_page

MAX_MATRIX = 24  # tags in the confusion matrix
MAX_TAGS = 1_000  # in the table of tags
SCORES = ("tokens", "accuracy", "known", "known_tokens", "unknown", "unknown_tokens", "sentences", "whole_sentences")


class Table(NamedTuple):
    """A small table: what stands in its cells is text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Report:
    """What a page shows.

    Attributes:
        title: plain text.
        facts: short texts below the title.
        splits: for each split what `metrics.report` returns; the errors are those of the first one.
        sample: those errors; see `ErrorCollector.sample`.
        model: the tagger, as the option `--model` names it.
        epochs: of the training, as `metrics.csv` has them; none if they are not known.
        best_epoch: from 1.
        tables: others.
        files: beside the page: the name of each, and what it holds.
    """

    title: str
    splits: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sample: Mapping[str, Any]
    model: str
    facts: Sequence[str] = ()
    epochs: Sequence[Mapping[str, float]] = ()
    best_epoch: int | None = None
    tables: Sequence[Table] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def report_page(report: Report) -> str:
    """The page, in one file."""
    first = next(iter(report.splits.values()))
    return data_page(
        report.title,
        "evaluation",
        "report_page",
        {
            "title": report.title,
            "facts": [*report.facts],
            "model": report.model,
            "splits": [*report.splits],
            "columns": {
                column: _column(scores, report.sample["columns"][column])
                | {
                    "splits": {
                        split: {name: of_split[column][name] for name in SCORES} | _calibration(of_split[column])
                        for split, of_split in report.splits.items()
                        if column in of_split
                    }
                }
                for column, scores in first.items()
            },
            "excerpts": report.sample["excerpts"],
            "epochs": [_curve(epoch) for epoch in report.epochs],
            "best_epoch": report.best_epoch,
            "tables": [table._asdict() for table in report.tables],
            "files": [*report.files.items()],
        },
    )


def _column(scores: Mapping[str, Any], sample: Mapping[str, Any]) -> dict[str, Any]:
    """The tags of a column, how they are confused, and its errors."""
    shown = most_confused(scores, MAX_MATRIX)
    return {
        **sample,
        "matrix": {
            "tags": shown,
            "of": len({tag for confusion in scores["confusions"] for tag in confusion[:2]}),
            "cells": [cell for cell in scores["confusions"] if cell[0] in shown and cell[1] in shown],
            "right": [_right(scores["tags"].get(tag)) for tag in shown],
        },
        "scores": _rows(scores["tags"].items()),
        "of": len(scores["tags"]),
        "spans": _rows(
            item for item in (scores["spans"] or {}).items() if item[0] not in ("macro avg", "weighted avg")
        ),
        "unseen_tags": [*scores["unseen_tags"].items()],
    }


def _rows(scores: Iterable[tuple[str, Mapping[str, float]]]) -> list[list[Any]]:
    """[name, precision, recall, F1, support] of the most frequent ones."""
    most = sorted(scores, key=lambda item: -item[1]["support"])[:MAX_TAGS]
    return [[name, *(round(s[key], 6) for key in ("precision", "recall", "f1")), s["support"]] for name, s in most]


def _right(scores: Mapping[str, float] | None) -> int:
    """How many words with a tag got it."""
    return round(scores["recall"] * scores["support"]) if scores else 0


def _calibration(scores: Mapping[str, Any]) -> dict[str, Any]:
    found = scores["calibration"]
    return {"ece": found["ece"], "confidence": found["confidence"], "bins": found["bins"]} if found else {}


def _curve(epoch: Mapping[str, float]) -> dict[str, float]:
    names = ("train/loss", "dev/loss", "train/accuracy", "dev/accuracy")
    return {name: round(epoch[name], 6) for name in names if math.isfinite(epoch.get(name, math.nan))}
