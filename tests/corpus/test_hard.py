"""data/hard: sentences to measure on, as its page says, which nothing trains on."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence

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
