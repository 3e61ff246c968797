"""Files and data sets of the Hub become splits, dev is a share of train or a fold; what is wrong is one line."""

import contextlib
import gzip
import logging
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagger.bundled import bundled
from tagger.corpus.corpus_config import CORPUS, CorpusConfig, check_files, single_configs
from tagger.corpus.raw_text import Texts
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import AUXILIARY_COLUMNS, SPACING, Corpus, by_corpus, corpus_names, gold_sentences
from tagger.errors import InputError
from tagger.text import schema
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence
from tagger.text.spacing import gold_paragraphs
from tagger.training.launch import VERSION_BASE
from tests.conftest import ROOT

TREEBANK = """\
# sent_id = 1
# text = Don't go .
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\tMood=Imp|VerbForm=Fin\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t_\t_
3.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t0:root\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

# only a comment

1\thợp tác xã\t_\tNOUN\t_\t_\t0\troot\t_\t_

"""


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()


def conllu(columns: list[str], **values: Any) -> Corpus:
    return load_corpus(schema.read(CorpusConfig, {"kind": "conllu", **values}, "corpus.", from_page=True), columns)


def column_files(columns: list[str], fields: dict[str, int | None], **values: Any) -> Corpus:
    return load_corpus(CorpusConfig(kind="columns", fields=fields, **values), columns)


def hub(columns: list[str], name: str | None = None, **values: Any) -> Corpus:
    return load_corpus(CorpusConfig(**{"kind": "hub", "name": name, **values}), columns)


def rows(*sentences: str) -> str:
    """CoNLL-U of sentences such as `dogs/NOUN bark/VERB`."""
    text = ""
    for sentence in sentences:
        words = [word.rsplit("/", 1) for word in sentence.split()]
        text += "".join(f"{i}\t{form}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n" for i, (form, tag) in enumerate(words, 1)) + "\n"
    return text


def numbered(start: int, end: int) -> str:
    return rows(*(f"w{i}/X" for i in range(start, end)))


NO_AUXILIARY: dict[str, list[str]] = {"xpos": [], "feats": []}  # what a row says in columns that its corpus lacks
NO_SPACING = {"text": None, "multiwords": [], "space_after": None}  # what a row says of its text, if nothing is known


def first_words(data: Dataset) -> list[str]:
    return [tokens[0] for tokens in data["tokens"]]


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    folder = tmp_path / "UD_Tiny"
    folder.mkdir()
    write(folder / "tiny-ud-train.conllu", TREEBANK)
    write(folder / "tiny-ud-dev.conllu", rows("dogs/NOUN bark/VERB"))
    write(folder / "tiny-ud-test.conllu", rows("cats/NOUN"))
    return folder


def parquet_folder(folder: Path, splits: dict[str, Dataset], config: str = "en_tiny") -> str:
    (folder / config).mkdir(parents=True)
    files = ""
    for split, data in splits.items():
        data.to_parquet(str(folder / config / f"{split}.parquet"))
        files += f"  - split: {split}\n    path: {config}/{split}.parquet\n"
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}---\n")
    return str(folder)


def lists(**columns: list[list[Any]]) -> Dataset:
    return Dataset.from_dict(columns, Features(dict.fromkeys(columns, List(Value("string")))))


@pytest.fixture
def newer(tmp_path: Path) -> str:
    data = lists(
        tokens=[["Do", "n't", "go"], [], ["hợp tác xã", "_"]],
        upos=[["AUX", "PART", "VERB"], [], ["NOUN", "_"]],
        xpos=[["VB", None, "VB"], [], ["N", ""]],
        feats=[["Mood=Imp|VerbForm=Fin", "_", None], [], ["_", "_"]],
        head=[["3", "3", "0"], [], ["0", "1"]],
        lemmas=[["do", "not", "go"], [], ["hợp tác xã", "_"]],
    )
    return parquet_folder(tmp_path / "ud", {"train": data, "dev": data.select([2]), "test": data.select([0])})


