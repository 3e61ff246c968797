"""Emoji, addresses, signs and numbers that training lacks have tags of Universal Dependencies; most are their lemma."""

import dataclasses

import pytest
import torch

from tagger.model.vocabulary import Vocabulary
from tagger.tagging.symbols import Symbols
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.conftest import make_network, make_tagger

TAGS = ["ADP", "NOUN", "NUM", "PROPN", "PUNCT", "SYM", "VERB", "X"]
ODD = {"😀": {"SYM"}, ":-(": {"SYM"}, "https://a.org/B": {"PROPN", "SYM", "X"}, "#news": {"PROPN", "SYM", "X"}}
ODD |= {"@ann": {"PROPN", "SYM", "X"}, "ann@mail.org": {"PROPN", "SYM", "X"}, "§§": {"PUNCT", "SYM"}}
ODD |= {"€": {"SYM"}, "±": {"SYM"}, "<": {"PUNCT", "SYM"}}
NUMBERS = ["3,14", "+48", "14:30"]
WORDS = ["a-b", "it's", "C++", "U.S."]  # no marks
OTHERS = ["résumé", "(5)", "50"]


def tagger_of(vocabulary: Vocabulary, tags: list[str], decoder: str = "softmax") -> Tagger:
    known = dataclasses.replace(
        vocabulary, tags={"upos": tags, "lemma": ["keep:*", "lower:*-", "lower:x*"]}, combinations=[], form_tags={}
    )
    network = make_network(known, decoder=decoder)
    torch.manual_seed(3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return make_tagger(network, known, precision="float32")


def tag(tagger: Tagger, forms: list[str], **options: object) -> Sentence:
    (found,) = tagger.stream([Sentence(list(forms))], **options)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_they_get_tags_that_they_may_have_and_others_are_as_before(vocabulary: Vocabulary, decoder: str) -> None:
    tagger = tagger_of(vocabulary, TAGS, decoder)
    tags = dict(zip(ODD, tag(tagger, [*ODD]).tags["upos"], strict=True))
    assert all(tags[form] in allowed for form, allowed in ODD.items()), tags
    lemmas = dict(zip(ODD, tag(tagger, [*ODD]).tags["lemma"], strict=True))
    assert {form for form, lemma in lemmas.items() if form == lemma} >= ODD.keys()
    assert Symbols(tagger.vocabulary).find([*OTHERS, *ODD]).keys() == {len(OTHERS) + i for i in range(len(ODD))}
    assert set(tag(tagger, NUMBERS).tags["upos"]) <= {"NOUN", "NUM", "PROPN", "SYM", "X"}
    assert "PUNCT" not in tag(tagger, WORDS).tags["upos"]
    (best, *_), *_ = (tag(tagger, ["😀"], top=8, probabilities=True).alternatives["upos"],)[0]
    assert best == ("SYM", pytest.approx(1))


def test_what_training_has_what_is_given_and_other_tagsets_stay_free(vocabulary: Vocabulary) -> None:
    tagger = tagger_of(vocabulary, TAGS)
    known = dataclasses.replace(tagger.vocabulary, forms=[*tagger.vocabulary.forms, "😀"])
    assert Symbols(known).find(["😀", "😍"]) == {1: "emoji"}
    given = Sentence(["😍", "#news"], {"upos": ["VERB", "_"]})
    (found,) = tagger.stream([given], keep=True)
    assert found.tags["upos"][0] == "VERB"
    assert found.tags["upos"][1] in ODD["#news"]
    without = tagger_of(vocabulary, ["NOUN", "PUNCT", "VERB"])
    assert set(tag(without, ["😀", "€", "§§", "a@b.org"]).tags["upos"]) == {"PUNCT"}
    other = tagger_of(vocabulary, ["NN", "VB"])
    assert set(tag(other, [*ODD]).tags["upos"]) <= {"NN", "VB"}
