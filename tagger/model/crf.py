"""A linear-chain CRF: the scores of tags and of their transitions -> the loss, the best sequences and marginals.

`decoder.CRFDecoder` has the scores of transitions.

The score of a sequence of tags y of a sentence of T tokens is

    s(y) = start[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_(t-1), y_t] + end[y_T]

and its probability is exp(s(y)) / Z, with Z the sum of exp(s) over all sequences: Lafferty, McCallum and Pereira
(2001), "Conditional random fields". With all transitions 0 it is the softmax of each token alone, and so it begins.

All functions read packed tokens: the first token of every sentence, the longest sentence's first, then the second
tokens, and so on. A step is then a block of rows, and no row is padding. `packing` makes that of a padded batch.

The last bits of a product depend on how many rows it has. Where a sentence's values must not depend on the sentences
beside it, every product has `rows` rows, at least B; None: as many as are needed.
"""

# T tokens in the longest sentence, B sentences, N tokens of all, K tags, n sentences that have a token at a step

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.vocabulary import IGNORE

MAX_PAIRS = 1 << 24  # the most pairs of tags of all sentences that Viterbi compares at a time
MIN_COLUMNS = 16  # of a product whose results must be the same to the bit wherever its rows stand


class Packing(NamedTuple):
    """Where the tokens of a padded batch are among packed ones."""

    places: Tensor  # (N,) the row of each packed token in the flattened (T, B) tokens of the batch
    counts: list[int]  # (T,) sentences that have a token at each step; never growing


def packing(lengths: Tensor) -> Packing:
    """The packing of a batch that is padded on the right, with sentences of these lengths, (B,)."""
    order = lengths.argsort(descending=True, stable=True)
    is_token = torch.arange(int(lengths[order[0]]), device=lengths.device)[:, None] < lengths[order]  # (T, B)
    places = torch.arange(len(is_token), device=lengths.device)[:, None] * len(lengths) + order
    return Packing(places[is_token], is_token.sum(1).tolist())


class Transitions(NamedTuple):
    """The scores that a CRF adds to those of the tokens."""

    start: Tensor  # (K,) of a sentence's first tag
    end: Tensor  # (K,) of its last tag
    between: Tensor  # (K, K) of a tag, the row, and the tag after it, the column

    def cooled(self, temperature: float) -> "Transitions":
        """The scores divided by a temperature."""
        return Transitions(*(each / temperature for each in self))


def sequence_scores(scores: Tensor, tags: Tensor, counts: Sequence[int], transitions: Transitions) -> Tensor:
    """s(y) of each sentence, (B,), from the scores of packed tokens, (N, K)."""
    sentence = torch.cat([torch.arange(n, device=scores.device) for n in counts])  # (N,)
    first, before = counts[0], sum(counts) - counts[0]
    rows = torch.arange(before, device=scores.device) + first
    n = np.array(counts, dtype=np.int64)
    previous = rows - torch.from_numpy(np.repeat(n[:-1], n[1:])).to(rows)
    added = torch.cat([transitions.start[tags[:first]], transitions.between[tags[previous], tags[first:]]])
    tokens = scores.gather(1, tags[:, None]).squeeze(1) + added
    total = tokens.new_zeros(first).index_add(0, sentence, tokens)
    return total + transitions.end[_last(torch.split(tags, list(counts)))]


def log_partition(scores: Tensor, counts: Sequence[int], transitions: Transitions) -> Tensor:
    """log Z of each sentence, (B,), by the forward algorithm."""
    alphas = _forward(scores, counts, transitions)
    return torch.logsumexp(_last(alphas) + transitions.end, dim=1)


def losses(scores: Tensor, tags: Tensor, counts: Sequence[int], transitions: Transitions) -> Tensor:
    """log Z - s(y) of each sentence, (B,). A token whose tag, of (N,), is IGNORE may have every tag."""
    known = tags != IGNORE
    if bool(known.all()):
        gold = sequence_scores(scores, tags, counts, transitions)
    else:  # the probability of all sequences that have the tags of the tokens with one
        others = torch.ones_like(scores, dtype=torch.bool).scatter(1, tags.clamp(min=0)[:, None], False)
        others &= known[:, None]
        gold = log_partition(scores.masked_fill(others, -torch.inf), counts, transitions)
    return log_partition(scores, counts, transitions) - gold


