"""A linear member of a tagger -> what it adds to the scores of packed tokens.

The terms of a form are computed when it is first seen, and the scores of tokens are sums of them, as in
`model/linear_chain.py`.
"""

# U forms, N tokens of a batch, K tags of the column

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tagger.bundle.linear_members import Linear
from tagger.model.linear_chain import EDGE, term_places, token_scores
from tagger.tagging.batches import PackedBatch
from tagger.tagging.form_cache import FormCache
from tagger.tagging.networks import NOTHING, Scores


class LinearScorer:
    """Runs one linear member, in float32; a `Scorer`. Its scores are sums of rows, the same in every shape."""

    def __init__(self, member: Linear, device: str, cache_size: int) -> None:
        """Takes the member, which stays on the CPU."""
        self._member, self._device = member, device
        self.cache = FormCache(self._terms, cache_size + 1)  # and `EDGE`

    def scores(
        self,
        forms: Sequence[str],
        columns: Sequence[str],
        fixed_shapes: bool,
        decided: Mapping[str, np.ndarray] = NOTHING,
    ) -> Scores:
        """See `Scorer.scores`; the tags of its column are never decided."""
        column = self._member.column
        if column not in columns:
            return lambda batch: {}
        of_all = self.cache.rows([EDGE, *forms]) if len(forms) < self.cache.capacity else None

        def scores(batch: PackedBatch) -> Mapping[str, Tensor]:
            if of_all is None:
                rows = self.cache.rows([EDGE, *(forms[i] for i in batch.tokens.tolist())])
                edge, tokens = rows[0], rows[1:]
            else:
                edge, tokens = of_all[0], of_all[1:][batch.tokens]
            places = [each.to(self._device) for each in term_places(tokens, edge, batch.counts)]
            return {column: token_scores(self.cache.values, places)}

        return scores

    @torch.no_grad()
    def _terms(self, forms: list[str]) -> list[tuple[np.ndarray, Tensor]]:
        """The terms of all forms at once, times the member's share, (U, 5 * K); see `FormCache`."""
        chain = self._member.chain
        terms: Tensor = chain(chain.rows(forms)) * self._member.share
        return [(np.arange(len(forms)), terms.to(self._device))]
