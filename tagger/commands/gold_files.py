"""The name of a file with tags -> its format; where its columns are, and which of its lines are no words."""

from collections.abc import Sequence
from typing import get_args

from tagger.errors import InputError
from tagger.text.formats import TaggedFormat, format_of

SKIPPED_LINES = ("-DOCSTART-",)  # CoNLL-2003 has such a line before each document


def gold_format(file: str, default: str = "conllu") -> str:
    """The format of a file with tags: by its suffix, if that names a format with tags, else `default`."""
    named = format_of(file, "")
    return named if named in get_args(TaggedFormat) else default


def column_places(columns: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    """The place of each column that `--column` names. Without the option, the columns follow the token in order.

    Raises:
        InputError: an option is not of the form NAME=NUMBER, the tagger has no such column, or it has a place already.
    """
    if not columns:
        return {name: place for place, name in enumerate(known, 1)}
    places: dict[str, int] = {}
    for item in columns:
        name, _, place = item.partition("=")
        if name not in known or not place.removeprefix("-").isdecimal():
            raise InputError(f"--column {item}: write NAME=NUMBER with a column of the tagger ({', '.join(known)})")
        if name in places:
            raise InputError(f"--column {item}: {name} has the place {places[name]} already; leave one of the two out")
        places[name] = int(place)
    return places
