"""Tags of a corpus <-> what a network learns: lemmas are learned as edit scripts."""

from typing import Any

import numpy as np
import pytest
import torch

from tagger.model.collate import collate
from tagger.model.decoder import Decoded
from tagger.model.forms import FormTable
from tagger.model.tag_codec import TagCodec, learned_tags
from tagger.model.vocabulary import Vocabulary

FORMS = ["Dogs", "is", "_", "x"]
LEMMAS = ["dog", "be", "_", "_"]
SCRIPTS = ["lower:*", "lower:*-", "lower:*---", "lower:be"]


@pytest.fixture
def codec() -> TagCodec:
    return TagCodec("lemma", SCRIPTS)


def decoded(ids: list[list[int]], probabilities: list[list[float]] | None = None) -> Decoded:
    shares = None if probabilities is None else np.array(probabilities, dtype=np.float32)
    return Decoded(np.array(ids), shares)


def test_a_lemma_is_learned_as_a_script(codec: TagCodec) -> None:
    assert learned_tags("lemma", FORMS, LEMMAS) == ["lower:*-", "lower:be", "lower:*", "_"]
    assert codec.learned(FORMS, LEMMAS) == ["lower:*-", "lower:be", "lower:*", "_"]
    assert learned_tags("upos", FORMS, LEMMAS) is LEMMAS


def test_a_vocabulary_has_the_scripts_of_training() -> None:
    corpus = [{"tokens": FORMS, "upos": ["NOUN", "AUX", "SYM", "X"], "lemma": LEMMAS}]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    assert vocabulary.tags["lemma"] == ["lower:*", "lower:*-", "lower:be"]
    gold = {"lemma": [["cat", "cat", "cat"]]}
    batch = collate([["cats", "x", "Cats"]], FormTable(vocabulary, 64), gold)
    seen = vocabulary.tag_ids["lemma"]["lower:*-"]
    assert batch.targets["lemma"].tolist() == [[seen], [-101], [seen]]


def test_tags_of_words(codec: TagCodec) -> None:
    assert [codec.tag("Cats", i) for i in range(4)] == ["cats", "cat", "c", "be"]
    assert codec.tag("a", 1) == "a"  # the script does not fit
    read = codec.read(["Cats", "was", "a"], decoded([[1], [3], [2]]), 1)
    assert read == (["cat", "be", "a"], None, None)


def test_other_columns_and_lemmas_of_older_taggers_stay_as_they_are() -> None:
    for column, tags in (("xpos", ["lower:*", "N"]), ("lemma", ["dog", "lower:*"])):
        codec = TagCodec(column, tags)
        assert codec.learned(["Dogs"], ["dog"]) == ["dog"]
        assert [codec.tag("Dogs", i) for i in range(2)] == tags
        read = codec.read(["Dogs"], decoded([[1, 0]], [[0.75, 0.25]]), 2)
        assert read == ([tags[1]], [0.75], [[(tags[1], 0.75), (tags[0], 0.25)]])
        assert codec.candidates(3, True) == 3
        assert codec.fitting(torch.ones(1, 2), np.array([0])).tolist() == [[1, 1]]


def test_scripts_that_give_the_same_lemma_add_up() -> None:
    codec = TagCodec("lemma", ["lower:*", "keep:*", "lower:*-", "lower:*--"])
    ids, shares = [[2, 1, 0, 3]], [[0.4, 0.3, 0.2, 0.1]]
    assert codec.candidates(2, True) >= 4
    read = codec.read(["dogs"], decoded(ids, shares), 2)
    assert read.best == ["dog"]
    assert read.probabilities == [pytest.approx(0.4)]
    assert read.alternatives == [[("dog", pytest.approx(0.4)), ("dogs", pytest.approx(0.5))]]
    together = codec.read(["i"], decoded([[0, 1, 2, 3]], shares), 3)
    assert together.alternatives == [[("i", pytest.approx(1.0))]]
    assert together.probabilities == [pytest.approx(1.0)]


def test_scripts_that_do_not_fit_have_no_score(codec: TagCodec) -> None:
    scores = torch.arange(12.0).view(3, 4)
    lengths = np.array([4, 1, 2])
    low = -torch.inf
    expected = [[0.0, 1, 2, 3], [4, low, low, 7], [8, 9, low, 11]]
    assert codec.fitting(scores, lengths).tolist() == expected


def test_where_no_script_fits_the_word_stays() -> None:
    codec = TagCodec("lemma", ["lower:*--"])
    scores: Any = codec.fitting(torch.ones(1, 1), np.array([1]))
    assert scores.tolist() == [[1.0]]
    assert codec.tag("a", 0) == "a"
