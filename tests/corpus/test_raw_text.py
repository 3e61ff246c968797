"""Text is read in documents and sections, each sentence once, and dev text is in no section."""

import contextlib
import gzip
from dataclasses import replace
from itertools import chain
from pathlib import Path

import datasets
import pytest

from tagger.corpus import raw_text as texts
from tagger.corpus.config import HubTextConfig
from tagger.corpus.raw_text import Texts
from tagger.errors import InputError

NO_HUB = HubTextConfig(name=None, config=None, split="train", column="text")


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


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_sections_hold_every_sentence_once_but_for_dev_text(folder: Path, count: int) -> None:
    found = Texts([f"{folder}/*.txt", f"{folder}/*.conllu", f"{folder}/c.txt.gz"], NO_HUB)
    counts = found.count()
    sections = [numbers(found.section(i, count, counts.characters)) for i in range(count)]
    held = numbers(found.dev_sentences(10_000))
    assert held == ["b0", "b1", "b2", "b3", "b4"]  # the second document
    assert list(chain(*sections)) == [number for number in EVERY if number not in held]
    assert counts.documents == 6
    assert counts.tokens == sum(counts.forms.values()) == 100 * 6 + 15 * 2 + 10 * 5
    assert counts.forms["This"] == 100
    if count == 3:
        assert all(30 < len(section) < 60 for section in sections)


