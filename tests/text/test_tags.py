"""Lexicons, which say what tags a word form may have; the tags of spans, and which may follow which."""

import pytest

from tagger.errors import InputError
from tagger.text.tags import breaks_of, has_breaks, is_span_column, read_lexicon

BIO = ["B-NP", "B-VP", "I-NP", "I-VP", "O"]
TAGS = ["NOUN", "VERB", "Case=Nom|Number=Sing", "_"]


def test_a_lexicon_is_read() -> None:
    lines = ["# a comment\n", "\n", "book\tNOUN|VERB|NOUN\r\n", "#\tVERB\n"]
    lines += ["he\tCase=Nom|Number=Sing\tNOUN\n", "a b\t_"]
    entries = read_lexicon(lines, "words.tsv", TAGS, "upos")
    assert entries == {"book": ("NOUN", "VERB"), "#": ("VERB",), "he": ("Case=Nom|Number=Sing", "NOUN"), "a b": ("_",)}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["book\tNOUN\n", "read\tVRB\n"], ["words.tsv, line 2", "'VRB' is no tag of upos", "NOUN, VERB", "correct it"]),
        (["book NOUN\n"], ["words.tsv, line 1", "'book NOUN'", "form<TAB>TAG|TAG"]),
        (["\tNOUN\n"], ["line 1", "form<TAB>TAG|TAG"]),
        (["book\t\n"], ["line 1", "form<TAB>TAG|TAG"]),
        (["book\tNOUN\n", "a\tNOUN\n", "book\tVERB\n"], ["line 3", "'book' has an entry in line 1"]),
    ],
)
def test_bad_lines_are_named(lines: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_lexicon(lines, "words.tsv", TAGS, "upos")
    assert all(word in str(caught.value) for word in words), caught.value


def test_what_is_a_column_of_spans() -> None:
    assert [is_span_column(tags) for tags in (BIO, ["B-X"])] == [True] * 2
    assert [is_span_column(tags) for tags in (["O"], ["NOUN", "O"], ["B", "I", "O"])] == [False] * 3


def test_what_the_tags_of_bio_cannot_do() -> None:
    breaks = breaks_of(BIO)
    assert breaks.first == ["I-NP", "I-VP"]
    assert set(breaks.pairs) == {
        *(("B-NP", "I-VP"), ("I-NP", "I-VP"), ("B-VP", "I-NP"), ("I-VP", "I-NP"), ("O", "I-NP"), ("O", "I-VP"))
    }


def test_in_bioes_a_span_goes_on_to_its_end() -> None:
    pairs = set(breaks_of(["B-X", "I-X", "E-X", "S-X", "O"]).pairs)
    assert {("B-X", "O"), ("I-X", "S-X"), ("O", "E-X"), ("S-X", "I-X"), ("E-X", "I-X")} <= pairs
    assert not {("B-X", "E-X"), ("B-X", "I-X"), ("E-X", "B-X"), ("O", "S-X"), ("I-X", "E-X")} & pairs


def test_a_corpus_that_does_it() -> None:
    rows = ["B-NP I-NP O", "I-NP O", "O I-NP", "B-VP I-NP", "B-NP _ I-NP", ""]  # a blank says nothing
    found = [has_breaks([["O"], row.split()], breaks_of(BIO), set(BIO)) for row in rows]
    assert found == [False, True, True, True, False, False]
