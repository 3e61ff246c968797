"""The command `compare`: taggers and tagged files on both sides."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu, write_conllu
from tagger.text.sentence import Sentence
from tests.commands.conftest import CONLLU, call, saved
from tests.conftest import make_network, save_tiny
from tests.html_page import Page


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("other") / "tagger", ["They", "Yes"])


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


def compared(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("compare", *arguments, "gold.conllu", "--json").stdout)
    return found


def test_a_tagger_is_compared_with_its_own_output(model: Path, tmp_path: Path) -> None:
    call("tag", "gold.conllu", "--model", str(model), "-o", "said.conllu")
    found = compared("--a", str(model), "--b", "said.conllu", "--column", "upos")["columns"]["upos"]
    assert (found["words"], found["difference"], found["p"]) == (5, 0, 1)
    assert found["only_a"] == found["only_b"] == []
    report = json.loads(call("evaluate", "gold.conllu", "--json", "--model", str(model)).stdout)["upos"]
    assert found["groups"]["all"]["a"] == report["accuracy"]
    assert found["groups"]["seen"]["words"] == report["known_tokens"]
    assert found["groups"]["unseen"]["words"] == report["unknown_tokens"]


def test_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(retagged("PRON VERB ADV VERB INTJ"))  # book is wrong
    (tmp_path / "b.conllu").write_text(retagged("PRON AUX ADV NOUN X"))  # do and Yes are
    found = compared("a.conllu", "b.conllu")
    assert found == compared("--a", "a.conllu", "--b", "b.conllu")
    assert (found["a"], found["b"], found["gold"]) == (["a.conllu"], ["b.conllu"], ["gold.conllu"])
    assert (found["sentences"], found["words"], found["training_known"]) == (2, 5, False)
    assert list(found["columns"]) == ["upos"]  # the others are blank in both files
    values = found["columns"]["upos"]
    assert list(values["groups"]) == ["all"]  # no form has two tags in the gold file
    assert values["groups"]["all"]["a_each"] == [0.8]
    assert values["difference"] == pytest.approx(0.2)
    confusions = [(row["gold"], row["wrong"], row["words"]) for row in values["only_a"]]
    assert confusions == [("INTJ", "X", [["Yes", 1]]), ("VERB", "AUX", [["do", 1]])]
    assert [(row["gold"], row["wrong"], row["words"]) for row in values["only_b"]] == [("NOUN", "VERB", [["book", 1]])]
    text = call("compare", "--a", "a.conllu", "--b", "b.conllu", "gold.conllu", "--html", "page.html").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "not known of tagged files" in " ".join(text.split())
    assert Page((tmp_path / "page.html").read_text()).open == []


def test_training_data_says_what_is_seen_and_ambiguous(tmp_path: Path, model: Path) -> None:
    (tmp_path / "a.conllu").write_text(retagged("PRON VERB ADV VERB INTJ"))
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    words = [("book", "VERB"), ("book", "NOUN"), ("Yes", "INTJ")]
    (tmp_path / "train.conllu").write_text("".join(row.format(i, *word) for i, word in enumerate(words, 1)) + "\n")
    found = compared("--a", "a.conllu", "--b", str(model), "--train", "train.conllu")["columns"]["upos"]
    sizes = {name: group["words"] for name, group in found["groups"].items()}
    assert sizes == {"all": 5, "seen": 2, "unseen": 3, "ambiguous": 1}


def test_words_that_some_taggers_have_seen(model: Path, other: Path) -> None:
    found = compared("--a", str(model), "--b", str(other))["columns"]["upos"]
    sizes = {name: group["words"] for name, group in found["groups"].items()}
    assert sizes == {"all": 5, "seen": 1, "partly": 2, "unseen": 2}  # They; book, Yes; do, n't


def test_several_taggers_on_several_files(model: Path, other: Path, tmp_path: Path) -> None:
    (tmp_path / "more.conllu").write_text(CONLLU)
    names = ["--a", str(model), "--a", str(other), "--b", str(other)]
    found = json.loads(call("compare", *names, "gold.conllu", "more.conllu", "--json").stdout)
    values = found["columns"]["upos"]
    each = values["groups"]["all"]
    right = []
    for folder in (model, other):
        tags = chain(*tagger.load(folder).tag_sentences([["They", "do", "n't", "book"], ["Yes"]]))
        right.append(sum(t == g for t, g in zip(tags, ["PRON", "VERB", "ADV", "NOUN", "INTJ"], strict=True)) / 5)
    assert each["words"] == 10
    assert (each["a_each"], each["b_each"]) == (right, right[1:])
    assert each["a"] == sum(right) / 2


def test_a_tagger_decides_on_all_its_columns_together(vocabulary: Vocabulary, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "both", make_network(vocabulary, seed=4), vocabulary)
    forms = [f"{a}{b}" for a in "bcdfgh" for b in ("ook", "a", "lights", "ell", ".")]
    both = tagger.load(folder)
    together = next(both.stream([Sentence(forms)])).tags["upos"]
    assert together != both.tag(forms)  # one column alone
    rows = [f"{i}\t{form}\t_\t{tag}" + "\t_" * 6 for i, (form, tag) in enumerate(zip(forms, together, strict=True), 1)]
    (tmp_path / "gold.conllu").write_text("\n".join(rows) + "\n\n")
    found = compared(str(folder), "gold.conllu", "--column", "upos")["columns"]["upos"]
    assert found["groups"]["all"]["a"] == 1


def test_columns_are_those_that_all_have(tmp_path: Path, model: Path) -> None:
    (tmp_path / "a.conllu").write_text(retagged("PRON VERB ADV VERB INTJ", xpos="PRP VBP RB NN UH"))
    (tmp_path / "b.conllu").write_text(retagged("PRON VERB ADV VERB INTJ", xpos="PRP VBP RB NN NN"))
    assert list(compared("a.conllu", "b.conllu")["columns"]) == ["upos", "xpos"]
    assert list(compared("a.conllu", "b.conllu", "--column", "xpos")["columns"]) == ["xpos"]
    assert list(compared("a.conllu", str(model))["columns"]) == ["upos"]


def test_column_files(tmp_path: Path) -> None:
    (tmp_path / "gold.tsv").write_text("They\tPRON\tB\nbook\tVERB\tI\n\n")
    (tmp_path / "a.tsv").write_text("They\tPRON\tB\nbook\tNOUN\tB\n\n")
    (tmp_path / "b.slash").write_text("They/PRON book/VERB\n")
    (tmp_path / "b.csv").write_text("They,PRON,B\nbook,VERB,B\n")
    slash = ["--a", "a.tsv", "--b", "b.slash", "gold.tsv", "--json"]
    sides = ["--a", "a.tsv", "--b", "b.csv", "gold.tsv", "--json"]
    assert (
        json.loads(call("compare", *slash).stdout)["columns"] == json.loads(call("compare", *sides).stdout)["columns"]
    )
    (upos,) = json.loads(call("compare", *sides).stdout)["columns"].values()
    assert upos["difference"] == -0.5
    both = json.loads(call("compare", *sides, "--column", "upos", "--column", "chunk").stdout)["columns"]
    assert {name: values["difference"] for name, values in both.items()} == {"upos": -0.5, "chunk": 0}
    (chunk,) = json.loads(call("compare", *sides, "--column", "chunk=2").stdout)["columns"].items()
    assert (chunk[0], chunk[1]["groups"]["all"]["a"]) == ("chunk", 0.5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("a.conllu gold.conllu", "a.conllu gold.conllu: name two sides and a file with gold tags: compare A B GOLD"),
        ("--a gold.conllu gold.conllu", "--b is missing: name both sides, or write compare A B GOLD"),
        ("--b gold.conllu gold.conllu", "--a is missing: name both sides, or write compare A B GOLD"),
        ("gold.conllu b.conllu gold.conllu", "b.conllu: no such file"),
        ("gold.conllu zebra gold.conllu", "zebra: no such tagger"),
        (
            "a.conllu gold.conllu gold.conllu",
            "a.conllu, line 6: 'not' where gold.conllu has \"n't\", in sentence 1, word 3",
        ),
        ("--a gold.conllu --b MODEL gold.conllu gold.conllu", "gold.conllu is tagged and needs one GOLD file"),
        ("gold.conllu a.jsonl gold.conllu", "a.jsonl: a tagged file is read as conllu, tsv, csv, slash, not as jsonl"),
        ("gold.conllu gold.conllu blank.conllu", "blank.conllu: no gold tags in upos, xpos, feats, lemma"),
        ("empty.conllu empty.conllu empty.conllu", "empty.conllu: no gold tags"),
        ("gold.conllu gold.conllu gold.conllu --train blank.conllu", "blank.conllu: no gold tags in the column upos"),
        ("gold.conllu gold.conllu gold.conllu --column ner", "gold.conllu: no gold tags in ner; give a file that"),
        (
            "gold.conllu blank.conllu gold.conllu --column xpos",
            "blank.conllu: no tags in the column xpos; name another",
        ),
        ("gold.conllu gold.conllu gold.conllu --column upos=x", "--column upos=x: write NAME, or NAME=NUMBER"),
        (
            "xpos.conllu upos.conllu gold.conllu",
            "no column with tags in all of them (gold.conllu: upos, xpos, feats, lemma; xpos.conllu: xpos; upos.conllu:"
            " upos); compare others",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments: str, said: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace("\tn't\t", "\tnot\t"))
    (tmp_path / "a.jsonl").write_text('["They"]\n')
    (tmp_path / "blank.conllu").write_text(retagged("_ _ _ _ _"))
    (tmp_path / "xpos.conllu").write_text(retagged("_ _ _ _ _", xpos="PRP VBP RB NN UH"))
    (tmp_path / "upos.conllu").write_text(retagged("PRON VERB ADV VERB INTJ"))
    (tmp_path / "empty.conllu").write_text("")
    before = sorted(tmp_path.iterdir())
    result = call("compare", *arguments.replace("MODEL", str(model)).split(), "--html", "x.html", status=2)
    (message,) = result.stderr.splitlines()
    assert message.startswith(f"error: {said}")
    assert result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before
