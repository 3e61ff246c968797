"""`languages.csv` -> the languages of Universal Dependencies: their names, codes and scripts, and how many write them.

A row is for a language that has a tagger, or may get one: whoever adds a language adds its scripts there.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Language(NamedTuple):
    """A row of the table."""

    name: str  # in English, as the language's treebanks are called, in lower case
    codes: tuple[str, ...]  # ISO 639, two letters where there are two; then those of its written forms
    long_codes: tuple[str, ...]  # of three letters (ISO 639-2 and 639-3), where there are two
    own_names: tuple[str, ...]  # what its speakers call it, where English has another word
    scripts: frozenset[str]  # the first word of the names that Unicode gives to its letters
    writers: float  # millions of people who write it, about
    letters: str  # that no other language has, of a script that training lacks: they tell that text is in it
    latin: dict[int, str]  # that script -> the Latin letters that training has, for `str.translate`
    more: bool  # whether its tagger is in the package of more languages


@cache
def language_table() -> dict[str, Language]:
    """The languages by their names."""
    text = files("tagger.words").joinpath("languages.csv").read_text(encoding="utf-8")
    found = {}
    for row in [*csv.reader(text.splitlines())][1:]:
        name, codes, long_codes, own_names, scripts, writers, letters, pairs, more = row
        words = tuple(codes.split()), tuple(long_codes.split()), tuple(own_names.split())
        latin = {pair[0]: pair[1:] for pair in pairs.split()}
        latin |= {letter.upper(): read.capitalize() for letter, read in latin.items()}
        told = frozenset(scripts.split()), float(writers)
        found[name] = Language(name, *words, *told, letters, str.maketrans(latin), bool(more))
    return found


@cache
def languages_by_word() -> dict[str, Language]:
    """The languages by all of their codes and names, in lower case, with `_` for a space."""
    rows = language_table().values()
    return {word: row for row in rows for word in (*row.codes, *row.long_codes, row.name, *row.own_names)}
