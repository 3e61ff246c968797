"""The lengths of sentences -> the batches of an epoch, each of sentences of similar length."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from tagger.model.collate import length_buckets


class BucketSampler(Sampler[tuple[np.ndarray, list[int] | None]]):
    """Yields the sentence numbers of each batch, and the seed of its word dropout.

    The batches depend on the seed and the epoch alone. Every epoch has the same number of batches, because the trainer
    computes its number of steps from the first. Of n processes, each takes every n-th batch. In training, the
    first batches are repeated until all processes have equally many.
    """

    def __init__(self, lengths: np.ndarray, max_tokens: int, seed: int | None, rank: int = 0, world: int = 1) -> None:
        """Counts the batches.

        Args:
            lengths: (N,) the number of tokens of each sentence.
            max_tokens: of a batch, padding included.
            seed: None: no shuffling, the batches in order of length.
            rank: the number of this process.
            world: the number of processes.
        """
        self.lengths, self.max_tokens, self.seed = lengths, max_tokens, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self._batches: tuple[int, list[np.ndarray]] | None = None
        sorted_batches = len(list(length_buckets(lengths, max_tokens)))
        self._count = min(sorted_batches + sorted_batches // 50 + 1, len(lengths))  # shuffled sentences need a few more

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch; the trainer calls this before each."""
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
