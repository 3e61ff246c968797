"""What the networks read in place of words as they are written: other letters, other marks, another case."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tagger.evaluation.calibration import fit_temperatures
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request
from tagger.text.sentence import Sentence
from tagger.words.casing import Casing
from tagger.words.reading import _CYRILLIC, _LATIN, _PAIRS, MIN_SERBIAN, Reader, Spelling, in_one_alphabet
from tagger.words.segment import RuleSegmenter
from tests.conftest import CORPUS, LEMMAS, TOKENS


def test_a_word_is_read_in_the_alphabet_that_is_meant() -> None:
    for text, read in (
        ("у сiтуацыях Рэспублiкi", "у сітуацыях Рэспублікі"),
        ("Oни в Mоскве , cа", "Они в Москве , са"),
        ("pay with pаypаl , cа", "pay with paypal , ca"),
        ("IT-специалист и GPSом 3D i", "IT-специалист и GPSом 3D i"),  # words of one alphabet, or of both
        ("vitamin C и C", "vitamin C и C"),
        ("the cat", "the cat"),
        ("naïve Ärzte", "naïve Ärzte"),
        ("", ""),
    ):
        assert list(in_one_alphabet(text.split())) == read.split()
    for latin, cyrillic in zip(_LATIN, _CYRILLIC, strict=True):
        assert latin.isupper() == cyrillic.isupper()
        assert [unicodedata.name(each).split()[0] for each in (latin, cyrillic)] == ["LATIN", "CYRILLIC"]


def test_characters_that_training_lacks_are_read_as_those_that_it_has() -> None:
    for forms, text, read in (
        ("l' d'", "l’ami d’un po’ ’n", "l'ami d'un po' 'n"),
        ("l' d'", "‘l’ami’ dit ’oui’", "‘l'ami’ dit ’oui’"),  # beside quotes
        ("l' d'", "5’ ’ 10’", "5’ ’ 10’"),  # no letters
        ("l' d'", "l'ami", "l'ami"),
        ("l' d'", "l`ami et `rien`", "l'ami et `rien`"),
        ("l' d' l’", "c’est", "c'est"),
        ("l' d' m' l’ d’", "c’est", "c’est"),
        ("l' l’ ' it", "c’est", "c’est"),
        ("", "c’est", "c’est"),
    ):
        assert Spelling(forms.split()).text(text) == read
    for forms, words, read in (
        (["și", "țară"], "Ştii şi ţara", "Știi și țara"),
        (["kuş", "beş"], "Ștefan beș şu", "Ştefan beş şu"),
        (["کی", "یک"], "كي", "کی"),
        (["peut-être"], "peut‑être", "peut-être"),
        (["peut‑être"], "peut‑être", "peut‑être"),
        (['ד"ר'], "ד״ר", 'ד"ר'),
        (["là"], "la\u0300 voila\u0300", "là voilà"),
        (["la\u0300"], "la\u0300", "la\u0300"),  # training has it
        (["peut-être", "-"], "\u2010", "\u2010"),  # its lemma is the mark itself
        ([], "Bun\u00addes \u00ad ﬁnden oﬀen", "Bundes \u00ad finden offen"),
        (["ذهب"], "قـال ذَهَبَ قَالَ", "قال ذهب قَالَ"),  # without vowels it is a word of training
        (["ذَهَبَ", "ذهب"], "ذَهَبَ", "ذَهَبَ"),
        (["đak", "noć"] * MIN_SERBIAN, "Љиља је џин", "Ljilja je džin"),
        (["noć"] * MIN_SERBIAN, "Љиља", "Љиља"),  # Polish, say
        (["đak", "noć", "је"] * MIN_SERBIAN, "Љиља", "Љиља"),
        ([], "the end", "the end"),
    ):
        assert Spelling(forms).words(words.split()) == read.split()
        text = words + "".join(rare for rare, _ in _PAIRS)
        assert len(Spelling(forms).text(text)) == len(text)


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
    forms = ["der", "Hund", "Haus", "Katze", "Der"]  # where most words have capitals, others get one too
    assert list(Casing(forms).read(["DER", "BÄR", ",", "DER", "HUND"])) == ["Der", "Bär", ",", "der", "Hund"]
    forms = ["სახლი", "და", "არის"]  # Georgian has small letters alone, and yet Python knows capitals of them
    assert list(Casing(forms).read(forms)) == forms


def test_tags_and_lemmas_are_those_of_what_is_read_whoever_asks(lemmas: Callable[..., Tagger]) -> None:
    shouted = ["THE", "BOOK", "READS", "WELL", "."]
    tagger = lemmas()
    assert tagger.engine.reader.read([shouted]).sentences == [["The", "book", "reads", "well", "."]]
    (found,) = tagger.stream([Sentence(shouted)])
    assert (found.tokens, found.tags["lemma"]) == (shouted, LEMMAS[1])
    (as_it_is,) = lemmas(config={"training": {"noise": 0.3}}).stream([Sentence(shouted)])
    assert as_it_is.tags["lemma"] != LEMMAS[1]
    """Teachers ask the engine, and temperatures take its scores."""
    tagger = lemmas(precision="float32")
    plain = [Sentence(list(TOKENS[1]), {"upos": CORPUS[1]["upos"], "lemma": LEMMAS[1]}) for _ in range(30)]
    shouted = [replace(sentence, tokens=[token.upper() for token in sentence.tokens]) for sentence in plain]
    both = [[sentence.tokens for sentence in sentences] for sentences in (plain, shouted)]
    one, other = (tagger.engine.tag(tagger.engine.reader.read(sentences), Request()) for sentences in both)
    assert all(np.array_equal(one[column].ids, other[column].ids) for column in tagger.columns)
    assert fit_temperatures(tagger, shouted) == fit_temperatures(tagger, plain)


def test_words_that_a_line_end_cuts_are_read_whole() -> None:
    reader, rules = Reader({"and", "active", "investigating", "e-mail", "outside"}), RuleSegmenter("unicode")
    text = "investi-\n  gating, hyper-\nactive in-\nand out-\nside: e-\nmail X-\nRay Investi-\ngating gro-\nwen."
    ((tokens,),) = reader.cut([text], rules)
    read = " ".join(token.words[0] if token.words else text[token.start : token.end] for token in tokens)
    assert read == "investigating , hyper - active in - and outside : e - mail X - Ray Investigating growen ."
    cut = [text[token.start : token.end] for token in tokens if token.words]
    assert cut == ["investi-\n  gating", "out-\nside", "Investi-\ngating", "gro-\nwen"]
