"""The plan of an epoch: every sentence once, the same for the same seed, shared out among processes."""

from collections import Counter

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.training.data import BucketSampler, Mixture, tempered_counts

LIMIT = 40


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    return np.random.default_rng(3).lognormal(2.2, 0.8, 300).astype(np.int64).clip(1, 150)


def drawn(sampler: BucketSampler) -> list[list[int]]:
    return [numbers.tolist() for numbers, _ in sampler]


def test_batches_are_a_function_of_seed_and_epoch(lengths: np.ndarray) -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        sampler = BucketSampler(lengths, LIMIT, seed)
        sampler.set_epoch(epoch)
        return drawn(sampler)

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)


@pytest.mark.parametrize("sentences", [1, 2, 15, 200])
def test_every_epoch_has_equally_many_batches(sentences: int) -> None:
    lengths = np.random.default_rng(sentences).integers(1, 40, sentences)
    sampler = BucketSampler(lengths, 100, 1)
    for epoch in range(30):
        sampler.set_epoch(epoch)
        batches = [numbers for numbers, _ in sampler]
        assert len(batches) == len(sampler)
        assert sorted(np.concatenate(batches).tolist()) == list(range(sentences))
        assert all(len(b) == 1 or len(b) * lengths[b].max() <= 100 for b in batches)
    assert len({len(BucketSampler(lengths, 100, seed)) for seed in range(5)}) == 1


@pytest.mark.parametrize("world", [2, 3, 8])
def test_processes_share_the_training_batches_out(lengths: np.ndarray, world: int) -> None:
    whole = drawn(BucketSampler(lengths, LIMIT, 1))
    shares = [BucketSampler(lengths, LIMIT, 1, rank, world) for rank in range(world)]
    parts = [drawn(share) for share in shares]
    assert {len(part) for part in parts} == {-(-len(whole) // world)}
    assert [len(share) for share in shares] == [len(part) for part in parts]
    together = Counter(tuple(batch) for part in parts for batch in part)
    repeated = [tuple(batch) for batch in whole[: -len(whole) % world]]
    assert together == Counter([*map(tuple, whole), *repeated])


@pytest.mark.parametrize("limit", [LIMIT, 10**6])  # at the second dev is one batch
def test_dev_sentences_are_shared_out_without_repetition(lengths: np.ndarray, limit: int) -> None:
    parts = [drawn(BucketSampler(lengths, limit, None, rank, 4)) for rank in range(4)]
    assert all(parts)
    assert sorted(n for part in parts for batch in part for n in batch) == list(range(len(lengths)))
    with pytest.raises(InputError, match=r"^trainer.devices=4: a split has fewer sentences, 3; give fewer$"):
        BucketSampler(lengths[:3], limit, None, 0, 4)


LARGE, SMALL = 0, 1
CORPORA = np.array([SMALL] * 20 + [LARGE] * 280)


def mixture_of(temperature: float, seed: int = 1) -> Mixture:
    return Mixture(CORPORA, tempered_counts(np.bincount(CORPORA), temperature), seed)


def test_a_mixture_has_more_of_a_small_corpus_than_its_share() -> None:
    root = 20**0.5 / (20**0.5 + 280**0.5)
    sizes = np.bincount(CORPORA)
    assert tempered_counts(sizes, 2.0).tolist() == [round(300 * (1 - root)), round(300 * root)]
    assert tempered_counts(sizes, 1.0).tolist() == [280, 20]
    assert tempered_counts(sizes, 1e9).tolist() == [150, 150]
    assert tempered_counts(np.array([1, 1_000_000]), 1.0).tolist() == [1, 1_000_000]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 3.7])
def test_a_mixture_reads_the_sentences_of_a_corpus_equally_often(temperature: float) -> None:
    mixture = mixture_of(temperature, 3)
    read: Counter[int] = Counter()
    for epoch in range(7):
        numbers = mixture.sentences(epoch)
        assert len(numbers) == mixture.counts.sum()
        assert (CORPORA[numbers] == SMALL).sum() == mixture.counts[SMALL]
        assert np.array_equal(numbers, mixture_of(temperature, 3).sentences(epoch))  # whatever came before
        read.update(numbers.tolist())
        for corpus in (SMALL, LARGE):
            times = [read[number] for number in np.flatnonzero(corpus == CORPORA).tolist()]
            assert max(times) - min(times) <= 1
    assert not np.array_equal(mixture.sentences(0), mixture.sentences(1))
    assert not np.array_equal(mixture.sentences(0), mixture_of(temperature, 4).sentences(0))


@pytest.mark.parametrize("limit", [10, LIMIT, 400])
def test_batches_of_a_mixture(lengths: np.ndarray, limit: int) -> None:
    mixture = mixture_of(2.0)
    sampler = BucketSampler(lengths, limit, 1, mixture=mixture)
    for epoch in range(20):
        sampler.set_epoch(epoch)
        batches = drawn(sampler)
        assert len(batches) == len(sampler)
        assert all(len(batch) == 1 or lengths[batch].max() * len(batch) <= limit for batch in batches)
        left_out = Counter(mixture.sentences(epoch).tolist()) - Counter(n for batch in batches for n in batch)
        assert left_out.total() <= 15  # where an epoch has longer sentences than the first
    assert len({len(BucketSampler(lengths, limit, seed, mixture=mixture)) for seed in range(5)}) == 1
