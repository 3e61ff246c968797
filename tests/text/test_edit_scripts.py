"""Edit scripts: every pair comes back, and pairs that change in the same way share a script."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.text.edit_scripts import MAX_CHARACTERS, apply_script, edit_script

_ANY = st.text(st.characters(exclude_characters="\t\n\r", categories=None), max_size=12)
_TRAPS = st.text(st.sampled_from("aAbBeEßẞİIıiΣσςǆǅŉ'’.-*\\:+ \u0301\ud800\udfffحَⲁ中가กำé"), max_size=12)
_TEXT = st.one_of(_ANY, _TRAPS)


@given(_TEXT, _TEXT)
@settings(max_examples=250)
def test_every_pair_comes_back(source: str, target: str) -> None:
    script = edit_script(source, target)
    assert apply_script(script, source) == target
    assert not set(script) & set("\t\n\r")


@given(_TEXT, _TEXT, _TEXT)
@settings(max_examples=150)
def test_related_pairs_come_back(stem: str, one: str, other: str) -> None:
    changed = [(stem + one, stem + other), (one + stem, other + stem), (stem + one, f"{stem} {one}")]
    recased = [(stem.upper(), stem.lower()), (stem.title(), stem), (stem.lower(), stem.upper())]
    for source, target in changed + recased:
        assert apply_script(edit_script(source, target), source) == target


@given(_TEXT, _TEXT, st.sampled_from(["", "keep:", "lower:", "like:", "title:", "upper:"]))
@settings(max_examples=150)
def test_any_string_is_applied_or_refused(template: str, source: str, capitals: str) -> None:
    result = apply_script(capitals + template, source)
    assert result is None or isinstance(result, str)


@pytest.mark.parametrize(
    ("script", "pairs"),
    [
        ("lower:*", ["The/the", "the/the", "LIVE/live", "2/2"]),
        ("lower:*-", ["Houses/house", "houses/house", "CATS/cat"]),
        ("lower:*---y", ["stories/story", "Ladies/lady"]),
        ("lower:*--ll.", ["bcdaae/bcdlle"]),
        ("lower:--*", ["gewerk/werk"]),
        ("lower:be", ["is/be", "was/be", "Am/be"]),
        ("keep:*", ["Paris/Paris", "NATO/NATO", "iPhone/iPhone", "I/I"]),
        ("keep:*-", ["Germans/German"]),
        ("title:*", ["PARIS/Paris"]),
        ("upper:*", ["nato/NATO"]),
        (r"lower:\-", ["—/-"]),
        ("keep:* ...", ["don't/do n't", "Don't/Do n't", "DON'T/DO N'T", "isn't/is n't", "couldn't/could n't"]),
        ("keep:* ..", ["it's/it 's", "It's/It 's", "iPhone's/iPhone 's"]),
        ("like:.e *", ["daquele/de aquele", "Duma/De uma"]),
        ("like:de le", ["du/de le", "Du/De le", "DU/DE LE"]),
        ("like:à les", ["aux/à les", "Aux/À les", "AUX/À LES"]),
    ],
)
def test_pairs_that_change_alike_share_a_script(script: str, pairs: list[str]) -> None:
    for pair in pairs:
        source, target = pair.split("/")
        assert edit_script(source, target) == script


def test_a_script_is_applied_to_other_words() -> None:
    assert apply_script("lower:*---y", "Berries") == "berry"
    assert apply_script("keep:* ...", "Needn't") == "Need n't"
    assert apply_script("like:de le", "DU") == "DE LE"


def test_a_word_that_is_too_short_does_not_fit() -> None:
    assert apply_script("lower:*--", "ass") == "a"
    assert apply_script("lower:*--", "as") is None
    assert apply_script("keep:* ...", "n't") is None


@pytest.mark.parametrize("script", ["", "*", "lower", "other:*", "keep:**", "keep:.", "keep:a-"])
def test_a_string_that_is_no_script_fits_no_word(script: str) -> None:
    assert apply_script(script, "word") is None


def test_strings_that_are_too_long_to_compare() -> None:
    long = "ab" * 50_000
    assert edit_script(long, long) == "lower:*"
    assert apply_script(edit_script(long, long + "c"), long) == long + "c"
    half = "ab" * (MAX_CHARACTERS // 2)
    assert apply_script(edit_script(half, half[::-1]), half) == half[::-1]