def refused(said: str, function: Any, *arguments: Any, **options: Any) -> None:
    """A call is an error of one line with some words, between which is ` … `."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in said.split(" … ")), message


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Corpus]:
    """The corpus of a training with such overrides."""
    (tmp_path / "conf").mkdir()
    splitting = "corpus: {dev_share: 0.1, folds: null, fold: null}\n"
    page = f"defaults: [_self_, {{corpus: sample}}]\ncolumns: [upos]\nseed: 1\n{splitting}"
    write(tmp_path / "conf/run.yaml", f"{page}hydra: {{searchpath: ['file://{bundled('conf')}']}}\n")

    def load_with(*overrides: str) -> Corpus:
        with initialize_config_dir(str(tmp_path / "conf"), **VERSION_BASE):
            config = compose("run", overrides=list(overrides))
        values: Any = OmegaConf.to_container(config.corpus)
        return load_corpus(schema.read(CorpusConfig, values, from_page=True), config.columns)

    return load_with


def conll_folder(folder: Path) -> str:
    names = ClassLabel(names=["NN", "VB"])
    features = Features({"words": List(Value("string")), "pos_tags": List(names), "id": Value("string")})
    data = Dataset.from_dict({"words": [["a", "b", "c"]] * 4, "pos_tags": [[1, 0, -1]] * 4, "id": ["7"] * 4}, features)
    return parquet_folder(folder, {"train": data, "test": data})


def test_a_treebank_folder(treebank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = conllu(["upos", "feats"], path=str(treebank))
    assert (corpus.name, [*corpus.splits]) == ("UD_Tiny", ["train", "dev", "test"])
    assert corpus.splits["train"][0] == {
        "tokens": ["Do", "n't", "go", "."],
        "upos": ["AUX", "PART", "VERB", "PUNCT"],
        "xpos": ["VB", "RB", "VB", "."],
        "feats": ["Mood=Imp|VerbForm=Fin", "_", "VerbForm=Inf", "_"],
        "comments": ["# sent_id = 1", "# text = Don't go ."],
        "text": "Don't go .",
        "multiwords": [{"start": 0, "stop": 2, "form": "Don't"}],
        "space_after": [False, True, True, True],
    }
    row = {"tokens": ["hợp tác xã"], "upos": ["NOUN"], "xpos": ["_"], "feats": ["_"], "comments": []}
    assert corpus.splits["train"][1] == row | NO_SPACING | {"space_after": [True]}
    assert corpus.splits["dev"]["tokens"][:] == [["dogs", "bark"]]
    assert corpus.splits["test"]["tokens"][:] == [["cats"]]
    assert corpus.splits["train"].cache_files, "an Arrow file lies behind the data"
    monkeypatch.chdir(treebank)
    assert conllu(["upos"], path=".").name == "UD_Tiny"
    for name in ("UD_English-X/x-ud-train", "ewt/en_ewt-ud-train", "k/ken-train"):
        file = treebank / f"{name}.conllu"
        file.parent.mkdir()
        write(file, TREEBANK)
        assert conllu(["upos"], path=str(file.parent)).rules == ("unicode" if name[0] == "k" else "english")


def test_encodings_windows_line_ends_and_malformed_files(tmp_path: Path) -> None:
    train = tmp_path / "train.conllu"
    windows = b"\xef\xbb\xbf" + rows("a/X", "hm/Y").replace("\n", "\r\n").rstrip().encode()
    for content, encoding, tokens in (
        (windows, "utf-8", [["a"], ["hm"]]),
        (b"1\t\xe9" + b"\tX" * 8, "latin-1", [["é"]]),
    ):
        train.write_bytes(content)
        corpus = conllu(["upos"], train=str(train), dev=str(train), encoding=encoding)
        assert corpus.splits["dev"]["tokens"][:] == corpus.splits["train"]["tokens"][:] == tokens
    refused("line 1: byte 0xe9 is not utf-8 … corpus.encoding", conllu, ["upos"], train=str(train))
    path = write(tmp_path / "train.txt", "a X\n\nb\n")
    said = f"{path}, line 3: no column -2 (from 0) for upos in 'b'; check corpus.fields and corpus.separator"
    refused(said, column_files, ["upos"], {"tokens": 0, "upos": -2}, train=path)


def test_files_are_looked_for_before_they_are_read_and_folders_without_the_right_ones(
    treebank: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = write(tmp_path / "one.conllu", rows("b/X"))
    check_files(CorpusConfig(kind="conllu", path=str(treebank)))
    check_files(CorpusConfig(kind="conllu", train=one))
    assert not caplog.messages
    check_files(CorpusConfig(kind="conllu", train=one, dev=f"{tmp_path}/./one.conllu"))
    check_files(CorpusConfig(kind="columns", train=one, test=one))
    same = [f"warning: train and {split} are the same file" for split in ("dev", "test")]
    assert [message.partition(",")[0] for message in caplog.messages] == same
    for values, message in (
        ({}, "no training data: name a file with corpus.train=FILE"),
        ({"train": "nope"}, "nope: No such file or directory; check corpus.train"),
        ({"path": str(treebank), "test": "nope"}, "nope: No such file or directory; check corpus.test"),
        ({"path": [str(treebank), "nope"]}, "nope does not exist; check corpus.path"),
    ):
        refused(message, check_files, CorpusConfig(kind="conllu", **values))  # type: ignore[arg-type]
    dev = write(tmp_path / "better.conllu", rows("b/X"))
    corpus = conllu(["upos"], path=str(treebank), dev=dev)
    assert corpus.splits["dev"]["tokens"][:] == [["b"]]
    assert corpus.name == "UD_Tiny with dev of better.conllu"
    file = treebank / "tiny-ud-train.conllu"
    refused(f"{file} is a file; give it as corpus.train=FILE", conllu, ["upos"], path=str(file))
    write(treebank / "x-train.conllu.gz", "")
    said = "2 files for train: tiny-ud-train.conllu, x-train.conllu.gz; choose one with corpus.train=FILE"
    refused(said, conllu, ["upos"], path=str(treebank))
    (treebank / "x-train.conllu.gz").unlink()
    file.unlink()
    said = f"{treebank} has no *-train.conllu, it has tiny-ud-dev.conllu, tiny-ud-test.conllu; name"
    refused(said, conllu, ["upos"], path=str(treebank))
    (tmp_path / "none").mkdir()
    refused("it has no CoNLL-U file; name", conllu, ["upos"], path=str(tmp_path / "none"))


PENN = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects  VBZ\tB-VP O

-DOCSTART- -X- -X- O
\u00a0 SYM O O
"""

