"""The bundled treebanks: the sample, and sentences that are hard."""

import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

from tagger.bundled import bundled
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence

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
    for unit, (first, *more) in (("sentences", [*map(len, splits)]), ("words", [sum(map(len, s)) for s in splits])):
        assert " | ".join(map(str, [f"{first} {unit}", *more, first + sum(more)])) in page


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
