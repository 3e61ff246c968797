"""The linear-chain CRF over spellings: its scores are sums that a loop over tokens gives, too."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.linear import (
    EDGE,
    OFFSETS,
    FeatureTable,
    LinearChain,
    context_features,
    feature_keys,
    own_features,
    term_places,
    token_scores,
)
from tagger.tagging.batches import plan_batches
from tests.conftest import TOKENS

TAGS = 3
SENTENCES = [["a"], *TOKENS, ["It", "is", "1,250", "km"], ["x" * 300, "well-known"]]


def make_chain(forms: Sequence[str], seed: int = 1, tags: int = TAGS) -> LinearChain:
    """A chain with random weights for the features of some forms."""
    torch.manual_seed(seed)
    tables = []
    for features in (own_features, context_features):
        keys = sorted({key for form in forms for key in feature_keys(features(form))})
        tables.append(torch.tensor(keys, dtype=torch.int32))
    chain = LinearChain(len(tables[0]), len(tables[1]), tags)
    for table, keys in zip((chain.own, chain.context), tables, strict=True):
        table.keys.copy_(keys)
    for parameter in chain.parameters():
        nn.init.normal_(parameter)
    return chain.eval().requires_grad_(False)


def weights_of(table: FeatureTable, features: Sequence[str]) -> Tensor:
    """The sum of the weights of features, looked up one by one."""
    known = table.keys.tolist()
    total = torch.zeros(table.weight.shape[1])
    for key in feature_keys(features):
        if key in known:
            total += table.weight[1 + known.index(key)]
    return total


def scores_of(chain: LinearChain, tokens: Sequence[str]) -> Tensor:
    """The scores of a sentence, token by token."""
    rows = []
    for i, token in enumerate(tokens):
        score = weights_of(chain.own, own_features(token))
        for term, offset in enumerate(OFFSETS):
            neighbour = tokens[i + offset] if 0 <= i + offset < len(tokens) else EDGE
            score = score + weights_of(chain.context, context_features(neighbour)).view(-1, TAGS)[term]
        if i == 0:
            score = score + weights_of(chain.context, context_features(token)).view(-1, TAGS)[-1]
        rows.append(score)
    return torch.stack(rows)


def test_scores_are_the_sums_of_the_weights_of_features() -> None:
    chain = make_chain([EDGE, *(form for sentence in SENTENCES[:-1] for form in sentence)])  # and none of the last one
    forms = [EDGE, *(form for sentence in SENTENCES for form in sentence)]
    terms = chain.form_terms(forms)
    (batch,) = plan_batches(SENTENCES)
    found = torch.empty(len(forms) - 1, TAGS)
    found[batch.tokens] = token_scores(terms, term_places(batch.tokens + 1, 0, batch.counts))
    expected = torch.cat([scores_of(chain, sentence) for sentence in SENTENCES])
    torch.testing.assert_close(found, expected)
    assert len(expected.unique(dim=0)) > len(expected) - 4


def test_terms_are_the_same_to_the_bit_in_any_block() -> None:
    forms = sorted({form for sentence in SENTENCES for form in sentence} | {f"word{i}" for i in range(100)})
    chain = make_chain(forms, tags=17)
    whole = chain.form_terms(forms)
    for i in (0, 1, 40, len(forms) - 1):
        assert torch.equal(chain.form_terms(forms[i : i + 1])[0], whole[i])
        assert torch.equal(chain.form_terms(forms[i:][:7])[0], whole[i])


def test_features_without_weights_are_left_out() -> None:
    chain = make_chain(["book", "flights"])
    before = chain.own
    before.weight[2:5] = 0
    kept = before.kept()
    assert len(kept.keys) == len(before.keys) - 3
    for forms in (["book"], ["flights", "unseen"], []):
        features = list(map(own_features, forms))
        assert torch.equal(kept(kept.rows(features)), before(before.rows(features)))


def test_an_empty_table_says_nothing() -> None:
    chain = LinearChain(0, 0, TAGS)
    assert not chain.form_terms(["book", ""]).any()
    assert np.array_equal(chain.form_terms([]).shape, (0, 6 * TAGS))
