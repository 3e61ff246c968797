"""The runs of a sweep or a search -> `sweep.html`: a table that sorts, plots that answer each other, the frontier."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tagger.sweeps.importance import LIMITS
from tagger.sweeps.keys import differing_keys
from tagger.sweeps.run import SweepRun, frontier
from tagger.text.data_page import data_page

PAGE = "sweep.html"  # in a sweep's folder


def sweep_page(
    title: str, runs: Sequence[SweepRun], importance: Mapping[str, float], tried: Collection[str] = ()
) -> str:
    """The page, in one file; its links lead to the pages of the runs, below the sweep's folder.

    Args:
        title: plain text.
        runs: in any order.
        importance: of keys, the largest first; see `key_importance`.
        tried: see `differing_keys`.
    """
    runs = sorted(runs, key=lambda run: run.number)
    best = {run.number for run in frontier(runs)}
    keys = differing_keys(runs, tried)
    content = {
        "title": title,
        "keys": [{"name": key.name, "scale": key.scale, "categories": key.categories} for key in keys],
        "runs": [
            _run(run)
            | {
                "frontier": run.number in best,
                "values": [key.values[i] for key in keys],
                "places": [key.places[i] for key in keys],
            }
            for i, run in enumerate(runs)
        ],
        "importance": list(importance.items()),
        "limits": LIMITS,
    }
    return data_page(title, "sweeps", "page", content)


def _run(run: SweepRun) -> dict[str, Any]:
    """The fields of a run; numbers that JSON does not have are left out."""
    values = asdict(run)
    for name in ("dev_accuracy", "training_seconds"):
        if values[name] is not None and not math.isfinite(values[name]):
            values[name] = None
    return values
