"""The runs of a sweep: those that no other one beats, what they differ in, and how much each key matters."""

import itertools
import random
from typing import Any

import pytest

from tagger.sweeps.run import (
    MIN_RUNS,
    SweepRun,
    differing_keys,
    differing_overrides,
    frontier,
    key_importance,
)


def timed(number: int, accuracy: float | None, speed: int | None, **more: Any) -> SweepRun:
    values = {"state": "complete", "dev_accuracy": accuracy, "words_per_second": speed, **more}
    return SweepRun(number, str(number), [], **values)


def test_the_frontier_has_what_nothing_beats_in_both() -> None:
    runs = [
        timed(0, 0.90, 1000),
        timed(1, 0.95, 500),
        timed(2, 0.93, 400),  # run 1 beats it in both
        timed(3, 0.95, 400),  # run 1 is as accurate and faster
        timed(4, 0.96, 100),
        timed(5, 0.96, 100),  # as run 4
        timed(6, 0.97, None),  # not timed
        timed(7, 0.99, 2000, state="pruned"),
        timed(8, None, 3000, state="failed"),
        timed(9, 0.89, 1000),
        timed(10, 0.949, 540),  # run 1 is better, and its speed the same within what measurements differ by
    ]
    assert [each.number for each in frontier(runs)] == [0, 1, 4]
    assert [each.number for each in frontier(reversed(runs))] == [0, 1, 4]
    assert frontier([]) == []


def test_the_overrides_that_are_shown() -> None:
    first, second = (
        SweepRun(0, "0", ["a=1", "seed=1", "+b=2"], "complete"),
        SweepRun(1, "1", ["a=1", "seed=2", "+b=2"], "complete"),
    )
    assert differing_overrides([first, second]) == ["seed=1", "seed=2"]
    assert differing_overrides([first]) == ["a=1 seed=1 +b=2"]
    assert differing_overrides([first], ["b", "seed"]) == ["seed=1 +b=2"]
    assert differing_overrides([first, second], ["b", "seed"]) == ["seed=1 +b=2", "seed=2 +b=2"]
    assert differing_overrides([], ["b"]) == []


def runs(*overrides: str) -> list[SweepRun]:
    return [SweepRun(number, str(number), each.split(" "), "complete") for number, each in enumerate(overrides)]


def test_keys_that_differ_and_their_scales() -> None:
    depth, rate, cell = differing_keys(
        runs(
            "seed=1 model.depth=1 +optimizer.lr=0.0001 model.cell=lstm",
            "seed=1 model.depth=3 ++optimizer.lr=0.01 model.cell=gru",
            "model.depth=2 seed=1 optimizer.lr=0.001 model.cell=gru",
        )
    )
    assert (depth.name, depth.scale, depth.places, depth.categories) == ("model.depth", "linear", [1, 3, 2], [])
    assert (rate.name, rate.scale, rate.places) == ("optimizer.lr", "log", [0.0001, 0.01, 0.001])
    assert rate.values == ["0.0001", "0.01", "0.001"]
    assert (cell.name, cell.scale, cell.places, cell.categories) == (
        "model.cell",
        "category",
        [1, 0, 0],
        ["gru", "lstm"],
    )


def test_what_is_no_number_everywhere_has_categories() -> None:
    (size,) = differing_keys(runs("size=10", "size=9", "size=[9,10]", "size=inf"))
    assert (size.scale, size.categories) == ("category", ["9", "10", "[9,10]", "inf"])
    assert size.places == [1, 0, 2, 3]


def test_a_run_may_leave_a_key_out() -> None:
    first, second = differing_keys(runs("size=10", "other=1", "size=9 other=1"))
    assert (first.categories, first.places) == (["", "9", "10"], [2, 0, 1])
    assert (second.values, second.categories, second.places) == ([None, "1", "1"], ["", "1"], [0, 1, 1])


def test_a_key_that_is_deleted() -> None:
    (logger,) = differing_keys(runs("~logger", "logger=csv"))
    assert (logger.name, logger.values) == ("logger", ["", "csv"])


def test_runs_that_are_equal_differ_in_nothing() -> None:
    assert differing_keys(runs("seed=1", "seed=1")) == []
    assert differing_keys([]) == []


def test_a_key_that_is_tried_is_there_though_the_runs_do_not_differ() -> None:
    (rate,) = differing_keys(runs("seed=1 +optimizer.lr=0.01"), ["optimizer.lr"])
    assert (rate.name, rate.values, rate.scale, rate.places) == ("optimizer.lr", ["0.01"], "linear", [0.01])
    assert differing_keys([], ["optimizer.lr"]) == []


def of(number: int, accuracy: float | None, state: Any = "complete", **values: object) -> SweepRun:
    return SweepRun(number, str(number), [f"{key}={value}" for key, value in values.items()], state, accuracy)


def test_the_key_that_decides_comes_first() -> None:
    grid = itertools.product((1, 2, 3), ("gru", "lstm"), (0.0001, 0.001, 0.01))
    runs = [
        of(i, 0.9 + 0.02 * depth + 0.005 * (cell == "gru"), depth=depth, cell=cell, rate=rate, epochs=5)
        for i, (depth, cell, rate) in enumerate(grid)
    ]
    random.Random(1).shuffle(runs)
    found = key_importance(runs)
    assert list(found) == ["depth", "cell", "rate"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["depth"] > 0.9  # the variance that it makes is 43 times that of the cell
    assert 0.01 < found["cell"] < 0.05
    assert found["rate"] < 0.005
    assert key_importance(runs) == found


def test_a_best_value_in_the_middle_of_decades_is_seen() -> None:
    rates = [10 ** (i / 5 - 4) for i in range(16)]
    runs = [
        of(i, 0.95 - 0.01 * abs(rates.index(rate) - 8), rate=rate, seed=i % 3)
        for i, rate in enumerate(rates + rates[::-1])
    ]
    assert key_importance(runs)["rate"] > 0.95


def test_runs_that_did_not_complete_do_not_count() -> None:
    runs = [of(i, 0.9 + 0.01 * (i % 2), a=i % 2, b=i // 2) for i in range(4)]
    other = [of(9, 0.1, "pruned", a=0, b=1), of(10, None, "failed", a=1, b=7), of(11, 0.2, "unfinished", b=3)]
    assert key_importance(runs + other) == key_importance(runs)
    assert key_importance(runs)["a"] > 0.9


def test_too_few_runs_and_nothing_that_differs() -> None:
    runs = [of(i, 0.9 + 0.01 * i, a=i) for i in range(MIN_RUNS)]
    assert key_importance(runs) == {"a": 1.0}
    assert key_importance(runs[:-1]) == {}
    assert key_importance([of(i, 0.9, a=i) for i in range(8)]) == {}
    assert key_importance([of(i, 0.9 + 0.01 * i, a=1) for i in range(8)]) == {}
    assert key_importance([]) == {}
