"""The scores of a tag column -> a loss, the best tags, and their probabilities: softmax or CRF, one for each column."""

# T tokens in the longest sentence, B sentences, N packed tokens of all, K tags of a column, k best of them. Packed are
# the first tokens of all sentences, the longest sentence's first, then the second ones; `counts` (T,) says how many
# sentences have a token at each step. A score of -inf says that a token cannot have a tag.

import copy
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tagger.model.crf import Transitions, log_conditionals, log_marginals, losses, packing, viterbi
from tagger.model.vocabulary import IGNORE

SOFTMAX, CRF = "softmax", "crf"
DECODERS = (SOFTMAX, CRF)
MAX_CRF_TAGS = 100  # a column with more tags has no CRF, whose time grows with their square. Saved CRFs rely on it
FORBIDDEN = -10_000.0  # score of a transition that cannot be; finite, so that tags that are given can still have it
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 5.0  # of a column


class Decoded(NamedTuple):
    """The best tags of every token, best first."""

    ids: np.ndarray  # (N, k)
    probabilities: np.ndarray  # (N, k)


class Decoder(nn.Module):
    """A softmax: a token's tag is the one with the highest score, whatever the other tokens have. It has no weights."""

    block = 1 << 18  # scores of which probabilities are computed at once: they stay in the processor's cache

    def loss(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """The negative log-probability of the gold tags, a mean over the tokens with one; 0 if there is none.

        The sentences are padded on the right: `scores` (T, B, K), and `targets` (T, B) gold tags, or IGNORE.
        """
        total = cross_entropy(scores.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, reduction="sum")
        return total / (targets != IGNORE).sum().clamp(min=1)  # a batch may have nothing to learn

    def best(self, scores: Tensor, counts: Sequence[int]) -> Tensor:
        """The tags, (N,), from the scores of packed tokens, (N, K)."""
        if not scores.is_cpu:
            return scores.argmax(-1)
        blocks = torch.split(scores.detach(), max(1, self.block // scores.shape[1]))
        # NumPy takes a third of torch's time, and of bfloat16 a sixth.
        return torch.from_numpy(np.concatenate([each.float().numpy().argmax(-1) for each in blocks]))

    def log_probabilities(
        self, scores: Tensor, counts: Sequence[int], temperature: float = 1.0, rows: int | None = None
    ) -> Tensor:
        """The logarithm of the probability of each tag, (N, K).

        All scores are divided by the temperature: Guo et al. (2017), https://arxiv.org/abs/1706.04599. Every product of
        a CRF has so many `rows` that its last bits do not depend on the sentences beside; None: as few as it needs.
        """
        return (scores.float() / temperature).log_softmax(-1)

    def top(
        self,
        scores: Tensor,
        counts: Sequence[int],
        chosen: Tensor,
        top: int,
        temperature: float = 1.0,
        rows: int | None = None,
    ) -> Decoded:
        """The best tags of each token and their probabilities; the `chosen` tags, (N,), come first in any case."""
        size = max(1, self.block // scores.shape[1])
        blocks = zip(torch.split(scores, size), torch.split(chosen, size), strict=True)
        found = [top_tags(self.log_probabilities(each, counts, temperature, rows), tags, top) for each, tags in blocks]
        ids, probabilities = zip(*found, strict=True)
        return Decoded(np.concatenate(ids), np.concatenate(probabilities))

    def log_conditionals(
        self, scores: Tensor, counts: Sequence[int], best: Tensor, at: Tensor, temperature: float = 1.0
    ) -> Tensor:
        """The logarithm of the probability of each tag of some tokens, (n, K), if all others have their best tags."""
        return (scores[at].float() / temperature).log_softmax(-1)


class CRFDecoder(Decoder):
    """A linear-chain CRF: the tags of a sentence are chosen together, with learned scores of transitions."""

    block = sys.maxsize  # whole sentences

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.start, self.end = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))

    @torch.no_grad()
    def take_from(self, other: Decoder, rows: Sequence[int], its_rows: Sequence[int]) -> None:
        """Copies the transitions between tags that another CRF has too, but for those that it forbids.

        `rows` are the tags that both have, as this column numbers them, and `its_rows` the same as the other one does.
        """
        if isinstance(other, CRFDecoder):
            weights = (other.start, other.end, other.transitions)
            kept = [each.masked_fill(each <= FORBIDDEN / 2, 0.0) for each in weights]
            here, there = torch.tensor(rows, dtype=torch.int64), torch.tensor(its_rows, dtype=torch.int64)
            self.start[here], self.end[here] = kept[0][there], kept[1][there]
            self.transitions[here[:, None], here] = kept[2][there[:, None], there]

    @torch.no_grad()
    def forbid(self, first: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        """Forbids tags to begin a sentence, and pairs of tags to follow one another; after training."""
        self.start[list(first)] = FORBIDDEN
        if pairs:
            before, tags = zip(*pairs, strict=True)
            self.transitions[list(before), list(tags)] = FORBIDDEN

    @property
    def weights(self) -> Transitions:
        """The scores of transitions, in float32: at first 0, so that the CRF chooses what softmax chooses."""
        return Transitions(self.start.float(), self.end.float(), self.transitions.float())

    def loss(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """log Z - s(y), over the number of tokens; a token without a gold tag may have every tag."""
        with torch.autocast(scores.device.type, enabled=False):  # sums of products need their digits
            places, counts = packing(lengths)
            packed, tags = scores.flatten(0, 1)[places].float(), targets.flatten()[places]
            return losses(packed, tags, counts, self.weights).sum() / (tags != IGNORE).sum().clamp(min=1)

    @property
    def _fixed(self) -> Transitions:
        return Transitions(*(each.detach() for each in self.weights))

    def best(self, scores: Tensor, counts: Sequence[int]) -> Tensor:
        """The tags of the most probable sequences."""
        return viterbi(scores.float(), counts, self._fixed)

    def log_probabilities(
        self, scores: Tensor, counts: Sequence[int], temperature: float = 1.0, rows: int | None = None
    ) -> Tensor:
        """The marginals."""
        return log_marginals(scores.float() / temperature, counts, self._fixed.cooled(temperature), rows)

    def log_conditionals(
        self, scores: Tensor, counts: Sequence[int], best: Tensor, at: Tensor, temperature: float = 1.0
    ) -> Tensor:
        """The same, by the transitions from and to the tags beside a token."""
        return log_conditionals(scores.float() / temperature, counts, self._fixed.cooled(temperature), best, at)


@torch.no_grad()
def mean_decoder(decoders: Sequence[Decoder], shares: Sequence[float]) -> Decoder:
    """The decoder of the mean scores of a column. The transitions of CRFs are averaged, too; a softmax counts as 0.

    The decoders may be on different devices: networks are where the tagger computes, linear chains on the processor.
    Their scores are multiplied by `shares` before they are added.
    """
    crfs = [(each, share) for each, share in zip(decoders, shares, strict=True) if isinstance(each, CRFDecoder)]
    if not crfs:
        return Decoder()
    mean = copy.deepcopy(crfs[0][0])
    for name, parameter in mean.named_parameters():
        scaled = [decoder.get_parameter(name).to(parameter.device) * share for decoder, share in crfs]
        parameter.copy_(torch.stack(scaled).sum(0))
    return mean


def top_tags(log_probabilities: Tensor, chosen: Tensor, top: int) -> Decoded:
    """The best tags of each token and their probabilities; the `chosen` tags, (N,), come first in any case."""
    if top == 1:
        ids, logs = chosen[:, None], log_probabilities.gather(1, chosen[:, None])
    else:
        ids = _best(log_probabilities, top)
        # The chosen tag moves to the front, where it is not, and the others keep their order.
        absent = (ids != chosen[:, None]).all(dim=1)
        ids[absent, -1] = chosen[absent]
        order = (ids != chosen[:, None]).to(torch.uint8).argsort(dim=-1, stable=True)
        ids = ids.gather(1, order)
        logs = log_probabilities.gather(1, ids)
    return Decoded(ids.cpu().numpy(), torch.round(logs.exp(), decimals=6).cpu().numpy())


def _best(logs: Tensor, top: int) -> Tensor:
    """The ids of the largest numbers in each row, (N, K) to (N, top), largest first, as a stable sort orders them.

    A column of lemmas has thousands of tags, and to sort them takes longer than all else. So an integer stands for each
    number: its upper half orders as the number does, and its lower half as the ids do.
    """
    K = logs.shape[1]
    bits = (logs.float() + 0.0).view(torch.int32)  # -0.0 becomes 0.0
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32
    ordered |= torch.arange(K - 1, -1, -1, device=logs.device)
    return K - 1 - (ordered.topk(min(top, K), dim=1).values & 0xFFFFFFFF)
