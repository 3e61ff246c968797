"""`SweepRun`: what is known of one run of a sweep; the keys in which runs differ, and how much each key matters."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SPEED_NOISE = 0.1  # by which measurements of one tagger differ on a machine that does other things too

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

    A speed is better than another one if it is higher by more than `SPEED_NOISE`. Of runs that are equal in both, it
    has the first one.
    """
    timed = [run for run in runs if run.state == "complete" and run.words_per_second and run.dev_accuracy is not None]
    best: list[SweepRun] = []
    for run in sorted(timed, key=lambda run: (-(run.dev_accuracy or 0), -(run.words_per_second or 0), run.number)):
        if not best or (run.words_per_second or 0) > (1 + SPEED_NOISE) * (best[-1].words_per_second or 0):
            best.append(run)
    return best[::-1]


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


MIN_RATIO = 20  # of the largest and the smallest number; from there on a scale is logarithmic
Scale = Literal["linear", "log", "category"]


@dataclass(frozen=True)
class SweepKey:
    """A key in which runs differ.

    Attributes:
        name: such as `model.depth`.
        values: of each run, as its override has it; None if the run does not set the key.
        scale: `category` unless all values that are set are numbers.
        places: of each run the number on the scale; of a category its place in `categories`.
        categories: the different values, numbers first, if the scale is `category`; empty stands for runs that do not
            set the key.
    """

    name: str
    values: list[str | None]
    scale: Scale
    places: list[float]
    categories: list[str]


def differing_keys(runs: Sequence[SweepRun], tried: Collection[str] = ()) -> list[SweepKey]:
    """The keys that do not have the same value in all runs, in the order in which the runs name them.

    Args:
        runs: of a sweep.
        tried: the keys that a search tries; they are there in any case.
    """
    settings = [dict(map(key_and_value, run.overrides)) for run in runs]
    names = dict.fromkeys(name for each in settings for name in each)
    columns = {name: [each.get(name) for each in settings] for name in names}
    return [_key(name, values) for name, values in columns.items() if len(set(values)) > 1 or name in tried]


def _key(name: str, values: list[str | None]) -> SweepKey:
    given = [value for value in values if value is not None]
    numbers = {value: number for value in given if (number := _number(value)) is not None}
    if len(numbers) == len(set(given)) and None not in values:
        low, high = min(numbers.values()), max(numbers.values())
        scale: Scale = "log" if low > 0 and high >= MIN_RATIO * low else "linear"
        return SweepKey(name, values, scale, [numbers[value] for value in given], [])
    categories = sorted(set(given), key=lambda value: (value not in numbers, numbers.get(value, 0.0), value))
    if None in values:
        categories.insert(0, "")
    return SweepKey(name, values, "category", [float(categories.index(value or "")) for value in values], categories)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


MIN_RUNS = 4
TREES = 100
REPEATS = 10  # of each shuffle
SEED = 0
LIMITS = (
    "A forest of decision trees learned the accuracy of the complete runs from their keys. A key's share is what the"
    " forest loses when the key's values are shuffled between runs. Few runs, keys that change together, and luck of"
    " the seed mislead it."
)


def key_importance(runs: Sequence[SweepRun]) -> dict[str, float]:
    """The importance of the keys in which the complete runs differ; the shares sum to 1, and the largest comes first.

    A random forest (Breiman 2001, https://doi.org/10.1023/A:1010933404324) learns the accuracies; a key's importance
    is by how much the forest's error grows when the values of the key are permuted, as the same paper proposes. It is
    measured on the runs that the forest has learned from, since there are few: it says what explains these runs, not
    what will pay elsewhere. The seed is fixed, so the same runs give the same shares.

    Returns:
        Empty if there are fewer than `MIN_RUNS` complete runs, or if their keys or their accuracies do not differ.
    """
    complete = [run for run in runs if run.state == "complete" and run.dev_accuracy is not None]
    keys = differing_keys(complete)
    accuracies = np.array([run.dev_accuracy for run in complete], dtype=np.float64)
    if len(complete) < MIN_RUNS or not keys or np.ptp(accuracies) == 0:
        return {}
    # Trees see the order of numbers alone: a logarithmic scale would change nothing.
    places = np.array([key.places for key in keys]).T

    from sklearn.ensemble import RandomForestRegressor  # late, because importing scikit-learn takes a second
    from sklearn.inspection import permutation_importance

    forest = RandomForestRegressor(TREES, random_state=SEED).fit(places, accuracies)
    found = permutation_importance(forest, places, accuracies, n_repeats=REPEATS, random_state=SEED)
    gains = np.maximum(found.importances_mean, 0)
    if gains.sum() == 0:
        return {}
    shares = {key.name: float(gain / gains.sum()) for key, gain in zip(keys, gains, strict=True)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
