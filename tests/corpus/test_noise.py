"""Spoilt copies of sentences: which words they have, and where each comes from."""

import unicodedata

import numpy as np
import pytest

from tagger.corpus.noise import APOSTROPHES, Copy, gathered, mistype, with_noise, without_accents

SENTENCES = [
    ["Monsieur", "n’", "habite", "pas", "à", "Orléans", "."],
    ["The", "IRS", "did", "n't", "say", "that", "yesterday", "!", "!"],
    ["Она", "сказала", ",", "что", "мой", "ёжик", "спит", "."],
    ["我们", "喜欢", "自然语言处理", "。"],
    ["ฉัน", "กิน", "ข้าว"],
    ["!"],
]
KINDS = ["a", "b", "a", "b", "a", "a"]


def copies_of(share: float, seed: int) -> list[Copy]:
    return with_noise(SENTENCES, KINDS, share, np.random.default_rng(seed))


def test_a_copy_says_where_its_words_come_from_and_the_seed_decides_which_are_spoilt() -> None:
    joined = 0
    for seed in range(100):
        copies = copies_of(1.0, seed)
        joined += len(copies) < len(SENTENCES)
        found = [(n, place) for copy in copies for n, place in zip(copy.sentences, copy.places, strict=True)]
        assert len(found) == len({*found})
        lost = {(n, i) for n, forms in enumerate(SENTENCES) for i in range(len(forms))} - {*found}
        assert all(SENTENCES[n][place] in {".", "!", "。"} for n, place in lost)
        for copy in copies:
            assert len({KINDS[n] for n in copy.sentences}) == 1
            assert copy.places == sorted(copy.places) or len({*copy.sentences}) == 2
            assert copy.forms
            assert all(copy.forms)
            assert len(copy.forms) == len(copy.sentences) == len(copy.places)
    assert 5 < joined < 40
    for copy, forms in zip(copies_of(0.0, 1), SENTENCES, strict=True):
        assert copy.forms == forms
    assert copies_of(0.5, 1) == copies_of(0.5, 1)
    assert copies_of(0.5, 1) != copies_of(0.5, 2)
    english = [" ".join(SENTENCES[1])] * 400
    copies = with_noise([text.split() for text in english], [1] * 400, 0.3, np.random.default_rng(3))
    assert 0.2 < sum(" ".join(copy.forms) != english[0] for copy in copies) / 400 < 0.3
    assert SENTENCES[1] == english[0].split()


@pytest.mark.parametrize("number", range(len(SENTENCES)))
def test_every_kind_of_noise_occurs_where_the_script_has_it(number: int) -> None:
    forms = SENTENCES[number]
    found = [with_noise([forms], [""], 1.0, np.random.default_rng(seed))[0].forms for seed in range(300)]
    clean = "".join(forms)
    for case in (str.lower, str.upper):
        assert [case(form) for form in forms] in found
    assert any(len(copy) < len(forms) for copy in found) == (number in (0, 1, 2, 3))
    assert any(not APOSTROPHES.search("".join(copy)) for copy in found)
    bare = "".join(map(without_accents, forms))
    assert any("".join(copy) == bare for copy in found)
    assert (bare != clean) == (number == 0)


def test_a_typing_error_changes_one_place_accents_are_lost_and_what_belongs_to_words_goes_with_them() -> None:
    for word in ("government", "Ежедневный", "자연언어처리"):
        found = {mistype(word, np.random.default_rng(seed)) for seed in range(300)}
        assert len(found) > 8
        assert {len(other) - len(word) for other in found} == {-1, 0, 1}
        assert {other[0] for other in found} == {word[0]}
    assert "gobernment" in {mistype("government", np.random.default_rng(seed)) for seed in range(300)}  # beside V
    for word in ("the", "3.5.1", "n't", "www.a.org", "https", "..."):
        changed = any(mistype(word, np.random.default_rng(seed)) != word for seed in range(20))
        assert changed == (word == "https")
    assert without_accents("Ἀθῆναι προβλήματα") == "Αθηναι προβληματα"
    assert without_accents(unicodedata.normalize("NFD", "élève")) == "eleve"
    for word in ("й", "ё", "नमस्ते", "ข้าว", "Ø", "straße", "が"):
        assert without_accents(word) == word
    values = np.arange(6).reshape(3, 2)  # (T, B)
    copies = [Copy(["a", "b", "c"], [0, 0, 1], [0, 2, 1])]
    assert gathered(values, copies).tolist() == [[0], [4], [3]]
    copies.append(Copy(["d"], [1], [0]))
    assert gathered(values, copies).tolist() == [[0, 1], [4, 0], [3, 0]]
    assert copies[0].of_words([["A", "B", "C"], ["D", "E"]]) == ["A", "C", "E"]
    assert copies[0].of_words([[], []]) == []
