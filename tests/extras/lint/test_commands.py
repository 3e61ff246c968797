"""The command `lint`: its summary, its files, and its exit statuses."""

import json
from pathlib import Path

import pytest

from tagger.extras.lint.lexicon_command import write_lexicon
from tagger.extras.lint.lint import Finding
from tagger.text.tags import read_lexicon
from tests.commands.conftest import CONLLU, call, check_replaces_nothing, error
from tests.extras.lint.lint_corpus import conllu, write

TRAIN = ["the/DET old/ADJ dog/NOUN can/AUX bark/VERB now/ADV"] * 2
DEV = ["the/DET old/ADJ dog/NOUN can/NOUN bark/VERB now/ADV", "&amp;/PUNCT"]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    """A corpus with a warning of each of two kinds, and with a note."""
    return write(tmp_path / "UD_X", train=TRAIN, dev=DEV).name


def test_the_summary_the_table_and_json(corpus: str) -> None:
    result = call("lint", corpus, "-o", "new/found.tsv")
    assert result.stdout.splitlines()[:2] == [f"{corpus}: 19 words", "0 errors, 2 warnings, 1 note"]
    head, *rows = Path("new/found.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == list(Finding._fields)
    assert [row.split("\t")[:5] for row in rows] == [
        ["warning", "new-tag", f"{corpus}/xx-dev.conllu", "8", "&amp;"],
        ["warning", "variation", f"{corpus}/xx-dev.conllu", "4", "can"],
        ["note", "repeated-sentence", f"{corpus}/xx-dev.conllu", "1", "the"],
    ]
    found = json.loads(call("lint", corpus, "--json").stdout)
    assert (found["words"], found["counts"]) == (19, {"error": 0, "warning": 2, "note": 1})
    assert [list(each) for each in found["findings"]] == [list(Finding._fields)] * 3
    Path("two-dev.conllu").write_text(conllu(DEV), encoding="utf-8")
    assert "0 errors, 0 warnings, 5 notes" in call("lint", "-", input=conllu(DEV)).stdout
    assert "UD_X/xx-train.conllu, two-dev.conllu" in call("lint", "UD_X/xx-train.conllu", "two-dev.conllu").stdout


def test_exit_status(corpus: str) -> None:
    call("lint", corpus, "--fail-on", "error")
    call("lint", corpus, "--fail-on", "warning", "--kind", "repeated-sentence")
    call("lint", corpus, "-o", "found.tsv", "--fail-on", "warning", "--kind", "variation", status=1)
    assert Path("found.tsv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "''"),
        (["missing.conllu"], "missing.conllu: no such file"),
        (["empty"], "empty has no *-train.conllu"),
        (["gap.conllu"], "gap.conllu, line 2: the ID '5' ('b') stands where 2 is due"),
        (["UD_X", "--kind", "mojibake"], "--kind mojibake: no such kind; there are unknown-upos"),
    ],
)
@pytest.mark.usefixtures("corpus")
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    Path("empty").mkdir()
    Path("gap.conllu").write_text("".join(f"{i}\t{form}" + "\t_" * 8 + "\n" for i, form in ((1, "a"), (5, "b"))))
    assert message in error("lint", *arguments)


@pytest.mark.parametrize("line", ["lint in.conllu", "lexicon in.conllu --min-count 1"])
def test_a_file_that_is_read_is_never_replaced(line: str, two_files: Path) -> None:
    check_replaces_nothing(two_files, "-o", line)


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
