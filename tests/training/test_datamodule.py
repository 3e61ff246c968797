"""Batches of a corpus: every sentence once an epoch, the same for the same seed, shared out among processes."""

from collections import Counter

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict

from tagger.model.batch import IGNORE, UNK, UNSEEN, Batch
from tagger.model.vocabulary import Vocabulary
from tagger.training.datamodule import TaggerDataModule, token_counts
from tagger.training.sampler import BucketSampler
from tests.conftest import BUCKETS

LIMIT = 40


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    return np.random.default_rng(3).lognormal(2.2, 0.8, 300).astype(np.int64).clip(1, 150)


def make_split(seed: int, count: int) -> Dataset:
    """Sentences of 1 to 12 words, each of which ends in the sentence's number."""
    random = np.random.default_rng(seed)
    tokens = [[f"{w}{i}" for w in random.choice(["a", "b", "c"], random.integers(1, 13))] for i in range(count)]
    return Dataset.from_dict({"id": range(count), "tokens": tokens, "upos": [[w[0] for w in s] for s in tokens]})


@pytest.fixture(scope="module")
def splits() -> DatasetDict:
    return DatasetDict(train=make_split(1, 60), dev=make_split(2, 25))


@pytest.fixture(scope="module")
def words(splits: DatasetDict) -> Vocabulary:
    return Vocabulary.build(splits["train"], ["upos"], min_count=1)


def drawn(sampler: BucketSampler) -> list[list[int]]:
    return [numbers.tolist() for numbers, _ in sampler]


def epoch_of(module: TaggerDataModule, epoch: int = 0) -> list[Batch]:
    """The training batches of an epoch, as the trainer draws them."""
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return list(loader)


def contents(batches: list[Batch]) -> list[tuple[list, ...]]:
    return [(b.index.tolist(), b.words.tolist(), b.lengths.tolist(), b.targets["upos"].tolist()) for b in batches]


@pytest.mark.parametrize("seed", [None, 1])
def test_every_sentence_comes_once_an_epoch_within_the_limit(lengths: np.ndarray, seed: int | None) -> None:
    sampler = BucketSampler(lengths, LIMIT, seed)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = drawn(sampler)
        assert len(batches) == len(sampler)
        assert sorted(n for batch in batches for n in batch) == list(range(len(lengths)))
        assert all(len(batch) == 1 or lengths[batch].max() * len(batch) <= LIMIT for batch in batches)
    assert any(lengths[batch].max() > LIMIT for batch in batches)


def test_batches_are_a_function_of_seed_and_epoch(lengths: np.ndarray) -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        sampler = BucketSampler(lengths, LIMIT, seed)
        sampler.set_epoch(epoch)
        return drawn(sampler)

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)
    sampler = BucketSampler(lengths, LIMIT, 1)
    for epoch in (0, 1, 2):
        sampler.set_epoch(epoch)
        drawn(sampler)
    assert drawn(sampler) == plan(1, 2)  # whatever came before


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


def test_word_dropout_has_a_seed_of_its_own_for_every_batch(lengths: np.ndarray) -> None:
    sampler = BucketSampler(lengths, LIMIT, 1)
    seeds = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        seeds += [tuple(seed) for _, seed in sampler if seed is not None]
        assert all(seed is not None for _, seed in sampler)
    assert len(set(seeds)) == len(seeds)
    assert all(seed is None for _, seed in BucketSampler(lengths, LIMIT, None))


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


def test_two_processes_have_no_training_sentence_in_common() -> None:
    lengths = np.full(38, 10)  # 19 batches of 2 and one for mixing: nothing has to be repeated
    first, second = (drawn(BucketSampler(lengths, 20, 1, rank, 2)) for rank in (0, 1))
    assert len(first) == len(second) == 10
    assert sorted(n for batch in first + second for n in batch) == list(range(38))


