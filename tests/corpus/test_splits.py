"""The dev split, a random share of train or a fold; sentences in the cache of `datasets`."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from tagger.corpus.corpus_config import CORPUS, CorpusConfig, single_configs
from tagger.corpus.splits import by_corpus, corpus_names
from tests.conftest import ROOT
from tests.corpus.conftest import (
    TREEBANK,
    column_files,
    conll_folder,
    conllu,
    error_of,
    first_words,
    hub,
    lists,
    numbered,
    parquet_folder,
    rows,
    write,
)


def test_english_corpora_name_the_rules_for_english_text(tmp_path: Path) -> None:
    for name in ("UD_English-X/x-ud-train", "ewt/en_ewt-ud-train", "k/ken-train"):
        folder = tmp_path / Path(name).parent
        folder.mkdir()
        write(tmp_path / f"{name}.conllu", TREEBANK)
        assert conllu(["upos"], path=str(folder)).rules == ("unicode" if folder.name == "k" else "english")


def test_a_random_part_of_train_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 40))
    with caplog.at_level(logging.INFO, "tagger.corpus"):
        splits = conllu(["upos"], train=train, dev_share=0.1).splits
    assert caplog.messages == ["train.conllu has no dev split: 4 sentences of train become dev, 36 stay"]
    assert first_words(splits["dev"]) == ["w1", "w2", "w11", "w23"], "the same on every machine"
    assert sorted(first_words(splits["dev"]) + first_words(splits["train"])) == sorted(f"w{i}" for i in range(40))
    for dev_share, dev in ((0.001, 1), (0.999, 2)):  # neither part is empty
        train = write(tmp_path / "train.conllu", numbered(0, 3))
        assert conllu(["upos"], train=train, dev_share=dev_share).splits.num_rows == {"train": 3 - dev, "dev": dev}


def test_folds_partition_train_and_dev(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"train": write(tmp_path / "train.conllu", numbered(0, 17)), "dev": write(tmp_path / "d", numbered(17, 23))}
    files["test"] = write(tmp_path / "test.conllu", numbered(90, 92))
    seen: list[str] = []
    for fold in range(5):
        with caplog.at_level(logging.INFO, "tagger.corpus"):
            splits = conllu(["upos"], **files, folds=5, fold=fold).splits
        dev = first_words(splits["dev"])
        assert len(dev) in (4, 5)
        assert sorted(dev + first_words(splits["train"])) == sorted(f"w{i}" for i in range(23))
        assert first_words(splits["test"]) == ["w90", "w91"]
        seen += dev
    assert sorted(seen) == sorted(f"w{i}" for i in range(23))
    assert "fold 4 of 5, 4 sentences, is dev; train has 19" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folds": 5, "fold": 5}, ["corpus.fold is 5", "corpus.folds=5", "from 0 to 4"]),
        ({"folds": 5}, ["corpus.fold is None", "from 0 to 4"]),
        ({"fold": 1}, ["corpus.folds is None", "2 to 6 parts"]),
        ({"folds": 7, "fold": 1}, ["corpus.folds is 7", "2 to 6 parts"]),
        ({"dev_share": 1.5}, ["corpus.dev_share=1.5: expected"]),
    ],
)
def test_impossible_splits(tmp_path: Path, options: dict[str, Any], words: list[str]) -> None:
    message = error_of(conllu, ["upos"], train=write(tmp_path / "train.conllu", numbered(0, 6)), **options)
    assert all(word in message for word in words), message


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A treebank without a dev and a test split."""
    folder = tmp_path / "UD_English-Other"
    folder.mkdir()
    write(folder / "en_other-ud-train.conllu", numbered(0, 20))
    return folder


def test_two_treebanks_become_one(treebank: Path, other: Path) -> None:
    corpus = conllu(["upos"], path=[str(treebank), str(other)])
    assert corpus.name == "UD_Tiny + UD_English-Other"
    assert corpus.parts == ("UD_Tiny", "UD_English-Other")
    assert corpus.rules == "unicode"  # not all are English
    first, second = (conllu(["upos"], path=str(path)) for path in (treebank, other))
    for split in ("train", "dev"):
        joint = corpus.splits[split]
        names = ["UD_Tiny"] * len(first.splits[split]) + ["UD_English-Other"] * len(second.splits[split])
        assert joint[CORPUS][:] == names
        assert first_words(joint) == first_words(first.splits[split]) + first_words(second.splits[split])
        parts = by_corpus(joint)
        alone = second.splits[split].to_list()
        for row in alone:  # a corpus without FEATS does not say that its words have no features
            row["feats"] = [""] * len(row["tokens"])
        assert parts["UD_English-Other"].remove_columns(CORPUS).to_list() == alone
    assert len(second.splits["dev"]) == 2  # its own share of train
    assert corpus.splits["test"][CORPUS][:] == ["UD_Tiny"]
    assert corpus_names(corpus.splits["dev"]).tolist() == ["UD_Tiny"] + 2 * ["UD_English-Other"]
    folds = conllu(["upos"], path=[str(treebank), str(other)], folds=3, fold=0)  # every corpus has its own
    assert [len(part) for part in by_corpus(folds.splits["dev"]).values()] == [1, 7]


