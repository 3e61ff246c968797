"""Decoders: the CRF against all sequences of tags, a linear chain against a loop, softmax."""

from collections.abc import Sequence
from itertools import pairwise, product
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tagger.model import crf
from tagger.model.batch import plan_batches
from tagger.model.crf import log_partition, packing
from tagger.model.decoder import FORBIDDEN, CRFDecoder, Decoder, top_tags
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
from tagger.model.vocabulary import IGNORE
from tests.conftest import TOKENS

K = 4
LENGTHS = torch.tensor([2, 4, 1, 3])
ROWS = [[2, 6], [0, 4, 7, 9], [3], [1, 5, 8]]  # of each sentence, its packed tokens
PLACES = [2, 0, 3, 1]  # of each sentence among the packed ones
COUNTS = [4, 3, 2, 1]


@pytest.fixture
def decoder() -> CRFDecoder:
    torch.manual_seed(1)
    made = CRFDecoder(K)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


@pytest.fixture
def scores() -> Tensor:
    """(T, B, K), with noise after the end of sentences."""
    torch.manual_seed(3)
    return torch.randn(4, 4, K)


def enumeration(decoder: CRFDecoder, scores: Tensor) -> list[tuple[tuple[int, ...], Tensor]]:
    """Every sequence of a sentence, (T, K), and its score."""
    found = []
    for tags in product(range(K), repeat=len(scores)):
        total = decoder.start[tags[0]] + decoder.end[tags[-1]] + sum(scores[t, tag] for t, tag in enumerate(tags))
        for before, after in pairwise(tags):
            total = total + decoder.transitions[before, after]
        found.append((tags, total))
    return found


def sentences_of(scores: Tensor) -> list[Tensor]:
    return [scores[:length, i] for i, length in enumerate(LENGTHS.tolist())]


def packed(scores: Tensor) -> Tensor:
    return scores.flatten(0, 1)[packing(LENGTHS).places]


@pytest.mark.parametrize(
    ("temperature", "pairs", "given"), [(1.0, 1, False), (1.7, 2 * K * K, False), (1.0, crf.MAX_PAIRS, True)]
)
def test_tags_and_marginals_are_those_of_the_enumeration(
    decoder: CRFDecoder, scores: Tensor, temperature: float, pairs: int, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crf, "MAX_PAIRS", pairs)  # in Viterbi's blocks
    if given:  # a tag, to which the neighbours adapt
        scores[2, 1, torch.arange(K) != 2] = -torch.inf
    best = decoder.best(packed(scores), COUNTS)
    marginals = decoder.log_probabilities(packed(scores), COUNTS, temperature).exp()
    fixed = decoder.log_probabilities(packed(scores), COUNTS, temperature, rows=9).exp()
    for rows, sentence in zip(ROWS, sentences_of(scores), strict=True):
        every = [(tags, float(s.detach())) for tags, s in enumeration(decoder, sentence)]
        assert tuple(best[rows].tolist()) == max(every, key=lambda pair: pair[1])[0]
        shares = torch.tensor([s / temperature for _, s in every]).softmax(0)
        for t, row in enumerate(rows):
            for tag in range(K):
                expected = sum(float(p) for (tags, _), p in zip(every, shares, strict=True) if tags[t] == tag)
                assert float(marginals[row, tag]) == pytest.approx(expected, abs=1e-5)
    assert_close(fixed, marginals)


def test_the_tags_of_one_token_if_the_others_have_theirs(decoder: CRFDecoder, scores: Tensor) -> None:
    best = decoder.best(packed(scores), COUNTS)
    found = decoder.log_conditionals(packed(scores), COUNTS, best, torch.arange(10)).exp()
    for rows, sentence in zip(ROWS, sentences_of(scores), strict=True):
        every = {tags: s.detach() for tags, s in enumeration(decoder, sentence)}
        path = best[rows].tolist()
        for t, row in enumerate(rows):
            changed = torch.stack([every[(*path[:t], tag, *path[t + 1 :])] for tag in range(K)])
            assert_close(found[row], changed.softmax(0), atol=1e-6, rtol=1e-4)
    some = decoder.log_conditionals(packed(scores), COUNTS, best, torch.tensor([9, 2])).exp()
    assert_close(some, found[[9, 2]])


def test_what_is_forbidden_is_saved_with_the_weights_and_chosen_only_if_it_is_given(
    decoder: CRFDecoder, scores: Tensor
) -> None:
    decoder.forbid([0, 1], [(2, 2), (2, 3), (3, 3)])
    again = CRFDecoder(K)
    again.load_state_dict(decoder.state_dict())
    best = again.best(packed(10 * scores), COUNTS)
    marginals = again.log_probabilities(packed(scores), COUNTS).exp()
    for rows in ROWS:
        tags = best[rows].tolist()
        assert tags[0] in (2, 3)
        assert not {(2, 2), (2, 3), (3, 3)} & set(pairwise(tags))
        assert marginals[rows[0], :2].max() < 1e-6
    assert again.start[0] == again.transitions[2, 3] == FORBIDDEN
    given = packed(scores)
    given[ROWS[0][0], 1:] = -torch.inf
    assert again.best(given, COUNTS)[ROWS[0][0]] == 0
    marginals = again.log_probabilities(given, COUNTS).exp()
    assert float(marginals[ROWS[0][0], 0]) == pytest.approx(1)
    assert torch.isfinite(marginals).all()


