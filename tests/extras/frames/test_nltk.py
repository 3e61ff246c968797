from pathlib import Path

import pytest
from nltk.tag.api import TaggerI

import tagger
from tagger.errors import InputError
from tagger.extras.frames.nltk import UNIVERSAL_TAGS, NltkTagger
from tests.conftest import CORPUS, TOKENS


def test_tags_are_those_of_the_tagger(trained: Path) -> None:
    for column, model in (("upos", trained), ("xpos", str(trained)), ("xpos", tagger.load(trained, "cpu"))):
        nltk = NltkTagger(model, column)
        assert isinstance(nltk, TaggerI)
        gold = [list(zip(s["tokens"], s[column], strict=True)) for s in CORPUS]
        assert nltk.tag_sents(iter(TOKENS)) == gold
        assert nltk.tag(tuple(TOKENS[0])) == gold[0]
    assert NltkTagger(trained).tag([]) == []


def test_without_a_name_the_language_is_found() -> None:
    tokens = ["Die", "Kinder", "spielten", "im", "Garten", "."]
    german = NltkTagger("german").tag(tokens)
    assert NltkTagger().tag(tokens) == german != NltkTagger("english").tag(tokens)
    universal = NltkTagger(tagset="universal")
    assert universal.tag(tokens) == [(token, UNIVERSAL_TAGS[tag]) for token, tag in german]
    with pytest.raises(InputError, match="name a column of UPOS"):
        NltkTagger(universal.tagger, "xpos", "universal")


def test_nltks_own_scores(trained: Path) -> None:
    nltk = NltkTagger(trained)
    gold = [list(zip(s["tokens"], s["upos"], strict=True)) for s in CORPUS]
    assert nltk.accuracy(gold) == 1.0
    gold[0][0] = ("They", "NOUN")
    assert nltk.accuracy(gold) == pytest.approx(9 / 10)
    assert nltk.confusion(gold)["NOUN", "PRON"] == 1


def test_the_universal_tagset(trained: Path) -> None:
    nltk = NltkTagger(trained, tagset="universal")
    assert nltk.tag_sents(TOKENS) == [
        [("They", "PRON"), ("book", "VERB"), ("flights", "NOUN"), (".", ".")],
        [("The", "DET"), ("book", "NOUN"), ("reads", "VERB"), ("well", "ADV"), (".", ".")],
        [("Well", "X")],
    ]
    assert set(tagger.load("english").vocabulary.tags["upos"]) == set(UNIVERSAL_TAGS)


def test_what_does_not_fit_says_what_to_do(trained: Path) -> None:
    with pytest.raises(InputError, match="this tagger has no column 'feats'; it has upos, xpos"):
        NltkTagger(trained, "feats")
    with pytest.raises(InputError, match="'penn' is no tagset here; give 'universal', or leave it out"):
        NltkTagger(trained, tagset="penn")
    with pytest.raises(InputError, match=r"column xpos has the tag '\.'; name a column of UPOS, or leave tagset out"):
        NltkTagger(trained, "xpos", "universal")
    with pytest.raises(InputError, match="a sentence is a list of tokens, not 'They book'"):
        NltkTagger(trained).tag("They book")
