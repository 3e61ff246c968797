"""Checks of single tags."""

from pathlib import Path

from tagger.corpus.lined import corpus_files, read_lined
from tagger.corpus.lint import blank_tags, unknown_upos
from tests.corpus.lint_corpus import conllu, found


def test_a_upos_outside_of_the_universal_ones(tmp_path: Path) -> None:
    lines = ["A/DET dog/NN", "_/PUNCT ./punct x/_"]
    assert found(unknown_upos, tmp_path, train=lines, dev=["A/CONJ"]) == [
        ("error", "unknown-upos", "train", 2, "dog"),
        ("error", "unknown-upos", "train", 5, "."),
        ("error", "unknown-upos", "dev", 1, "A"),
    ]


def test_blanks_where_nearly_all_words_have_a_tag(tmp_path: Path) -> None:
    full = ["a/X/x/_/a"] * 30
    lines = [*full, "b/_/x/_/b c/X/_/_/c d/X/x/_/_ _/X/x/_/_"]  # the lemma of `_` is `_`
    assert found(blank_tags, tmp_path, train=lines) == [
        ("error", "blank-tag", "train", 61, "b"),
        ("warning", "blank-tag", "train", 62, "c"),
        ("warning", "blank-tag", "train", 63, "d"),
    ]


def test_a_column_without_tags_has_no_blanks(tmp_path: Path) -> None:
    assert found(blank_tags, tmp_path, train=["a/X b/X"] * 60) == []
    assert found(blank_tags, tmp_path, train=[*["a/X b/X"] * 60, "a/X/x"]) == []  # one of 121


def test_a_column_with_some_tags_gives_one_finding_per_split(tmp_path: Path) -> None:
    lines = ["a/X/x b/X"] * 5
    expected = [("note", "blank-tag", "train", 2, "b"), ("note", "blank-tag", "dev", 2, "b")]
    assert found(blank_tags, tmp_path, train=lines, dev=lines) == expected


def test_a_split_without_tags_beside_one_with(tmp_path: Path) -> None:
    expected = [("error", "blank-tag", "test", 1, "a")]
    assert found(blank_tags, tmp_path, train=["a/X/x"] * 9, test=["a/X", "b/X"]) == expected


def test_the_rest_of_a_torn_word_needs_no_lemma(tmp_path: Path) -> None:
    text = conllu(["a/X/x/_/a"] * 30) + conllu(["with/X/x/_/with out/X/x"]).replace("dep", "goeswith")
    (tmp_path / "a.conllu").write_text(text, encoding="utf-8")
    assert list(blank_tags(read_lined(corpus_files([str(tmp_path / "a.conllu")])))) == []
