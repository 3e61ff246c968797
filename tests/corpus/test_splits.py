"""The dev split: a seeded share of train, or a fold."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.conftest import SEED, TREEBANK, conllu, error_of, first_words, numbered, rows, write


def test_english_corpora_name_the_rules_for_english_text(tmp_path: Path, treebank: Path) -> None:
    assert conllu(["upos"], path=str(treebank), seed=SEED).rules == "unicode"
    for folder, file in (
        ("UD_English-X", "x-ud-train.conllu"),
        ("ewt", "en_ewt-ud-train.conllu"),
        ("k", "ken_k-train.conllu"),
    ):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / file, TREEBANK)
        rules = conllu(["upos"], path=str(tmp_path / folder), seed=SEED).rules
        assert rules == ("unicode" if folder == "k" else "english")


def test_a_seeded_part_of_train_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 40))
    with caplog.at_level(logging.INFO, "tagger.corpus"):
        splits = conllu(["upos"], train=train, dev_share=0.1, seed=SEED).splits
    assert caplog.messages == ["train.conllu has no dev split: 4 sentences of train become dev, 36 stay"]
    assert first_words(splits["dev"]) == ["w1", "w2", "w11", "w23"], "the same on every machine"
    assert sorted(first_words(splits["dev"]) + first_words(splits["train"])) == sorted(f"w{i}" for i in range(40))
    other = conllu(["upos"], train=train, dev_share=0.1, seed=2).splits["dev"]
    assert first_words(other) != first_words(splits["dev"])
    same = conllu(["upos"], train=train, dev_share=0.1, dev_seed=SEED, seed=2).splits
    assert [first_words(same[name]) for name in ("train", "dev")] == [first_words(splits[n]) for n in ("train", "dev")]


@pytest.mark.parametrize(("dev_share", "dev"), [(0.001, 1), (0.5, 2), (0.999, 2)])
def test_neither_part_is_empty(tmp_path: Path, dev_share: float, dev: int) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 3))
    splits = conllu(["upos"], train=train, dev_share=dev_share, seed=SEED).splits
    assert splits.num_rows == {"train": 3 - dev, "dev": dev}


def test_folds_partition_train_and_dev(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"train": write(tmp_path / "train.conllu", numbered(0, 17)), "dev": write(tmp_path / "d", numbered(17, 23))}
    files["test"] = write(tmp_path / "test.conllu", numbered(90, 92))
    seen: list[str] = []
    for fold in range(5):
        with caplog.at_level(logging.INFO, "tagger.corpus"):
            splits = conllu(["upos"], **files, folds=5, fold=fold, seed=SEED).splits
        dev = first_words(splits["dev"])
        assert len(dev) in (4, 5)
        assert sorted(dev + first_words(splits["train"])) == sorted(f"w{i}" for i in range(23))
        assert first_words(splits["test"]) == ["w90", "w91"]
        seen += dev
    assert sorted(seen) == sorted(f"w{i}" for i in range(23))
    assert "fold 4 of 5, 4 sentences, is dev; train has 19" in caplog.messages[-1]


def test_folds_without_a_dev_split(tmp_path: Path) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 10))
    assert conllu(["upos"], train=train, folds=5, fold=0, seed=SEED).splits.num_rows == {"train": 8, "dev": 2}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folds": 5, "fold": 5}, ["corpus.fold is 5", "corpus.folds=5", "from 0 to 4"]),
        ({"folds": 5, "fold": -1}, ["corpus.fold is -1", "from 0 to 4"]),
        ({"folds": 5}, ["corpus.fold is None", "from 0 to 4"]),
        ({"fold": 1}, ["corpus.folds is None", "2 to 6 parts"]),
        ({"folds": 7, "fold": 1}, ["corpus.folds is 7", "2 to 6 parts"]),
        ({"folds": 1, "fold": 0}, ["corpus.folds is 1", "2 to 6 parts"]),
        ({"dev_share": 1.5}, ["corpus.dev_share is 1.5", "between 0 and 1"]),
    ],
)
def test_impossible_splits(tmp_path: Path, options: dict[str, Any], words: list[str]) -> None:
    message = error_of(conllu, ["upos"], train=write(tmp_path / "train.conllu", numbered(0, 6)), **options)
    assert all(word in message for word in words), message


def test_one_sentence_cannot_be_held_out(tmp_path: Path) -> None:
    message = error_of(conllu, ["upos"], train=write(tmp_path / "train.conllu", rows("a/X")))
    assert message == "train.conllu has one sentence and no dev split; give corpus.dev=FILE, or more sentences"
