"""Groups of sentences by their comments, and the accuracies of each."""

import json
import re
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.evaluation.metrics import report
from tagger.extras.compare.breakdown import Groups, breakdown
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tests.commands.conftest import CONLLU, call, error

VOCABULARY = Vocabulary(
    words={}, characters=[], tags={"upos": ["DET", "NOUN"], "feats": ["_", "Number=Sing"]}, forms=["the", "dog"]
)


def groups(key: str, *comments: str) -> list[str]:
    """The groups of sentences that have these comments; `|` stands between two of one sentence."""
    names = Groups(key)
    return [names.of(Sentence(["x"], comments=text.split("|") if text else [])) for text in comments]


@pytest.mark.parametrize(
    ("key", "comments", "names"),
    [
        ("newdoc", ["# newdoc id = a|# newpar", "", "# newdoc id = b"], ["a", "a", "b"]),
        ("newdoc", ["", "# newdoc", "", "# newdoc"], ["(none)", "document 1", "document 1", "document 2"]),
        ("newdoc", ["# newdoc id = a", "# newdocument = b", "# newdoc = c"], ["a", "a", "c"]),
        ("genre", ["# newdoc id = weblog-x.com_1", "", "# newdoc id = email-2"], ["weblog", "weblog", "email"]),
        ("genre", ["# meta::genre = academic|# newdoc id = GUM_academic_art", ""], ["academic", "academic"]),
        ("genre", ["# genre = a", "# genre = b", "", "# genre ="], ["a", "b", "b", "(none)"]),
        ("corpus", ["# meta::corpus = x = y", "# text = # corpus = z"], ["x = y", "x = y"]),
    ],
)
def test_groups(key: str, comments: list[str], names: list[str]) -> None:
    assert groups(key, *comments) == names


def tagged(
    words: str, gold: str, predicted: str, *comments: str, **feats: str
) -> tuple[Sentence, dict[str, list[str]]]:
    tags = {"upos": gold.split()}
    said = {"upos": predicted.split()}
    if feats:
        tags["feats"], said["feats"] = feats["gold_feats"].split(), feats["feats"].split()
    return Sentence(words.split(), said, comments=list(comments)), tags


SENTENCES = [
    tagged("", "", "", "# newdoc id = one"),
    tagged("the dog", "DET NOUN", "DET NOUN"),
    tagged("a cat", "DET NOUN", "NOUN NOUN", "# sent_id = 2"),
    tagged("the dog runs", "DET NOUN _", "DET DET NOUN", "# newdoc id = two", gold_feats="_ _ _", feats="_ _ _"),
    tagged("the", "DET", "DET", gold_feats="Number=Sing", feats="_"),
    tagged("the the the the x", "_ _ _ _ VERB", "DET DET DET DET NOUN", "# newdoc id = three"),
]


def test_accuracies_of_each_group() -> None:
    found = breakdown(SENTENCES, VOCABULARY, "newdoc", "file")
    assert list(found["groups"]) == ["three", "one", "two"]  # by words, then by name
    sizes = {name: (group["sentences"], group["words"]) for name, group in found["groups"].items()}
    assert sizes == {"one": (2, 4), "two": (2, 4), "three": (1, 5)}
    assert (found["all"]["sentences"], found["all"]["words"]) == (5, 13)
    one, two, three = (found["groups"][name]["columns"] for name in ("one", "two", "three"))
    assert one["upos"] == {
        "tokens": 4,
        "accuracy": 3 / 4,
        "known": 1,
        "known_tokens": 2,
        "unknown": 1 / 2,
        "unknown_tokens": 2,
        "sentences": 2,
        "whole_sentences": 1 / 2,
    }
    assert (two["upos"]["tokens"], two["upos"]["accuracy"]) == (3, 2 / 3)  # `_` is no gold tag
    assert (three["upos"]["tokens"], three["upos"]["accuracy"]) == (1, 0)  # the tagger does not know VERB
    assert "feats" not in one
    assert two["feats"]["accuracy"] == 3 / 4


def test_the_row_of_all_is_what_evaluate_reports() -> None:
    scores = report(((s, gold) for s, gold in SENTENCES if s.tokens), VOCABULARY)
    rows = breakdown(SENTENCES, VOCABULARY, "newdoc", "file")["all"]["columns"]
    assert rows.keys() == scores.keys()
    for column, row in rows.items():
        assert row == {name: scores[column][name] for name in row}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("newdoc", "file: no `# newdoc`, so its documents are not known; name another comment with --by (those with"),
        ("a\x1bb", "file: no comment `# a\\x1bb = …`; name another comment with --by (those with a value: sent_id)"),
    ],
)
def test_nothing_to_group_by(key: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        breakdown(SENTENCES[1:3], VOCABULARY, key, "file")


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


def test_the_command_on_hard_sentences() -> None:
    hard = Path(__file__).parents[3] / "data" / "hard" / "hard.conllu"
    lines = call("breakdown", str(hard), "--by", "group").stdout.splitlines()  # by the bundled model
    assert lines[1].split() == ["sentences", "words", "upos"]  # its only column
    assert len(lines) == 2 + len({line.split()[0] for line in lines[2:]}) == 2 + 1 + 13
    assert "hard.conllu: no comment `# zebra = …`" in error("breakdown", str(hard), "--by", "zebra")
