"""What the tests of corpora share: tiny treebanks, data sets laid out like those of the Hub, and short calls."""

from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagger.bundled import bundled
from tagger.corpus.corpus_config import CorpusConfig
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.text.schema import read
from tagger.training.launch import VERSION_BASE

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
    return load_corpus(read(CorpusConfig, {"kind": "conllu", **values}, "corpus.", from_page=True), columns)


def column_files(columns: list[str], fields: dict[str, int | None], **values: Any) -> Corpus:
    return load_corpus(CorpusConfig(kind="columns", fields=fields, **values), columns)


def hub(columns: list[str], name: str | None = None, **values: Any) -> Corpus:
    return load_corpus(CorpusConfig(kind="hub", name=name, **values), columns)


def ud(columns: list[str], **values: Any) -> Corpus:
    return load_corpus(CorpusConfig(kind="ud", **values), columns)


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


def error_of(function: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def composed(tmp_path: Path) -> Any:
    (tmp_path / "conf").mkdir()
    splitting = "corpus: {dev_share: 0.1, folds: null, fold: null}\n"
    page = f"defaults: [_self_, {{corpus: sample}}]\ncolumns: [upos]\nseed: 1\n{splitting}"
    write(tmp_path / "conf/run.yaml", f"{page}hydra: {{searchpath: ['file://{bundled('conf')}']}}\n")

    def compose_with(*overrides: str) -> Any:
        with initialize_config_dir(str(tmp_path / "conf"), **VERSION_BASE):
            return compose("run", overrides=list(overrides))

    return compose_with


def load(config: Any) -> Corpus:
    values = OmegaConf.to_container(config.corpus)
    assert isinstance(values, dict)
    return load_corpus(read(CorpusConfig, values, from_page=True), config.columns)


def conll_folder(folder: Path) -> str:
    names = ClassLabel(names=["NN", "VB"])
    features = Features({"words": List(Value("string")), "pos_tags": List(names), "id": Value("string")})
    data = Dataset.from_dict({"words": [["a", "b", "c"]] * 4, "pos_tags": [[1, 0, -1]] * 4, "id": ["7"] * 4}, features)
    return parquet_folder(folder, {"train": data, "test": data})
