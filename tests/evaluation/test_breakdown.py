"""Groups of sentences by their comments, and the accuracies of each."""

import re

import pytest

from tagger.errors import InputError
from tagger.evaluation.breakdown import Groups, breakdown
from tagger.evaluation.metrics import report
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence

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
