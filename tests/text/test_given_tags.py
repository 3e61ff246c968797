"""Tags that are given: an unknown one is an error with its line."""

import pytest

from tagger.errors import InputError
from tagger.text.formats import read_checked
from tagger.text.sentence import Sentence

KNOWN = {"upos": ["NOUN", "VERB"]}


def row(word: int, tag: str) -> str:
    return f"{word}\tw\t_\t{tag}" + 6 * "\t_" + "\n"


def sentences(format: str, text: str) -> list[Sentence]:
    parts = read_checked(text.splitlines(keepends=True), "f", format, KNOWN, columns={"upos": 1})
    return [part for part in parts if isinstance(part, Sentence)]


CONLLU = "# a\n" + row(1, "NOUN") + "2-3\tx" + 8 * "\t_" + "\n" + row(2, "_") + row(3, "TAG")


@pytest.mark.parametrize(
    ("format", "text", "line"),
    [
        ("conllu", CONLLU, 5),
        ("conllu", row(1, "VERB") + "\n" + CONLLU, 7),
        ("slash", "a/NOUN b/_\nc/VERB d/TAG\n", 2),
        ("tsv", "a\tNOUN\n\nb\t_\nc\tTAG\nd\tNOUN\n", 4),
        ("csv", "a,NOUN\n\n\nb,TAG\n", 4),
        ("jsonl", '{"tokens": ["a"], "upos": ["_"]}\n\n{"tokens": ["a"], "upos": ["TAG"]}\n', 3),
    ],
)
def test_the_line_of_an_unknown_tag_is_named(format: str, text: str, line: int) -> None:
    assert sentences(format, text.replace("TAG", "NOUN"))
    for end in ("", "\n"):
        with pytest.raises(InputError, match=f"^f, line {line}: 'NUN' is no tag of upos; it has NOUN, VERB; correct"):
            sentences(format, text.replace("TAG", "NUN") + end)


def test_blanks_and_columns_that_are_not_checked_pass() -> None:
    assert sentences("slash", "a/_ b/NOUN\n")[0].tags == {"upos": ["_", "NOUN"]}
    assert sentences("conllu", row(1, "_").replace("w\t_", "w\tlemma") + "\n")[0].tags["lemma"] == ["lemma"]
