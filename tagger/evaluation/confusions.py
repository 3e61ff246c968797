"""The scores of a column -> the tags that are confused most."""

from collections.abc import Mapping
from typing import Any


def most_confused(scores: Mapping[str, Any], most: int) -> list[str]:
    """The tags of a column that take part in the most errors, at most `most`, by name; see `metrics.report`."""
    errors: dict[str, int] = {}
    for gold, predicted, count in scores["confusions"]:
        for tag in (gold, predicted):
            errors[tag] = errors.get(tag, 0) + count
    return sorted(sorted(errors, key=lambda tag: -errors[tag])[:most])
