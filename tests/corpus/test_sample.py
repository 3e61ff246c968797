"""The bundled treebanks: the sample, and sentences that are hard."""

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence

FOLDER = Path(__file__).resolve().parents[2] / "data" / "sample"
SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Sentence]]:
    paths = {split: str(FOLDER / f"sample-{split}.conllu") for split in SPLITS}
    return {split: list(read_conllu(read_lines(path), path)) for split, path in paths.items()}


def test_no_sentence_in_two_splits(splits):
    words = {split: {tuple(sentence.tokens) for sentence in splits[split]} for split in SPLITS}
    assert not words["train"] & words["dev"]
    assert not words["train"] & words["test"]
    assert not words["dev"] & words["test"]


def test_build_reproduces_the_files(tmp_path):
    subprocess.run([sys.executable, str(FOLDER / "build.py"), "--out", str(tmp_path)], check=True, cwd=tmp_path)
    for split in SPLITS:
        name = f"sample-{split}.conllu"
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_readme_has_the_counts(splits):
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    sentences = [len(splits[split]) for split in SPLITS]
    words = [sum(map(len, splits[split])) for split in SPLITS]
    assert " | ".join(map(str, [f"{sentences[0]} sentences", *sentences[1:], sum(sentences)])) in readme
    assert " | ".join(map(str, [f"{words[0]} words", *words[1:], sum(words)])) in readme


def test_an_error_names_file_line_and_value(tmp_path, build, capsys):
    rows = ["well/ADV = 'well/ADV'", "well/ADVERB/RB = 'ADVERB'", "well/ADV/RBX = 'RBX'", "well/ADV/NN = ADV with NN"]
    for row in [*rows, "well~/ADV/RB = 'well~/ADV/RB'", "= one dev = 'one'"]:
        line, value = row.rsplit(" = ", 1)
        (tmp_path / "news.txt").write_text(f"= one train\nHi~/INTJ/UH !/PUNCT/.\n{line}\n", encoding="utf-8")
        assert build.main(["--source", str(tmp_path), "--out", str(tmp_path)]) == 1
        message = capsys.readouterr().err
        assert message.startswith("news.txt, line 3: ")
        assert value in message
        assert message.count("\n") == 1
        assert not list(tmp_path.glob("*.conllu"))


DATA = Path(__file__).resolve().parents[2] / "data"


def read(path: Path) -> list[Sentence]:
    return list(read_conllu(read_lines(str(path)), str(path)))


def comment(sentence: Sentence, name: str) -> str:
    (value,) = [line.removeprefix(f"# {name} = ") for line in sentence.comments if line.startswith(f"# {name} = ")]
    return value


@pytest.fixture(scope="module")
def hard() -> list[Sentence]:
    return read(DATA / "hard" / "hard.conllu")


def test_its_page_has_the_groups_and_their_counts(hard: list[Sentence]) -> None:
    page = (DATA / "hard" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", page, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == Counter(comment(sentence, "group") for sentence in hard)
    assert f"{len(hard)} short English sentences ({sum(map(len, hard)):,} words)" in page
    assert len({comment(sentence, "sent_id") for sentence in hard}) == len(hard)
    assert len({comment(sentence, "text") for sentence in hard}) == len(hard)
    for sentence in hard:
        rows = [line.rstrip("\n").split("\t") for line in sentence.lines or [] if line[0].isdigit()]
        joined = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows).rstrip(" ")
        assert comment(sentence, "text") == joined
    sample = {tag for sentence in read(DATA / "sample" / "sample-train.conllu") for tag in sentence.tags["upos"]}
    assert {tag for sentence in hard for tag in sentence.tags["upos"]} == sample  # the 17 of Universal Dependencies
