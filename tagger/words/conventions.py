"""`Conventions`: which rules and abbreviations for raw text hold in what a tagger has learned from; `words.json`.

`abbreviations.csv` has the abbreviations of many languages, by kind. A row holds in the languages that it names. Forms
stand without their full stop. Outside English, whose rules take forms as they are, a capital may begin a form.

The lists of rules and abbreviations are made for many languages, so they are candidates. What training shows decides,
see `training/count_conventions.py`: a form that is a word of the language may end a sentence, and then its neighbours
tell, see `contexts.py`.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta

from tagger.errors import InputError, reason
from tagger.text.schema import one_of, read, read_json
from tagger.text.strings import printable_value

TITLE = "title"  # a name follows: Dr. Meyer
NEVER = "never"  # what it introduces follows: bzw. heute
NUMBER = "number"  # no sentence ends before a digit: art. 5
LAST = "last"  # a sentence may end with it: etc.
KINDS = (TITLE, NEVER, NUMBER, LAST)
CONVENTIONS = "words.json"  # in a tagger's folder
MAX_CONVENTIONS_BYTES = 1_000_000
_MANY = Meta(max_length=10_000)
_Form = Annotated[str, Meta(min_length=1, max_length=40)]
_Forms = Annotated[list[_Form], _MANY]
_Kinds = Annotated[dict[_Form, Annotated[str, one_of(KINDS)]], _MANY]
_Words = Annotated[dict[_Form, Annotated[str, _MANY]], Meta(max_length=20)]
_Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=1000)]], _MANY]


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
    """The abbreviations of a language that may end no sentence, and their kinds; without one, of all but English."""
    return {
        row.form: row.kind
        for row in reversed(table())  # so that of two rows the first holds
        if row.kind != LAST and (language in row.languages if language else row.languages != {"english"})
    }


@dataclass(frozen=True)
class Conventions:
    """What training says of the rules and tables for words."""

    refused: _Forms = field(default_factory=list)  # names of rules that often do not hold
    abbreviations: _Kinds = field(default_factory=dict)  # without their full stop: no sentence ends after these
    # Those of them that are words, too, or may be: the least `contexts.end_odds` with which a sentence ends there.
    doubtful: Annotated[dict[_Form, float], _MANY] = field(default_factory=dict)
    small_words: _Words = field(default_factory=dict)  # kind -> frequent words in lower case, with spaces between
    whole: _Forms = field(default_factory=list)  # words, in lower case, that endings of multiword tokens do not split
    marks: _Forms = field(default_factory=list)  # forms with a letter or a digit that are punctuation
    # UPOS -> features that such a word never has together, by their names, `Case|Number`: those of another UPOS.
    features: Annotated[dict[_Form, _Names], Meta(max_length=100)] = field(default_factory=dict)

    @classmethod
    def of_language(cls, language: str = "") -> "Conventions":
        """What holds where no training says so: every rule, and every abbreviation of the table."""
        return cls(abbreviations=dict(candidates(language)))

    @classmethod
    def load(cls, folder: Path) -> "Conventions":
        """Reads what `save` wrote into the folder of a tagger, which may come from somebody else."""
        content = read_json(folder / CONVENTIONS, MAX_CONVENTIONS_BYTES)
        try:
            found = read(cls, content)
            if printable_value(content) != content:
                raise ValueError("a string has a control character")
        except ValueError as error:
            raise InputError(f"{folder / CONVENTIONS} is damaged ({reason(error)}); copy the folder again") from None
        return found

    def save(self, folder: Path) -> None:
        """Writes the file into the folder of a tagger."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / CONVENTIONS).write_text(f"{text}\n", encoding="utf-8")

    @cached_property
    def kinds_of_small_words(self) -> dict[str, str]:
        """The small words -> their kinds."""
        return {word: kind for kind, words in self.small_words.items() for word in words.split(" ")}

    def abbreviation(self, form: str) -> str:
        """The form among the abbreviations, given without its full stop; an empty string if it is none."""
        return next((each for each in (form, form.lower()) if each in self.abbreviations), "")

    def allows_features(self, upos: str, feats: str) -> bool:
        """Whether a word of this UPOS can have the features of a tag of FEATS."""
        return feature_names(feats) not in self.features.get(upos, ())


def feature_names(feats: str) -> str:
    """The names of the features of a tag: `Case|Number` of `Case=Gen|Number=Sing`."""
    return "|".join(feature.partition("=")[0] for feature in feats.split("|"))
