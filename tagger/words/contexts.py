"""The words around a full stop -> whether a sentence ends there, after what is a word as well as an abbreviation.

`De zaal was vol. 200 mensen stonden buiten.` is two sentences, `Zie vol. 3 van de reeks.` is one: a number that counts
what follows begins a sentence, one that names a part goes with the word before it. So what kinds of words stand before
the form and after the full stop tells most cases apart, whatever the form and the language. `contexts.csv` has the
weights of a logistic regression that does not see the form, made from the treebanks of many languages by
`fit_contexts`. Which words are small ones, and of which kind, a tagger's own training says.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import regex

_REACH = 60  # characters on each side
_TOKEN = regex.compile(r"[\p{L}\p{M}]+(?:['’](?!\W)|-)?|\d+|\S")  # l'eau is two
_MARKS = {"([{«“„‘": "opening", ")]}»”’\"'": "closing", ",;": "comma", ".?!…": "end"}

Feature = tuple[str, str]  # where a token stands, and its kind


def end_odds(text: str, start: int, stop: int, small: Mapping[str, str]) -> float:
    """The logarithm of the odds that a sentence ends between a form, which begins at `start`, and `stop`.

    Between the two are the form, its full stop and white space; a digit or a capital follows. `small` has the small
    words of the language, in lower case, and their kinds.
    """
    before = _TOKEN.findall(text, max(0, start - _REACH), start)
    after = _TOKEN.findall(text, stop, stop + _REACH)
    return sum(weights().get(feature, 0.0) for feature in features(before, after, small))


def features(before: Sequence[str], after: Sequence[str], small: Mapping[str, str]) -> list[Feature]:
    """What is known of the tokens before a form, and of those that follow its full stop: a digit or a capital first."""
    name = "capital" if not after[0].isdecimal() else "number" if len(after[0]) != 4 else "year"
    last, last_but_one = (_kind(before[-n] if len(before) >= n else "", small) for n in (1, 2))
    if last_but_one in ("", "end") and last not in ("", "opening", "number"):
        last, last_but_one = "first", ""
    found = [(name, ""), (f"{name} -1", last), (f"{name} -2", last_but_one)]
    if name == "capital":
        found.append((name, "small" if after[0].lower() in small else "other"))
    return found + [(f"{name} +{n}", _kind(after[n] if len(after) > n else "", small)) for n in (1, 2)]


def _kind(token: str, small: Mapping[str, str]) -> str:
    if not token or token[0].isalpha():
        return small.get(token.lower(), "capital" if token[:1].isupper() else "word" if token else "")
    if token[0].isdecimal():
        return "number"
    return next((kind for marks, kind in _MARKS.items() if token in marks), "mark")


@cache
def weights() -> Mapping[Feature, float]:
    """The weights of features: what each adds to the logarithm of the odds of an end."""
    text = files("tagger.words").joinpath("contexts.csv").read_text(encoding="utf-8")
    return {(row["place"], row["kind"]): float(row["weight"]) for row in csv.DictReader(text.splitlines())}
