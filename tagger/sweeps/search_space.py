"""What a search may try: the values of `conf/hydra/sweeper/optuna.yaml`, and the sweeps of the command line.

A list of choices is a category, a range a number in steps, an interval any number within it. `tag(log, …)` makes an
interval logarithmic. Grammar: https://hydra.cc/docs/advanced/override_grammar/extended/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, cast

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from msgspec import Meta

from tagger.errors import InputError, missing_extra
from tagger.text.schema import Count, Seed, Size, bad_value, one_of, read

if TYPE_CHECKING:
    from optuna.trial import Trial


PREFIX = "hydra.sweeper."
OPTUNA = "optuna"  # the choice of Hydra's group `hydra/sweeper` that searches
TPE, NSGAII, RANDOM = "tpe", "nsgaii", "random"
MEDIAN, HALVING, HYPERBAND, NONE = "median", "halving", "hyperband", "none"
DIRECTIONS = ("maximize", "minimize")
MAX_TRIALS = 10_000


@dataclass
class SearchConfig:
    """How a search chooses the values of its trials, and which of them it ends early."""

    n_trials: Annotated[int, Meta(ge=1, le=MAX_TRIALS)]
    direction: Annotated[str, one_of(DIRECTIONS)]
    directions: list[str] | None
    seed: Seed
    sampler: Annotated[str, one_of((TPE, NSGAII, RANDOM))]
    sampler_startup: Count
    pruner: Annotated[str, one_of((MEDIAN, HALVING, HYPERBAND, NONE))]
    pruner_startup: Count
    pruner_warmup: Size
    storage: str | None
    study_name: str
    params: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.directions is None:
            return
        if len(self.directions) != 2 or not set(self.directions) <= set(DIRECTIONS):
            raise bad_value(
                "hydra.sweeper.directions", self.directions, "give two, of accuracy and words/s: [maximize,maximize]"
            )
        if self.pruner == MEDIAN:  # the value of the page
            self.pruner = NONE
        if self.pruner != NONE:
            raise InputError(f"hydra.sweeper.pruner={self.pruner} needs one direction; leave directions out")

    @property
    def all_directions(self) -> list[str]:
        """Of each objective: the accuracy on dev and, if wanted, the words per second."""
        return self.directions or [self.direction]


def search_config(values: Mapping[str, Any]) -> SearchConfig:
    """The values as Hydra composed them, checked.

    Raises:
        InputError: a key that does not exist, or a value of a wrong type or out of range.
    """
    return read(SearchConfig, values, PREFIX)


def check_optuna() -> None:
    """Raises InputError if Optuna is not installed."""
    if find_spec("optuna") is None:
        raise missing_extra("optuna", "tune")


LOG = "log"  # the tag of an interval
DIGITS = 6


@dataclass(frozen=True)
class Choices:
    """One of several texts."""

    texts: tuple[str, ...]

    def first(self) -> str:
        """A value, to compose a config with."""
        return self.texts[0]

    def suggest(self, trial: "Trial", key: str) -> str:
        """The text that a trial has."""
        return str(trial.suggest_categorical(key, self.texts))


@dataclass(frozen=True)
class Numbers:
    """A number between two bounds, which are included."""

    least: float
    most: float
    step: float | None = None
    whole: bool = False
    log: bool = False

    def first(self) -> str:
        """A value, to compose a config with."""
        return str(self.least)

    def suggest(self, trial: "Trial", key: str) -> str:
        """The number that a trial has, as text; numbers with fractions are rounded to `DIGITS` digits."""
        if self.whole:
            return str(trial.suggest_int(key, int(self.least), int(self.most), step=int(self.step or 1), log=self.log))
        number = trial.suggest_float(key, self.least, self.most, step=self.step, log=self.log)
        return f"{number:.{DIGITS}g}"


Space = dict[str, Choices | Numbers]


def search_space(overrides: Sequence[Override], is_whole: Callable[[str], bool]) -> Space:
    """What a search tries for each key that is swept over.

    Args:
        overrides: of a command line; those that are no sweeps are left out.
        is_whole: whether the value of a key is a whole number. Hydra reads `interval(1,4)` as numbers with fractions.

    Raises:
        InputError: a key has no value, or bounds that hold none.
    """
    swept = [override for override in overrides if override.is_sweep_override()]
    return {override.get_key_element(): _values(override, is_whole(override.key_or_group)) for override in swept}


def trial_overrides(space: Space, trial: "Trial") -> list[str]:
    """The overrides of a trial, `KEY=VALUE`; asked again, a trial gives the same ones."""
    return [f"{key}={values.suggest(trial, key)}" for key, values in space.items()]


def _values(override: Override, whole: bool) -> Choices | Numbers:
    text, value = str(override.input_line), override.value()
    tags = getattr(value, "tags", None) or set()
    if wrong := sorted(tags - {LOG}):
        raise InputError(f"{text}: there is no tag {wrong[0]}; a search knows tag({LOG},interval(...))")
    log = LOG in tags
    if isinstance(value, IntervalSweep):
        found = _interval(value, log, whole)
    elif isinstance(value, RangeSweep) and not value.shuffle:
        found = _range(value, text, log)
    else:
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
        if not texts:
            raise InputError(f"{text} names no value; a search needs two or more")
        return Choices(texts)
    if log and found.least <= 0:
        raise InputError(f"{text}: a logarithmic interval begins above 0")
    if found.least > found.most:
        raise InputError(f"{text}: no number lies between these; give the lower one first")
    return found


def _interval(value: IntervalSweep, log: bool, whole: bool) -> Numbers:
    least, most = cast(float, value.start), cast(float, value.end)
    if whole and least == int(least) and most == int(most):
        least, most = int(least), int(most)
    return Numbers(least, most, whole=isinstance(least, int) and isinstance(most, int), log=log)


def _range(value: RangeSweep, text: str, log: bool) -> Numbers:
    start, stop, step = value.start or 0, value.stop or 0, value.step
    if log:
        raise InputError(f"{text}: a range has equal steps; for a logarithmic one write tag(log,interval(...))")
    if step <= 0:
        raise InputError(f"{text}: a search needs steps above 0")
    whole = all(isinstance(number, int) for number in (start, stop, step))
    steps = -(-(stop - start) // step) - 1  # the end itself is left out, as in Python
    return Numbers(start, start + max(steps, -1) * step, step, whole)
