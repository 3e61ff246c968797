"""Data sets of the Hub of every generation, as local folders laid out like them."""

import contextlib
import os
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from tagger.corpus.splits import AUXILIARY_COLUMNS, SPACING, gold_sentences
from tagger.text.spacing import gold_paragraphs
from tests.corpus.conftest import NO_AUXILIARY, NO_SPACING, conll_folder, error_of, hub, lists, load, parquet_folder, ud


def test_the_newer_release_of_universal_dependencies(newer: str) -> None:
    corpus = ud(["upos", "xpos", "feats"], name=newer, treebank="en_tiny")
    assert corpus.name == "ud-en_tiny"
    assert corpus.rules == "english"
    assert list(corpus.splits) == ["train", "dev", "test"]
    row = {"tokens": ["Do", "n't", "go"], "upos": ["AUX", "PART", "VERB"], "xpos": ["VB", "_", "VB"], "comments": []}
    assert corpus.splits["train"][0] == row | {"feats": ["Mood=Imp|VerbForm=Fin", "_", "_"]} | NO_SPACING
    assert corpus.splits["train"][1]["xpos"] == ["N", "_"]
    assert corpus.splits["dev"]["tokens"][:] == [["hợp tác xã", "_"]]


def test_the_parquet_export_has_a_folder_for_each_config(tmp_path: Path, newer: str) -> None:
    folder = tmp_path / "export"
    for split in ("train", "dev", "test"):
        (folder / "en_tiny" / split).mkdir(parents=True)
        (Path(newer) / "en_tiny" / f"{split}.parquet").rename(folder / "en_tiny" / split / "0000.parquet")
    corpus = hub(["upos"], name=str(folder), config="en_tiny", revision="refs/convert/parquet")
    assert corpus.splits.num_rows == {"train": 2, "dev": 1, "test": 1}


def spaced(folder: Path, identifier: str) -> str:
    """A data set like the newer release, with all that tells where the text has spaces."""
    strings = {name: List(Value("string")) for name in ("tokens", "upos", "misc", "comments")}
    texts = {"text": Value("string"), "sent_id": Value("string")}
    token = {name: Value("string") for name in ("id", "form", "feats", "misc")}
    columns = {
        "tokens": [["Vas", "à", "le", "lac", "!"], ["Oui"]],
        "upos": [["VERB", "ADP", "DET", "NOUN", "PUNCT"], ["INTJ"]],
        "misc": [[None, None, None, "SpaceAfter=No", "A=B|SpaceAfter=No"], [None]],
        "comments": [["newdoc id = d", "newpar"], []],
        "text": ["Vas au lac!", "Oui"],
        "sent_id": ["s1", None],
        "mwt": [[{"id": identifier, "form": "au", "feats": None, "misc": None}], []],
    }
    data = Dataset.from_dict(columns, Features(strings | texts | {"mwt": List(token)}))
    return parquet_folder(folder, {"train": data, "dev": data})


def test_newer_releases_say_where_the_text_has_spaces(tmp_path: Path) -> None:
    train = ud(["upos"], name=spaced(tmp_path / "ud", "2-3"), treebank="en_tiny").splits["train"]
    assert train[0]["comments"] == ["# newdoc id = d", "# newpar", "# sent_id = s1", "# text = Vas au lac!"]
    (paragraph,) = gold_paragraphs(gold_sentences(train, ["upos"]))
    assert paragraph.text == "Vas au lac!Oui"
    assert paragraph.tokens[0][1] == (4, 6, ("à", "le"))
    for identifier in ("3-2", "2-6"):  # without its words
        name = spaced(tmp_path / identifier, identifier)
        said = f"{name}, split train, row 0: no multiword token can have the ID '{identifier}'; repair the data"
        assert error_of(ud, ["upos"], name=name, treebank="en_tiny") == said


def test_class_labels_under_other_names(tmp_path: Path) -> None:
    conll_folder(tmp_path / "c")
    with contextlib.chdir(tmp_path):
        corpus = hub(["pos"], "c", tokens="words", fields={"pos": "pos_tags"})
    assert corpus.name == "c"
    assert corpus.splits.num_rows == {"train": 3, "dev": 1, "test": 4}
    row = {"tokens": ["a", "b", "c"], "pos": ["VB", "NN", "_"], "comments": []}
    assert corpus.splits["test"][0] == row | NO_AUXILIARY | NO_SPACING


