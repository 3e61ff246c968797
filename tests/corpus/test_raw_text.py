"""Untagged text of files, sentence by sentence."""

import contextlib
import gzip
from pathlib import Path

import pytest

from tagger.corpus.raw_text import Texts
from tagger.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Numbered sentences in three files: 100 of text, 20 of CoNLL-U in four documents, 10 of text, compressed."""
    (tmp_path / "a.txt").write_text("".join(f"This is the number a{i}.\n\n" for i in range(100)))
    rows = []
    for i in range(20):
        rows += [f"# newdoc id = {i}\n"] if i % 5 == 0 else []
        cells = "\t_" * 8
        rows.append(f"1\tNumber{cells}\n2\tb{i}{cells}\n\n")
    (tmp_path / "b.conllu").write_text("".join(rows))
    with gzip.open(tmp_path / "c.txt.gz", "wt") as out:
        out.write("\n".join(f"The last are c{i}." for i in range(10)))
    return tmp_path


def numbers(sentences: list[list[str]]) -> list[str]:
    return [token for tokens in sentences for token in tokens if token[0] in "abc" and token[1:].isdigit()]


EVERY = [f"a{i}" for i in range(100)] + [f"b{i}" for i in range(20)] + [f"c{i}" for i in range(10)]


def test_every_sentence_is_read_once(folder: Path) -> None:
    found = Texts([f"{folder}/*.txt", f"{folder}/*.conllu", f"{folder}/c.txt.gz"])
    assert numbers(list(found.sentences())) == EVERY
    assert found.name == "a.txt and 2 more"


def test_hidden_files_and_long_sentences(folder: Path, tmp_path: Path) -> None:
    (folder / ".hidden").mkdir()
    for name in ("._a.txt", ".hidden/a.txt"):
        (folder / name).write_bytes(b"\xff")
    assert len(Texts(str(folder)).files) == 3
    (tmp_path / "long.lines").write_text(" ".join(["word"] * 450))
    assert [len(tokens) for tokens in Texts(f"{tmp_path}/long.lines").sentences()] == [200, 200, 50]


def test_bad_names_and_bytes(folder: Path) -> None:
    with pytest.raises(InputError, match=r"distill.text=.*nothing\*: no such file"):
        Texts(f"{folder}/nothing*", key="distill.text")
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="no file with one of the suffixes"):
        Texts(f"{folder}/empty")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"latin\.txt, line 1: byte 0xe9 .* save it as UTF-8"):
        list(Texts(f"{folder}/latin.txt").sentences())


def test_relative_names_begin_where_the_run_was_started(folder: Path) -> None:
    odd = folder.rename(folder.with_name("[odd] name"))  # no pattern
    with contextlib.chdir(odd):
        assert Texts(["*.txt", "b.conllu"]).files == ["a.txt", "b.conllu"]
        assert len(Texts(".").files) == 3
        with pytest.raises(InputError, match=r"text=nowhere.txt: no such file"):
            Texts("nowhere.txt")