COLUMNS = {"tokens": 0, "pos": 1, "chunk": 2, "ner": 3, "upos": None}


def test_columns_that_a_corpus_does_not_have_or_that_are_empty(treebank: Path, tmp_path: Path) -> None:
    said = "no column 'ner' … upos, xpos, feats, lemma) in CoNLL-U; choose with columns=[...]"
    refused(said, conllu, ["upos", "ner"], path=str(treebank))
    train = str(tmp_path)
    refused("no column 'upos' … pos, chunk, ner) in corpus.fields;", column_files, ["upos"], COLUMNS, train=train)
    refused("no column 'tokens'", column_files, ["pos"], COLUMNS | {"tokens": None}, train=train)
    name = conll_folder(tmp_path / "c")
    fields = {"pos": "pos_tags", "ner": None}
    said = f"no column 'upos' … pos) in {name}, whose … words, pos_tags; name them with corpus.tokens and corpus.fields"
    refused(said, hub, ["upos"], name, tokens="words", fields=fields)
    refused("no column 'tokens'", hub, ["pos"], name, fields=fields)
    refused("no column 'id'", hub, ["id"], name, tokens="words")
    full = write(tmp_path / "full.conllu", rows("a/X"))
    path = str(tmp_path / "train.conllu")
    said = f"{path} holds no words; a corpus needs at least one sentence"
    for text in ("", "# a comment\n\n"):
        write(tmp_path / "train.conllu", text)
        refused(said, conllu, ["upos"], train=path)
        refused(said, column_files, ["upos"], {"tokens": 0, "upos": 1}, train=path, skip=["#"])
        refused(said, conllu, ["upos"], train=full, dev=path)
    name = parquet_folder(tmp_path / "h", {"train": lists(tokens=[["a"]], upos=[["_"]], xpos=[["X"]])})
    said = "column upos has no tags, all are _ or empty; choose from those that have: columns=[xpos]"
    refused(said, hub, ["upos"], name, fields={"xpos": None})
    bare = write(tmp_path / "bare.conllu", rows("a/_"))
    refused("all are _ or empty; no column has any", conllu, ["upos"], train=bare)


