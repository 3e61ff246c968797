"""The linear-chain CRF over spellings: its scores are sums that a loop over tokens gives, too."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tagger.model.batch import plan_batches
from tagger.model.linear_chain import (
    EDGE,
    TABLES,
    FeatureTable,
    LinearChain,
    feature_key,
    form_features,
    term_places,
    token_scores,
)
from tests.conftest import TOKENS

TAGS = 3
SENTENCES = [["a"], *TOKENS, ["It", "is", "1,250", "km"], ["x" * 300, "well-known"]]


def make_chain(forms: Sequence[str], seed: int = 1, tags: int = TAGS) -> LinearChain:
    """A chain with random weights for the features of some forms."""
    torch.manual_seed(seed)
    chain = LinearChain([0] * len(TABLES), tags)
    for i, (name, offsets) in enumerate(TABLES.items()):
        keys = {key for form in forms for key in form_features(form)[i]}
        chain.tables[name] = FeatureTable.of(keys, len(offsets) * tags)
    for parameter in chain.parameters():
        nn.init.normal_(parameter)
    return chain.eval().requires_grad_(False)


def weights_of(table: FeatureTable, keys: Sequence[int]) -> Tensor:
    """The sum of the weights of features, looked up one by one."""
    known = table.keys.tolist()
    total = torch.zeros(table.weight.shape[1])
    for key in keys:
        if key in known:
            total += table.weight[1 + known.index(key)]
    return total


def scores_of(chain: LinearChain, tokens: Sequence[str]) -> Tensor:
    """The scores of a sentence, token by token."""
    scores = torch.zeros(len(tokens), TAGS)
    for i in range(len(tokens)):
        for kind, (name, offsets) in enumerate(TABLES.items()):
            for term, offset in enumerate(offsets):
                form = tokens[i + offset] if 0 <= i + offset < len(tokens) else EDGE
                weights = weights_of(cast(FeatureTable, chain.tables[name]), form_features(form)[kind])
                scores[i] += weights.view(-1, TAGS)[term]
    return scores


def test_the_features_of_a_form() -> None:
    own, near, far = form_features("Ab-1")
    expected = ["form Ab-1", "lower ab-1", "shape Xx-9", "short shape Xx-9", "bias ", "capital ", "digit ", "hyphen "]
    expected += ["prefix 1 a", "prefix 2 ab", "prefix 3 ab-", "prefix 4 ab-1"]
    expected += ["suffix 1 1", "suffix 2 -1", "suffix 3 b-1", "suffix 4 ab-1"]
    keys = {text: feature_key(*text.rsplit(" ", 1)) for text in expected}
    assert sorted(own) == sorted(keys.values())
    assert near == [keys[text] for text in ("lower ab-1", "suffix 3 b-1", "suffix 2 -1", "short shape Xx-9")]
    assert far == [keys["lower ab-1"]]
    assert len(form_features("é")[0]) == 7
    assert form_features("x" * 200) == form_features("x" * 300)


def test_scores_are_the_sums_of_the_weights_of_features() -> None:
    chain = make_chain([EDGE, *(form for sentence in SENTENCES[:-1] for form in sentence)])  # and none of the last one
    forms = [EDGE, *(form for sentence in SENTENCES for form in sentence)]
    terms = chain(chain.rows(forms))
    (batch,) = plan_batches(SENTENCES)
    found = torch.empty(len(forms) - 1, TAGS)
    found[batch.tokens] = token_scores(terms, term_places(batch.tokens + 1, 0, batch.counts))
    expected = torch.cat([scores_of(chain, sentence) for sentence in SENTENCES])
    torch.testing.assert_close(found, expected)
    assert len(expected.unique(dim=0)) > len(expected) - 4


def test_terms_are_the_same_to_the_bit_in_any_block() -> None:
    forms = sorted({form for sentence in SENTENCES for form in sentence} | {f"word{i}" for i in range(100)})
    chain = make_chain(forms, tags=17)
    whole = chain(chain.rows(forms))
    for i in (0, 1, 40, len(forms) - 1):
        assert torch.equal(chain(chain.rows(forms[i : i + 1]))[0], whole[i])
        assert torch.equal(chain(chain.rows(forms[i:][:7]))[0], whole[i])


def test_features_without_weights_and_the_weakest_are_left_out() -> None:
    table = cast(FeatureTable, make_chain(["book", "flights"]).tables["own"])
    kept = table.kept(0.5)
    largest = table.weight[1:].abs().amax(dim=1)
    assert len(kept.keys) == len(table.keys) - len(table.keys) // 2
    assert kept.weight[1:].abs().amax(dim=1).min() >= largest.median()
    assert set(kept.keys.tolist()) <= set(table.keys.tolist())
    assert not len(FeatureTable(0, 4).kept(0.5).keys)
    table.weight[2:5] = 0
    kept = table.kept()
    assert len(kept.keys) == len(table.keys) - 3
    for forms in (["book"], ["flights", "unseen"], []):
        features = [form_features(form)[0] for form in forms]
        assert torch.equal(kept(kept.rows(features)), table(table.rows(features)))
