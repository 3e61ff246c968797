"""Which tags are sets of features, and how the scores of features become those of tags."""

from dataclasses import replace
from itertools import product

import torch
from torch import nn
from torch.testing import assert_close

from tagger.model.feature_values import SPEED, FeatureScores, feature_matrix, feature_scores
from tagger.model.vocabulary import Vocabulary
from tagger.text.edit_scripts import edit_script
from tests.conftest import make_network

FEATS = ["Case=Gen", "Case=Gen|Number=Plur", "Case=Nom|Number=Plur", "_"]


def test_a_tag_has_its_features_and_a_blank_for_each_name_that_it_lacks() -> None:
    expected = [  # Case=, Case=Gen, Case=Nom, Number=, Number=Plur
        [0, 1, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 1, 0],
    ]
    assert_close(feature_matrix(FEATS), torch.tensor(expected, dtype=torch.float32))
    for others in (["NOUN", "_"], ["_"], [], ["Case=Gen", "Gen"], ["keep:=", "lower:*-s"], ["Case=Gen|"]):
        assert feature_matrix(others) is None, others


def test_the_letters_of_positional_tags_are_features() -> None:
    tags = ["".join(letters) for letters in product("ANV", "mfn", "sdp", "123")]
    matrix = feature_matrix([*tags, "Z"])
    assert matrix is not None
    assert matrix.shape == (82, 16)  # 13 letters, and 3 places at which "Z" has none
    assert matrix.sum(1).tolist() == [4.0] * 82
    assert feature_matrix(tags[:43]) is None  # less than 4 times 11


def test_only_columns_of_features_have_their_scores(vocabulary: Vocabulary) -> None:
    scripts = [edit_script("x", "x" + "".join(ending)) for ending in product("abcde", repeat=4)]
    assert feature_matrix(scripts) is not None  # they only look like positional tags
    vocabulary = replace(vocabulary, tags={**vocabulary.tags, "xpos": FEATS, "lemma": scripts})
    assert [*feature_scores(make_network(vocabulary).heads, vocabulary)] == ["xpos"]


def learned(head: nn.Linear) -> FeatureScores:
    matrix = feature_matrix(FEATS)
    assert matrix is not None
    scores = FeatureScores(head, matrix)
    for weights in scores.parameters():
        nn.init.normal_(weights)
    return scores


def test_scores_are_0_at_first_and_move_into_the_head_at_last() -> None:
    torch.manual_seed(1)
    h, head = torch.randn(2, 5, 3), nn.Linear(3, len(FEATS))
    assert head(h).any()
    scores = FeatureScores(head, torch.ones(len(FEATS), 1))
    assert not head(h).any()
    assert not scores(h).any()
    scores = learned(head)
    nn.init.normal_(head.weight)
    expected = head(h) + scores(h)
    assert not torch.allclose(head(h), expected)
    scores.move_into(head)
    assert_close(head(h), expected)
    assert not scores(h).any()


def test_a_tag_learns_from_those_that_share_its_features() -> None:
    torch.manual_seed(1)
    h, scores = torch.randn(3), learned(nn.Linear(3, len(FEATS)))
    before = scores(h)
    before[FEATS.index("Case=Gen|Number=Plur")].backward()
    with torch.no_grad():
        for weights in scores.parameters():
            assert weights.grad is not None
            weights.add_(weights.grad / SPEED)
        gain = scores(h) - before
    assert_close(gain, SPEED * (1 + h.dot(h)) * torch.tensor([1.0, 2.0, 1.0, 0.0]))  # by the number of shared features