def test_data_sets_of_the_hub_and_treebanks_of_ud(tmp_path: Path, other: Path) -> None:
    corpus = conllu(["upos"], path=[str(other)])  # a list of one is that one
    assert (corpus.name, corpus.parts, corpus.rules) == (other.name, (), "english")
    assert by_corpus(corpus.splits["train"]) == {"": corpus.splits["train"]}
    names = [conll_folder(tmp_path / name) for name in ("a", "b")]
    corpus = hub(["pos"], names, tokens="words", fields={"pos": "pos_tags"})
    assert corpus.parts == ("a", "b")
    assert corpus.splits["test"][CORPUS][:] == ["a"] * 4 + ["b"] * 4
    configs = single_configs(CorpusConfig(kind="ud", treebank=["en_ewt", "en_gum"], name="x"))
    assert configs == [CorpusConfig(kind="ud", treebank=each, name="x") for each in ("en_ewt", "en_gum")]


def test_mistakes_in_a_list(treebank: Path, other: Path, tmp_path: Path) -> None:
    first, second, nowhere = str(treebank), str(other), str(tmp_path / "nowhere")
    assert error_of(conllu, ["upos"], path=[first, nowhere]) == f"{nowhere} does not exist; check corpus.path"
    for same in (first, first + "/", f"{second}/../UD_Tiny"):
        assert "is there twice; name every corpus once" in error_of(conllu, ["upos"], path=[first, second, same])
    copy = tmp_path / "copy" / "UD_Tiny"
    copy.mkdir(parents=True)
    write(copy / "x-train.conllu", numbered(0, 3))
    assert "two corpora are called 'UD_Tiny'" in error_of(conllu, ["upos"], path=[first, str(copy)])
    message = error_of(conllu, ["upos"], path=[first, second], dev="x.conllu")
    assert message.startswith("corpus.dev=x.conllu: with several folders each has files of its own")
    assert error_of(conllu, ["upos"], path=[]) == "corpus.path=[]: give a list of names, such as [A,B]"
    for bad in ([first, None], [""], {"a": 1}):
        assert "expected" in error_of(conllu, ["upos"], path=bad)


def test_a_file_that_changed_and_a_cache_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = write(tmp_path / "train.conllu", rows("old/X"))
    status = os.stat(train)
    first, again = (conllu(["upos"], train=train, dev=train).splits["train"] for _ in range(2))
    assert first["tokens"][:] == [["old"]]
    assert first.cache_files == again.cache_files
    written = Path(first.cache_files[0]["filename"])
    time = written.stat().st_mtime_ns
    conllu(["upos"], train=train, dev=train)
    assert written.stat().st_mtime_ns == time
    write(tmp_path / "train.conllu", rows("new/X"))  # of the same size
    os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert conllu(["upos"], train=train, dev=train).splits["train"]["tokens"][:] == [["new"]]
    train = write(tmp_path / "train.conllu", numbered(0, 3))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", train)
    message = error_of(conllu, ["upos"], train=train)
    assert message.endswith(f"set HF_DATASETS_CACHE to a folder with room for {train}")


@pytest.mark.slow
def test_processes_share_the_cache_and_nothing_goes_to_standard_error(treebank: Path, tmp_path: Path) -> None:
    command = (
        "from tagger.corpus.corpus_config import CorpusConfig; from tagger.corpus.sources import load_corpus;"
        f"s = load_corpus(CorpusConfig(kind='conllu', path={str(treebank)!r}), ['upos']).splits;"
        "print([d.cache_files[0]['filename'] for d in s.values()], s['train'][:]['tokens'])"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_CACHE": str(tmp_path / "hf/datasets")}
    environment.pop("HF_DATASETS_DISABLE_PROGRESS_BARS", None)
    options: dict[str, Any] = {"env": environment, "cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [subprocess.Popen([sys.executable, "-c", command], **options) for _ in range(2)]
    outputs = [process.communicate() for process in running]
    assert [error for _, error in outputs] == [b"", b""]
    assert outputs[0][0] == outputs[1][0] != b""


def test_empty_corpora_and_columns_without_tags(tmp_path: Path) -> None:
    full = write(tmp_path / "full.conllu", rows("a/X"))
    for text in ("", "# a comment\n\n"):
        path = write(tmp_path / "train.conllu", text)
        assert error_of(conllu, ["upos"], train=path) == f"{path} holds no words; a corpus needs at least one sentence"
        fields = {"tokens": 0, "upos": 1}
        assert "holds no words" in error_of(column_files, ["upos"], fields, train=path, skip=["#"])
        assert error_of(conllu, ["upos"], train=full, dev=path).startswith(f"{path} holds no words")
    data = lists(tokens=[["a"]], upos=[["_"]], xpos=[["X"]])
    message = error_of(hub, ["upos"], parquet_folder(tmp_path / "h", {"train": data}), fields={"xpos": None})
    assert message.endswith("column upos has no tags, all are _ or empty; choose from those that have: columns=[xpos]")
    bare = write(tmp_path / "bare.conllu", rows("a/_"))
    assert error_of(conllu, ["upos"], train=bare).endswith("all are _ or empty; no column has any")
