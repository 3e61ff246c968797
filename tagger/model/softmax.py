"""The decoder that takes each token by itself."""

# T tokens in the longest sentence, B sentences, N tokens of all, K tags of a column

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from tagger.model.batch import IGNORE
from tagger.model.decoder import Decoder


class SoftmaxDecoder(Decoder):
    """A token's tag is the one with the highest score. It has no weights."""

    learns_from_teacher: ClassVar[bool] = True

    def loss(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """The mean cross-entropy; 0 if no token has a gold tag."""
        total = cross_entropy(scores.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, reduction="sum")
        return total / (targets != IGNORE).sum().clamp(min=1)  # a batch may have nothing to learn

    def best(self, scores: Tensor, counts: Sequence[int]) -> Tensor:
        """The tags with the highest scores."""
        return scores.argmax(-1)

    def log_probabilities(
        self,
        scores: Tensor,
        counts: Sequence[int],
        temperature: float = 1.0,
        rows: int | None = None,
    ) -> Tensor:
        """The logarithm of the softmax of each token's scores."""
        return (scores.float() / temperature).log_softmax(-1)

    def log_conditionals(self, scores: Tensor, counts: Sequence[int], best: Tensor, at: Tensor) -> Tensor:
        """The same for some tokens: other tokens make no difference."""
        return scores[at].float().log_softmax(-1)
