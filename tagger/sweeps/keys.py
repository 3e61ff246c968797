"""The overrides of a sweep's runs -> the keys in which the runs differ, and each run's place on the scale of a key."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from tagger.sweeps.run import SweepRun, key_and_value

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
