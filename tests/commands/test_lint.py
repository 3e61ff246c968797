"""The command `lint`: its summary, its files, and its exit statuses."""

import json
from pathlib import Path

import pytest

from tagger.corpus.lint import Finding
from tests.commands.conftest import call
from tests.corpus.lint_corpus import conllu, write

TRAIN = ["the/DET old/ADJ dog/NOUN can/AUX bark/VERB now/ADV"] * 2
DEV = ["the/DET old/ADJ dog/NOUN can/NOUN bark/VERB now/ADV", "&amp;/PUNCT"]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    """A corpus with a warning of each of two kinds, and with a note."""
    return str(write(tmp_path / "UD_X", train=TRAIN, dev=DEV))


def test_the_summary_and_the_table(corpus: str) -> None:
    corpus = Path(corpus).name  # in the current folder; a long name would be cut in the summary
    result = call("lint", corpus, "-o", "new/found.tsv")
    assert result.stdout.splitlines()[:2] == [f"{corpus}: 19 words", "0 errors, 2 warnings, 1 note"]
    assert "xx-dev.conllu:8 &amp;" in result.stdout
    head, *rows = Path("new/found.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == list(Finding._fields)
    assert [row.split("\t")[:5] for row in rows] == [
        ["warning", "new-tag", f"{corpus}/xx-dev.conllu", "8", "&amp;"],
        ["warning", "variation", f"{corpus}/xx-dev.conllu", "4", "can"],
        ["note", "repeated-sentence", f"{corpus}/xx-dev.conllu", "1", "the"],
    ]


def test_json(corpus: str) -> None:
    found = json.loads(call("lint", corpus, "--json").stdout)
    assert (found["words"], found["counts"]) == (19, {"error": 0, "warning": 2, "note": 1})
    (variation,) = [each for each in found["findings"] if each["kind"] == "variation"]
    assert list(variation) == list(Finding._fields)
    assert (variation["line"], variation["tag"], variation["expected"]) == (4, "NOUN", "AUX")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 0),
        (["--fail-on", "error"], 0),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "warning", "--kind", "repeated-sentence"], 0),
        (["--fail-on", "warning", "--kind", "repeated-sentence", "--kind", "variation"], 1),
    ],
)
def test_exit_status(corpus: str, options: list[str], status: int) -> None:
    call("lint", corpus, "-o", "found.tsv", *options, status=status)
    assert Path("found.tsv").is_file()


def test_an_error_is_worse_than_a_warning(tmp_path: Path) -> None:
    write(tmp_path / "UD_X", train=["a/NN"])
    for severity in ("error", "warning"):
        call("lint", "UD_X", "--fail-on", severity, status=1)


def test_files_and_standard_input() -> None:
    Path("one.conllu").write_text(conllu(TRAIN), encoding="utf-8")
    Path("two-dev.conllu").write_text(conllu(DEV), encoding="utf-8")
    assert "one.conllu, two-dev.conllu: 19 words" in call("lint", "one.conllu", "two-dev.conllu").stdout
    assert "0 errors, 0 warnings, 5 notes" in call("lint", "-", input=conllu(DEV)).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.conllu"], ["missing.conllu: no such file"]),
        (["empty"], ["empty has no *-train.conllu", "name the files"]),
        (["bad.conllu"], ["bad.conllu, line 2: 3 columns"]),
        (["bytes.conllu"], ["bytes.conllu, line 1", "0xe9", "--encoding"]),
        (["gap.conllu"], ["gap.conllu, line 2: the ID '5' ('b') stands where 2 is due"]),
        (["twice.conllu"], ["twice.conllu, line 3: the ID '2' ('c') stands where 3 is due"]),
        (["zero.conllu"], ["zero.conllu, line 1: the ID '0' ('a') stands where 1 is due"]),
        (["UD_X", "--kind", "spelling"], ["--kind spelling: no such kind", "variation"]),
        (["UD_X", "--fail-on", "note"], ["'--fail-on'"]),
        (["UD_X", "--encoding", "utf-99"], ["utf-99"]),
        ([], ["missing argument 'CORPUS'"]),
    ],
)
def test_bad_input_is_one_line(corpus: str, arguments: list[str], words: list[str]) -> None:
    Path("empty").mkdir()
    Path("bad.conllu").write_text("# x\n1\ta\tb\n", encoding="utf-8")
    for name, ids in (("gap", "15"), ("twice", "122"), ("zero", "0")):
        rows = [f"{i}\t{form}" + "\t_" * 8 for i, form in zip(ids, "abc", strict=False)]
        Path(f"{name}.conllu").write_text("\n".join(rows) + "\n\n", encoding="utf-8")
    Path("bytes.conllu").write_bytes(b"caf\xe9")
    result = call("lint", *arguments, status=2)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert all(word in line for word in words), line
    assert result.stdout == ""
    assert not Path("found.tsv").exists()
