import gzip
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagger.bundled import bundled
from tagger.corpus import sources as corpora
from tagger.corpus.sources import (
    CORPUS_KINDS,
    ColumnsConfig,
    ConlluConfig,
    HubConfig,
    SampleConfig,
    UdConfig,
    load_corpus,
)
from tagger.corpus.splits import Corpus
from tagger.errors import InputError

SEED = 1
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


def conllu(columns: list[str], seed: int = SEED, **values: Any) -> Corpus:
    return load_corpus(ConlluConfig(**values), columns, seed)


def column_files(columns: list[str], fields: dict[str, int | None], seed: int = SEED, **values: Any) -> Corpus:
    return load_corpus(ColumnsConfig(fields=fields, **values), columns, seed)


def hub(columns: list[str], name: str | None = None, seed: int = SEED, **values: Any) -> Corpus:
    return load_corpus(HubConfig(name=name, **values), columns, seed)


def ud(columns: list[str], seed: int = SEED, **values: Any) -> Corpus:
    return load_corpus(UdConfig(**values), columns, seed)


def rows(*sentences: str) -> str:
    """CoNLL-U of sentences such as `dogs/NOUN bark/VERB`."""
    blocks = []
    for sentence in sentences:
        words = [word.rsplit("/", 1) for word in sentence.split()]
        lines = [f"{i}\t{form}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n" for i, (form, tag) in enumerate(words, 1)]
        blocks.append("".join(lines) + "\n")
    return "".join(blocks)


def numbered(start: int, end: int) -> str:
    return rows(*(f"w{i}/X" for i in range(start, end)))


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


# CoNLL-U


def test_a_treebank_folder(treebank: Path) -> None:
    corpus = conllu(["upos", "feats"], path=str(treebank), seed=SEED)
    assert corpus.name == "UD_Tiny"
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert corpus.splits["train"].to_list() == [
        {
            "tokens": ["Do", "n't", "go", "."],
            "upos": ["AUX", "PART", "VERB", "PUNCT"],
            "feats": ["Mood=Imp|VerbForm=Fin", "_", "VerbForm=Inf", "_"],
            "comments": ["# sent_id = 1", "# text = Don't go ."],
        },
        {"tokens": ["hợp tác xã"], "upos": ["NOUN"], "feats": ["_"], "comments": []},
    ]
    assert corpus.splits["dev"]["tokens"][:] == [["dogs", "bark"]]
    assert corpus.splits["test"]["tokens"][:] == [["cats"]]
    assert corpus.splits["train"].cache_files, "an Arrow file lies behind the data"


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


