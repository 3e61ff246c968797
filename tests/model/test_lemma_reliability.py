"""How often a dictionary's lemma is right, counted on rare words of training."""

import pytest

from tagger.model.dictionary import digest_of, open_dictionary
from tagger.model.lemma_reliability import PRIOR_OF_CHANGE, PRIOR_OF_TAG, RARE, Counts, LemmaReliability

ENGLISH = {"en": digest_of("en")}


def count(words: str) -> LemmaReliability | None:
    """The reliability of the English dictionary on a sentence of `form/lemma/UPOS`."""
    tokens, lemma, upos = zip(*(word.split("/") for word in words.split()), strict=True)
    return LemmaReliability.count([{"tokens": tokens, "lemma": lemma, "upos": upos}], open_dictionary(ENGLISH))


def test_right_lemmas_of_rare_words_are_counted_by_upos_and_change() -> None:
    found = count("cats/cat/NOUN dogs/dog/NOUN houses/houses/NOUN xqzzy/xqzzy/NOUN jumps/_/NOUN Bills/Bills/PROPN")
    assert found is not None
    assert found.dictionary == ENGLISH
    cats, houses, bills = map(int, open_dictionary(ENGLISH).look_up(["cats", "houses", "Bills"]).changes)
    assert cats == houses
    assert found.new == {"NOUN": [(cats, 2, 3)], "PROPN": [(bills, 0, 1)]}  # not what it lacks, nor what has no lemma
    assert found.known == {}
    frequent = count("cats/cat/NOUN " + "dogs/dogs/NOUN " * (RARE + 1))
    assert frequent is not None
    assert frequent.new == {"NOUN": [(cats, 1, 1)]}
    assert count("cats/_/NOUN dogs/_/NOUN") is None


def test_words_with_a_lemma_that_other_words_have_are_counted_apart() -> None:
    found = count("cats/cat/NOUN catty/cat/ADJ dogs/dog/NOUN")
    assert found is not None
    assert [(right, every) for _, right, every in found.known["NOUN"]] == [(1, 1)]
    assert [(right, every) for _, right, every in found.new["NOUN"]] == [(1, 1)]


def test_without_upos_all_words_are_one_group() -> None:
    words = [{"tokens": ["cats", "dogs"], "lemma": ["cat", "dogs"]}]
    found = LemmaReliability.count(words, open_dictionary(ENGLISH))
    assert found is not None
    assert list(found.new) == [""]
    assert sum(every for _, _, every in found.new[""]) == 2


def test_shares_are_smoothed_with_those_of_the_tag_and_of_all() -> None:
    counts: Counts = {"NOUN": [(7, 3, 4)], "VERB": [(7, 0, 1), (-9, 5, 5)]}
    nothing, (rows, table) = LemmaReliability({}, counts, {}).tables(["VERB", "X", "NOUN"])
    assert sorted(rows) == [-9, 7]
    of_all = 8 / 10
    verb, noun = ((right + PRIOR_OF_TAG * of_all) / (every + PRIOR_OF_TAG) for right, every in ((5, 6), (3, 4)))
    smoothed = [
        PRIOR_OF_CHANGE * verb / (1 + PRIOR_OF_CHANGE),
        of_all,
        (3 + PRIOR_OF_CHANGE * noun) / (4 + PRIOR_OF_CHANGE),
    ]
    assert table[rows[7]] == pytest.approx(smoothed)
    assert table[0] == pytest.approx([verb, of_all, noun])  # of changes that were not counted
    assert nothing.rows == {}
    assert nothing.shares.tolist() == [[0, 0, 0]]
