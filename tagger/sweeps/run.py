"""`SweepRun`: what is known of one run of a sweep or a search; and the runs that no other one beats."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["complete", "pruned", "failed", "unfinished"]


@dataclass(frozen=True)
class SweepRun:
    """One run.

    Attributes:
        number: from 0.
        folder: of the run, relative to that of the sweep.
        overrides: `KEY=VALUE` of each key that the run sets.
        state: `pruned`: a search ended it early, because others were better by then.
        dev_accuracy: in [0, 1], the mean over the columns; of a pruned run that of its best epoch.
        words_per_second: of its tagger, on one thread; None if it was not measured.
        parameters: of its network.
        training_seconds: of all epochs together.
        error: why it failed, in one line.
        report: its page, relative to the sweep's folder; empty if it has none.
    """

    number: int
    folder: str
    overrides: list[str]
    state: State
    dev_accuracy: float | None = None
    words_per_second: int | None = None
    parameters: int | None = None
    training_seconds: float | None = None
    error: str = ""
    report: str = ""


def frontier(runs: Iterable[SweepRun]) -> list[SweepRun]:
    """The complete runs that no other one beats in accuracy and speed at once, the fastest first.

    Of runs that are equal in both, it has the first one.
    """
    timed = [run for run in runs if run.state == "complete" and run.words_per_second and run.dev_accuracy is not None]
    timed.sort(key=lambda run: (-(run.words_per_second or 0), -(run.dev_accuracy or 0), run.number))
    best: list[SweepRun] = []
    for run in timed:
        if not best or (run.dev_accuracy or 0) > (best[-1].dev_accuracy or 0):
            best.append(run)
    return best


def key_and_value(override: str) -> tuple[str, str]:
    """`++a.b=c` -> `a.b` and `c`; `~a` -> `a` and an empty value."""
    name, _, value = override.lstrip("+~").partition("=")
    return name, value


def differing_overrides(runs: Sequence[SweepRun], tried: Collection[str] = ()) -> list[str]:
    """The overrides of each run without those that all runs share.

    Args:
        runs: of a sweep. A single one shares none.
        tried: the keys that a search tries, which are not left out; all others are the same in all runs.
    """
    common = set.intersection(*(set(run.overrides) for run in runs)) if len(runs) > 1 or (runs and tried) else set()
    common = {override for override in common if key_and_value(override)[0] not in tried}
    return [" ".join(override for override in run.overrides if override not in common) for run in runs]