CONFIGS = sorted(path.stem for path in (bundled("conf") / "corpus").glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "sample"])
def test_every_config_reaches_its_source(load: Callable[..., Corpus], name: str, tmp_path: Path) -> None:
    text = (bundled("conf") / "corpus" / f"{name}.yaml").read_text()
    assert f"# python -m tagger corpus={name}" in text.split("kind:")[0]
    source = [f"corpus.name={tmp_path}/no/folder"] if name not in ("conllu", "columns") else []
    splitting = ["corpus.folds=null", "corpus.fold=null", "corpus.dev_share=0.2"]
    with pytest.raises(InputError, match=r"no/folder|corpus\.train=FILE"):
        load(f"corpus={name}", *source, *splitting)


def test_the_bundled_sample_and_the_config_of_columns(load: Callable[..., Corpus], tmp_path: Path) -> None:
    corpus = load("columns=[upos,xpos]")
    assert (corpus.name, [*corpus.splits]) == ("sample", ["train", "dev", "test"])
    folds = load("corpus.folds=10", "corpus.fold=3")
    assert sum(folds.splits.num_rows.values()) == sum(corpus.splits.num_rows.values())
    assert load_corpus(CorpusConfig(kind="sample"), ["upos"]).splits.num_rows == corpus.splits.num_rows
    path = write(tmp_path / "train.txt", PENN)
    files = [f"corpus.train={path}", f"corpus.dev={path}", f"corpus.test={path}"]
    corpus = load("corpus=columns", *files, "corpus.fields={pos: 1, ner: -1}", "columns=[pos,ner]")
    assert corpus.splits["train"][0]["ner"] == ["B-ORG", "O"]
    write(tmp_path / "train.txt", "# x\nDO NOT\tX\n")
    corpus = load("corpus=columns", *files, r"corpus.separator='\t'", "corpus.skip=['# ']")
    assert corpus.splits["train"][0]["tokens"] == ["DO NOT"]
    path = write(tmp_path / "train.txt", "\ufeff" + PENN.rstrip().replace("\n", "\r\n"))
    corpus = column_files(["pos", "ner"], COLUMNS, train=path, dev=path, skip=["-DOCSTART-"])
    assert [(row["tokens"], row["pos"], row["ner"]) for row in corpus.splits["train"].to_list()] == [
        (["EU", "rejects"], ["NNP", "VBZ"], ["B-ORG", "O"]),
        (["\u00a0"], ["SYM"], ["O"]),
    ]
    path = write(tmp_path / "train.csv", '",",PUNCT\nNew York,PROPN\n')
    corpus = column_files(["upos"], {"tokens": 0, "upos": 1}, train=path, dev=path)
    assert corpus.splits["train"]["tokens"][:] == [[",", "New York"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Numbered sentences in three files: 100 of text, 20 of CoNLL-U in four documents, 10 of text, compressed."""
    (tmp_path / "a.txt").write_text("".join(f"This is the number a{i}.\n\n" for i in range(100)))
    documents = [rows(*(f"Number/X b{i}/X" for i in range(start, start + 5))) for start in range(0, 20, 5)]
    (tmp_path / "b.conllu").write_text("".join(f"# newdoc id = {i}\n{text}" for i, text in enumerate(documents)))
    with gzip.open(tmp_path / "c.txt.gz", "wt") as out:
        out.write("\n".join(f"The last are c{i}." for i in range(10)))
    return tmp_path


def numbers(sentences: list[list[str]]) -> list[str]:
    return [token for tokens in sentences for token in tokens if token[0] in "abc" and token[1:].isdigit()]


EVERY = [f"a{i}" for i in range(100)] + [f"b{i}" for i in range(20)] + [f"c{i}" for i in range(10)]


def test_every_sentence_of_text_is_read_once_but_not_those_of_hidden_files(folder: Path, tmp_path: Path) -> None:
    found = Texts([f"{folder}/*.txt", f"{folder}/*.conllu", f"{folder}/c.txt.gz"])
    assert numbers(list(found.sentences())) == EVERY
    assert found.name == "a.txt and 2 more"
    (folder / ".hidden").mkdir()
    for name in ("._a.txt", ".hidden/a.txt"):
        (folder / name).write_bytes(b"\xff")
    assert len(Texts(str(folder)).files) == 3
    (tmp_path / "long.lines").write_text(" ".join(["word"] * 450))
    assert [len(tokens) for tokens in Texts(f"{tmp_path}/long.lines").sentences()] == [200, 200, 50]


def test_bad_names_and_bytes_and_relative_names_which_begin_where_the_run_was_started(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    for name, said in (
        ("nothing*", "distill.text= … nothing*: no such file"),
        ("empty", "no file with one of the suffixes"),
        ("latin.txt", "latin.txt, line 1: byte 0xe9 … save it as UTF-8"),
    ):
        refused(said, lambda name: list(Texts(f"{folder}/{name}", key="distill.text").sentences()), name)
    (folder / "latin.txt").unlink()
    odd = folder.rename(folder.with_name("[odd] name"))  # no pattern
    with contextlib.chdir(odd):
        assert Texts(["*.txt", "b.conllu"]).files == ["a.txt", "b.conllu"]
        assert len(Texts(".").files) == 3
        refused("text=nowhere.txt: no such file", Texts, "nowhere.txt")


def test_newer_releases_of_ud_with_the_spaces_of_the_text_and_their_parquet_export(newer: str, tmp_path: Path) -> None:
    corpus = hub(["upos", "xpos", "feats"], newer, kind="ud", treebank="en_tiny")
    assert (corpus.name, corpus.rules, [*corpus.splits]) == ("ud-en_tiny", "english", ["train", "dev", "test"])
    row = {"tokens": ["Do", "n't", "go"], "upos": ["AUX", "PART", "VERB"], "xpos": ["VB", "_", "VB"], "comments": []}
    assert corpus.splits["train"][0] == row | {"feats": ["Mood=Imp|VerbForm=Fin", "_", "_"]} | NO_SPACING
    assert corpus.splits["train"][1]["xpos"] == ["N", "_"]
    assert corpus.splits["dev"]["tokens"][:] == [["hợp tác xã", "_"]]
    for split in ("train", "dev", "test"):
        folder = tmp_path / "export" / "en_tiny" / split
        folder.mkdir(parents=True)
        (Path(newer) / "en_tiny" / f"{split}.parquet").rename(folder / "0000.parquet")
    corpus = hub(["upos"], str(tmp_path / "export"), config="en_tiny", revision="refs/convert/parquet")
    assert corpus.splits.num_rows == {"train": 2, "dev": 1, "test": 1}
    train = hub(["upos"], spaced(tmp_path / "spaced", "2-3"), kind="ud", treebank="en_tiny").splits["train"]
    assert train[0]["comments"] == ["# newdoc id = d", "# newpar", "# sent_id = s1", "# text = Vas au lac!"]
    (paragraph,) = gold_paragraphs(gold_sentences(train, ["upos"]))
    assert paragraph.text == "Vas au lac!Oui"
    assert paragraph.tokens[0][1] == (4, 6, ("à", "le"))
    for identifier in ("3-2", "2-6"):  # without its words
        name = spaced(tmp_path / identifier, identifier)
        said = f"{name}, split train, row 0: no multiword token can have the ID '{identifier}'; repair the data"
        refused(said, hub, ["upos"], name, kind="ud", treebank="en_tiny")


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


def test_class_labels_missing_tags_and_a_data_set_that_changed(tmp_path: Path) -> None:
    conll_folder(tmp_path / "c")
    with contextlib.chdir(tmp_path):
        corpus = hub(["pos"], "c", tokens="words", fields={"pos": "pos_tags"})
    assert corpus.name == "c"
    assert corpus.splits.num_rows == {"train": 3, "dev": 1, "test": 4}
    row = {"tokens": ["a", "b", "c"], "pos": ["VB", "NN", "_"], "comments": []}
    assert corpus.splits["test"][0] == row | NO_AUXILIARY | NO_SPACING
    name = parquet_folder(tmp_path / "d", {"train": lists(tokens=[["a"]] * 2, upos=[["X"]] * 2)})
    file = tmp_path / "d" / "en_tiny" / "train.parquet"
    assert hub(["upos"], name).splits["train"]["tokens"][:] == [["a"]]
    lists(tokens=[["b"]] * 2, upos=[["X"]] * 2).to_parquet(str(file))
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
    assert hub(["upos"], name).splits["train"]["tokens"][:] == [["b"]]
    data = lists(tokens=[["a"], ["b", "c"]], upos=[["X"], ["Y", "Z"]], xpos=[None, ["x", "y"]], feats=[["A=B"], ["_"]])
    name = parquet_folder(tmp_path / "v", {"train": data, "dev": data})
    train = hub(["upos"], name).splits["train"]
    assert (train["xpos"][:], train["feats"][:]) == ([[], ["x", "y"]], [["A=B"], []])
    refused("row 0: 0 values of xpos for 1 words", hub, ["upos", "xpos"], name)
    refused("row 1: 1 values of feats for 2 words", hub, ["upos"], name, fields={"feats": "feats"})


def test_data_sets_that_are_not_there_or_of_no_use(newer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused("no corpus.name: give", hub, ["upos"])
    missing = str(tmp_path / "no" / "folder")
    refused(f"{missing}:  … check corpus.name, corpus.config and corpus.revision", hub, ["upos"], missing)
    said = f"{newer}: BuilderConfig 'xx_none' not found. Available: ['en_tiny']"
    refused(said, hub, ["upos"], newer, config="xx_none")
    name = parquet_folder(tmp_path / "t", {"test": lists(tokens=[["a"]], upos=[["X"]])})
    refused(f"{name} has no split train, only test; choose another corpus.config", hub, ["upos"], name)
    name = parquet_folder(tmp_path / "u", {"train": lists(tokens=[["a"], ["a", "b"]], upos=[["X"], ["X"]])})
    said = f"{name}, split train, row 1: 1 values of upos for 2 words; repair the data or leave the column out"
    refused(said, hub, ["upos"], name)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    name = "commul/universal_dependencies"
    said = f"{name} cannot be fetched ( … connect to the internet, or … local folder … as corpus.name"
    refused(said, hub, ["upos"], name, kind="ud", treebank="en_ewt")


def test_the_configs_of_the_hub(load: Callable[..., Corpus], newer: str, tmp_path: Path) -> None:
    corpus = load("corpus=ud", f"corpus.name={newer}", "corpus.treebank=en_tiny", "columns=[upos,lemma]")
    assert corpus.splits["train"][0]["lemma"] == ["do", "not", "go"]
    corpus = load("corpus=hub", f"corpus.name={newer}", "corpus.config=en_tiny", "corpus.fields.pos=xpos")
    assert corpus.splits["train"][0]["upos"] == ["AUX", "PART", "VERB"]
    tag = List(ClassLabel(names=["O", "X"]))
    features = Features({"tokens": List(Value("string")), "pos_tags": tag, "chunk_tags": tag, "ner_tags": tag})
    data = Dataset.from_dict({key: [[1], [0]] for key in features} | {"tokens": [["a"], ["b"]]}, features)
    name = parquet_folder(tmp_path / "conll", {"train": data, "test": data}, "default")
    for config, every in (("conll2003", ["pos", "chunk", "ner"]), ("conll2000", ["pos", "chunk"])):
        for columns, options in ((["pos"], []), (every, [f"columns=[{','.join(every)}]"])):
            found = load(f"corpus={config}", f"corpus.name={name}", *options).splits["test"].column_names
            assert found == ["tokens", *columns, *AUXILIARY_COLUMNS, "comments", *SPACING]


DATA = bundled("data")
SPLITS = ("train", "dev", "test")
BUILD = runpy.run_path(str(DATA / "sample" / "build.py"))["main"]


def read(*path: str) -> list[Sentence]:
    name = str(DATA.joinpath(*path))
    return list(read_conllu(read_lines(name), name))


def comment(sentence: Sentence, name: str) -> str:
    (value,) = [line.removeprefix(f"# {name} = ") for line in sentence.comments if line.startswith(f"# {name} = ")]
    return value


def test_the_sample_can_be_made_again_and_has_no_sentence_twice_and_the_counts_of_its_page(tmp_path: Path) -> None:
    assert BUILD(["--out", str(tmp_path)]) == 0
    for name in (f"sample-{split}.conllu" for split in SPLITS):
        assert (tmp_path / name).read_bytes() == (DATA / "sample" / name).read_bytes()
    splits = [read("sample", f"sample-{split}.conllu") for split in SPLITS]
    train, dev, test = ({tuple(sentence.tokens) for sentence in split} for split in splits)
    assert not train & dev | train & test | dev & test
    page = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"{sum(map(len, splits)):,} sentences, {sum(len(s) for split in splits for s in split):,} words" in page


def test_an_error_names_file_line_and_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["well/ADV = 'well/ADV'", "well/ADVERB/RB = 'ADVERB'", "well/ADV/RBX = 'RBX'", "well/ADV/NN = ADV with NN"]
    for row in [*rows, "well~/ADV/RB = 'well~/ADV/RB'", "= one dev = 'one'"]:
        line, value = row.rsplit(" = ", 1)
        (tmp_path / "news.txt").write_text(f"= one train\nHi~/INTJ/UH !/PUNCT/.\n{line}\n", encoding="utf-8")
        assert BUILD(["--source", str(tmp_path), "--out", str(tmp_path)]) == 1
        message = capsys.readouterr().err
        assert message.startswith("news.txt, line 3: ")
        assert value in message
        assert message.count("\n") == 1
        assert not list(tmp_path.glob("*.conllu"))


def test_the_page_of_hard_sentences_has_the_groups_and_their_counts() -> None:
    hard = read("hard", "hard.conllu")
    page = (DATA / "hard" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", page, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == Counter(comment(sentence, "group") for sentence in hard)
    assert f"{len(hard)} short English sentences ({sum(map(len, hard)):,} words)" in page
    for name in ("sent_id", "text"):
        assert len({comment(sentence, name) for sentence in hard}) == len(hard)
    for sentence in hard:
        rows = [line.rstrip("\n").split("\t") for line in sentence.lines or [] if line[0].isdigit()]
        joined = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows).rstrip(" ")
        assert comment(sentence, "text") == joined
    upos, sample = (
        {tag for sentence in sentences for tag in sentence.tags["upos"]}
        for sentences in (hard, read("sample", "sample-train.conllu"))
    )
    assert upos == sample  # the 17 of Universal Dependencies


def test_a_random_part_or_a_fold_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 40))
    with caplog.at_level(logging.INFO, "tagger.corpus"):
        splits = conllu(["upos"], train=train, dev_share=0.1).splits
    assert caplog.messages == ["train.conllu has no dev split: 4 sentences of train become dev, 36 stay"]
    assert first_words(splits["dev"]) == ["w1", "w2", "w11", "w23"], "the same on every machine"
    assert sorted(first_words(splits["dev"]) + first_words(splits["train"])) == sorted(f"w{i}" for i in range(40))
    for dev_share, dev in ((0.001, 1), (0.999, 2)):  # neither part is empty
        train = write(tmp_path / "train.conllu", numbered(0, 3))
        assert conllu(["upos"], train=train, dev_share=dev_share).splits.num_rows == {"train": 3 - dev, "dev": dev}
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


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A treebank without a dev and a test split."""
    folder = tmp_path / "UD_English-Other"
    folder.mkdir()
    write(folder / "en_other-ud-train.conllu", numbered(0, 20))
    return folder


def test_two_corpora_of_any_kind_become_one(treebank: Path, other: Path, tmp_path: Path) -> None:
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
    corpus = conllu(["upos"], path=[str(other)])  # a list of one is that one
    assert (corpus.name, corpus.parts, corpus.rules) == (other.name, (), "english")
    assert by_corpus(corpus.splits["train"]) == {"": corpus.splits["train"]}
    names = [conll_folder(tmp_path / name) for name in ("a", "b")]
    corpus = hub(["pos"], names, tokens="words", fields={"pos": "pos_tags"})
    assert corpus.parts == ("a", "b")
    assert corpus.splits["test"][CORPUS][:] == ["a"] * 4 + ["b"] * 4
    configs = single_configs(CorpusConfig(kind="ud", treebank=["en_ewt", "en_gum"], name="x"))
    assert configs == [CorpusConfig(kind="ud", treebank=each, name="x") for each in ("en_ewt", "en_gum")]


def test_mistakes_in_a_list_and_impossible_splits(treebank: Path, other: Path, tmp_path: Path) -> None:
    first, second, nowhere = str(treebank), str(other), str(tmp_path / "nowhere")
    copy = tmp_path / "copy" / "UD_Tiny"
    copy.mkdir(parents=True)
    train = write(copy / "x-train.conllu", numbered(0, 6))
    mistakes: list[tuple[str, dict[str, Any]]] = [
        (f"{nowhere} does not exist; check corpus.path", {"path": [first, nowhere]}),
        ("two corpora are called 'UD_Tiny'", {"path": [first, str(copy)]}),
        ("corpus.dev=x.conllu: with several folders each", {"path": [first, second], "dev": "x.conllu"}),
        ("corpus.path=[]: give a list of names, such as [A,B]", {"path": []}),
        ("corpus.fold is 5 … corpus.folds=5 … from 0 to 4", {"train": train, "folds": 5, "fold": 5}),
        ("corpus.fold is None … from 0 to 4", {"train": train, "folds": 5}),
        ("corpus.folds is None … 2 to 6 parts", {"train": train, "fold": 1}),
        ("corpus.folds is 7 … 2 to 6 parts", {"train": train, "folds": 7, "fold": 1}),
        ("corpus.dev_share=1.5: expected", {"train": train, "dev_share": 1.5}),
        *(("expected", {"path": bad}) for bad in ([first, None], [""], {"a": 1})),
    ]
    for same in (first, first + "/", f"{second}/../UD_Tiny"):
        mistakes.append(("is there twice; name every corpus once", {"path": [first, second, same]}))
    for said, options in mistakes:
        refused(said, conllu, ["upos"], **options)


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
    refused(f"set HF_DATASETS_CACHE to a folder with room for {train}", conllu, ["upos"], train=train)


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
