"""Sentences in one case are read as training writes their words, and others as they are."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tagger.evaluation.calibration import fit_temperatures
from tagger.tagging.casing import Casing
from tagger.tagging.decoding import Request
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, LEMMAS, TOKENS

FORMS = ["Das", "das", "haus", "Haus", "in", "Rom", "NATO", "IN", "und", "Und", "dass", "daß", "groß", "dış", "geht"]


READ = {
    "DAS HAUS IN ROM": "Das haus in Rom",
    "das haus in rom": "das haus in Rom",
    "rom , das alte haus": "Rom , das alte haus",
    "UND DIE NATO .": "Und die NATO .",  # a word that training lacks has no capitals
    "Das Haus IN ROM": "Das Haus IN Rom",  # IN and NATO stand so in training
    "UND DAS : Haus geht in NATO UNO": "Und das : Haus geht in NATO UNO",
    "Das Haus I": "Das Haus I",
    "DASS DAS HAUS GROSS .": "Dass das haus groß .",
    "DAS DIŞ İÇİN GEHT": "Das dış için geht",
    "und ışık süß ΐ": "und ışık süß ΐ",
    "Und Das Haus In Rom , Das Alte": "Und das haus in Rom , das alte",
    "Das Haus In Rom Und": "Das Haus In Rom Und",  # five words may be names
    "Hans Maier , Otto Kern , Eva Haas": "Hans Maier , Otto Kern , Eva Haas",  # so are six without small ones
    "NATO UNO EU": "NATO UNO EU",
    "語 語 語": "語 語 語",
    "": "",
}


def test_what_is_read() -> None:
    casing = Casing(FORMS)
    assert {text: " ".join(casing.read(text.split())) for text in READ} == READ


def test_what_other_languages_read() -> None:
    forms = ["der", "Hund", "Haus", "Katze", "Der"]  # where most words have capitals, others get one too
    assert list(Casing(forms).read(["DER", "BÄR", ",", "DER", "HUND"])) == ["Der", "Bär", ",", "der", "Hund"]
    forms = ["სახლი", "და", "არის"]  # Georgian has small letters alone, and yet Python knows capitals of them
    assert list(Casing(forms).read(forms)) == forms


def test_tags_and_lemmas_are_those_of_what_is_read(lemmas: Callable[..., Tagger]) -> None:
    shouted = ["THE", "BOOK", "READS", "WELL", "."]
    tagger = lemmas()
    assert tagger.engine.as_read([shouted]) == [["The", "book", "reads", "well", "."]]
    (found,) = tagger.stream([Sentence(shouted)])
    assert (found.tokens, found.tags["lemma"]) == (shouted, LEMMAS[1])
    noisy = lemmas(config={"training": {"noise": 0.3}})
    (as_it_is,) = noisy.stream([Sentence(shouted)])
    assert as_it_is.tags["lemma"] != LEMMAS[1]
    assert noisy.bundle.has_noise


def test_whoever_asks_need_not_remember_it(lemmas: Callable[..., Tagger]) -> None:
    """Teachers ask the engine, and temperatures take its scores."""
    tagger = lemmas(precision="float32")
    plain = [Sentence(list(TOKENS[1]), {"upos": CORPUS[1]["upos"], "lemma": LEMMAS[1]}) for _ in range(30)]
    shouted = [replace(sentence, tokens=[token.upper() for token in sentence.tokens]) for sentence in plain]
    both = [[sentence.tokens for sentence in sentences] for sentences in (plain, shouted)]
    one, other = (tagger.engine.tag(tagger.engine.as_read(sentences), Request()) for sentences in both)
    assert all(np.array_equal(one[column].ids, other[column].ids) for column in tagger.columns)
    assert fit_temperatures(tagger, shouted) == fit_temperatures(tagger, plain)