def test_dev_sentences_are_shared_out_without_repetition(lengths: np.ndarray) -> None:
    parts = [drawn(BucketSampler(lengths, LIMIT, None, rank, 4)) for rank in range(4)]
    assert sorted(n for part in parts for batch in part for n in batch) == list(range(len(lengths)))


@pytest.mark.parametrize(("sentences", "world"), [(1, 4), (3, 8), (2, 2)])
def test_all_processes_train_on_equally_many_batches_of_a_tiny_corpus(sentences: int, world: int) -> None:
    samplers = [BucketSampler(np.full(sentences, 10), 10, 1, rank, world) for rank in range(world)]
    assert [len(drawn(sampler)) for sampler in samplers] == [1] * world


def test_batches_hold_the_sentences_with_their_tags(splits: DatasetDict, words: Vocabulary) -> None:
    module = TaggerDataModule(splits, words, BUCKETS, batch_tokens=LIMIT, word_dropout=0.0)
    seen = []
    for batch in epoch_of(module):
        assert batch.index.shape[0] * batch.index.shape[1] <= LIMIT
        for i, length in enumerate(batch.lengths.tolist()):
            tokens = [list(words.words)[k - 2] for k in batch.words[batch.index[:length, i]].tolist()]
            assert [words.tags["upos"][k] for k in batch.targets["upos"][:length, i]] == [t[0] for t in tokens]
            assert (batch.targets["upos"][length:, i] == IGNORE).all()
            seen.append(tokens)
    assert sorted(seen) == sorted(splits["train"]["tokens"])


def test_the_same_seed_gives_the_same_batches(splits: DatasetDict, words: Vocabulary) -> None:
    def batches(seed: int, epoch: int) -> list[tuple[list, ...]]:
        torch.manual_seed(seed * epoch)  # which must not matter
        return contents(epoch_of(TaggerDataModule(splits, words, BUCKETS, LIMIT, 0.3, seed), epoch))

    assert batches(1, 0) == batches(1, 0)
    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 0) != batches(1, 2)
    assert batches(1, 0) != batches(2, 0)


def test_drawing_batches_leaves_the_global_generator_alone(splits: DatasetDict, words: Vocabulary) -> None:
    module = TaggerDataModule(splits, words, BUCKETS, LIMIT)
    before = torch.get_rng_state()
    epoch_of(module)
    list(module.val_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_words_are_hidden_in_training_alone(splits: DatasetDict, words: Vocabulary) -> None:
    module = TaggerDataModule(DatasetDict(train=splits["train"], dev=splits["train"]), words, BUCKETS, LIMIT, 0.5)
    hidden = [int((b.words[b.index] == UNK).sum()) for b in epoch_of(module)]
    assert sum(hidden) > 50
    assert not any((b.words == UNK).any() for b in module.val_dataloader())


def test_dev_comes_in_order_of_length_with_unseen_tags(splits: DatasetDict, words: Vocabulary) -> None:
    dev = Dataset.from_dict({"tokens": [["x", "y", "z"], ["x"]], "upos": [["a", "_", "NEW"], ["b"]]})
    module = TaggerDataModule(DatasetDict(train=splits["train"], dev=dev), words, BUCKETS, LIMIT)
    (batch,) = module.val_dataloader()
    assert batch.lengths.tolist() == [1, 3]
    assert batch.targets["upos"].T.tolist() == [[1, IGNORE, IGNORE], [0, IGNORE, UNSEEN]]


def test_token_counts_of_a_corpus_and_of_parts_of_it(splits: DatasetDict) -> None:
    train = splits["train"]
    expected = [len(tokens) for tokens in train["tokens"]]
    assert token_counts(train).tolist() == expected
    assert token_counts(train.select(range(20, 30))).tolist() == expected[20:30]
    assert token_counts(train.select([7, 3, 3, 50])).tolist() == [expected[i] for i in (7, 3, 3, 50)]
    many = Dataset.from_dict({"tokens": [["a"] * (i % 3 + 1) for i in range(20_500)]})
    assert token_counts(many).tolist() == [i % 3 + 1 for i in range(20_500)]