def test_a_long_document_is_several(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_DOCUMENT_CHARACTERS", 200)
    found = Texts(str(folder / "a.txt"), NO_HUB)
    assert found.count().documents == 12
    held = numbers(found.dev_sentences(10_000))
    assert 5 < len(held) < 12
    assert held[0] != "a0"


def test_dev_files_are_not_learned_from(folder: Path) -> None:
    found = Texts(str(folder), NO_HUB, [str(folder / "b.conllu")])
    counts = found.count()
    assert numbers(found.section(0, 1, counts.characters)) == [n for n in EVERY if n[0] != "b"]
    assert numbers(found.dev_sentences(10_000)) == [n for n in EVERY if n[0] == "b"]
    assert len(numbers(found.dev_sentences(6))) == 3


def test_a_data_set_of_the_hub(folder: Path) -> None:
    data = datasets.Dataset.from_dict({"body": [f"Row is a{i}." for i in range(60)]})
    (folder / "hub").mkdir()
    data.to_parquet(folder / "hub" / "train.parquet")
    hub = HubTextConfig(name=str(folder / "hub"), config=None, split="train", column="body")
    found = Texts(None, hub)
    assert numbers(found.dev_sentences(10_000)) == ["a1", "a51"]
    counts = found.count()
    assert counts.documents == 60
    assert len(numbers(found.section(0, 1, counts.characters))) == 58
    with pytest.raises(InputError, match=r"row 0: no text in column text; set hub\.column to one of body"):
        Texts(None, replace(hub, column="text")).count()
    with pytest.raises(InputError, match=r"check hub\.name"):
        Texts(None, replace(hub, split="nowhere")).count()


def test_a_long_row_of_the_hub_is_read_by_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["".join(f"This is a{i}.\n\n" for i in range(100)), "And b0.", "The c0.\n\n" * 50]
    monkeypatch.setattr("tagger.corpus.hub.stream_hub", lambda *_: iter(rows))
    found = Texts(None, replace(NO_HUB, name="OWNER/NAME"))
    counts = found.count()
    assert counts.documents == 3
    sections = [numbers(found.section(i, 3, counts.characters)) for i in range(3)]
    assert [len(section) for section in sections] == [45, 44, 61]
    assert numbers(found.dev_sentences(100)) == ["b0"]


def test_sections_may_be_read_in_any_order(folder: Path) -> None:
    found = Texts(f"{folder}/a.txt", NO_HUB, f"{folder}/b.conllu")
    size = found.count().characters
    in_order = [found.section(i, 4, size) for i in range(4)]
    assert [found.section(i, 4, size) for i in (2, 3, 0, 2, 1)] == [in_order[i] for i in (2, 3, 0, 2, 1)]
    assert found.section(1, 3, size) == Texts(f"{folder}/a.txt", NO_HUB, f"{folder}/b.conllu").section(1, 3, size)


def test_dev_may_not_be_everything(folder: Path) -> None:
    with pytest.raises(InputError, match="dev names all of text"):
        Texts(f"{folder}/a.txt", NO_HUB, f"{folder}/a.txt")


def test_hidden_files_are_passed_over(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    for name in ("._a.txt", ".hidden/a.txt"):
        (folder / name).write_bytes(b"\xff")
    assert Texts(str(folder), NO_HUB, f"{folder}/a.txt").count().tokens > 0


def test_rare_forms_are_forgotten_when_there_are_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_COUNTED_FORMS", 20)
    forms = Texts(str(folder / "a.txt"), NO_HUB, str(folder / "b.conllu")).count().forms
    assert forms["number"] == 100
    assert len(forms) < 30


def test_long_sentences_are_cut(tmp_path: Path) -> None:
    (tmp_path / "long.lines").write_text(" ".join(["word"] * 450))
    found = Texts(str(tmp_path / "long.lines"), NO_HUB)
    assert [len(tokens) for tokens in found.section(0, 1, 10_000)] == [200, 200, 50]


def test_bad_names_and_no_words(folder: Path) -> None:
    for text, hub in ((None, NO_HUB), ("x", replace(NO_HUB, name="y"))):
        with pytest.raises(InputError, match="give text=FILES"):
            Texts(text, hub)
    with pytest.raises(InputError, match=r"text=.*nothing\*: no such file"):
        Texts(f"{folder}/nothing*", NO_HUB)
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="no file with one of the suffixes"):
        Texts(f"{folder}/empty", NO_HUB)
    (folder / "blank.txt").write_text(" \n\n")
    with pytest.raises(InputError, match="no words in it"):
        Texts(f"{folder}/blank.txt", NO_HUB).count()
    with pytest.raises(InputError, match="too little text to set apart dev text"):
        Texts(f"{folder}/a.txt", NO_HUB).dev_sentences(10)
    (folder / "binary.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(InputError, match=r"binary\.txt, line 1: byte 0x89"):
        Texts(f"{folder}/binary.txt", NO_HUB).count()


def test_all_sentences_with_those_of_dev_documents(folder: Path) -> None:
    found = Texts([f"{folder}/*.txt", f"{folder}/*.conllu", f"{folder}/c.txt.gz"], NO_HUB)
    assert numbers(list(found.sentences())) == EVERY


def test_messages_name_the_keys_of_the_config(folder: Path) -> None:
    with pytest.raises(InputError, match=r"give distill\.text=FILES, such as .* or a data set as distill\.hub\.name$"):
        Texts(None, NO_HUB, keys="distill.")
    with pytest.raises(InputError, match=r"^distill\.text=.*nothing: no such file"):
        Texts(f"{folder}/nothing", NO_HUB, keys="distill.")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    for keys, remedy in (("", "name the file's encoding with encoding"), ("distill.", "save it as UTF-8")):
        with pytest.raises(InputError, match=remedy):
            list(Texts(f"{folder}/latin.txt", NO_HUB, keys=keys).sentences())


def test_relative_names_begin_where_the_run_was_started(folder: Path) -> None:
    odd = folder.rename(folder.with_name("[odd] name"))  # no pattern
    with contextlib.chdir(odd):
        assert Texts(["*.txt", "b.conllu"], NO_HUB).files == ["a.txt", "b.conllu"]
        assert len(Texts(".", NO_HUB).files) == 3
        with pytest.raises(InputError, match=r"text=nowhere.txt: no such file"):
            Texts("nowhere.txt", NO_HUB)
