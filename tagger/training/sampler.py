"""The lengths of sentences -> the batches of an epoch, each of sentences of similar length.

Of several corpora an epoch has more of a small one than its share, and fewer sentences of a large one. Of untagged
text it has a part.
"""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from tagger.model.collate import length_buckets


class Mixture:
    """The sentences of several corpora, or of a corpus and of untagged text, that an epoch reads.

    A corpus is read in an order drawn at random to its end, then in another order. An epoch goes on where the last one
    stopped. So no sentence of a corpus is read twice more than another.
    """

    def __init__(self, corpora: np.ndarray, counts: np.ndarray, seed: int) -> None:
        """Finds the sentences of each corpus.

        Args:
            corpora: (N,) the number of each sentence's corpus, from 0.
            counts: (corpora,) how many sentences of each an epoch has, at least 1.
            seed: of the orders.
        """
        self._members = [np.flatnonzero(corpora == corpus) for corpus in range(len(counts))]
        self.counts, self._seed = counts, seed

    def sentences(self, epoch: int) -> np.ndarray:
        """(sum of `counts`,) the numbers of an epoch's sentences."""
        found = []
        for number, (members, count) in enumerate(zip(self._members, self.counts.tolist(), strict=True)):
            for turn in range(epoch * count // len(members), ((epoch + 1) * count - 1) // len(members) + 1):
                order = np.random.default_rng([self._seed, number, turn]).permutation(members)
                before = turn * len(members)  # sentences of this corpus that earlier turns have read
                found.append(order[max(0, epoch * count - before) : (epoch + 1) * count - before])
        return np.concatenate(found)


def tempered_counts(sizes: np.ndarray, temperature: float) -> np.ndarray:
    """How many sentences of each of several corpora an epoch has; in all about as many as they have together.

    A corpus of n sentences has a part in proportion to n ** (1 / temperature): Arivazhagan et al. (2019),
    https://arxiv.org/abs/1907.05019. At 1 every sentence is read once in an epoch.
    """
    weights = sizes.astype(np.float64) ** (1 / temperature)
    counts: np.ndarray = np.maximum(1, np.round(sizes.sum() * weights / weights.sum())).astype(np.int64)
    return counts


class BucketSampler(Sampler[tuple[np.ndarray, list[int] | None]]):
    """Yields the sentence numbers of each batch, and the seed of its word dropout.

    The batches depend on the seed and the epoch alone. Every epoch has the same number of batches, because the trainer
    computes its number of steps from the first. Of n processes, each takes every n-th batch. In training, the
    first batches are repeated until all processes have equally many.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        max_tokens: int,
        seed: int | None,
        rank: int = 0,
        world: int = 1,
        mixture: Mixture | None = None,
    ) -> None:
        """Counts the batches.

        Args:
            lengths: (N,) the number of tokens of each sentence.
            max_tokens: of a batch, padding included.
            seed: None: no shuffling, the batches in order of length.
            rank, world: the number of this process, and of all.
            mixture: says which sentences an epoch reads; None: all. With a seed alone.
        """
        self.mixture = mixture
        self.lengths, self.max_tokens, self.seed = lengths, max_tokens, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self._batches: tuple[int, list[np.ndarray]] | None = None
        first = lengths[self._sentences(0)]
        sorted_batches = len(list(length_buckets(first, max_tokens)))
        self._count = min(sorted_batches + sorted_batches // 50 + 1, len(first))  # shuffled sentences need a few more

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch; the trainer calls this before each."""
        self.epoch = epoch

    def _sentences(self, epoch: int) -> np.ndarray:
        return np.arange(len(self.lengths)) if self.mixture is None else self.mixture.sentences(epoch)

    def _plan(self) -> list[np.ndarray]:
        if self._batches is None or self._batches[0] != self.epoch:
            generator = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
            numbers = self._sentences(self.epoch)
            lengths = self.lengths[numbers]
            batches = list(length_buckets(lengths, self.max_tokens, generator))
            if generator is not None:
                if len(batches) > self._count:  # happens in tiny corpora
                    batches = [generator.permutation(batch) for batch in length_buckets(lengths, self.max_tokens)]
                if len(batches) > self._count:  # a mixture whose sentences are longer in this epoch than in the first
                    batches = [batches[i] for i in generator.permutation(len(batches))[: self._count]]
                while len(batches) < self._count:
                    longest = max(range(len(batches)), key=lambda i: len(batches[i]))
                    half = len(batches[longest]) // 2
                    batches[longest], rest = batches[longest][:half], batches[longest][half:]
                    batches.append(rest)
                batches = [batches[i] for i in generator.permutation(len(batches))]
                batches += [batches[i % len(batches)] for i in range(-len(batches) % self.world)]
            self._batches = self.epoch, [numbers[batch] for batch in batches]
        return self._batches[1]

    def __iter__(self) -> Iterator[tuple[np.ndarray, list[int] | None]]:
        for i, numbers in enumerate(self._plan()):
            if i % self.world == self.rank:
                yield numbers, None if self.seed is None else [self.seed, self.epoch, i]

    def __len__(self) -> int:
        return len(range(self.rank, len(self._plan()), self.world))
