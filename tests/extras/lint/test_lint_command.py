"""The command `lint`: its summary, its files, and its exit statuses."""

import json
from pathlib import Path

import pytest

from tagger.extras.lint.lint import Finding
from tests.commands.conftest import call, check_replaces_nothing, error
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


def test_a_file_that_is_read_is_never_replaced(two_files: Path) -> None:
    check_replaces_nothing(two_files, "-o", "lint in.conllu")
