"""Edit scripts: every pair comes back, and pairs that change in the same way share a script."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.text.edit_scripts import MAX_CHARACTERS, apply_script, edit_script, length

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


@given(_TEXT, _TEXT, st.sampled_from(["", "keep:", "lower:", "like:", "title:", "upper:", "jamo:"]))
@settings(max_examples=150)
def test_any_string_is_applied_or_refused(template: str, source: str, capitals: str) -> None:
    result = apply_script(capitals + template, source)
    assert result is None or isinstance(result, str)


ALIKE = r"""lower:* = The/the the/the LIVE/live 2/2; lower:*- = Houses/house houses/house CATS/cat;
lower:*---y = stories/story Ladies/lady; lower:*--ll. = bcdaae/bcdlle; lower:--* = gewerk/werk;
lower:be = is/be was/be Am/be; keep:* = Paris/Paris NATO/NATO iPhone/iPhone I/I; keep:*- = Germans/German;
title:* = PARIS/Paris; upper:* = nato/NATO; lower:\- = —/-; keep:* ... = don't/do_n't Don't/Do_n't DON'T/DO_N'T;
keep:* .. = it's/it_'s It's/It_'s iPhone's/iPhone_'s; like:.e * = daquele/de_aquele Duma/De_uma;
like:de le = du/de_le Du/De_le DU/DE_LE; jamo:*-+ㄴ = 간/가+ㄴ 폭행한/폭행하+ㄴ; lower:* = 그/그;
like:à les = aux/à_les Aux/À_les AUX/À_LES"""


def test_pairs_that_change_alike_share_a_script() -> None:
    for row in ALIKE.split(";"):
        script, pairs = row.strip().split(" = ")
        for pair in pairs.split():
            assert edit_script(*pair.replace("_", " ").split("/")) == script


def test_a_script_is_applied_to_other_words_if_it_fits() -> None:
    rows = """lower:*---y Berries berry; like:de_le DU DE_LE; lower:*-- ass a; jamo:*-+ㄴ 큰 크+ㄴ;
    keep:*_... Needn't Need_n't"""
    for script, word, result in map(str.split, rows.split(";")):
        assert apply_script(script.replace("_", " "), word) == result.replace("_", " ")
    for script, word in (("lower:*--", "as"), ("keep:* ...", "n't"), ("jamo:*---", "간")):  # too short
        assert apply_script(script, word) is None
    assert apply_script("jamo:*-", "가") is None  # of which a letter would be left
    assert [length(word) for word in ("간다", "NATO", "é", "")] == [5, 4, 1, 0]
    for script in ("", "*", "lower", "other:*", "keep:**", "keep:.", "keep:a-"):
        assert apply_script(script, "word") is None


def test_strings_that_are_too_long_to_compare() -> None:
    long = "ab" * 50_000
    assert edit_script(long, long) == "lower:*"
    assert apply_script(edit_script(long, long + "c"), long) == long + "c"
    half = "ab" * (MAX_CHARACTERS // 2)
    assert apply_script(edit_script(half, half[::-1]), half) == half[::-1]
