"""Sentences are made of tokens; cells of a terminal; lexicons, the tags of spans, and which may follow which."""

from typing import Any

import pytest

from tagger.errors import InputError
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, encodable, fitted, is_annotated, printable
from tagger.text.tags import breaks_of, has_breaks, is_span_column, read_lexicon

BIO = ["B-NP", "B-VP", "I-NP", "I-VP", "O"]
TAGS = ["NOUN", "VERB", "Case=Nom|Number=Sing", "_"]


def test_cells_of_a_terminal() -> None:
    texts = {"": 0, "abc": 3, "猫a": 3, "e\u0301t": 2, "ａ\u200d": 2}
    assert {text: display_width(text) for text in texts} == texts
    rows = [("abc", 3), ("abcd", 3), ("猫猫", 4), ("猫猫", 3), ("猫猫", 2), ("a\tb", 3)]
    assert [fitted(text, width) for text, width in rows] == ["abc", "ab…", "猫猫", "猫…", "…", "a\ufffdb"]


def test_nothing_that_a_terminal_obeys_or_no_file_holds() -> None:
    assert printable("a\x1b[2J\r\n\x9b\u2028\ud800é") == "a\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffdé"
    assert (encodable("a"), encodable("é\ud800\udfff😀")) == ("a", "é\ufffd\ufffd😀")


def test_what_is_annotated() -> None:
    rows = ["upos NOUN dog +", "upos _ dog", "upos _ _", "upos - dog", "xpos _ dog", "feats _ dog +", "feats - dog"]
    rows += ["lemma dog dogs +", "lemma _ dogs", "lemma _ _ +", "lemma - _"]
    for column, tag, form, *annotated in map(str.split, rows):
        assert is_annotated(column, tag.replace("-", ""), form) is bool(annotated)


@pytest.mark.parametrize("tokens", ["They", None, 5, {"They"}, b"They", iter(["They"])])
def test_tokens_are_a_list(tokens: Any) -> None:
    with pytest.raises(InputError, match=r"^Sentence\(.*\): .* (give a list of strings|Tagger\.annotate)"):
        Sentence(tokens)


def test_its_name() -> None:
    names = ([], None), (["# newpar", "# sent_id = a = b "], "a = b"), (["#sent_id=7"], "7")
    for comments, name in names:
        sentence = Sentence(["They", "book"], comments=comments)
        assert (len(sentence), sentence.name) == (2, name)


def test_a_lexicon_is_read() -> None:
    lines = ["# a comment\n", "\n", "book\tNOUN|VERB|NOUN\r\n", "#\tVERB\n"]
    lines += ["he\tCase=Nom|Number=Sing\tNOUN\n", "a b\t_"]
    entries = read_lexicon(lines, "words.tsv", TAGS, "upos")
    assert entries == {"book": ("NOUN", "VERB"), "#": ("VERB",), "he": ("Case=Nom|Number=Sing", "NOUN"), "a b": ("_",)}


def test_bad_lines_are_named() -> None:
    for text, said in {
        "book\tNOUN\nread\tVRB\n": "words.tsv, line 2: 'VRB' is no tag of upos.* NOUN, VERB.*correct it",
        "book NOUN\n": r"words.tsv, line 1: .*'book NOUN'.*form<TAB>TAG\|TAG",
        "\tNOUN\n": r"line 1: .*form<TAB>TAG\|TAG",
        "book\t\n": r"line 1: .*form<TAB>TAG\|TAG",
        "book\tNOUN\na\tNOUN\nbook\tVERB\n": "line 3: 'book' has an entry in line 1",
    }.items():
        with pytest.raises(InputError, match=said):
            read_lexicon(text.splitlines(keepends=True), "words.tsv", TAGS, "upos")


def test_what_tags_of_spans_cannot_do() -> None:
    columns = (BIO, ["B-X"], ["O"], ["NOUN", "O"], ["B", "I", "O"])
    assert [is_span_column(tags) for tags in columns] == [True, True, False, False, False]
    breaks = breaks_of(BIO)
    assert breaks.first == ["I-NP", "I-VP"]
    bad = "B-NP I-VP, I-NP I-VP, B-VP I-NP, I-VP I-NP, O I-NP, O I-VP"
    assert set(breaks.pairs) == {tuple(pair.split()) for pair in bad.split(", ")}
    pairs = set(breaks_of(["B-X", "I-X", "E-X", "S-X", "O"]).pairs)  # in BIOES a span goes on to its end
    assert {("B-X", "O"), ("I-X", "S-X"), ("O", "E-X"), ("S-X", "I-X"), ("E-X", "I-X")} <= pairs
    assert not {("B-X", "E-X"), ("B-X", "I-X"), ("E-X", "B-X"), ("O", "S-X"), ("I-X", "E-X")} & pairs
    rows = ["B-NP I-NP O", "I-NP O", "O I-NP", "B-VP I-NP", "B-NP _ I-NP", ""]  # a blank says nothing
    found = [has_breaks([["O"], row.split()], breaks, set(BIO)) for row in rows]
    assert found == [False, True, True, True, False, False]
