"""What the rules and the table of abbreviations do in each of the languages that come with the package."""

import csv
import gzip
import json
from collections.abc import Mapping
from importlib.resources import files

import pytest

from tagger.bundled import bundled
from tagger.words.conventions import CONVENTIONS, Conventions, table
from tagger.words.rules import GOES_ON, ConfirmedRules

SHIPPED = {path.parent.name: Conventions.load(path.parent) for path in bundled("data").glob(f"*/{CONVENTIONS}")}


@pytest.fixture(scope="module")
def counts() -> Mapping[tuple[str, str], tuple[int, int]]:
    """For each rule or abbreviation and each language how often it is right and wrong."""
    with files("tagger.words").joinpath("counts.csv").open(encoding="utf-8") as file:
        return {(row["rule"], row["language"]): (int(row["right"]), int(row["wrong"])) for row in csv.DictReader(file)}


def test_what_is_wrong_more_often_than_right_does_not_run(counts: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    wrong = [key for key, (right, wrong) in counts.items() if wrong > right and key[1] in SHIPPED]
    assert len(wrong) > 30
    for name, language in wrong:
        conventions = SHIPPED[language]
        if name.endswith("."):
            own = conventions.abbreviation(name[:-1])
            assert not own or own in conventions.doubtful, (name, language)  # then its neighbours tell
        else:
            assert name in conventions.refused, (name, language)


def test_a_sentence_may_end_in_a_word_that_abbreviates_in_another_language(
    counts: Mapping[tuple[str, str], tuple[int, int]],
) -> None:
    forms = {row.form for row in table()}.union(*(conventions.abbreviations for conventions in SHIPPED.values()))
    tried = 0
    for language, conventions in SHIPPED.items():
        content = json.loads(gzip.decompress((bundled("data") / language / "vocabulary.json.gz").read_bytes()))
        rules = ConfirmedRules(conventions)
        for form in forms.intersection(content["vocabularies"][0]["forms"]):
            right, wrong = counts.get((f"{form}.", language)) or counts.get((f"{form.lower()}.", language), (0, 0))
            if right <= wrong:  # treebanks do not show it as an abbreviation
                tried += 1
                small = next(iter(conventions.kinds_of_small_words), "aa")
                for after in ("5 aa aa", f"{small.capitalize()} aa aa"):
                    text = f"Aa aa aa {form}. {after}"
                    assert rules.at(text, len(text) - len(after) - 1)[0].decision != GOES_ON, (text, language)
    assert tried > 200
