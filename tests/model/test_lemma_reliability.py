"""How often a dictionary's lemma is right, counted on rare words of training."""

import numpy as np
import pytest

from tagger.model.dictionary import digest_of, open_dictionary
from tagger.model.lemma_reliability import PRIOR_OF_CHANGE, PRIOR_OF_TAG, RARE, LemmaReliability

ENGLISH = {"en": digest_of("en")}


def count(words: str) -> LemmaReliability | None:
    """The reliability of the English dictionary on a sentence of `form/lemma/UPOS`."""
    tokens, lemma, upos = zip(*(word.split("/") for word in words.split()), strict=True)
    return LemmaReliability.count([{"tokens": tokens, "lemma": lemma, "upos": upos}], open_dictionary(ENGLISH))


def test_right_lemmas_of_rare_words_are_counted_by_upos_and_change() -> None:
    found = count("cats/cat/NOUN dogs/dog/NOUN houses/houses/NOUN xqzzy/xqzzy/NOUN jumps/_/NOUN Bills/Bills/PROPN")
    assert found is not None
    assert found.dictionary == ENGLISH
    cats, bills = (int(c) for c in open_dictionary(ENGLISH).look_up(["cats", "Bills"]).changes)
    assert (cats, 2, 3) in found.counts["NOUN"]  # not the form that the dictionary lacks, nor that without a lemma
    assert found.counts["PROPN"] == [(bills, 0, 1)]
    frequent = count("cats/cat/NOUN " + "dogs/dogs/NOUN " * (RARE + 1))
    assert frequent is not None
    assert frequent.counts == {"NOUN": [(cats, 1, 1)]}
    assert count("cats/_/NOUN dogs/_/NOUN") is None


def test_without_upos_all_words_are_one_group() -> None:
    words = [{"tokens": ["cats", "dogs"], "lemma": ["cat", "dogs"]}]
    found = LemmaReliability.count(words, open_dictionary(ENGLISH))
    assert found is not None
    assert list(found.counts) == [""]
    assert sum(known for _, _, known in found.counts[""]) == 2


def test_shares_are_smoothed_with_those_of_the_tag_and_of_all() -> None:
    rows, table = LemmaReliability({}, {"NOUN": [(7, 3, 4)], "VERB": [(7, 0, 1), (-9, 5, 5)]}).table(
        ["VERB", "X", "NOUN"]
    )
    assert sorted(rows) == [-9, 7]
    of_all = 8 / 10
    verb, noun = ((right + PRIOR_OF_TAG * of_all) / (known + PRIOR_OF_TAG) for right, known in ((5, 6), (3, 4)))
    smoothed = [(0 + PRIOR_OF_CHANGE * verb) / (1 + PRIOR_OF_CHANGE), of_all, (3 + PRIOR_OF_CHANGE * noun) / 7]
    assert table[rows[7]] == pytest.approx(smoothed)
    assert table[0] == pytest.approx([verb, of_all, noun])  # of changes that were not counted
    assert np.all((table >= 0) & (table <= 1))
