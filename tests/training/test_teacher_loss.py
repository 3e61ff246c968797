"""The loss of a student against the formula, in which the tags that the teacher does not name are one."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tagger.training.module import teacher_loss

TAGS = 6


def make_scores(tokens: int = 5) -> Tensor:
    torch.manual_seed(4)
    return (3 * torch.randn(tokens, TAGS)).requires_grad_()


def targets_of(*tokens: list[tuple[int, float]]) -> Tensor:
    """The teacher's tags of tokens, as (id, probability)."""
    return torch.tensor([[list(map(float, pair)) for pair in pairs] for pairs in tokens])


def by_formula(scores: Tensor, pairs: list[tuple[int, float]], temperature: float = 1.0) -> float:
    """The loss of a token, number by number."""
    own = scores.detach().double().softmax(-1).tolist()
    student = [own[tag] for tag, _ in pairs] + [sum(p for tag, p in enumerate(own) if tag not in dict(pairs))]
    teacher = [share for _, share in pairs] + [1 - sum(share for _, share in pairs)]
    p, q = ([share ** (1 / temperature) for share in shares] for shares in (teacher, student))
    return -(temperature**2) * sum(a / sum(p) * math.log(b / sum(q)) for a, b in zip(p, q, strict=True) if a * b)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 0.5])
def test_a_few_tags_and_the_rest(temperature: float) -> None:
    scores = make_scores(2)
    tokens = [[(4, 0.5), (0, 0.25), (2, 0.125)], [(1, 0.75), (5, 0.125), (3, 0.0)]]
    expected = [by_formula(row, pairs, temperature) for row, pairs in zip(scores, tokens, strict=True)]
    assert_close(teacher_loss(scores, targets_of(*tokens), temperature), torch.tensor(expected))


def test_a_tag_that_the_student_lacks_is_of_the_rest() -> None:
    scores = make_scores(1)
    lacking = targets_of([(3, 0.5), (-1, 0.0), (1, 0.25), (-1, 0.0)])
    assert_close(teacher_loss(scores, lacking, 1.0), teacher_loss(scores, targets_of([(3, 0.5), (1, 0.25)]), 1.0))


def test_a_rest_of_nothing() -> None:
    scores = make_scores(3)
    targets = targets_of(
        [(0, 1.0), (1, 0.0)],  # the named tags have all
        [(2, 0.5), (3, 0.501)],  # more than all, by rounding
        [(-1, 0.0), (-1, 0.0)],  # the student has no tag that the teacher names
    )
    losses = teacher_loss(scores, targets, 1.0)
    losses.sum().backward()
    assert losses[0].item() == pytest.approx(by_formula(scores[0], [(0, 1.0)]), rel=1e-5)
    assert losses[2].item() == pytest.approx(0, abs=1e-5)  # all is of the rest, for both
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_where_every_tag_is_named_rounding_leaves_no_rest() -> None:
    scores = make_scores(1)
    shares = [0.4, 0.3, 0.1, 0.1, 0.05, 0.049]
    losses = teacher_loss(scores, targets_of(list(enumerate(shares))), 1.0)
    assert losses.item() == pytest.approx(by_formula(scores[0], [(i, s / sum(shares)) for i, s in enumerate(shares)]))
    unknown = teacher_loss(scores, targets_of([*((i, 0.0) for i in range(TAGS)), (-1, 0.0)]), 1.0)
    assert unknown.item() == 0  # the teacher's tag is none of the student's, which has no other