def test_long_sentences_and_large_scores_stay_finite(decoder: CRFDecoder) -> None:
    torch.manual_seed(3)
    scores, counts = 50 * torch.randn(600, K), [1] * 600
    assert not any(parameter.any() for parameter in CRFDecoder(K).parameters())  # at first it is the softmax
    with torch.no_grad():
        assert torch.isfinite(log_partition(scores, counts, decoder.weights)).all()
        assert torch.isfinite(decoder.log_probabilities(scores, counts).exp()).all()
        assert (decoder.best(scores, counts) == scores.argmax(1)).float().mean() > 0.9


@pytest.mark.parametrize("blank", [[], [(1, 1), (0, 2), (2, 3)], [*product(range(4), range(4))]])
def test_the_loss_and_its_gradients_are_those_of_the_enumeration(
    decoder: CRFDecoder, scores: Tensor, blank: list[tuple[int, int]]
) -> None:
    """A token without a gold tag may have every tag."""
    targets = torch.randint(K, (4, 4))
    targets[torch.arange(4)[:, None] >= LENGTHS] = IGNORE
    for place in blank:
        targets[place] = IGNORE
    scores.requires_grad_()
    parameters = [scores, *decoder.parameters()]
    found = decoder.loss(scores, targets, LENGTHS)
    expected = torch.zeros(())
    for i, sentence in enumerate(sentences_of(scores)):
        every, gold = enumeration(decoder, sentence), targets[: len(sentence), i].tolist()
        fitting = [s for tags, s in every if all(b in (a, IGNORE) for a, b in zip(tags, gold, strict=True))]
        expected = expected + torch.stack([s for _, s in every]).logsumexp(0) - torch.stack(fitting).logsumexp(0)
    expected = expected / (targets != IGNORE).sum().clamp(min=1)
    assert_close(found, expected, atol=1e-5, rtol=1e-5)
    gradients = [torch.autograd.grad(loss, parameters) for loss in (found, expected)]
    assert_close(*gradients, atol=2e-6, rtol=1e-4)


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


def scores_of(chain: LinearChain, tokens: Sequence[str]) -> Tensor:
    """The scores of a sentence, token by token, each weight looked up by itself."""
    scores = torch.zeros(len(tokens), TAGS)
    for kind, (name, offsets) in enumerate(TABLES.items()):
        table = cast(FeatureTable, chain.tables[name])
        known = table.keys.tolist()
        for i, (term, offset) in product(range(len(tokens)), enumerate(offsets)):
            form = tokens[i + offset] if 0 <= i + offset < len(tokens) else EDGE
            rows = [1 + known.index(key) for key in form_features(form)[kind] if key in known]
            scores[i] += table.weight[rows].sum(0).view(-1, TAGS)[term]
    return scores


def test_features_of_forms_and_scores_that_are_the_sums_of_their_weights_to_the_bit_in_any_block() -> None:
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
    chain = make_chain([EDGE, *(form for sentence in SENTENCES[:-1] for form in sentence)])  # and none of the last one
    forms = [EDGE, *(form for sentence in SENTENCES for form in sentence)]
    terms = chain(chain.rows(forms))
    (batch,) = plan_batches(SENTENCES)
    found = torch.empty(len(forms) - 1, TAGS)
    found[batch.tokens] = token_scores(terms, term_places(batch.tokens + 1, 0, batch.counts))
    expected = torch.cat([scores_of(chain, sentence) for sentence in SENTENCES])
    torch.testing.assert_close(found, expected)
    assert len(expected.unique(dim=0)) > len(expected) - 4
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


N, WIDTH = 12, 6
FOUR = [4, 4, 3, 1]  # of 12 tokens in 4 sentences
SOFTMAX = Decoder()


def test_the_loss_is_the_cross_entropy_of_tokens_with_a_tag() -> None:
    torch.manual_seed(1)
    logits, targets = torch.randn(5, 3, WIDTH), torch.randint(WIDTH, (5, 3))
    targets[3:, 1] = IGNORE
    loss = SOFTMAX.loss(logits, targets, torch.tensor([5, 3, 5]))
    known = targets != IGNORE
    torch.testing.assert_close(loss, cross_entropy(logits[known], targets[known]))
    assert SOFTMAX.loss(logits, torch.full_like(targets, IGNORE), torch.tensor([5, 3, 5])) == 0


def test_probabilities_are_the_softmax() -> None:
    torch.manual_seed(1)
    logits = 3 * torch.randn(N, WIDTH)
    for temperature in (1.0, 2.0):
        found = SOFTMAX.log_probabilities(logits, FOUR, temperature)
        assert_close(found, (logits / temperature).log_softmax(-1))
    best = SOFTMAX.best(logits, FOUR)
    assert torch.equal(best, logits.argmax(-1))
    at = torch.tensor([9, 2])  # which do not depend on the tags of others
    assert_close(SOFTMAX.log_conditionals(logits, FOUR, best, at), logits[at].log_softmax(-1))


@pytest.mark.parametrize("tags", [1, 5, 300])
def test_the_best_tags_follow_the_chosen_one_in_the_order_of_a_stable_sort(tags: int) -> None:
    logs = torch.randn(200, tags, generator=torch.Generator().manual_seed(1)).bfloat16().float().log_softmax(-1)
    logs[:50, ::2] = -torch.inf
    logs[50:100] = logs[50:100].round()  # many are equal
    chosen = torch.arange(200) % tags
    expected = logs.sort(dim=-1, descending=True, stable=True).indices
    for top in (1, 2, 9):
        found = top_tags(logs, chosen, top)
        for row, first, order in zip(found.ids.tolist(), chosen.tolist(), expected.tolist(), strict=True):
            assert row == [first, *(tag for tag in order if tag != first)][:top]
        assert np.allclose(found.probabilities, np.take_along_axis(logs.exp().numpy(), found.ids, 1), atol=1e-6)
