"""Sentences with tags -> the weights of a `LinearChain`: training the linear chain of a tagger.

The loss is that of a CRF, the negative log-probability of the gold tags, summed over the sentences, with penalties on
the weights: c1 * sum |w| + c2 * sum w ** 2. The first makes most weights exactly 0, so that few features are left.
OWL-QN makes it small (Andrew and Gao 2007, "Scalable training of L1-regularized log-linear models"): L-BFGS that knows
that the first penalty has a corner at 0. There is no randomness in it.

The gradient of a sentence's scores is summed over the terms of forms first, and then over the features of forms, of
which there are far fewer than tokens.
"""

# U distinct forms, N packed tokens, K tags

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn

from tagger.bundle.bundle import Linear
from tagger.model.batch import plan_batches
from tagger.model.crf import Transitions, losses
from tagger.model.decoder import MAX_CRF_TAGS
from tagger.model.linear_chain import EDGE, OFFSETS, TABLES, FeatureTable, LinearChain, term_places, token_scores
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.words.dictionary import Dictionary, open_dictionary

L1, L2 = 0.02, 0.03  # c1 and c2
MAX_ITERATIONS = 60
PAIRS = 6  # steps and differences of gradients that L-BFGS remembers
MIN_DECREASE = 1e-4  # share of the decrease that the slope promises, for a step to be taken
MAX_HALVINGS = 20  # of a step

_log = logging.getLogger(__name__)


def linear_chains(
    weight: float, sentences: Dataset, vocabulary: Vocabulary, digests: Mapping[str, str]
) -> tuple[Linear, ...]:
    """The linear chain of a tagger's first column, trained; none if that has too many tags or no weight."""
    column = vocabulary.columns[0]
    ids, codec = vocabulary.tag_ids[column], vocabulary.codecs[column]
    if not weight or len(ids) > MAX_CRF_TAGS:
        return ()
    forms = sentences["tokens"][:]
    learned = map(codec.learned, forms, sentences[column][:])
    tags = [[ids.get(tag, IGNORE) for tag in each] for each in learned]
    dictionary = open_dictionary(**digests) if digests else None
    return (Linear(column, train_linear(forms, tags, len(ids), dictionary), weight),)


def train_linear(
    sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[int]], size: int, dictionary: Dictionary | None = None
) -> LinearChain:
    """Trains the linear-chain CRF of a column with `size` tags; a token without a gold tag has IGNORE."""
    ids = {EDGE: 0}
    of_tokens = np.array([ids.setdefault(form, len(ids)) for sentence in sentences for form in sentence])
    of_tags = torch.tensor([tag for sentence in tags for tag in sentence])
    parts = [
        (term_places(of_tokens[tokens], ids[EDGE], counts), of_tags[torch.from_numpy(tokens)], counts)
        for tokens, counts, _ in plan_batches(sentences)
    ]
    chain = LinearChain([0] * len(TABLES), size, dictionary)
    features = chain.features(list(ids))
    for i, (name, offsets) in enumerate(TABLES.items()):
        keys = {key for each in features for key in each[i]}
        chain.tables[name] = FeatureTable.of(keys, len(offsets) * size)
    rows = chain.rows(list(ids))
    count = minimize(chain, lambda: _loss(chain, rows, parts))
    found = LinearChain([0] * len(TABLES), size, dictionary)
    found.decoder.take_from(chain.decoder, range(size), range(size))
    for name, table in chain.tables.items():
        kept = found.tables[name] = cast(FeatureTable, table).kept()
        kept.weight.data = kept.weight.data.half().float()  # a file has them in two bytes
    said = "linear chain: %s features, %d iterations; epochs lack it, the table has it"
    _log.info(said, f"{sum(found.sizes):,}", count)
    return found.eval()


def _loss(chain: LinearChain, rows: Sequence[Tensor], parts: Sequence[tuple[list[Tensor], Tensor, list[int]]]) -> float:
    """The loss without penalties; adds its gradient to those of the weights.

    A part is sentences whose probabilities are computed together: their `term_places`, tags (N,) and lengths.
    """
    terms = chain(rows)  # (U, 5 * K)
    decoder = chain.decoder
    transitions = Transitions(decoder.start, decoder.end, decoder.transitions)
    gradient = torch.zeros_like(terms)
    flat = gradient.view(len(terms) * len(OFFSETS), -1)
    total = 0.0
    for places, tags, counts in parts:
        scores = token_scores(terms.detach(), places).requires_grad_()
        loss = losses(scores, tags, counts, transitions).sum()
        torch.autograd.backward(loss)
        assert scores.grad is not None
        for each in places:
            flat.index_add_(0, each, scores.grad)
        total += float(loss.detach())
    terms.backward(gradient)
    return total


def minimize(model: nn.Module, loss: Callable[[], float]) -> int:
    """Finds the weights that make the loss with its penalties small; returns the number of steps.

    `loss` computes what is made small without the penalties, and adds its gradient to those of the weights.
    """
    weights = list(model.parameters())
    x = torch.cat([each.detach().flatten() for each in weights])

    def compute(x: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient, of which the part of the first penalty is left out."""
        for weight, values in zip(weights, x.split_with_sizes([each.numel() for each in weights]), strict=True):
            weight.data, weight.grad = values.view_as(weight), None
        value = loss() + L1 * float(x.abs().sum()) + L2 * float(x.dot(x))
        gradient = torch.cat([each.grad.flatten() for each in weights if each.grad is not None])
        return value, gradient.add_(x, alpha=2 * L2)

    value, gradient = compute(x)
    pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=PAIRS)
    for step in range(MAX_ITERATIONS):
        slope = _slope(x, gradient)
        direction = -_newton(slope, pairs)
        direction[direction * slope >= 0] = 0
        side = torch.where(x == 0, -slope.sign(), x.sign())  # no weight changes its sign within a step
        size = 1.0 if pairs else 1 / max(float(slope.norm()), 1e-12)
        for _ in range(MAX_HALVINGS):
            new = x + size * direction
            new[new * side <= 0] = 0
            new_value, new_gradient = compute(new)
            if new_value <= value + MIN_DECREASE * float(slope.dot(new - x)):
                break
            size /= 2
        else:
            compute(x)  # rounding leaves nothing to gain
            return step
        change, bend = new - x, new_gradient - gradient
        if float(change.dot(bend)) > 0:
            pairs.append((change, bend))
        x, value, gradient = new, new_value, new_gradient
    return MAX_ITERATIONS


def _slope(x: Tensor, gradient: Tensor) -> Tensor:
    """The derivatives of the loss with both penalties; of a weight 0 that of the side on which the loss falls."""
    at_zero = gradient.sign() * (gradient.abs() - L1).clamp(min=0)
    return torch.where(x == 0, at_zero, gradient + L1 * x.sign())


def _newton(slope: Tensor, pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The inverse of the curvature that steps have shown, times the slope: the two loops of L-BFGS.

    Nocedal (1980), "Updating quasi-Newton matrices with limited storage". The oldest step comes first.
    """
    result, found = slope.clone(), []
    for change, bend in reversed(list(pairs)):
        share = float(change.dot(result) / change.dot(bend))
        result.add_(bend, alpha=-share)
        found.append((change, bend, share))
    if found:
        change, bend, _ = found[0]
        result *= change.dot(bend) / bend.dot(bend)
    for change, bend, share in reversed(found):
        result.add_(change, alpha=share - float(bend.dot(result) / change.dot(bend)))
    return result
