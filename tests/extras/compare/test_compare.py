"""A comparison against counts made word by word and against all signs; tagged files; accuracies by groups."""

import csv
import json
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import tagger
from tagger.evaluation.metrics import report
from tagger.extras.compare.breakdown import Groups, breakdown
from tagger.extras.compare.compare import TABLE_WIDTH, compare, format_comparison, paired_difference
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence, write_conllu
from tagger.text.strings import display_width
from tests.commands.conftest import CONLLU, call, check_replaces_nothing, error
from tests.conftest import make_network, save_tiny

TAGS = ["NOUN", "VERB", "<b>X</b>", "名詞名詞名詞名詞", "_"]
VOCABULARY = Vocabulary({}, [], {"upos": ["DET", "NOUN"], "feats": ["_", "Number=Sing"]}, forms=["the", "dog"])
FORMS = ["run", "the", "<i>&", "飛行機飛行機飛行機飛行機飛行機飛行機", "a\x1b[31m", "internationalisation" * 3]


def made() -> list[tuple[Sentence, Sentence, Sentence]]:
    """40 random sentences with gold tags, and with those of two random taggers."""
    random = Random(1)
    found = []
    for i in range(40):
        forms = [random.choice(FORMS) for _ in range(1 + i % 7)]
        tags = ([random.choice(some) for _ in forms] for some in (TAGS, TAGS[:4], TAGS[:4]))
        found.append(tuple(Sentence(forms, {"upos": each}) for each in tags))
    return found  # type: ignore[return-value]


def counted(sentences: list[tuple[Sentence, Sentence, Sentence]]) -> dict[str, Any]:
    return compare(sentences, ["upos"], ("gold", "A", "B"), True)["upos"]


