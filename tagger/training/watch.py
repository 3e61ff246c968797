"""What a sweep wants of a run. It needs no Lightning, which takes seconds to import."""

from collections.abc import Callable
from dataclasses import dataclass


class EndedEarly(Exception):
    """A search ended a run, because others were better after as many epochs."""


@dataclass(frozen=True)
class Watch:
    """What a sweep wants of a run.

    Attributes:
        after_epoch: told an epoch, from 1, and its accuracy on dev; returns whether the run is to end there.
        measures_speed: whether the run measures the speed of its tagger; a sweep does it when no training is under way.
    """

    after_epoch: Callable[[int, float], bool] | None = None
    measures_speed: bool = True


UNWATCHED = Watch()
