"""What a lexicon and given tags allow, and that tagging obeys."""

import dataclasses

import pytest
import torch

from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.conftest import TOKENS, make_network, make_tagger


def constrained(vocabulary: Vocabulary, decoder: str, lexicon: dict[str, tuple[str, ...]] | None = None) -> Tagger:
    network = make_network(vocabulary, decoder=decoder)
    torch.manual_seed(7)
    for parameter in network.decoders.parameters():
        torch.nn.init.normal_(parameter)
    tagger = make_tagger(network, vocabulary, precision="float32")
    tagger.lexicons = {"upos": lexicon} if lexicon else {}
    return tagger


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("combined", [True, False])
def test_words_get_tags_of_their_entries(vocabulary: Vocabulary, decoder: str, combined: bool) -> None:
    if not combined:
        vocabulary = dataclasses.replace(vocabulary, combinations=[])
    free = constrained(vocabulary, decoder)
    bound = constrained(vocabulary, decoder, {"book": ("DET",), "flights": ("ADV", "INTJ"), "they": ("DET", "PRON")})
    changed = 0
    plain = list(free.stream(map(Sentence, map(list, TOKENS)), probabilities=True, top=7))
    for before, after in zip(plain, bound.stream(map(Sentence, map(list, TOKENS)), True, top=7), strict=True):
        for word, tag in enumerate(after.tags["upos"]):
            form, share = after.tokens[word], after.probabilities["upos"][word]
            allowed = bound.lexicons["upos"].get(form)
            if allowed is None:
                continue
            changed += tag != before.tags["upos"][word]
            assert tag in allowed
            others = {t: p for t, p in after.alternatives["upos"][word] if t not in allowed}
            assert set(others.values()) == {0}
            assert share == pytest.approx(1) if len(allowed) == 1 else share <= 1
    assert changed


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_given_tags_stay_and_count_more_than_a_lexicon(vocabulary: Vocabulary, decoder: str) -> None:
    made = constrained(vocabulary, decoder, {"book": ("DET",)})
    given = ["PRON", "NOUN", "_", ""]
    found = next(
        made.stream([Sentence(list(TOKENS[0]), {"upos": list(given), "other": list("abcd")})], True, keep=True)
    )
    assert found.tags["upos"][:2] == ["PRON", "NOUN"]
    assert set(found.tags["upos"]) <= set(vocabulary.tags["upos"])
    assert found.probabilities["upos"][0] == pytest.approx(1)
    assert found.tags["other"] == list("abcd")
    again = next(made.stream([Sentence(list(TOKENS[0]), {"upos": list(given)})]))
    assert again.tags["upos"][1] == "DET"  # not kept


def test_a_given_tag_that_is_not_known_is_a_mistake(vocabulary: Vocabulary) -> None:
    made = constrained(vocabulary, "softmax")
    sentence = Sentence(["They", "book"], {"upos": ["_", "NUN"], "xpos": ["XX", ""]})
    with pytest.raises(InputError, match=r"^'NUN' is no tag of upos; it has .*NOUN.*; correct it"):
        list(made.stream([sentence], keep=True))
    assert list(made.stream([sentence], keep=True, columns=[]))
