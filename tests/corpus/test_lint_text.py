"""Checks of characters."""

import unicodedata
from pathlib import Path

import pytest

from tagger.corpus.lined import corpus_files, read_lined
from tagger.corpus.lint import damaged_text, spaced_forms
from tests.corpus.lint_corpus import conllu, found, write


@pytest.mark.parametrize(
    ("form", "severity", "reason"),
    [
        ("caf\ufffd", "error", "U+FFFD stands where a character was lost"),
        ("a\x07b", "error", "the control character U+0007"),
        ("a\x85b", "error", "the control character U+0085"),
        ("\ue000", "warning", "U+E000 is a character that Unicode does not define"),
        ("Ã³l", "warning", "mojibake: perhaps ól, in UTF-8 read as another encoding"),
        ("donâ€™t", "warning", "mojibake: perhaps don’t, in UTF-8 read as another encoding"),
        ("Ã\xa0", "warning", "mojibake: perhaps à, in UTF-8 read as another encoding"),
        ("&amp;", "warning", "&amp; is an entity of HTML"),
        ("x&#39;y", "warning", "&#39; is an entity of HTML"),
        ("саfe", "warning", "letters of Cyrillic and Latin in one word; some look alike"),
        ("Υes", "warning", "letters of Greek and Latin in one word; some look alike"),
        ("basic\u00adally", "note", "the invisible character U+00AD, SOFT HYPHEN"),
        ("a\u200bb", "note", "the invisible character U+200B, ZERO WIDTH SPACE"),
        ("a\u200db", "note", "the invisible character U+200D, ZERO WIDTH JOINER"),
    ],
)
def test_damage(tmp_path: Path, form: str, severity: str, reason: str) -> None:
    folder = write(tmp_path, train=["good/X", f"a/X {form}/X"])
    (finding,) = damaged_text(read_lined(corpus_files([str(folder)])))
    assert (finding.severity, finding.line, finding.word, finding.reason) == (severity, 4, form, reason)


@pytest.mark.parametrize(
    "form",
    # Joiners in Persian, in Hindi and in an emoji; French and Portuguese capitals; Greek beside a hyphen; a Coptic
    # letter of Unicode's Greek block; Armenian; UTF-8 of Thai; a query string.
    ["می\u200cخواهم", "क्\u200dष", "👩\u200d💻", "ÂGE", "São", "Ângela", "β-Carotin", "ⲁϣ", "՞", "ไทย", "a&b;", "a&b"],
)
def test_what_is_sound(tmp_path: Path, form: str) -> None:
    assert found(damaged_text, tmp_path, train=[f"{form}/X"]) == []


def test_multiword_tokens_and_lemmas_are_read_too(tmp_path: Path) -> None:
    text = conllu(["Ã³l/X/_/_/ok b/X/_/_/Ã³l"])
    (tmp_path / "a.conllu").write_text("1-2\t&amp;\t_\t_\t_\t_\t_\t_\t_\t_\n" + text, encoding="utf-8")
    findings = list(damaged_text(read_lined(corpus_files([str(tmp_path / "a.conllu")]))))
    assert [(each.line, each.word, each.column) for each in findings] == [
        *[(1, "&amp;", ""), (2, "Ã³l", ""), (3, "Ã³l", "lemma")],
    ]


def test_unnormalised_forms_count_beside_normalised_ones(tmp_path: Path) -> None:
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    assert found(damaged_text, tmp_path, train=[f"{decomposed}/X"] * 3) == []  # all alike
    folder = write(tmp_path, train=[f"caf{composed}/X caf{decomposed}/X t{decomposed}/X"])
    first, second = damaged_text(read_lined(corpus_files([str(folder)])))
    assert (first.line, first.reason) == (
        2,
        "not in the normal form NFC, as other words are; 1 times the corpus has it normalised",
    )
    assert (second.line, second.reason) == (3, "not in the normal form NFC, as other words are")


def test_forms_with_spaces_where_they_are_rare(tmp_path: Path) -> None:
    lines = [*["a/X b/X"] * 100, "in~fact/X 1~000,5/NUM"]
    assert found(spaced_forms, tmp_path, train=lines) == [("note", "spaced-form", "train", 301, "in fact")]
    assert found(spaced_forms, tmp_path, train=["hợp~tác/X a/X"] * 30) == []  # the language writes so
