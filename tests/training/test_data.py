"""Batches of a corpus, the same for the same seed: sentences of an epoch, values of other columns beside tags."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets

from tagger.corpus.splits import CORPUS
from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.model.vocabulary import IGNORE, NO_CORPUS, UNK, UNSEEN, Vocabulary
from tagger.training import data as reading
from tagger.training.auxiliary import MIN_COUNT, Auxiliary
from tagger.training.data import BatchOptions, BucketSampler, Mixture, TaggerDataModule, tempered_counts
from tagger.training.teacher import TeacherTargets
from tests.training.test_module import make_module

LIMIT = 40


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


def epoch_of(module: TaggerDataModule, epoch: int = 0) -> list[Batch]:
    """The training batches of an epoch, as the trainer draws them."""
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return list(loader)


def contents(batches: list[Batch]) -> list[tuple[list, ...]]:
    return [
        (b.index.tolist(), b.features["words"].tolist(), b.lengths.tolist(), b.targets["upos"].tolist())
        for b in batches
    ]


def test_batches_are_the_same_for_the_same_seed_and_hide_words_in_training(
    splits: DatasetDict, words: Vocabulary
) -> None:
    def batches(word_dropout: float, seed: int, epoch: int) -> list[tuple[list, ...]]:
        torch.manual_seed(seed * epoch)  # which must not matter
        reading = BatchOptions(LIMIT, word_dropout, seed=seed)
        return contents(epoch_of(TaggerDataModule(splits, make_module(words).table, reading), epoch))

    for dropout in (0.0, 0.3):
        first = batches(dropout, 1, 0)
        assert batches(dropout, 1, 0) == first
        assert batches(dropout, 1, 2) == batches(dropout, 1, 2) != first != batches(dropout, 2, 0)
    both = DatasetDict(train=splits["train"], dev=splits["train"])
    module = TaggerDataModule(both, make_module(words).table, BatchOptions(LIMIT, 0.5))
    hidden = [int((b.features["words"][b.index] == UNK).sum()) for b in epoch_of(module)]
    assert sum(hidden) > 50
    assert not any((b.features["words"] == UNK).any() for b in module.val_dataloader())
    dev = Dataset.from_dict({"tokens": [["x", "y", "z"], ["x"]], "upos": [["a", "_", "NEW"], ["b"]]})
    module = TaggerDataModule(
        DatasetDict(train=splits["train"], dev=dev), make_module(words).table, BatchOptions(LIMIT)
    )
    (batch,) = module.val_dataloader()
    assert batch.lengths.tolist() == [1, 3]
    assert batch.targets["upos"].T.tolist() == [[1, IGNORE, IGNORE], [0, IGNORE, UNSEEN]]


def test_the_corpus_is_told_in_training_alone_and_not_always(
    splits: DatasetDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a"] * 10 + ["b"] * 50
    mixed = DatasetDict(train=splits["train"].add_column(CORPUS, names), dev=splits["train"].add_column(CORPUS, names))
    words = replace(Vocabulary.build(splits["train"], ["upos"], min_count=1), corpora=["b", "a"])
    number = {tuple(tokens): i for i, tokens in enumerate(splits["train"]["tokens"])}

    def told(dropout: float, temperature: float = 1.0) -> list[tuple[str, int]]:
        """The corpus of each training sentence, and the id that the network gets."""
        monkeypatch.setattr(reading, "CORPORA_TEMPERATURE", temperature)
        module = TaggerDataModule(mixed, make_module(words).table, BatchOptions(LIMIT, 0.0, dropout))
        found = []
        for batch in epoch_of(module):
            for i, length in enumerate(batch.lengths.tolist()):
                ids = batch.features["words"][batch.index[:length, i]].tolist()
                tokens = tuple(list(words.words)[k - 2] for k in ids)
                found.append((names[number[tokens]], int(batch.corpora[i])))
        dev = [batch.corpora for batch in module.val_dataloader()]
        if dropout:
            assert all(corpora is None for corpora in dev)
        else:
            assert Counter(torch.cat([c for c in dev if c is not None]).tolist()) == {2: 10, 1: 50}
        return found

    always = told(0.0)
    assert Counter(always) == {("a", 2): 10, ("b", 1): 50}
    assert Counter(told(1.0)) == {("a", 0): 10, ("b", 0): 50}
    half = told(0.5)
    assert set(half) == {("a", 2), ("b", 1), ("a", 0), ("b", 0)}
    assert half == told(0.5)
    mixture = Counter(name for name, _ in told(0.0, 1e9))
    assert mixture == {"a": 30, "b": 30}


class Described(TeacherTargets):
    """Says of every token its place in its sentence and the number of the sentence, as tag and probability."""

    def __init__(self, sentences: Dataset, text_sentences: int) -> None:
        self.sentences, self.text_sentences = sentences, text_sentences

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        places, sentences = np.meshgrid(np.arange(12), numbers, indexing="ij")  # (T, B)
        found = np.stack([places, sentences], axis=-1)[:, :, None].astype(np.float32)
        return {"upos": found, "lemma": found.copy()}


def test_what_is_known_of_a_word_stays_with_it_when_it_is_spoilt() -> None:
    rows = []
    for number in range(60):
        tokens = [f"Word{c}" for c in "abcdefghijk"[: number % 11 + 1]]
        more = {"xpos": ["_"] * len(tokens), "feats": [f"Place=P{place}" for place in range(len(tokens))]}
        rows.append({"tokens": [*tokens, "."], "upos": [*tokens, "."]} | {k: [*v, "_"] for k, v in more.items()})
    text = [{"tokens": row["tokens"], "upos": ["_"] * len(row["tokens"]), "xpos": [], "feats": []} for row in rows[:30]]
    train = Dataset.from_list(rows).add_column(CORPUS, ["a"] * 30 + ["b"] * 30)  # type: ignore[arg-type]
    untagged = Dataset.from_list(text, Dataset.from_list(rows).features).add_column(CORPUS, [""] * 30)  # type: ignore[arg-type]
    both = concatenate_datasets([train, untagged])
    words = replace(Vocabulary.build(rows, ["upos"], min_count=1), corpora=["a", "b"])
    auxiliary = Auxiliary([f"Place=P{place}" for place in range(12)], [("a", "feats"), ("b", "feats")])

    def batches(epoch: int, noise: float = 1.0) -> list[Batch]:
        splits, read_as = DatasetDict(train=train, dev=train), BatchOptions(60, 0.0, noise=noise)
        return epoch_of(
            TaggerDataModule(splits, make_module(words).table, read_as, auxiliary, Described(both, 20)), epoch
        )

    read: Counter[int] = Counter()
    joined = spoilt = untaught = words_read = 0
    tags = words.tag_ids["upos"]
    for batch in [batch for epoch in range(4) for batch in batches(epoch)]:
        for i, length in enumerate(batch.lengths.tolist()):
            places, sentences = batch.teacher["upos"][:length, i, 0].int().unbind(-1)
            read.update(set(sentences.tolist()))
            joined += len(sentences.unique()) > 1
            ids = batch.features["words"][batch.index[:length, i]]
            assert not batch.teacher["upos"][length:, i].any()
            lemmas = batch.teacher["lemma"][:length, i, 0]
            is_untaught = (lemmas == torch.tensor([-1.0, 0.0])).all(-1)
            assert (is_untaught | (lemmas == batch.teacher["upos"][:length, i, 0]).all(-1)).all()
            assert is_untaught[ids == UNK].all()
            untaught += int(is_untaught.sum())
            words_read += length
            for place, number, target, of_word, word in zip(
                places, sentences, batch.targets["upos"][:length, i], batch.auxiliary[:length, i], ids, strict=True
            ):
                form = both[int(number)]["tokens"][place]
                spoilt += int(word) == UNK
                assert int(target) == (tags[form] if number < 60 else IGNORE)
                is_end = place == len(both[int(number)]["tokens"]) - 1
                expected = [-1.0] * 12 if number >= 60 else [float(p == place and not is_end) for p in range(12)]
                assert of_word.tolist() == expected
            corpus = NO_CORPUS if sentences[0] >= 60 else 1 + (both[int(sentences[0])][CORPUS] == "b")
            assert all((n >= 60) == (sentences[0] >= 60) for n in sentences)
            assert batch.corpora[i] in (corpus, NO_CORPUS)
    assert {n: count for n, count in read.items() if n < 60} == dict.fromkeys(range(60), 4)
    assert sum(count for n, count in read.items() if n >= 60) == 80
    assert joined > 5
    assert spoilt > 50  # words with typing errors
    assert spoilt <= untaught < 0.9 * words_read
    assert contents(batches(1)) == contents(batches(1))
    assert contents(batches(1)) != contents(batches(2))
    assert contents(batches(1, 0.0)) != contents(batches(1))


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    return np.random.default_rng(3).lognormal(2.2, 0.8, 300).astype(np.int64).clip(1, 150)


def drawn(sampler: BucketSampler) -> list[list[int]]:
    return [numbers.tolist() for numbers, _ in sampler]


@pytest.mark.parametrize("limit", [10, LIMIT, 100, 400])
@pytest.mark.parametrize("sentences", [1, 2, 15, 200, None])
def test_every_epoch_has_equally_many_batches(lengths: np.ndarray, sentences: int | None, limit: int) -> None:
    mixture = None if sentences else mixture_of(2.0)
    lengths = lengths[:sentences] if sentences else np.where(lengths > 20, 150, 1)  # some epochs have more long ones
    sampler = BucketSampler(lengths, limit, 1, mixture=mixture)
    counts = {len(BucketSampler(lengths, limit, seed, mixture=mixture)) for seed in range(5)}
    for epoch in range(20):
        sampler.set_epoch(epoch)
        batches = drawn(sampler)
        assert {len(batches)} == {len(sampler)} == counts
        read = mixture.sentences(epoch).tolist() if mixture else range(len(lengths))
        assert Counter(read) == Counter(number for batch in batches for number in batch)
        large = [batch for batch in batches if len(batch) > 1 and lengths[batch].max() * len(batch) > limit]
        # of a mixture two in one, where an epoch has longer sentences than the first
        assert len(large) <= (len(batches) / 5 if mixture else 0)


def test_processes_share_batches_and_dev_sentences_out(lengths: np.ndarray) -> None:
    whole = drawn(BucketSampler(lengths, LIMIT, 1))
    for world in (2, 3, 8):
        shares = [BucketSampler(lengths, LIMIT, 1, rank, world) for rank in range(world)]
        parts = [drawn(share) for share in shares]
        assert {len(part) for part in parts} == {-(-len(whole) // world)}
        assert [len(share) for share in shares] == [len(part) for part in parts]
        together = Counter(tuple(batch) for part in parts for batch in part)
        repeated = [tuple(batch) for batch in whole[: -len(whole) % world]]
        assert together == Counter([*map(tuple, whole), *repeated])
    for limit in (LIMIT, 10**6):  # at the second dev is one batch
        parts = [drawn(BucketSampler(lengths, limit, None, rank, 4)) for rank in range(4)]
        assert all(parts)
        assert sorted(n for part in parts for batch in part for n in batch) == list(range(len(lengths)))
    with pytest.raises(InputError, match=r"^trainer.devices=4: a split has fewer sentences, 3; give fewer$"):
        BucketSampler(lengths[:3], LIMIT, None, 0, 4)


LARGE, SMALL = 0, 1
CORPORA = np.array([SMALL] * 20 + [LARGE] * 280)


def mixture_of(temperature: float, seed: int = 1) -> Mixture:
    return Mixture(CORPORA, tempered_counts(np.bincount(CORPORA), temperature), seed)


def test_mixtures_have_more_of_a_small_corpus_and_read_its_sentences_equally_often() -> None:
    root = 20**0.5 / (20**0.5 + 280**0.5)
    sizes = np.bincount(CORPORA)
    assert tempered_counts(sizes, 2.0).tolist() == [round(300 * (1 - root)), round(300 * root)]
    assert tempered_counts(sizes, 1.0).tolist() == [280, 20]
    assert tempered_counts(sizes, 1e9).tolist() == [150, 150]
    assert tempered_counts(np.array([1, 1_000_000]), 1.0).tolist() == [1, 1_000_000]
    for temperature in (1.0, 2.0, 3.7):
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


ROWS = {
    "tokens": [["Dogs", "bark"], ["Well"]],
    "xpos": [["NNS", "VBP"], ["UH"]],
    "feats": [["Number=Plur", "Number=Plur|Tense=Pres"], ["_"]],
}
FEATS, XPOS = ["Number=Plur", "Tense=Pres"], ["xpos=NNS", "xpos=UH", "xpos=VBP"]


def corpus(**changes: list[Any]) -> Dataset:
    return Dataset.from_dict({name: lists * MIN_COUNT for name, lists in (ROWS | changes).items()})


def test_frequent_values_are_learned_and_a_batch_marks_what_holds_or_is_unknown() -> None:
    for data, columns, names in (
        (corpus(), ["upos"], FEATS + XPOS),  # the most frequent first
        (corpus(), ["upos", "xpos"], FEATS),  # what the tagger learns is none
        (corpus().select(range(2, 2 * MIN_COUNT)), ["upos"], FEATS[:1]),  # one time less
        (corpus(xpos=[["_", "_"], ["_"]], feats=[[], []]), ["upos"], []),
    ):
        assert Auxiliary.of(data, columns).values == names
    auxiliary = Auxiliary(["Number=Plur", "xpos=UH"])
    plural, other = [1, 0], [0, 1]  # both words of the first sentence are plural
    assert auxiliary.matrix(ROWS, [2, 1]).tolist() == [[plural, other], [plural, [0, 0]]]
    assert not auxiliary.matrix({"xpos": [[], []], "feats": [[], []]}, [2, 1]).any()
    names = ["first", "second"]
    auxiliary = Auxiliary.of(corpus(**{CORPUS: names}), ["upos"])
    assert auxiliary.annotated == {("first", "xpos"), ("first", "feats"), ("second", "xpos")}
    found = auxiliary.matrix(ROWS | {CORPUS: names}, [2, 1])
    assert (found[:, 1, auxiliary.values.index("Number=Plur")] == -1).all()
    assert found[0, 1, auxiliary.values.index("xpos=UH")] == 1
    assert (found[:, 0] >= 0).all()
