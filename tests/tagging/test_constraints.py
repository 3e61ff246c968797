"""What a lexicon, given tags, and symbols and numbers that training lacks allow, and that tagging obeys."""

import dataclasses

import pytest
import torch

from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.symbols import Symbols
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.conftest import TOKENS, make_network, make_tagger
from tests.tagging.test_engine import with_random_decoder


def constrained(vocabulary: Vocabulary, decoder: str, lexicon: dict[str, tuple[str, ...]] | None = None) -> Tagger:
    tagger = make_tagger(with_random_decoder(vocabulary, decoder=decoder), vocabulary, precision="float32")
    tagger.lexicons = {"upos": lexicon} if lexicon else {}
    return tagger


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("combined", [True, False])
def test_words_get_tags_of_their_entries(vocabulary: Vocabulary, decoder: str, combined: bool) -> None:
    if not combined:
        vocabulary = dataclasses.replace(vocabulary, combinations=[])
    free = constrained(vocabulary, decoder)
    bound = constrained(vocabulary, decoder, {"book": ("DET",), "flights": ("ADV", "INTJ"), "they": ("DET", "PRON")})
    found = ([*each.stream(map(Sentence, map(list, TOKENS)), True, top=7)] for each in (free, bound))
    changed = 0
    for before, after in zip(*found, strict=True):
        for word, tag in enumerate(after.tags["upos"]):
            allowed = bound.lexicons["upos"].get(after.tokens[word])
            if allowed is None:
                continue
            changed += tag != before.tags["upos"][word]
            assert tag in allowed
            others = {t: p for t, p in after.alternatives["upos"][word] if t not in allowed}
            assert set(others.values()) == {0}
            assert len(allowed) > 1 or after.probabilities["upos"][word] == pytest.approx(1)
    assert changed


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_given_tags_stay_and_count_more_than_a_lexicon(vocabulary: Vocabulary, decoder: str) -> None:
    made = constrained(vocabulary, decoder, {"book": ("DET",)})
    given = {"upos": ["PRON", "NOUN", "_", ""], "other": list("abcd")}
    (found,) = made.stream([Sentence(list(TOKENS[0]), dict(given))], True, keep=True)
    assert found.tags["upos"][:2] == ["PRON", "NOUN"]
    assert set(found.tags["upos"]) <= set(vocabulary.tags["upos"])
    assert found.probabilities["upos"][0] == pytest.approx(1)
    assert found.tags["other"] == list("abcd")
    (again,) = made.stream([Sentence(list(TOKENS[0]), dict(given))])
    assert again.tags["upos"][1] == "DET"  # not kept


def test_a_given_tag_that_is_not_known_is_a_mistake(vocabulary: Vocabulary) -> None:
    made = constrained(vocabulary, "softmax")
    sentence = Sentence(["They", "book"], {"upos": ["_", "NUN"], "xpos": ["XX", ""]})
    with pytest.raises(InputError, match=r"^'NUN' is no tag of upos; it has .*NOUN.*; correct it"):
        list(made.stream([sentence], keep=True))
    assert list(made.stream([sentence], keep=True, columns=[]))


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
def test_symbols_get_tags_that_they_may_have_and_others_are_as_before(vocabulary: Vocabulary, decoder: str) -> None:
    tagger = tagger_of(vocabulary, TAGS, decoder)
    found = tag(tagger, [*ODD])
    tags = dict(zip(ODD, found.tags["upos"], strict=True))
    assert all(tags[form] in allowed for form, allowed in ODD.items()), tags
    assert found.tags["lemma"] == [*ODD]
    assert Symbols(tagger.vocabulary).find([*OTHERS, *ODD]).keys() == {len(OTHERS) + i for i in range(len(ODD))}
    assert set(tag(tagger, NUMBERS).tags["upos"]) <= {"NOUN", "NUM", "PROPN", "SYM", "X"}
    assert "PUNCT" not in tag(tagger, WORDS).tags["upos"]
    ((best, *_),) = tag(tagger, ["😀"], top=8, probabilities=True).alternatives["upos"]
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
