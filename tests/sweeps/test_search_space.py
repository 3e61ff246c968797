"""The sweeps of a command line as what a search may try."""

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.trial import FixedTrial

from tagger.errors import InputError
from tagger.sweeps.search_space import Choices, Numbers, Space, search_space, trial_overrides


def space(*texts: str, whole: bool = False) -> Space:
    parser = OverridesParser.create()
    return search_space([parser.parse_override(text) for text in texts], lambda key: whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1,2", Choices(("1", "2"))),
        ("a=choice(x,[1,2],{b:1})", Choices(("x", "[1,2]", "{b:1}"))),
        ("a=sort(3,1,2)", Choices(("1", "2", "3"))),
        ("a=interval(0.5,2)", Numbers(0.5, 2.0)),
        ("a=tag(log,interval(0.001,0.1))", Numbers(0.001, 0.1, log=True)),
        ("a=int(interval(1,4))", Numbers(1, 4, whole=True)),
        ("a=range(1,6,2)", Numbers(1, 5, 2, whole=True)),
        ("a=range(1,5,2)", Numbers(1, 3, 2, whole=True)),
        ("a=range(3)", Numbers(0, 2, 1, whole=True)),
        ("a=range(0,1,0.25)", Numbers(0, 0.75, 0.25)),
    ],
)
def test_a_sweep_is_choices_or_numbers(text: str, expected: Choices | Numbers) -> None:
    assert space(text) == {"a": expected}


def test_an_interval_of_a_key_with_whole_numbers_has_whole_numbers() -> None:
    assert space("a=interval(1,4)", whole=True) == {"a": Numbers(1, 4, whole=True)}
    assert space("a=interval(1.5,4)", whole=True) == {"a": Numbers(1.5, 4.0)}
    assert space("a=interval(1,4)") == {"a": Numbers(1.0, 4.0)}


def test_what_is_no_sweep_is_left_out() -> None:
    assert space("a=1", "b=[1,2]", "c=x") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=range(5,5)", "no number lies between these"),
        ("a=interval(2,1)", "no number lies between these"),
        ("a=tag(log,interval(0,1))", "begins above 0"),
        ("a=tag(log,range(1,4))", "for a logarithmic one write"),
        ("a=range(5,1,-1)", "steps above 0"),
        ("a=tag(lgo,interval(1,4))", r"there is no tag lgo; a search knows tag\(log,interval"),
    ],
)
def test_bounds_that_hold_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        space(text)


def test_a_trial_has_a_value_of_each_key() -> None:
    found = space("a=x,y", "b=interval(0.001,0.1)", "c=range(1,6,2)")
    trial = FixedTrial({"a": "y", "b": 0.012345678, "c": 5})
    assert trial_overrides(found, trial) == ["a=y", "b=0.0123457", "c=5"]  # type: ignore[arg-type]


def test_a_trial_that_is_asked_again_gives_the_same_values() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    found = space("a=x,y,z", "b=tag(log,interval(0.001,0.1))", "c=range(1,60)")
    trial = study.ask()
    first = trial_overrides(found, trial)
    again = optuna.trial.Trial(study, study.trials[0]._trial_id)
    assert trial_overrides(found, again) == first
    assert [text.partition("=")[0] for text in first] == ["a", "b", "c"]
