"""Lexicons: files that say which tags a word form may have."""

import pytest

from tagger.errors import InputError
from tagger.text.lexicon_files import read_lexicon

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
