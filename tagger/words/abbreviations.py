"""`abbreviations.csv` -> the abbreviations of a language, by kind. A row holds in the languages that it names.

Forms stand without their full stop. Outside English, whose rules take forms as they are, a capital may begin a form.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

TITLE = "title"  # a name follows: Dr. Meyer
NEVER = "never"  # what it introduces follows: bzw. heute
NUMBER = "number"  # no sentence ends before a digit: art. 5
LAST = "last"  # a sentence may end with it: etc.
KINDS = (TITLE, NEVER, NUMBER, LAST)


class Abbreviation(NamedTuple):
    """A row of the table."""

    form: str
    kind: str
    languages: frozenset[str]


@cache
def table() -> tuple[Abbreviation, ...]:
    """The rows in the order of the file: titles first."""
    text = files("tagger.words").joinpath("abbreviations.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Abbreviation(row["form"], row["kind"], frozenset(row["languages"].split())) for row in rows)


@cache
def candidates(language: str = "") -> Mapping[str, str]:
    """The abbreviations of a language that may end no sentence, and their kinds.

    Without a language those of all but English, which has rules of its own.
    """
    return {
        row.form: row.kind
        for row in reversed(table())  # so that of two rows the first holds
        if row.kind != LAST and (language in row.languages if language else row.languages != {"english"})
    }
