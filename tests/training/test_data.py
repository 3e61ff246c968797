"""Batches of a corpus: sentences with their tags, the same for the same seed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets

from tagger.corpus.splits import CORPUS
from tagger.model.batch import Batch
from tagger.model.vocabulary import IGNORE, NO_CORPUS, UNK, UNSEEN, Vocabulary
from tagger.training.auxiliary import Distillation, Facts, Targets
from tagger.training.data import TaggerDataModule
from tests.conftest import network_config

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


def test_the_same_seed_gives_the_same_batches(splits: DatasetDict, words: Vocabulary) -> None:
    def batches(seed: int, epoch: int) -> list[tuple[list, ...]]:
        torch.manual_seed(seed * epoch)  # which must not matter
        return contents(epoch_of(TaggerDataModule(splits, words, network_config(), LIMIT, 0.3, seed), epoch))

    assert batches(1, 0) == batches(1, 0)
    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 0) != batches(1, 2)
    assert batches(1, 0) != batches(2, 0)


def test_words_are_hidden_in_training_alone(splits: DatasetDict, words: Vocabulary) -> None:
    module = TaggerDataModule(
        DatasetDict(train=splits["train"], dev=splits["train"]), words, network_config(), LIMIT, 0.5
    )
    hidden = [int((b.features["words"][b.index] == UNK).sum()) for b in epoch_of(module)]
    assert sum(hidden) > 50
    assert not any((b.features["words"] == UNK).any() for b in module.val_dataloader())


def test_dev_comes_in_order_of_length_with_unseen_tags(splits: DatasetDict, words: Vocabulary) -> None:
    dev = Dataset.from_dict({"tokens": [["x", "y", "z"], ["x"]], "upos": [["a", "_", "NEW"], ["b"]]})
    module = TaggerDataModule(DatasetDict(train=splits["train"], dev=dev), words, network_config(), LIMIT)
    (batch,) = module.val_dataloader()
    assert batch.lengths.tolist() == [1, 3]
    assert batch.targets["upos"].T.tolist() == [[1, IGNORE, IGNORE], [0, IGNORE, UNSEEN]]


def test_the_corpus_is_told_in_training_alone_and_not_always(splits: DatasetDict) -> None:
    names = ["a"] * 10 + ["b"] * 50
    mixed = DatasetDict(train=splits["train"].add_column(CORPUS, names), dev=splits["train"].add_column(CORPUS, names))
    words = replace(Vocabulary.build(splits["train"], ["upos"], min_count=1), corpora=["b", "a"])
    number = {tuple(tokens): i for i, tokens in enumerate(splits["train"]["tokens"])}

    def told(**options: float) -> list[tuple[str, int]]:
        """The corpus of each training sentence, and the id that the network gets."""
        options = {"corpora_temperature": 1.0, **options}
        module = TaggerDataModule(mixed, words, network_config(), LIMIT, word_dropout=0.0, **options)  # type: ignore[arg-type]
        found = []
        for batch in epoch_of(module):
            assert batch.corpora is not None
            for i, length in enumerate(batch.lengths.tolist()):
                ids = batch.features["words"][batch.index[:length, i]].tolist()
                tokens = tuple(list(words.words)[k - 2] for k in ids)
                found.append((names[number[tokens]], int(batch.corpora[i])))
        dev = [batch.corpora for batch in module.val_dataloader()]
        if options["unnamed"]:
            assert all(corpora is None for corpora in dev)
        else:
            assert Counter(torch.cat([c for c in dev if c is not None]).tolist()) == {2: 10, 1: 50}
        return found

    always = told(unnamed=0.0)
    assert Counter(always) == {("a", 2): 10, ("b", 1): 50}
    assert Counter(told(unnamed=1.0)) == {("a", 0): 10, ("b", 0): 50}
    half = told(unnamed=0.5)
    assert set(half) == {("a", 2), ("b", 1), ("a", 0), ("b", 0)}
    assert half == told(unnamed=0.5)
    mixture = Counter(name for name, _ in told(corpora_temperature=1e9, unnamed=0.0))
    assert mixture == {"a": 30, "b": 30}


class Described(Targets):
    """Says of every token its place in its sentence and the number of the sentence, as tag and probability."""

    def __init__(self) -> None:
        pass

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        places, sentences = np.meshgrid(np.arange(12), numbers, indexing="ij")  # (T, B)
        found = np.stack([places, sentences], axis=-1)[:, :, None].astype(np.float32)
        return {"upos": found, "lemma": found.copy()}


def test_what_is_known_of_a_word_stays_with_it_when_it_is_spoilt() -> None:
    rows = []
    for number in range(60):
        tokens = [f"Word{c}" for c in "abcdefghijk"[: number % 11 + 1]]
        facts = {"xpos": ["_"] * len(tokens), "feats": [f"Place=P{place}" for place in range(len(tokens))]}
        rows.append({"tokens": [*tokens, "."], "upos": [*tokens, "."]} | {k: [*v, "_"] for k, v in facts.items()})
    text = [{"tokens": row["tokens"], "upos": ["_"] * len(row["tokens"]), "xpos": [], "feats": []} for row in rows[:30]]
    train = Dataset.from_list(rows).add_column(CORPUS, ["a"] * 30 + ["b"] * 30)  # type: ignore[arg-type]
    untagged = Dataset.from_list(text, Dataset.from_list(rows).features).add_column(CORPUS, [""] * 30)  # type: ignore[arg-type]
    both = concatenate_datasets([train, untagged])
    words = replace(Vocabulary.build(rows, ["upos"], min_count=1), corpora=["a", "b"])
    facts = Facts([f"Place=P{place}" for place in range(12)], [("a", "feats"), ("b", "feats")])

    def batches(epoch: int, noise: float = 1.0) -> list[Batch]:
        distilled = Distillation(both, 20, Described())
        splits = DatasetDict(train=train, dev=train)
        options: dict[str, Any] = {"facts": facts, "distilled": distilled, "noise": noise}
        return epoch_of(TaggerDataModule(splits, words, network_config(), 60, 0.0, **options), epoch)

    read: Counter[int] = Counter()
    joined = spoilt = untaught = words_read = 0
    tags = words.tag_ids["upos"]
    for batch in [batch for epoch in range(4) for batch in batches(epoch)]:
        assert batch.facts is not None
        assert batch.corpora is not None
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
                places, sentences, batch.targets["upos"][:length, i], batch.facts[:length, i], ids, strict=True
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
