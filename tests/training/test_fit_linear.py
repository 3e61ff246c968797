"""Training the linear chain: its optimizer finds known minima, and it learns what takes a chain to learn."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tagger.model.batch import plan_batches
from tagger.model.linear_chain import EDGE, LinearChain, term_places, token_scores
from tagger.model.vocabulary import IGNORE
from tagger.training.fit_linear import L1, L2, minimize, train_linear

LENGTHS = (12, 9, 12, 2)


class Weights(nn.Module):
    """Two tensors, so that they are taken apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(4))


def tags_of(chain: LinearChain, sentences: list[list[str]]) -> list[int]:
    """The tags of all tokens."""
    forms = list(dict.fromkeys(form for sentence in sentences for form in sentence))
    ids = {form: i for i, form in enumerate([EDGE, *forms])}
    tokens = np.array([ids[form] for sentence in sentences for form in sentence])
    found = torch.empty(len(tokens), dtype=torch.int64)
    with torch.no_grad():
        terms = chain(chain.rows([EDGE, *forms]))
        for places, counts, _ in plan_batches(sentences):
            scores = token_scores(terms, term_places(tokens[places], 0, counts))
            found[places] = chain.decoder.best(scores, counts)
    return found.tolist()


def test_the_minimum_of_a_bowl_with_penalties() -> None:
    torch.manual_seed(1)
    center = torch.randn(10) * 0.2
    steep = torch.linspace(0.5, 5, 10)
    weights = Weights()

    def loss() -> float:
        x = torch.cat([each.flatten() for each in weights.parameters()])
        value: Tensor = (steep * (x - center) ** 2).sum() / 2
        value.backward()
        return float(value.detach())

    minimize(weights, loss)
    expected = (steep * center).sign() * ((steep * center).abs() - L1).clamp(min=0) / (steep + 2 * L2)
    found = torch.cat([each.detach().flatten() for each in weights.parameters()])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    assert torch.equal(found == 0, expected == 0)
    assert 0 < int((found == 0).sum()) < 10


def test_a_chain_learns_what_single_words_cannot_say() -> None:
    """In the middle of a sentence of one word the tag follows from the tags before alone."""
    sentences = [["x"] * n for n in LENGTHS]
    tags = [[i % 2 for i in range(n)] for n in LENGTHS]
    chain = train_linear(sentences, tags, 2)
    assert tags_of(chain, [["x"] * 30]) == [i % 2 for i in range(30)]
    again = train_linear(sentences, tags, 2)
    for name, weight in chain.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)


@pytest.mark.parametrize("missing", [IGNORE, None])
def test_tokens_without_a_tag(missing: int | None) -> None:
    sentences = [["the", "dog", "barks"], ["a", "dog", "sleeps"], ["the", "cat"], ["sleeps"]]
    tags = [[0, 1, 2], [0, missing or 1, missing or 2], [0, 1], [2]]
    assert tags_of(train_linear(sentences, tags, 3), sentences) == [0, 1, 2, 0, 1, 2, 0, 1, 2]
