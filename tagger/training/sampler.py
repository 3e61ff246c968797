"""Seeded batches of sentences of near-equal length."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from tagger.model.collate import length_buckets


class BucketSampler(Sampler[tuple[np.ndarray, list[int] | None]]):
    """Yields the sentence numbers of each batch, and what seeds its word dropout.

    Order and content are a function of seed and epoch alone, and every epoch has equally many batches,
    as the trainer counts on. With several processes each takes every n-th batch; in training all take
    equally many (the first batches are repeated).
    """

    def __init__(self, lengths: np.ndarray, max_tokens: int, seed: int | None, rank: int = 0, world: int = 1) -> None:
        """Plans batches of at most `max_tokens` slots; `seed` None reads the sentences in order of length."""
        self.lengths, self.max_tokens, self.seed = lengths, max_tokens, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self._batches: tuple[int, list[np.ndarray]] | None = None
        sorted_batches = len(list(length_buckets(lengths, max_tokens)))
        self._count = min(sorted_batches + sorted_batches // 50 + 1, len(lengths))  # mixing lengths needs some more

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def _plan(self) -> list[np.ndarray]:
        if self._batches is None or self._batches[0] != self.epoch:
            generator = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
            batches = list(length_buckets(self.lengths, self.max_tokens, generator))
            if generator is not None:
                if len(batches) > self._count:  # happens in tiny corpora
                    batches = [generator.permutation(batch) for batch in length_buckets(self.lengths, self.max_tokens)]
                while len(batches) < self._count:
                    longest = max(range(len(batches)), key=lambda i: len(batches[i]))
                    half = len(batches[longest]) // 2
                    batches[longest], rest = batches[longest][:half], batches[longest][half:]
                    batches.append(rest)
                batches = [batches[i] for i in generator.permutation(len(batches))]
                batches += [batches[i % len(batches)] for i in range(-len(batches) % self.world)]
            self._batches = self.epoch, batches
        return self._batches[1]

    def __iter__(self) -> Iterator[tuple[np.ndarray, list[int] | None]]:
        for i, numbers in enumerate(self._plan()):
            if i % self.world == self.rank:
                yield numbers, None if self.seed is None else [self.seed, self.epoch, i]

    def __len__(self) -> int:
        return len(range(self.rank, len(self._plan()), self.world))
