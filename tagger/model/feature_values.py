"""Tags that are sets of features, such as `Case=Gen|Number=Sing`: what training learns of a feature serves all of them.

So are the tags of some tagsets of XPOS, such as `Ncmsn`: the letter at a place is a feature.

A treebank has hundreds of such tags. Most of them occur a few times, but each of their features occurs in many of them.
So while it learns, a column scores the tag v as a whole and by each of its features f, from the states h of a token:

    s_v = w_v h + b_v + sum_f (u_f h + c_f)

Müller, Schmid and Schütze (2013), https://aclanthology.org/D13-1032/, score the tags of a CRF so. With the features of
all tags as a matrix M of 0 and 1, the weight of these scores is W + M U and their bias is b + M c. So a trained tagger
needs no more than an ordinary head.
"""

# N tokens in any number of dimensions, S states of all layers, K tags of a column, F features

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import NO_TAG

# How fast features learn, compared with whole tags, so that these are left with what features cannot explain. Right
# tags on dev of a Turkish treebank: 74.7 % without features; 78.0 with 1, 79.1 with 2, 79.2 with 4, 79.3 with 8.
SPEED = 4.0
# How many times as many tags as letters at their places a column has, at least, if these letters are features. Those of
# Czech, Slovak, Slovenian, Croatian, Serbian and Latvian treebanks have 4.5 to 9.4 times as many, all others up to 3.4.
TAGS_PER_LETTER = 4


class FeatureScores(nn.Module):
    """What features add to the scores of a new head's tags: 0 at first. `matrix` is that of `feature_matrix`."""

    matrix: Tensor  # (K, F)

    def __init__(self, head: nn.Linear, matrix: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(head.in_features, matrix.shape[1])
        for weights in (*head.parameters(), *self.linear.parameters()):
            nn.init.zeros_(weights)
        # AdamW's steps have one size, whatever the size of the gradient. So a factor is as good as a learning rate.
        self.register_buffer("matrix", SPEED * matrix, persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        """From states, (N, S), to what is added to the scores of tags, (N, K)."""
        scores: Tensor = self.linear(h) @ self.matrix.T
        return scores

    @torch.no_grad()
    def move_into(self, head: nn.Linear) -> None:
        """Adds these scores to those of the head for good; after that these are 0."""
        for name, weights in self.linear.named_parameters():
            head.get_parameter(name).add_(self.matrix @ weights)
            weights.zero_()


def feature_scores(heads: nn.ModuleDict, vocabulary: Vocabulary) -> nn.ModuleDict:
    """Of a network's columns, those whose tags are sets of features, each with its `FeatureScores`."""
    matrices = {column: feature_matrix(vocabulary.tags[column]) for column in vocabulary.combined}  # no edit scripts
    return nn.ModuleDict(
        {
            column: FeatureScores(cast(nn.Linear, heads[column]), matrix)
            for column, matrix in matrices.items()
            if matrix is not None
        }
    )


def feature_matrix(tags: Sequence[str]) -> Tensor | None:
    """Which features each tag has, (K, F) of 0 and 1; None unless the tags are sets of features.

    That a tag has no feature of a name is a feature, too. In the sorted order of the features, `Case=` is such a one:

    >>> feature_matrix(["_", "Case=Gen", "Case=Gen|Number=Sing"])  # Case=, Case=Gen, Number=, Number=Sing
    tensor([[1., 0., 1., 0.],
            [0., 1., 1., 0.],
            [0., 1., 0., 1.]])
    """
    sets = [set() if tag == NO_TAG else set(tag.split("|")) for tag in tags]
    if not all("=" in feature for features in sets for feature in features):
        sets = [{f"{place}={letter}" for place, letter in enumerate(tag)} for tag in tags]
        if len(tags) < TAGS_PER_LETTER * len(set().union(*sets)):
            return None
    names = {feature.partition("=")[0] for features in sets for feature in features}
    for features in sets:
        features |= {f"{name}=" for name in names - {feature.partition("=")[0] for feature in features}}
    ids = {feature: i for i, feature in enumerate(sorted(set().union(*sets)))}
    matrix = torch.zeros(len(tags), len(ids))
    for row, features in enumerate(sets):
        matrix[row, [ids[feature] for feature in features]] = 1
    return matrix if ids else None
