"""Sentences in one case are read as training writes their words, and others as they are."""

import pytest

from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.casing import Casing
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, make_network, make_tagger, overfit

FORMS = ["Das", "das", "Haus", "in", "Rom", "NATO", "IN", "und", "Und"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("DAS HAUS IN ROM", "Das Haus in Rom"),
        ("das haus in rom", "Das Haus in Rom"),
        ("UND DIE NATO .", "Und die NATO ."),  # a word that training lacks has no capitals
        ("DIE NATO IN 5 !", "Die NATO in 5 !"),
        ("Das Haus IN ROM", "Das Haus IN ROM"),
        ("Und Das Haus In Rom , Das Alte", "Und das Haus in Rom , das alte"),
        ("Hans Maier , Rom , Das Haus", "Hans Maier , Rom , Das Haus"),  # five words may be names
        ("DAS HAUS !", "DAS HAUS !"),  # two words may be a name
        ("1 2 3 ...", "1 2 3 ..."),
        ("語 語 語", "語 語 語"),
        ("", ""),
    ],
)
def test_what_is_read(text: str, read: str) -> None:
    assert list(Casing(FORMS).read(text.split())) == read.split()


def test_a_language_without_capitals_is_left_alone() -> None:
    forms = ["სახლი", "და", "არის"]  # Georgian has small letters alone, and yet Python knows capitals of them
    assert list(Casing(forms).read(forms)) == forms


def lemmatizer() -> tuple[TaggerNetwork, Vocabulary]:
    lemmas = [["they", "book", "flight", "."], ["the", "book", "read", "well", "."], ["well"]]
    corpus = [{**sentence, "lemma": found} for sentence, found in zip(CORPUS, lemmas, strict=True)]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    network = make_network(vocabulary)
    overfit(network, vocabulary, corpus=corpus)
    return network, vocabulary


def test_a_tagger_that_had_noise_reads_them_as_they_are() -> None:
    network, vocabulary = lemmatizer()
    sentence = CORPUS[0]["tokens"]
    shouted = [token.upper() for token in sentence]
    plain = make_tagger(network, vocabulary)
    (found,) = plain.stream([Sentence(shouted)])
    (expected,) = plain.stream([Sentence(sentence)])
    assert (found.tokens, found.tags) == (shouted, expected.tags)
    noisy = make_tagger(network, vocabulary, config={"training": {"noise": 0.3}})
    assert noisy.as_read(shouted) == shouted