def test_the_name_of_the_current_folder(treebank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(treebank)
    assert conllu(["upos"], path=".", seed=SEED).name == "UD_Tiny"


def test_compressed_files(treebank: Path) -> None:
    for file in treebank.glob("*.conllu"):
        (treebank / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    corpus = conllu(["upos"], path=str(treebank), seed=SEED)
    assert corpus.splits.num_rows == {"train": 2, "dev": 1, "test": 1}


def test_byte_order_mark_windows_line_ends_no_last_line_end(tmp_path: Path) -> None:
    text = "\ufeff" + rows("dogs/NOUN bark/VERB", "hm/INTJ").replace("\n", "\r\n").rstrip()
    train = write(tmp_path / "train.conllu", text)
    corpus = conllu(["upos"], train=train, dev=train, seed=SEED)
    assert corpus.splits["dev"]["tokens"][:] == [["dogs", "bark"], ["hm"]]
    assert corpus.splits["dev"]["upos"][:] == [["NOUN", "VERB"], ["INTJ"]]


def test_single_files_and_their_name(tmp_path: Path) -> None:
    train = write(tmp_path / "mine.conllu", rows("a/X"))
    dev = write(tmp_path / "other.txt", rows("b/X"))
    corpus = conllu(["upos"], train=train, dev=dev, seed=SEED)
    assert corpus.name == "mine.conllu"
    assert list(corpus.splits) == ["train", "dev"]


def test_a_file_goes_before_what_the_folder_has(treebank: Path, tmp_path: Path) -> None:
    dev = write(tmp_path / "better.conllu", rows("b/X"))
    corpus = conllu(["upos"], path=str(treebank), dev=dev, seed=SEED)
    assert corpus.splits["dev"]["tokens"][:] == [["b"]]
    assert corpus.name == "UD_Tiny"


def test_another_encoding(tmp_path: Path) -> None:
    train = tmp_path / "train.conllu"
    train.write_bytes(rows("été/NOUN").encode("latin-1"))
    corpus = conllu(["upos"], train=str(train), dev=str(train), encoding="latin-1", seed=SEED)
    assert corpus.splits["train"]["tokens"][:] == [["été"]]


def test_the_home_folder(treebank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(treebank.parent))
    assert len(conllu(["upos"], path="~/UD_Tiny", seed=SEED).splits["train"]) == 2
    train = "~/UD_Tiny/tiny-ud-train.conllu"
    assert len(conllu(["upos"], train=train, dev=train, seed=SEED).splits["train"]) == 2


def test_a_file_with_the_same_name_and_size_is_read_again(tmp_path: Path) -> None:
    train = write(tmp_path / "train.conllu", rows("old/X"))
    status = os.stat(train)
    assert conllu(["upos"], train=train, dev=train, seed=SEED).splits["train"]["tokens"][:] == [["old"]]
    write(tmp_path / "train.conllu", rows("new/X"))
    os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert conllu(["upos"], train=train, dev=train, seed=SEED).splits["train"]["tokens"][:] == [["new"]]


def test_a_file_that_is_unchanged_is_not_read_again(treebank: Path) -> None:
    first = conllu(["upos"], path=str(treebank), seed=SEED)
    written = Path(first.splits["train"].cache_files[0]["filename"])
    time = written.stat().st_mtime_ns
    again = conllu(["upos"], path=str(treebank), seed=2)
    assert Path(again.splits["train"].cache_files[0]["filename"]) == written
    assert written.stat().st_mtime_ns == time


def test_processes_share_the_cache_and_nothing_goes_to_standard_error(treebank: Path, tmp_path: Path) -> None:
    command = (
        "from tagger.corpus.sources import ConlluConfig, load_corpus;"
        f"s = load_corpus(ConlluConfig(path={str(treebank)!r}), ['upos'], seed=1).splits;"
        "print([d.cache_files[0]['filename'] for d in s.values()], s['train'][:]['tokens'])"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_CACHE": str(tmp_path / "hf/datasets")}
    environment.pop("HF_DATASETS_DISABLE_PROGRESS_BARS", None)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", command],
            env=environment,
            cwd=Path(corpora.__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in running]
    assert [error for _, error in outputs] == [b"", b""]
    assert outputs[0][0] == outputs[1][0] != b""


# column files

PENN = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects  VBZ\tB-VP O

-DOCSTART- -X- -X- O
\u00a0 SYM O O
"""
COLUMNS = {"tokens": 0, "pos": 1, "chunk": 2, "ner": 3, "upos": None}


def columns_of(path: str, columns: list[str], fields: dict[str, int | None], **options: Any) -> list[dict[str, Any]]:
    corpus = column_files(columns, fields, train=path, dev=path, seed=SEED, **options)
    return [{name: row[name] for name in ("tokens", *columns)} for row in corpus.splits["train"].to_list()]


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text.replace("\n", "\r\n"), str.rstrip])
def test_columns_between_spaces(tmp_path: Path, change: Any) -> None:
    path = write(tmp_path / "train.txt", change(PENN))
    assert columns_of(path, ["pos", "ner"], COLUMNS, skip=["-DOCSTART-"]) == [
        {"tokens": ["EU", "rejects"], "pos": ["NNP", "VBZ"], "ner": ["B-ORG", "O"]},
        {"tokens": ["\u00a0"], "pos": ["SYM"], "ner": ["O"]},
    ]


def test_columns_between_tabs_and_places_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress("1\thợp tác xã\tNOUN\n2\t\u3000\t\n\t\t\n\n\n1\tb\tX\n".encode()))
    expected = [{"tokens": ["hợp tác xã", "\u3000"], "upos": ["NOUN", "_"]}, {"tokens": ["b"], "upos": ["X"]}]
    assert columns_of(str(path), ["upos"], {"tokens": 1, "upos": -1}, separator="\t") == expected
    assert columns_of(str(path), ["upos"], {"tokens": -2, "upos": 2}, separator=r"\t") == expected


def test_two_columns_and_the_name(tmp_path: Path) -> None:
    train = write(tmp_path / "two.txt", "a X\nb Y\n\nc Z\n")
    corpus = column_files(["upos"], {"tokens": 0, "upos": 1, "ner": 5}, train=train, dev=train, test=train, seed=SEED)
    assert corpus.name == "two.txt"
    assert corpus.splits["test"].to_list() == [
        {"tokens": ["a", "b"], "upos": ["X", "Y"], "comments": []},
        {"tokens": ["c"], "upos": ["Z"], "comments": []},
    ]


# the Hub, by local folders laid out like one


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


@pytest.fixture(autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


@pytest.fixture
def newer(tmp_path: Path) -> str:
    data = lists(
        tokens=[["Do", "n't", "go"], [], ["hợp tác xã", "_"]],
        upos=[["AUX", "PART", "VERB"], [], ["NOUN", "_"]],
        xpos=[["VB", None, "VB"], [], ["N", ""]],
        feats=[["Mood=Imp|VerbForm=Fin", "_", None], [], ["_", "_"]],
        head=[["3", "3", "0"], [], ["0", "1"]],
    )
    return parquet_folder(tmp_path / "ud", {"train": data, "dev": data.select([2]), "test": data.select([0])})


UPOS = ["NOUN", "PUNCT", "AUX", "PART", "VERB", "_"]


def older_release(folder: Path, head: bool) -> str:
    upos = ClassLabel(names=UPOS)
    columns: dict[str, Any] = {
        "tokens": [["Don't", "Do", "n't", "go", "gone", "dog"]],
        "upos": [[5, 2, 3, 4, 4 if head else 5, 5 if head else 0]],
        "xpos": [["_", "VB", None, "VB", "VBN", "NN"]],
        "feats": [
            ["None", "{'Mood': 'Imp', 'VerbForm': 'Fin'}", "None", "{'VerbForm': 'Inf'}", "None", "{'Case': 'A,B'}"]
        ],
    }
    features = {"tokens": List(Value("string")), "upos": List(upos), "xpos": List(Value("string"))}
    features["feats"] = List(Value("string"))
    if head:
        columns["head"] = [["None", "3", "3", "0", "None", "3"]]
        features["head"] = List(Value("string"))
    data = Dataset.from_dict(columns, Features(features))
    return parquet_folder(folder, {"train": data, "validation": data, "test": data})


def test_the_newer_release_of_universal_dependencies(newer: str) -> None:
    corpus = ud(["upos", "xpos", "feats"], name=newer, treebank="en_tiny", seed=SEED)
    assert corpus.name == "ud-en_tiny"
    assert corpus.rules == "english"
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert corpus.splits["train"].to_list() == [
        {
            "tokens": ["Do", "n't", "go"],
            "upos": ["AUX", "PART", "VERB"],
            "xpos": ["VB", "_", "VB"],
            "feats": ["Mood=Imp|VerbForm=Fin", "_", "_"],
            "comments": [],
        },
        {"tokens": ["hợp tác xã", "_"], "upos": ["NOUN", "_"], "xpos": ["N", "_"], "feats": ["_", "_"], "comments": []},
    ]
    assert corpus.splits["dev"]["tokens"][:] == [["hợp tác xã", "_"]]


@pytest.mark.parametrize("head", [True, False])
def test_the_older_release_of_universal_dependencies(tmp_path: Path, head: bool) -> None:
    corpus = hub(["upos", "xpos", "feats"], name=older_release(tmp_path / "ud", head), config="en_tiny", seed=SEED)
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert corpus.splits["dev"].to_list() == [
        {
            "tokens": ["Do", "n't", "go", "dog"],
            "upos": ["AUX", "PART", "VERB", "_" if head else "NOUN"],
            "xpos": ["VB", "_", "VB", "NN"],
            "feats": ["Mood=Imp|VerbForm=Fin", "_", "VerbForm=Inf", "Case=A,B"],
            "comments": [],
        }
    ]


@pytest.mark.parametrize("config", ["en_tiny", None])
def test_the_parquet_export_has_a_folder_for_each_config(tmp_path: Path, newer: str, config: str | None) -> None:
    folder = tmp_path / "export"
    for split in ("train", "dev", "test"):
        (folder / "en_tiny" / split).mkdir(parents=True)
        (Path(newer) / "en_tiny" / f"{split}.parquet").rename(folder / "en_tiny" / split / "0000.parquet")
    corpus = hub(["upos"], name=str(folder), config=config, revision="refs/convert/parquet", seed=SEED)
    assert corpus.splits.num_rows == {"train": 2, "dev": 1, "test": 1}


def conll_folder(folder: Path) -> str:
    names = ClassLabel(names=["NN", "VB"])
    features = Features({"words": List(Value("string")), "pos_tags": List(names), "id": Value("string")})
    data = Dataset.from_dict({"words": [["a", "b", "c"]] * 4, "pos_tags": [[1, 0, -1]] * 4, "id": ["7"] * 4}, features)
    return parquet_folder(folder, {"train": data, "test": data})


def test_class_labels_under_other_names(tmp_path: Path) -> None:
    corpus = hub(["pos"], conll_folder(tmp_path / "c"), tokens="words", fields={"pos": "pos_tags"}, seed=SEED)
    assert corpus.name == "c"
    assert corpus.splits.num_rows == {"train": 3, "dev": 1, "test": 4}
    assert corpus.splits["test"][0] == {"tokens": ["a", "b", "c"], "pos": ["VB", "NN", "_"], "comments": []}


def test_a_data_set_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "d" / "en_tiny" / "train.parquet"
    name = parquet_folder(tmp_path / "d", {"train": lists(tokens=[["a"]] * 2, upos=[["X"]] * 2)})
    assert hub(["upos"], name, seed=SEED).splits["train"]["tokens"][:] == [["a"]]
    lists(tokens=[["b"]] * 2, upos=[["X"]] * 2).to_parquet(str(file))
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
    assert hub(["upos"], name, seed=SEED).splits["train"]["tokens"][:] == [["b"]]


# held-out sentences and folds


def test_a_seeded_part_of_train_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 40))
    with caplog.at_level(logging.INFO, "tagger.corpus"):
        splits = conllu(["upos"], train=train, dev_share=0.1, seed=SEED).splits
    assert caplog.messages == ["train.conllu has no dev split: 4 sentences of train become dev, 36 stay"]
    assert first_words(splits["dev"]) == ["w1", "w2", "w11", "w23"], "the same on every machine"
    assert sorted(first_words(splits["dev"]) + first_words(splits["train"])) == sorted(f"w{i}" for i in range(40))
    other = conllu(["upos"], train=train, dev_share=0.1, seed=2).splits["dev"]
    assert first_words(other) != first_words(splits["dev"])


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


# errors


def error_of(function: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments, seed=SEED, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


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


def test_missing_paths(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert error_of(conllu, ["upos"], path=nowhere) == f"{nowhere} does not exist; check corpus.path"
    for reader in (conllu, column_files):
        more = {"fields": COLUMNS} if reader is column_files else {}
        column = ["pos" if more else "upos"]
        message = error_of(reader, column, train=nowhere, **more)
        assert message == f"{nowhere}: No such file or directory; check corpus.train"
        assert error_of(reader, column, **more) == "no training data: name a file with corpus.train=FILE"
        assert "is a folder; a file is needed" in error_of(reader, column, train=str(tmp_path), **more)


def test_folders_without_the_right_files(treebank: Path, tmp_path: Path) -> None:
    file = treebank / "tiny-ud-train.conllu"
    assert error_of(conllu, ["upos"], path=str(file)) == f"{file} is a file; give it as corpus.train=FILE"
    write(treebank / "x-train.conllu.gz", "")
    message = error_of(conllu, ["upos"], path=str(treebank))
    assert "2 files for train: tiny-ud-train.conllu, x-train.conllu.gz; choose one with corpus.train=FILE" in message
    (treebank / "x-train.conllu.gz").unlink()
    file.unlink()
    message = error_of(conllu, ["upos"], path=str(treebank))
    assert message.startswith(f"{treebank} has no *-train.conllu, it has tiny-ud-dev.conllu, tiny-ud-test.conllu; name")
    (tmp_path / "none").mkdir()
    assert "it has no CoNLL-U file; name" in error_of(conllu, ["upos"], path=str(tmp_path / "none"))


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n\n"])
def test_empty_corpora(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "train.conllu", text)
    assert error_of(conllu, ["upos"], train=path) == f"{path} holds no words; a corpus needs at least one sentence"
    fields = {"tokens": 0, "upos": 1}
    assert "holds no words" in error_of(column_files, ["upos"], fields, train=path, skip=["#"])
    full = write(tmp_path / "full.conllu", rows("a/X"))
    assert error_of(conllu, ["upos"], train=full, dev=path).startswith(f"{path} holds no words")


def test_columns_without_tags(treebank: Path, tmp_path: Path) -> None:
    path = write(treebank / "tiny-ud-train.conllu", TREEBANK.replace("\tVB\t", "\t_\t").replace("\tRB\t", "\t\t"))
    path = write(treebank / "tiny-ud-train.conllu", Path(path).read_text().replace("\t.\t_\t", "\t_\t_\t"))
    message = error_of(conllu, ["upos", "xpos"], path=str(treebank))
    expected = "column xpos has no tags, all are _ or empty; choose from those that have: columns=[feats,upos]"
    assert message == f"{path}: {expected}"
    bare = write(tmp_path / "bare.conllu", rows("a/_"))
    assert error_of(conllu, ["upos"], train=bare).endswith("all are _ or empty; no column has any")
    fields = {"tokens": 0, "upos": 1, "ner": 2}
    message = error_of(column_files, ["upos"], fields, train=write(tmp_path / "c", "a _ O\nb _ O\n"))
    assert message.endswith("column upos has no tags, all are _ or empty; choose from those that have: columns=[ner]")
    name = parquet_folder(tmp_path / "h", {"train": lists(tokens=[["a"]], upos=[["_"]], xpos=[["X"]])})
    message = error_of(hub, ["upos"], name, fields={"xpos": None})
    assert f"{name}, split train: column upos has no tags" in message
    assert message.endswith("columns=[xpos]")


def test_a_test_split_may_be_without_tags(treebank: Path) -> None:
    write(treebank / "tiny-ud-test.conllu", rows("cats/_"))
    assert conllu(["upos"], path=str(treebank), seed=SEED).splits["test"]["upos"][:] == [["_"]]


def test_columns_that_a_corpus_does_not_have(treebank: Path, tmp_path: Path) -> None:
    assert error_of(conllu, ["upos", "ner"], path=str(treebank)) == (
        "no column 'ner' (the tag columns are: upos, xpos, feats) in CoNLL-U; choose with columns=[...]"
    )
    message = error_of(column_files, ["upos"], COLUMNS, train=str(tmp_path))
    assert message.startswith("no column 'upos' (the tag columns are: pos, chunk, ner) in corpus.fields;")
    assert "no column 'tokens'" in error_of(column_files, ["pos"], COLUMNS | {"tokens": None}, train=str(tmp_path))
    name = conll_folder(tmp_path / "c")
    fields = {"pos": "pos_tags", "ner": None}
    assert error_of(hub, ["upos"], name, tokens="words", fields=fields) == (
        f"no column 'upos' (the tag columns are: pos) in {name}, whose lists of strings or class labels are"
        " words, pos_tags; name them with corpus.tokens and corpus.fields"
    )
    assert "no column 'tokens'" in error_of(hub, ["pos"], name, fields=fields)
    assert "no column 'id'" in error_of(hub, ["id"], name, tokens="words")


def test_malformed_files(tmp_path: Path) -> None:
    path = write(tmp_path / "train.conllu", "1\ta\tb\n")
    assert f"{path}, line 1: 3 columns" in error_of(conllu, ["upos"], train=path)
    late = write(tmp_path / "late.conllu", numbered(0, 3000) + "1\ta\tb\n")
    assert f"{late}, line 6001: 3 columns" in error_of(conllu, ["upos"], train=late)
    (tmp_path / "latin").write_bytes(rows("été/NOUN").encode("latin-1"))
    message = error_of(conllu, ["upos"], train=str(tmp_path / "latin"))
    assert "line 1: byte 0xe9 is not utf-8" in message
    assert "corpus.encoding" in message
    path = write(tmp_path / "train.txt", "a X\n\nb\n")
    for fields in ({"tokens": 0, "upos": 1}, {"tokens": 0, "upos": -2}):
        assert error_of(column_files, ["upos"], fields, train=path) == (
            f"{path}, line 3: no column {fields['upos']} (from 0) for upos in 'b';"
            " check corpus.fields and corpus.separator"
        )


def test_data_sets_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(hub, ["upos"]).startswith("no corpus.name: give")
    missing = str(tmp_path / "no" / "folder")
    message = error_of(hub, ["upos"], missing)
    assert message.startswith(f"{missing}: ")
    assert message.endswith("check corpus.name, corpus.config and corpus.revision")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = error_of(ud, ["upos"], name="commul/universal_dependencies", treebank="en_ewt")
    assert message.startswith("commul/universal_dependencies cannot be fetched (")
    assert message.endswith("; connect to the internet, or give a local folder of its Parquet files as corpus.name")


def test_data_sets_that_are_of_no_use(newer: str, tmp_path: Path) -> None:
    message = error_of(hub, ["upos"], newer, config="xx_none")
    assert message.startswith(f"{newer}: BuilderConfig 'xx_none' not found. Available: ['en_tiny']")
    name = parquet_folder(tmp_path / "t", {"test": lists(tokens=[["a"]], upos=[["X"]])})
    assert error_of(hub, ["upos"], name) == f"{name} has no split train, only test; choose another corpus.config"
    name = parquet_folder(tmp_path / "u", {"train": lists(tokens=[["a"], ["a", "b"]], upos=[["X"], ["X"]])})
    message = error_of(hub, ["upos"], name)
    expected = "row 1: 1 values of upos for 2 words; repair the data or leave the column out"
    assert message == f"{name}, split train, {expected}"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = write(tmp_path / "train.conllu", numbered(0, 3))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", train)
    message = error_of(conllu, ["upos"], train=train)
    assert message.endswith(f"set HF_DATASETS_CACHE to a folder with room for {train}")


# configs

SPLITTING = "corpus: {dev_share: 0.1, folds: null, fold: null}\n"
CONFIGS = sorted(path.stem for path in (bundled("conf") / "corpus").glob("*.yaml"))


@pytest.fixture
def composed(tmp_path: Path) -> Any:
    (tmp_path / "conf").mkdir()
    search = f"hydra: {{searchpath: ['file://{bundled('conf')}']}}\n"
    write(
        tmp_path / "conf/run.yaml",
        f"defaults: [_self_, {{corpus: sample}}]\ncolumns: [upos]\nseed: 1\n{SPLITTING}{search}",
    )

    def compose_with(*overrides: str) -> Any:
        with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
            return compose("run", overrides=list(overrides))

    return compose_with


def load(config: Any) -> Corpus:
    values = OmegaConf.to_container(config.corpus)
    assert isinstance(values, dict)
    return load_corpus(CORPUS_KINDS[values["kind"]].config(**values), config.columns, config.seed)


def test_there_is_a_config_for_every_corpus() -> None:
    assert CONFIGS == ["columns", "conll2000", "conll2003", "conllu", "hub", "sample", "ud"]
    for name in CONFIGS:
        text = (bundled("conf") / "corpus" / f"{name}.yaml").read_text()
        assert f"# python -m tagger corpus={name}" in text.split("kind:")[0]


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "sample"])
def test_every_config_reaches_its_reader(composed: Any, name: str, tmp_path: Path) -> None:
    source = [f"corpus.name={tmp_path}/no/folder"] if name not in ("conllu", "columns") else []
    splitting = ["corpus.folds=null", "corpus.fold=null", "corpus.dev_share=0.2"]
    with pytest.raises(InputError, match=r"no/folder|corpus\.train=FILE"):
        load(composed(f"corpus={name}", *source, *splitting))


def test_the_bundled_sample(composed: Any) -> None:
    corpus = load(composed("columns=[upos,xpos]"))
    assert corpus.name == "sample"
    assert list(corpus.splits) == ["train", "dev", "test"]
    folds = load(composed("corpus.folds=10", "corpus.fold=3"))
    assert sum(folds.splits.num_rows.values()) == sum(corpus.splits.num_rows.values())
    assert load_corpus(SampleConfig(), ["upos"], seed=1).splits.num_rows == corpus.splits.num_rows


def test_the_config_of_conllu(composed: Any, treebank: Path) -> None:
    corpus = load(composed("corpus=conllu", f"corpus.path={treebank}", "columns=[upos,feats]"))
    assert corpus.splits["train"].column_names == ["tokens", "upos", "feats", "comments"]
    load(composed("corpus=conllu", f"corpus.train={treebank}/tiny-ud-train.conllu", "corpus.encoding=utf-8"))


def test_the_config_of_columns(composed: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "train.txt", PENN)
    files = [f"corpus.train={path}", f"corpus.dev={path}", f"corpus.test={path}"]
    corpus = load(composed("corpus=columns", *files, "corpus.fields={pos: 1, ner: -1}", "columns=[pos,ner]"))
    assert corpus.splits["train"][0]["ner"] == ["B-ORG", "O"]
    write(tmp_path / "train.txt", "# x\nDO NOT\tX\n")
    corpus = load(composed("corpus=columns", *files, r"corpus.separator='\t'", "corpus.skip=['# ']"))
    assert corpus.splits["train"][0]["tokens"] == ["DO NOT"]


def test_the_configs_of_the_hub(composed: Any, newer: str, tmp_path: Path) -> None:
    corpus = load(composed("corpus=ud", f"corpus.name={newer}", "corpus.treebank=en_tiny", "columns=[upos,feats]"))
    assert corpus.splits["train"][0]["feats"] == ["Mood=Imp|VerbForm=Fin", "_", "_"]
    corpus = load(composed("corpus=hub", f"corpus.name={newer}", "corpus.config=en_tiny", "corpus.fields.pos=xpos"))
    assert corpus.splits["train"][0]["upos"] == ["AUX", "PART", "VERB"]
    tag = List(ClassLabel(names=["O", "X"]))
    features = Features({"tokens": List(Value("string")), "pos_tags": tag, "chunk_tags": tag, "ner_tags": tag})
    data = Dataset.from_dict({key: [[1], [0]] for key in features} | {"tokens": [["a"], ["b"]]}, features)
    name = parquet_folder(tmp_path / "conll", {"train": data, "test": data}, "default")
    for config, columns in (("conll2003", ["pos", "chunk", "ner"]), ("conll2000", ["pos", "chunk"])):
        chosen = composed(f"corpus={config}", f"corpus.name={name}")
        assert chosen.columns == ["pos"]
        assert load(chosen).splits["test"].column_names == ["tokens", "pos", "comments"]
        corpus = load(composed(f"corpus={config}", f"corpus.name={name}", f"columns=[{','.join(columns)}]"))
        assert corpus.splits["test"].column_names == ["tokens", *columns, "comments"]


# real treebanks

TREEBANKS = os.environ.get("TAGGER_TREEBANKS")


@pytest.mark.skipif(TREEBANKS is None, reason="TAGGER_TREEBANKS does not name a folder of treebanks")
@pytest.mark.parametrize(
    ("folder", "columns", "counts"),
    [
        (
            "UD_English-EWT",
            ["upos", "xpos", "feats"],
            {"train": (12544, 204577), "dev": (2001, 25147), "test": (2077, 25094)},
        ),
        (
            "UD_Afrikaans-AfriBooms",
            ["upos", "xpos"],
            {"train": (1315, 33878), "dev": (194, 5317), "test": (425, 10063)},
        ),
        ("UD_Vietnamese-VTB", ["upos"], {"train": (1400, 20215), "dev": (1123, 26162), "test": (800, 11692)}),
    ],
)
def test_real_treebanks(folder: str, columns: list[str], counts: dict[str, tuple[int, int]]) -> None:
    corpus = conllu(columns, path=f"{TREEBANKS}/{folder}", seed=SEED)
    assert corpus.name == folder
    assert {s: (len(d), sum(map(len, d["tokens"]))) for s, d in corpus.splits.items()} == counts
    if folder == "UD_Vietnamese-VTB":
        assert any(" " in token for tokens in corpus.splits["train"]["tokens"] for token in tokens)