def test_counts_are_those_of_counting_words() -> None:
    sentences = made()
    found = counted(sentences)
    every = (zip(each[0].tokens, *(side.tags["upos"] for side in each), strict=True) for each in sentences)
    words = [row for rows in every for row in rows if row[1] != "_"]
    assert found["words"] == len(words)
    assert found["a"] == sum(a == gold for _, gold, a, _ in words) / len(words)
    assert found["b"] == sum(b == gold for _, gold, _, b in words) / len(words)
    different = [row for row in words if row[2] != row[3]]
    assert {tuple(row): count for *row, count in found["different"]} == {row: different.count(row) for row in different}
    assert found["difference"] == pytest.approx(found["a"] - found["b"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["significant"] == (found["p"] < 0.05)
    assert counted(sentences) == found  # to the digit
    text = format_comparison({"upos": found})
    assert max(map(display_width, text.splitlines())) <= TABLE_WIDTH
    assert "\x1b" not in text
    found = counted([(gold, a, a) for gold, a, _ in sentences])
    assert (found["difference"], found["interval"], found["p"], found["significant"]) == (0, [0, 0], 1, False)
    assert found["different"] == []


def test_the_p_value_is_that_of_all_signs_and_the_interval_that_of_drawn_sentences() -> None:
    scored, differences = np.array([[5, 8, 3, 12, 7, 9, 4, 6, 10, 2, 5, 5], [1, 1, 0, -1, 1, 1, 1, 0, 2, 0, 1, 1]])
    sums = [abs(int(np.dot(signs, differences))) for signs in product((-1, 1), repeat=12)]
    exact = sum(s >= abs(differences.sum()) for s in sums) / len(sums)
    assert 0.01 < exact < 0.2
    found = paired_difference(differences, scored)
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    assert found.value == pytest.approx(differences.sum() / scored.sum())
    turned = paired_difference(-differences, scored)
    assert (turned.value, turned.p) == (-found.value, found.p)
    assert turned.low == pytest.approx(-found.high, abs=0.005)
    none = np.zeros(5, dtype=int)  # words without gold
    assert paired_difference(np.concatenate([differences, none]), np.concatenate([scored, none])) == found
    rng = np.random.default_rng(5)
    words = rng.integers(1, 30, size=300)
    gains = rng.binomial(words, 0.08) - rng.binomial(words, 0.05)
    drawn = rng.integers(0, 300, size=(10_000, 300))
    low, high = np.quantile(gains[drawn].sum(1) / words[drawn].sum(1), [0.025, 0.975])
    found = paired_difference(gains, words)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0005)


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


def compared(*arguments: str) -> Any:
    return json.loads(call("compare", *arguments, "--json").stdout)["columns"]


def test_taggers_and_their_outputs_on_several_files(model: Path, tmp_path: Path, vocabulary: Vocabulary) -> None:
    call("tag", "gold.conllu", "--model", str(model), "-o", "said.conllu")
    found = compared(str(model), "said.conllu", "gold.conllu", "--column", "upos")["upos"]
    assert (found["words"], found["difference"], found["p"], found["different"]) == (5, 0, 1, [])
    report = json.loads(call("evaluate", "gold.conllu", "--json", "--model", str(model)).stdout)["upos"]
    assert found["a"] == report["accuracy"]
    forms = [f"{a}{b}" for a in "bcdfgh" for b in ("ook", "a", "lights", "ell", ".")]
    other = save_tiny(tmp_path / "other", make_network(vocabulary, seed=4), vocabulary)
    both = tagger.load(other)
    together = next(both.stream([Sentence(forms)])).tags["upos"]
    assert together != both.tag(forms)  # a tagger decides on all its columns together
    rows = [f"{i}\t{form}\t_\t{tag}" + "\t_" * 6 for i, (form, tag) in enumerate(zip(forms, together, strict=True), 1)]
    (tmp_path / "gold.conllu").write_text("\n".join(rows) + "\n\n")
    found = compared(str(other), str(model), "gold.conllu", "gold.conllu")["upos"]
    assert (found["words"], found["a"]) == (2 * len(forms), 1)


def test_two_files_also_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(retagged("PRON VERB ADV VERB INTJ"))  # book is wrong
    (tmp_path / "b.conllu").write_text(retagged("PRON AUX ADV NOUN X"))  # do and Yes are
    found = compared("a.conllu", "b.conllu", "gold.conllu")
    assert list(found) == ["upos"]  # the others are blank in both files
    (tmp_path / "c.conllu").write_text(retagged("PRON VERB ADV VERB INTJ", xpos="PRP VBP RB NN UH"))
    assert list(compared("c.conllu", "c.conllu", "gold.conllu")) == ["upos", "xpos"]
    assert list(compared("c.conllu", "c.conllu", "gold.conllu", "--column", "xpos")) == ["xpos"]
    assert found["upos"]["difference"] == pytest.approx(0.2)
    rows = [["Yes", "INTJ", "INTJ", "X", 1], ["book", "NOUN", "VERB", "NOUN", 1], ["do", "VERB", "VERB", "AUX", 1]]
    assert found["upos"]["different"] == rows
    text = call("compare", "a.conllu", "b.conllu", "gold.conllu", "--csv", "words.csv").stdout
    assert "upos, 5 words: A 80.00%, B 60.00%" in text
    with (tmp_path / "words.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["column", "word", "gold", "a", "b", "count"]
    assert lines == [["upos", *map(str, row)] for row in rows]
    (tmp_path / "gold.tsv").write_text("They\tPRON\tB\nbook\tVERB\tI\n\n\nYes\tINTJ\tO\n")
    (tmp_path / "a.tsv").write_text("They\tPRON\tB\nbook\tNOUN\tB\n\nYes\tINTJ\tO\n")
    (tmp_path / "b.csv").write_text("They,PRON,B\nbook,VERB,B\n\nYes,INTJ,O\n")
    assert compared("a.tsv", "b.csv", "gold.tsv")["upos"]["different"] == [["book", "VERB", "NOUN", "VERB", 1]]
    assert compared("a.tsv", "b.csv", "gold.tsv", "--column", "chunk=2")["chunk"]["a"] == 2 / 3


def test_bad_input_is_one_line_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace("\tn't\t", "\tnot\t"))
    (tmp_path / "short.conllu").write_text(CONLLU.partition("1\tYes")[0])
    (tmp_path / "blank.conllu").write_text(retagged("_ _ _ _ _"))
    before = sorted(tmp_path.iterdir())
    for arguments, said in (
        ("gold.conllu b.conllu gold.conllu", "b.conllu: no such file"),
        ("a.conllu gold.conllu gold.conllu", "a.conllu, sentence 1: 'They do not book' where gold.conllu has \"They"),
        ("short.conllu gold.conllu gold.conllu", "short.conllu, sentence 2: nothing where gold.conllu has 'Yes';"),
        ("gold.conllu MODEL gold.conllu gold.conllu", "gold.conllu is tagged and needs one GOLD file"),
        ("gold.conllu gold.conllu blank.conllu", "no column with tags in all three (blank.conllu: none; gold.conllu: "),
        ("gold.conllu gold.conllu gold.conllu --column upos=x", "--column upos=x: write NAME, or NAME=NUMBER"),
    ):
        result = call("compare", *arguments.replace("MODEL", str(model)).split(), "--csv", "x.csv", status=2)
        (message,) = result.stderr.splitlines()
        assert message.startswith(f"error: {said}")
        assert result.stdout == ""
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("files", ["in.conllu gold.conllu gold.conllu", "gold.conllu gold.conllu in.conllu"])
def test_a_file_that_is_read_is_never_replaced(files: str, two_files: Path) -> None:
    check_replaces_nothing(two_files, "--csv", f"compare {files}")


def test_groups() -> None:
    """`|` stands between two comments of one sentence."""
    for key, comments, names in (
        ("newdoc", ["# newdoc id = a|# newpar", "", "# newdoc id = b"], ["a", "a", "b"]),
        ("newdoc", ["", "# newdoc", "", "# newdoc"], ["(none)", "document 1", "document 1", "document 2"]),
        ("newdoc", ["# newdoc id = a", "# newdocument = b", "# newdoc = c"], ["a", "a", "c"]),
        ("genre", ["# newdoc id = weblog-x.com_1", "", "# newdoc id = email-2"], ["weblog", "weblog", "email"]),
        ("genre", ["# meta::genre = academic|# newdoc id = GUM_academic_art", ""], ["academic", "academic"]),
        ("genre", ["# genre = a", "# genre = b", "", "# genre ="], ["a", "b", "b", "(none)"]),
        ("corpus", ["# meta::corpus = x = y", "# text = # corpus = z"], ["x = y", "x = y"]),
    ):
        groups, parts = Groups(key), [text.split("|") if text else [] for text in comments]
        assert [groups.of(Sentence(["x"], comments=each)) for each in parts] == names


def test_accuracies_of_each_group_and_of_all() -> None:
    sentences = []
    for comment, words, gold, said in (  # UPOS, and FEATS if they are given
        ("newdoc id = one", "", "", ""),
        ("", "the dog", "DET NOUN", "DET NOUN"),
        ("sent_id = 2", "a cat", "DET NOUN", "NOUN NOUN"),
        ("newdoc id = two", "the dog runs", "DET NOUN _,_ _ _", "DET DET NOUN,_ _ _"),
        ("", "the", "DET,Number=Sing", "DET,_"),
        ("newdoc id = three", "the the the the x", "_ _ _ _ VERB", "DET DET DET DET NOUN"),
    ):
        tags = [dict(zip(("upos", "feats"), map(str.split, each.split(",")), strict=False)) for each in (said, gold)]
        sentences.append((Sentence(words.split(), tags[0], comments=[f"# {comment}"]), tags[1]))
    found = breakdown(sentences, VOCABULARY, "newdoc", "file")
    assert list(found["groups"]) == ["three", "one", "two"]  # by words, then by name
    sizes = {name: (group["sentences"], group["words"]) for name, group in found["groups"].items()}
    assert sizes == {"one": (2, 4), "two": (2, 4), "three": (1, 5)}
    assert (found["all"]["sentences"], found["all"]["words"]) == (5, 13)
    one, two, three = (found["groups"][name]["columns"] for name in ("one", "two", "three"))
    counts = {"tokens": 4, "known_tokens": 2, "unknown_tokens": 2, "sentences": 2}
    assert one["upos"] == counts | {"accuracy": 3 / 4, "known": 1, "unknown": 1 / 2, "whole_sentences": 1 / 2}
    assert (two["upos"]["tokens"], two["upos"]["accuracy"]) == (3, 2 / 3)  # `_` is no gold tag
    assert (three["upos"]["tokens"], three["upos"]["accuracy"]) == (1, 0)  # the tagger does not know VERB
    assert "feats" not in one
    assert two["feats"]["accuracy"] == 3 / 4
    scores = report(((s, gold) for s, gold in sentences if s.tokens), VOCABULARY)
    rows = found["all"]["columns"]
    assert rows.keys() == scores.keys()
    for column, row in rows.items():
        assert row == {name: scores[column][name] for name in row}
    hard = Path(__file__).parents[3] / "data" / "hard" / "hard.conllu"
    lines = call("breakdown", str(hard), "--by", "group").stdout.splitlines()  # by the bundled model
    assert lines[1].split() == ["sentences", "words", "upos"]  # its only column
    assert len(lines) == 2 + len({line.split()[0] for line in lines[2:]}) == 2 + 1 + 13
    for by, said in (
        ("newdoc", "no `# newdoc`, so its documents are not known; name another comment with --by (those with"),
        ("a\x1bb", "no comment `# a\\x1bb = …`; name another comment with --by (those with"),
    ):
        assert f"hard.conllu: {said}" in error("breakdown", str(hard), "--by", by)


def test_the_command_by_document_and_genre(model: Path, tmp_path: Path) -> None:
    second = CONLLU.replace("1\tYes", "# newdoc id = email-2\n1\tYes")
    (tmp_path / "a.conllu").write_text("# newdoc id = blog-1\n" + second)
    report = json.loads(call("evaluate", "a.conllu", "--json", "--model", str(model)).stdout)["upos"]
    for by, names in (
        ("newdoc", ["blog-1", "email-2"]),
        ("genre", ["blog", "email"]),
        ("text", ["They don't book", "(none)"]),
    ):
        found = json.loads(call("breakdown", "a.conllu", "--by", by, "--json", "--model", str(model)).stdout)
        assert list(found["groups"]) == names
        assert [group["words"] for group in found["groups"].values()] == [4, 1]
        assert found["all"]["columns"]["upos"]["accuracy"] == report["accuracy"]
        text = call("breakdown", "a.conllu", "--by", by, "--model", str(model)).stdout
        assert max(map(len, text.splitlines())) <= 80
        assert names[0] in text


def test_a_tagger_of_another_language_is_named(tmp_path: Path) -> None:
    words = ["Der", "alte", "Mann", "geht", "heute", "nicht", "mehr", "allein", "über", "die", "Straße"]
    (tmp_path / "a.conllu").write_text(write_conllu(Sentence(words, {"upos": ["X"] * len(words)})), encoding="utf-8")
    said = call("compare", "german", "english", str(tmp_path / "a.conllu")).stderr
    assert said.count("looks like German, and the tagger is that of English") == 1
    assert "that of German" not in said
