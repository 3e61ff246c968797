"""The runs of a sweep that no other one beats, and what the runs differ in."""

from typing import Any

from tagger.sweeps.run import SweepRun, differing_overrides, frontier


def run(number: int, accuracy: float | None, speed: int | None, **more: Any) -> SweepRun:
    values = {"state": "complete", "dev_accuracy": accuracy, "words_per_second": speed, **more}
    return SweepRun(number, str(number), [], **values)


def test_the_frontier_has_what_nothing_beats_in_both() -> None:
    runs = [
        run(0, 0.90, 1000),
        run(1, 0.95, 500),
        run(2, 0.93, 400),  # run 1 beats it in both
        run(3, 0.95, 400),  # run 1 is as accurate and faster
        run(4, 0.96, 100),
        run(5, 0.96, 100),  # as run 4
        run(6, 0.97, None),  # not timed
        run(7, 0.99, 2000, state="pruned"),
        run(8, None, 3000, state="failed"),
        run(9, 0.89, 1000),
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