def log_marginals(scores: Tensor, counts: Sequence[int], transitions: Transitions, rows: int | None = None) -> Tensor:
    """The logarithm of the probability that a token has a tag, (N, K), by the forward-backward algorithm."""
    alphas = _forward(scores, counts, transitions, rows)
    each = torch.split(scores, list(counts))
    W = transitions.between.T.exp().contiguous()
    betas = [transitions.end.expand(counts[-1], -1)]
    for step in range(len(counts) - 1, 0, -1):
        after = _log_product(each[step] + betas[-1], W, rows)
        betas.append(torch.cat([after, transitions.end.expand(counts[step - 1] - counts[step], -1)]))
    both = torch.cat(alphas) + torch.cat(betas[::-1])
    return both.log_softmax(1)  # minus log Z, which is the same at every token of a sentence


def viterbi(scores: Tensor, counts: Sequence[int], transitions: Transitions) -> Tensor:
    """The most probable sequence of each sentence: its tags, (N,)."""
    each = torch.split(scores, list(counts))
    into = transitions.between.T.contiguous()  # (K, K): a tag, and the tag before it
    bests = [transitions.start + each[0]]  # of each step (n, K), the score of the best sequence that ends in a tag
    for step in range(1, len(counts)):
        blocks = torch.split(bests[-1][: counts[step]], max(1, MAX_PAIRS // into.numel()))
        most = torch.cat([(block[:, None] + into).amax(2) for block in blocks])
        bests.append(most + each[step])
    end = (_last(bests) + transitions.end).argmax(1)  # (B,), the last tag of each sentence
    found = [end[: counts[-1]]]
    for step in range(len(counts) - 1, 0, -1):
        tags = (bests[step - 1][: counts[step]] + into[found[-1]]).argmax(1)
        found.append(torch.cat([tags, end[counts[step] : counts[step - 1]]]))
    return torch.cat(found[::-1])


def log_conditionals(
    scores: Tensor, counts: Sequence[int], transitions: Transitions, tags: Tensor, at: Tensor
) -> Tensor:
    """The logarithm of the probability of each tag of some tokens, (n, K), if all other tokens have their tags."""
    n = torch.tensor([*counts, 0], device=at.device)
    starts = n.cumsum(0) - n  # (T + 1,)
    step = torch.searchsorted(starts, at, right=True) - 1
    step = step.clamp(max=len(counts) - 1)
    sentence = at - starts[step]
    before = transitions.between[tags[(at - n[step - 1]).clamp(min=0)]]
    after = transitions.between.T[tags[(at + n[step]).clamp(max=len(tags) - 1)]]
    before = torch.where(step[:, None] > 0, before, transitions.start)
    after = torch.where((sentence < n[step + 1])[:, None], after, transitions.end)
    return (scores[at] + before + after).log_softmax(1)


def _forward(scores: Tensor, counts: Sequence[int], transitions: Transitions, rows: int | None = None) -> list[Tensor]:
    """For each step (n, K): the logarithm of the sum over the sequences up to it that end in a tag."""
    each = torch.split(scores, list(counts))
    W = transitions.between.exp()
    alphas = [transitions.start + each[0]]
    for step in range(1, len(counts)):
        alphas.append(_log_product(alphas[-1][: counts[step]], W, rows) + each[step])
    return alphas


def _last(steps: Sequence[Tensor]) -> Tensor:
    """The rows of the last tokens of the sentences, (B, ...), of those of each step, (n, ...)."""
    counts = [len(step) for step in steps]
    return torch.cat([step[after:] for step, after in zip(steps, [*counts[1:], 0], strict=True)][::-1])


def _log_product(logs: Tensor, W: Tensor, rows: int | None) -> Tensor:
    """log(exp(logs) @ W), (n, K), without an overflow; a sum that is 0 counts as the smallest float."""
    largest = logs.detach().amax(1, keepdim=True)
    x = (logs - largest).exp()
    if rows is None:
        sums = x @ W
    else:  # in a product of few columns the last bits of a row depend on its place, on some processors
        W = nn.functional.pad(W, (0, max(0, MIN_COLUMNS - W.shape[1])))
        sums = (nn.functional.pad(x, (0, 0, 0, rows - len(x))) @ W)[: x.shape[0], : x.shape[1]]
    return sums.clamp(min=torch.finfo(sums.dtype).tiny).log() + largest
