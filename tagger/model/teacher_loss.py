"""Scores of a student and a teacher's probabilities -> the loss of a student."""

# N tokens, K tags of a column, k of them that a teacher names

import torch
from torch import Tensor
from torch.nn.functional import pad

MASKED = -1e4  # a score of no tag; not -inf, because the gradient of a sum of those alone is no number


def teacher_loss(scores: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of the student with the teacher, of each token, (N,).

    The tags that the teacher does not name count as one, with the probability that is left. So both have a distribution
    over k + 1 tags. Both are taken at the temperature, and the loss is multiplied by its square, so that its gradient
    keeps its size: Hinton, Vinyals and Dean (2015), section 2.

    Args:
        scores: (N, K) of the student.
        targets: (N, k, 2) ids and probabilities of different tags; the id -1 names no tag.
        temperature: of both.
    """
    tags = scores.shape[1]
    ids, shares = targets[..., 0].long(), targets[..., 1]
    named = ids >= 0
    ids = torch.where(named, ids, tags)  # the column of `MASKED` that comes next
    scores = pad(scores.float(), (0, 1), value=MASKED)  # (N, K + 1)
    others = scores.scatter(1, ids, MASKED).logsumexp(-1, keepdim=True)
    logs = torch.cat([scores.gather(1, ids), others], dim=-1).div(temperature).log_softmax(-1)  # (N, k + 1)

    # Probabilities in half precision leave a rest by rounding, even where no tag is left that could have it.
    rest = (1 - shares.sum(-1, keepdim=True)).clamp(min=0) * (named.sum(-1, keepdim=True) < tags)
    shares = torch.cat([shares, rest], dim=-1) ** (1 / temperature)
    shares = shares / shares.sum(-1, keepdim=True).clamp(min=1e-9)  # 0 if the student has no tag that is probable
    return -(shares * logs).sum(-1) * temperature**2
