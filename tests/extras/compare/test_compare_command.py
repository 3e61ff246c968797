"""The command `compare`: taggers and tagged files on both sides."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu, write_conllu
from tagger.text.sentence import Sentence
from tests.commands.conftest import CONLLU, call, check_replaces_nothing
from tests.conftest import make_network, save_tiny


@pytest.fixture(autouse=True)
def gold(tmp_path: Path) -> None:
    (tmp_path / "gold.conllu").write_text(CONLLU)


def retagged(upos: str, **columns: str) -> str:
    """The gold file with other tags; columns that are not given are blank."""
    sentences = list(read_conllu(CONLLU.splitlines(keepends=True), "gold"))
    tags = {"upos": upos.split(), **{name: values.split() for name, values in columns.items()}}
    for sentence in sentences:
        n = len(sentence)
        blank = {name: ["_"] * n for name in ("xpos", "feats", "lemma")}
        sentence.tags = blank | {name: values[:n] for name, values in tags.items()}
        tags = {name: values[n:] for name, values in tags.items()}
    return "".join(map(write_conllu, sentences))


def compared(*arguments: str, gold: str = "gold.conllu") -> dict[str, Any]:
    a, b, *options = arguments
    found: dict[str, Any] = json.loads(call("compare", a, b, gold, "--json", *options).stdout)["columns"]
    return found


def test_a_tagger_is_compared_with_its_own_output(model: Path, tmp_path: Path) -> None:
    call("tag", "gold.conllu", "--model", str(model), "-o", "said.conllu")
    found = compared(str(model), "said.conllu", "--column", "upos")["upos"]
    assert (found["words"], found["difference"], found["p"], found["different"]) == (5, 0, 1, [])
    report = json.loads(call("evaluate", "gold.conllu", "--json", "--model", str(model)).stdout)["upos"]
    assert found["a"] == report["accuracy"]


def test_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(retagged("PRON VERB ADV VERB INTJ"))  # book is wrong
    (tmp_path / "b.conllu").write_text(retagged("PRON AUX ADV NOUN X"))  # do and Yes are
    found = compared("a.conllu", "b.conllu")
    assert list(found) == ["upos"]  # the others are blank in both files
    (tmp_path / "c.conllu").write_text(retagged("PRON VERB ADV VERB INTJ", xpos="PRP VBP RB NN UH"))
    assert list(compared("c.conllu", "c.conllu")) == ["upos", "xpos"]
    assert list(compared("c.conllu", "c.conllu", "--column", "xpos")) == ["xpos"]
    assert found["upos"]["difference"] == pytest.approx(0.2)
    rows = [["Yes", "INTJ", "INTJ", "X", 1], ["book", "NOUN", "VERB", "NOUN", 1], ["do", "VERB", "VERB", "AUX", 1]]
    assert found["upos"]["different"] == rows
    text = call("compare", "a.conllu", "b.conllu", "gold.conllu", "--csv", "words.csv").stdout
    assert "upos, 5 words: A 80.00%, B 60.00%" in text
    with (tmp_path / "words.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["column", "word", "gold", "a", "b", "count"]
    assert lines == [["upos", *map(str, row)] for row in rows]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary) -> Path:
    return save_tiny(tmp_path_factory.mktemp("other"), make_network(vocabulary, seed=4), vocabulary)


def test_two_taggers_on_several_files(model: Path, other: Path, tmp_path: Path) -> None:
    forms = [f"{a}{b}" for a in "bcdfgh" for b in ("ook", "a", "lights", "ell", ".")]
    both = tagger.load(other)
    together = next(both.stream([Sentence(forms)])).tags["upos"]
    assert together != both.tag(forms)  # a tagger decides on all its columns together
    rows = [f"{i}\t{form}\t_\t{tag}" + "\t_" * 6 for i, (form, tag) in enumerate(zip(forms, together, strict=True), 1)]
    (tmp_path / "gold.conllu").write_text("\n".join(rows) + "\n\n")
    found = json.loads(call("compare", str(other), str(model), "gold.conllu", "gold.conllu", "--json").stdout)
    assert (found["columns"]["upos"]["words"], found["columns"]["upos"]["a"]) == (2 * len(forms), 1)


def test_column_files(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text("They\tPRON\tB\nbook\tVERB\tI\n\n\nYes\tINTJ\tO\n")
    (tmp_path / "a.tsv").write_text("They\tPRON\tB\nbook\tNOUN\tB\n\nYes\tINTJ\tO\n")
    (tmp_path / "b.csv").write_text("They,PRON,B\nbook,VERB,B\n\nYes,INTJ,O\n")
    assert compared("a.tsv", "b.csv", gold="gold.tsv")["upos"]["different"] == [["book", "VERB", "NOUN", "VERB", 1]]
    assert compared("a.tsv", "b.csv", "--column", "chunk=2", gold="gold.tsv")["chunk"]["a"] == 2 / 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("gold.conllu b.conllu gold.conllu", "b.conllu: no such file"),
        ("a.conllu gold.conllu gold.conllu", "a.conllu, sentence 1: 'They do not book' where gold.conllu has \"They"),
        ("gold.conllu MODEL gold.conllu gold.conllu", "gold.conllu is tagged and needs one GOLD file"),
        ("gold.conllu gold.conllu blank.conllu", "no column with tags in all three (blank.conllu: none; gold.conllu: "),
        ("gold.conllu gold.conllu gold.conllu --column upos=x", "--column upos=x: write NAME, or NAME=NUMBER"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments: str, said: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace("\tn't\t", "\tnot\t"))
    (tmp_path / "blank.conllu").write_text(retagged("_ _ _ _ _"))
    before = sorted(tmp_path.iterdir())
    result = call("compare", *arguments.replace("MODEL", str(model)).split(), "--csv", "x.csv", status=2)
    (message,) = result.stderr.splitlines()
    assert message.startswith(f"error: {said}")
    assert result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "line", ["compare in.conllu gold.conllu gold.conllu", "compare gold.conllu gold.conllu in.conllu"]
)
def test_a_file_that_is_read_is_never_replaced(line: str, two_files: Path) -> None:
    check_replaces_nothing(two_files, "--csv", line)
