"""The command `lexicon`."""

from pathlib import Path

import pytest

from tagger.extras.lint.lexicon_command import write_lexicon
from tagger.text.tags import read_lexicon
from tests.commands.conftest import CONLLU, call, check_replaces_nothing, error


def row(form: str, tag: str) -> str:
    return f"1\t{form}\t_\t{tag}\t_\tA=1|B=2" + 4 * "\t_" + "\n\n"


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    (tmp_path / "UD_X").mkdir()
    train = (
        3 * row("book", "NOUN") + 4 * row("book", "VERB") + 5 * row("a", "DET") + 4 * row("rare", "ADJ") + row("a", "_")
    )
    (tmp_path / "UD_X" / "x-train.conllu").write_text(train)
    (tmp_path / "UD_X" / "x-dev.conllu").write_text(9 * row("dev", "NOUN"))
    return tmp_path / "UD_X"


def test_the_forms_of_train_and_their_tags(treebank: Path, tmp_path: Path) -> None:
    result = call("lexicon", str(treebank))
    assert result.stdout == "a\tDET\nbook\tVERB|NOUN\n"
    assert result.stderr == "2 of 3 forms\n"
    assert "--column lemma" in error("lexicon", str(treebank), "--column", "lemma")
    assert call("lexicon", str(treebank), "--max-tags", "1").stdout == "a\tDET\n"
    assert call("lexicon", str(treebank), "--min-count", "1").stdout.splitlines()[-1] == "rare\tADJ"
    assert call("lexicon", str(treebank / "x-dev.conllu")).stdout == "dev\tNOUN\n"
    assert call("lexicon", str(treebank), "--column", "feats").stdout.startswith("a\tA=1|B=2\n")


def test_two_tags_and_one_with_a_bar_are_read_as_they_were() -> None:
    entries = {"a": ("Case=Nom", "Number=Sing"), "b": ("Case=Nom|Number=Sing",)}
    assert (
        read_lexicon(write_lexicon(entries), "again", ["Case=Nom", "Number=Sing", "Case=Nom|Number=Sing"], "feats")
        == entries
    )


def test_a_file_that_is_read_is_never_replaced(two_files: Path) -> None:
    check_replaces_nothing(two_files, "-o", "lexicon in.conllu --min-count 1")


def test_a_lexicon_that_is_written_can_be_used(treebank: Path, tmp_path: Path, model: Path) -> None:
    (tmp_path / "a.conllu").write_text(5 * (CONLLU + "\n"))
    call("lexicon", "a.conllu", "-o", "words.tsv", "--max-tags", "1")
    text = (tmp_path / "words.tsv").read_text()
    assert "They\tPRON\n" in text
    assert "exists; --force" in error("lexicon", "a.conllu", "-o", "words.tsv")
    assert (tmp_path / "words.tsv").read_text() == text
    (tmp_path / "words.tsv").write_text(text.replace("Yes\tINTJ\n", ""))  # which the tagger does not know
    tagged = call("tag", "a.conllu", "--lexicon", "words.tsv", "--output", "tsv", "--model", str(model)).stdout
    assert tagged.startswith("They\tPRON\ndo\tVERB\nn't\tADV\nbook\tNOUN\n")
