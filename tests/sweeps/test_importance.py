"""The importance of keys: on runs whose accuracy is known to come from some of them."""

import itertools
import random
from typing import Any

import pytest

from tagger.sweeps.run import MIN_RUNS, SweepRun, key_importance


def run(number: int, accuracy: float | None, state: Any = "complete", **values: object) -> SweepRun:
    return SweepRun(number, str(number), [f"{key}={value}" for key, value in values.items()], state, accuracy)


def test_the_key_that_decides_comes_first() -> None:
    grid = itertools.product((1, 2, 3), ("gru", "lstm"), (0.0001, 0.001, 0.01))
    runs = [
        run(i, 0.9 + 0.02 * depth + 0.005 * (cell == "gru"), depth=depth, cell=cell, rate=rate, epochs=5)
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
        run(i, 0.95 - 0.01 * abs(rates.index(rate) - 8), rate=rate, seed=i % 3)
        for i, rate in enumerate(rates + rates[::-1])
    ]
    assert key_importance(runs)["rate"] > 0.95


def test_runs_that_did_not_complete_do_not_count() -> None:
    runs = [run(i, 0.9 + 0.01 * (i % 2), a=i % 2, b=i // 2) for i in range(4)]
    other = [run(9, 0.1, "pruned", a=0, b=1), run(10, None, "failed", a=1, b=7), run(11, 0.2, "unfinished", b=3)]
    assert key_importance(runs + other) == key_importance(runs)
    assert key_importance(runs)["a"] > 0.9


def test_too_few_runs_and_nothing_that_differs() -> None:
    runs = [run(i, 0.9 + 0.01 * i, a=i) for i in range(MIN_RUNS)]
    assert key_importance(runs) == {"a": 1.0}
    assert key_importance(runs[:-1]) == {}
    assert key_importance([run(i, 0.9, a=i) for i in range(8)]) == {}
    assert key_importance([run(i, 0.9 + 0.01 * i, a=1) for i in range(8)]) == {}
    assert key_importance([]) == {}
