"""Rules for raw text and abbreviations: what holds in each language, and where a word tells from an abbreviation."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from tagger.bundle.catalog import bundled_folders
from tagger.segmenter.learned import load_segmenter
from tagger.training.count_conventions import small_words
from tagger.words.contexts import end_odds
from tagger.words.conventions import CONVENTIONS, Conventions, table
from tagger.words.rules import GOES_ON, ConfirmedRules
from tagger.words.segment import LEARNED, RuleSegmenter, Segmenter

FOLDERS = {name: path for name, path in bundled_folders().items() if (path / CONVENTIONS).is_file()}
SHIPPED = {name: Conventions.load(path) for name, path in FOLDERS.items()}
# Of a pair, a form ends a sentence as a word, and within a sentence it, or another form, is an abbreviation.
PAIRS: dict[str, list[tuple[str, str]]] = defaultdict(list)
with Path(__file__).with_name("pairs.tsv").open(encoding="utf-8") as file:
    for language, two, one in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
        PAIRS[language].append((two, one))


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
        content = json.loads(gzip.decompress((FOLDERS[language] / "vocabulary.json.gz").read_bytes()))
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


def segmenter_of(language: str) -> Segmenter:
    folder = FOLDERS[language]
    name, own = json.loads((folder / "config.json").read_text())["segmenter"], SHIPPED[language]
    return load_segmenter(folder, own) if name == LEARNED else RuleSegmenter(name, own)


@pytest.mark.parametrize("language", PAIRS)
def test_a_word_ends_a_sentence_and_an_abbreviation_that_is_written_alike_does_not(language: str) -> None:
    assert len(PAIRS) >= 20
    assert sum(map(len, PAIRS.values())) >= 60
    cut = segmenter_of(language).segment_all
    assert [(len(cut([two])[0]), len(cut([one])[0])) for two, one in PAIRS[language]] == [(2, 1)] * len(PAIRS[language])


def test_words_that_endings_and_commas_do_not_change() -> None:
    for language, text, words in (
        ("turkish", "Lütfen otur.", ["otur"]),  # although others with its ending are split
        ("turkish", "Bu güzel bir evdir.", ["ev", "dir"]),
        ("chinese", "请给我,快坐下!", [",", "快"]),
        ("spanish", "Vea el n.º 5, pág. 3", ["5", ","]),
        ("german", "Am 12. d. M. beginnt er.", ["beginnt"]),
    ):
        (sentence,) = segmenter_of(language).segment_all([text])[0]
        found = [word for start, end, inner in sentence for word in inner or (text[start:end],)]
        assert any(found[n : n + len(words)] == words for n in range(len(found)))


def test_neighbours_tell_a_word_from_an_abbreviation_by_the_most_frequent_words() -> None:
    for text, ends in (
        ("The hall was vol.| 200 people stood", True),  # the number counts
        ("They said the very vol.| 200 people stood", True),
        ("See vol.| 3 of the", False),  # it names
        ("in vol.| 3, of the", False),
        ("(vol.| 3)", False),
        ("said the vol.| The people stood", True),
        ("said vol.| Anna Smith of the", False),
    ):
        tagged = [("in", "ADP"), ("of", "ADP"), ("the", "DET"), ("very", "ADV"), ("was", "AUX")]
        before, after = text.split("|")
        assert (end_odds(before + after, len(before) - 4, len(before) + 1, small_words(tagged)) > 0) == ends
    tagged = [("The", "DET"), ("the", "PRON"), ("the", "DET"), ("house", "NOUN"), ("-", "ADP"), ("to", "PART")]
    assert small_words(tagged) == {"the": "determiner", "to": "adverb"}
