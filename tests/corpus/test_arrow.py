"""Sentences in the cache of `datasets`: read again when a file changed, shared by processes, checked."""

import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

import tagger
from tests.corpus.conftest import (
    column_files,
    conllu,
    error_of,
    hub,
    lists,
    numbered,
    parquet_folder,
    rows,
    write,
)


def test_a_file_with_the_same_name_and_size_is_read_again(tmp_path: Path) -> None:
    train = write(tmp_path / "train.conllu", rows("old/X"))
    status = os.stat(train)
    assert conllu(["upos"], train=train, dev=train).splits["train"]["tokens"][:] == [["old"]]
    write(tmp_path / "train.conllu", rows("new/X"))
    os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert conllu(["upos"], train=train, dev=train).splits["train"]["tokens"][:] == [["new"]]


def test_a_file_that_is_unchanged_is_not_read_again(treebank: Path) -> None:
    first = conllu(["upos"], path=str(treebank))
    written = Path(first.splits["train"].cache_files[0]["filename"])
    time = written.stat().st_mtime_ns
    again = conllu(["upos"], path=str(treebank))
    assert Path(again.splits["train"].cache_files[0]["filename"]) == written
    assert written.stat().st_mtime_ns == time


@pytest.mark.slow
def test_processes_share_the_cache_and_nothing_goes_to_standard_error(treebank: Path, tmp_path: Path) -> None:
    command = (
        "from tagger.corpus.corpus_config import CorpusConfig; from tagger.corpus.sources import load_corpus;"
        f"s = load_corpus(CorpusConfig(kind='conllu', path={str(treebank)!r}), ['upos']).splits;"
        "print([d.cache_files[0]['filename'] for d in s.values()], s['train'][:]['tokens'])"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_CACHE": str(tmp_path / "hf/datasets")}
    environment.pop("HF_DATASETS_DISABLE_PROGRESS_BARS", None)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", command],
            env=environment,
            cwd=Path(tagger.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in running]
    assert [error for _, error in outputs] == [b"", b""]
    assert outputs[0][0] == outputs[1][0] != b""


def test_empty_corpora(tmp_path: Path) -> None:
    full = write(tmp_path / "full.conllu", rows("a/X"))
    for text in ("", "# a comment\n\n"):
        path = write(tmp_path / "train.conllu", text)
        assert error_of(conllu, ["upos"], train=path) == f"{path} holds no words; a corpus needs at least one sentence"
        fields = {"tokens": 0, "upos": 1}
        assert "holds no words" in error_of(column_files, ["upos"], fields, train=path, skip=["#"])
        assert error_of(conllu, ["upos"], train=full, dev=path).startswith(f"{path} holds no words")


def test_columns_without_tags(tmp_path: Path) -> None:
    data = lists(tokens=[["a"]], upos=[["_"]], xpos=[["X"]])
    message = error_of(hub, ["upos"], parquet_folder(tmp_path / "h", {"train": data}), fields={"xpos": None})
    assert message.endswith("column upos has no tags, all are _ or empty; choose from those that have: columns=[xpos]")
    bare = write(tmp_path / "bare.conllu", rows("a/_"))
    assert error_of(conllu, ["upos"], train=bare).endswith("all are _ or empty; no column has any")


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 3))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", train)
    message = error_of(conllu, ["upos"], train=train)
    assert message.endswith(f"set HF_DATASETS_CACHE to a folder with room for {train}")
