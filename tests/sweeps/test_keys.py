"""The keys of a sweep, and the scales of their values."""

from tagger.sweeps.run import SweepRun, differing_keys


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
