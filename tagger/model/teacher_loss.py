"""Scores of a student and a teacher's probabilities -> the loss of a student."""

# N tokens, K tags of a column, k of them that a teacher names

import torch
from torch import Tensor

MASKED = -1e4  # a score that is no tag's; not -inf, whose gradient is no number


def teacher_loss(scores: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of the student with the teacher, of each token, (N,).

    The tags that the teacher does not name count as one, with the probability that is left. Both distributions are
    taken at a temperature, and the loss is multiplied by its square: Hinton, Vinyals and Dean (2015), section 2.

    Args:
        scores: (N, K) of the student.
        targets: (N, k, 2) ids and probabilities of tags.
        temperature: of both.
    """
    ids, shares = targets[..., 0].long(), targets[..., 1]
    shares = torch.cat([shares, (1 - shares.sum(-1, keepdim=True)).clamp(min=0)], dim=-1)  # (N, k + 1)
    if temperature != 1:
        shares = shares ** (1 / temperature)
    shares = shares / shares.sum(-1, keepdim=True)
    scores = scores.float() / temperature
    others = scores.scatter(1, ids, MASKED).logsumexp(-1, keepdim=True)
    logs = torch.cat([scores.gather(1, ids), others], dim=-1) - scores.logsumexp(-1, keepdim=True)
    return -(shares * logs).sum(-1) * temperature**2
