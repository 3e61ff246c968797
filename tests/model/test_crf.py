"""The CRF against an enumeration of all sequences of tags."""

from itertools import pairwise, product

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tagger.model import crf
from tagger.model.crf import log_partition, packing
from tagger.model.decoder import FORBIDDEN, CRFDecoder, Decoder
from tagger.model.vocabulary import IGNORE

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


@pytest.mark.parametrize(("temperature", "pairs"), [(1.0, 1), (1.7, 2 * K * K), (1.0, crf.MAX_PAIRS)])
def test_tags_and_marginals_are_those_of_the_enumeration(
    decoder: CRFDecoder, scores: Tensor, temperature: float, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crf, "MAX_PAIRS", pairs)  # in Viterbi's blocks
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


def test_neighbours_adapt_to_a_tag_that_is_given(decoder: CRFDecoder, scores: Tensor) -> None:
    free = decoder.best(packed(scores), COUNTS)
    row = ROWS[1][2]
    for tag in range(K):
        given = packed(scores)
        given[row, torch.arange(K) != tag] = -torch.inf
        best, marginals = decoder.best(given, COUNTS), decoder.log_probabilities(given, COUNTS).exp()
        every = [(tags, float(s.detach())) for tags, s in enumeration(decoder, scores[:, 1]) if tags[2] == tag]
        assert tuple(best[ROWS[1]].tolist()) == max(every, key=lambda pair: pair[1])[0]
        assert float(marginals[row, tag]) == pytest.approx(1)
        assert torch.equal(best[ROWS[3]], free[ROWS[3]])
    assert marginals.sum(1).allclose(torch.ones(len(marginals)))


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


def test_without_transitions_it_is_the_softmax(scores: Tensor) -> None:
    crf, softmax = CRFDecoder(K), Decoder()
    targets = torch.randint(K, (4, 4))
    targets[torch.arange(4)[:, None] >= LENGTHS] = IGNORE
    assert_close(crf.loss(scores, targets, LENGTHS), softmax.loss(scores, targets, LENGTHS))
    assert torch.equal(crf.best(packed(scores), COUNTS), softmax.best(packed(scores), COUNTS))
    ours, theirs = (each.log_probabilities(packed(scores), COUNTS) for each in (crf, softmax))
    assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_long_sentences_and_large_scores_stay_finite(decoder: CRFDecoder) -> None:
    torch.manual_seed(3)
    scores, counts = 50 * torch.randn(600, K), [1] * 600
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