def test_a_data_set_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "d" / "en_tiny" / "train.parquet"
    name = parquet_folder(tmp_path / "d", {"train": lists(tokens=[["a"]] * 2, upos=[["X"]] * 2)})
    assert hub(["upos"], name).splits["train"]["tokens"][:] == [["a"]]
    lists(tokens=[["b"]] * 2, upos=[["X"]] * 2).to_parquet(str(file))
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
    assert hub(["upos"], name).splits["train"]["tokens"][:] == [["b"]]


def test_data_sets_that_are_not_there_or_of_no_use(newer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(hub, ["upos"]).startswith("no corpus.name: give")
    missing = str(tmp_path / "no" / "folder")
    message = error_of(hub, ["upos"], missing)
    assert message.startswith(f"{missing}: ")
    assert message.endswith("check corpus.name, corpus.config and corpus.revision")
    message = error_of(hub, ["upos"], newer, config="xx_none")
    assert message.startswith(f"{newer}: BuilderConfig 'xx_none' not found. Available: ['en_tiny']")
    name = parquet_folder(tmp_path / "t", {"test": lists(tokens=[["a"]], upos=[["X"]])})
    assert error_of(hub, ["upos"], name) == f"{name} has no split train, only test; choose another corpus.config"
    name = parquet_folder(tmp_path / "u", {"train": lists(tokens=[["a"], ["a", "b"]], upos=[["X"], ["X"]])})
    said = f"{name}, split train, row 1: 1 values of upos for 2 words; repair the data or leave the column out"
    assert error_of(hub, ["upos"], name) == said
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = error_of(ud, ["upos"], name="commul/universal_dependencies", treebank="en_ewt")
    assert message.startswith("commul/universal_dependencies cannot be fetched (")
    assert message.endswith("; connect to the internet, or give a local folder of its Parquet files as corpus.name")


def test_a_row_may_lack_tags_that_nobody_asked_for(tmp_path: Path) -> None:
    data = lists(tokens=[["a"], ["b", "c"]], upos=[["X"], ["Y", "Z"]], xpos=[None, ["x", "y"]], feats=[["A=B"], ["_"]])
    name = parquet_folder(tmp_path / "v", {"train": data, "dev": data})
    train = hub(["upos"], name).splits["train"]
    assert (train["xpos"][:], train["feats"][:]) == ([[], ["x", "y"]], [["A=B"], []])
    assert "row 0: 0 values of xpos for 1 words" in error_of(hub, ["upos", "xpos"], name)
    assert "row 1: 1 values of feats for 2 words" in error_of(hub, ["upos"], name, fields={"feats": "feats"})


def test_the_configs_of_the_hub(composed: Any, newer: str, tmp_path: Path) -> None:
    corpus = load(composed("corpus=ud", f"corpus.name={newer}", "corpus.treebank=en_tiny", "columns=[upos,lemma]"))
    assert corpus.splits["train"][0]["lemma"] == ["do", "not", "go"]
    corpus = load(composed("corpus=hub", f"corpus.name={newer}", "corpus.config=en_tiny", "corpus.fields.pos=xpos"))
    assert corpus.splits["train"][0]["upos"] == ["AUX", "PART", "VERB"]
    tag = List(ClassLabel(names=["O", "X"]))
    features = Features({"tokens": List(Value("string")), "pos_tags": tag, "chunk_tags": tag, "ner_tags": tag})
    data = Dataset.from_dict({key: [[1], [0]] for key in features} | {"tokens": [["a"], ["b"]]}, features)
    name = parquet_folder(tmp_path / "conll", {"train": data, "test": data}, "default")
    for config, columns in (("conll2003", ["pos", "chunk", "ner"]), ("conll2000", ["pos", "chunk"])):
        chosen = composed(f"corpus={config}", f"corpus.name={name}")
        assert chosen.columns == ["pos"]
        chosen.columns = columns
        corpus = load(chosen)
        assert corpus.splits["test"].column_names == ["tokens", *columns, *AUXILIARY_COLUMNS, "comments", *SPACING]
