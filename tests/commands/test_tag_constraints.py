"""The options of `tag` that constrain tags."""

from pathlib import Path

import pytest

from tagger.text.conllu import read_conllu
from tests.commands.conftest import CONLLU, TAGS, call, error


def test_a_lexicon_decides_the_tags_of_its_forms(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text("They book it\nthey THEY\n")
    tag = call("tag", "a.lines", "--model", str(model)).stdout.split()[1]
    other = next(t for t in TAGS if t != tag)
    (tmp_path / "words.tsv").write_text(f"They\t{other}\nit\tADV|VERB\n")
    words = call("tag", "a.lines", "--model", str(model), "--lexicon", "words.tsv").stdout.split("\n")
    assert words[0] == f"They\t{other}"
    assert words[2] in ("it\tADV", "it\tVERB")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("They\tNUN\n", ["words.tsv"], "words.tsv, line 1: 'NUN' is no tag of upos; it has ADV, NOUN"),
        ("They\tNOUN\n", ["words.tsv", "--lexicon", "words.tsv"], "has the lexicon words.tsv"),
        ("They\tNOUN\n", ["xpos=words.tsv"], "xpos"),
        ("They\tNOUN\n", ["upos="], "--lexicon upos= names no file"),
    ],
)
def test_mistakes_in_a_lexicon(model: Path, tmp_path: Path, text: str, options: list[str], said: str) -> None:
    (tmp_path / "words.tsv").write_text(text)
    (tmp_path / "a.txt").write_text("They")
    assert said in error("tag", "a.txt", "--model", str(model), "--lexicon", *options)


def test_tags_of_the_input_are_kept(model: Path, tmp_path: Path) -> None:
    options = ["--keep", "--model", str(model)]
    found = call("tag", "-", "--input", "tsv", *options, input="dog\tNOUN\nthe\t_\nx\tPUNCT\n").stdout
    words = found.splitlines()
    assert (words[0], words[2]) == ("dog\tNOUN", "x\tPUNCT")
    assert words[1].partition("\t")[2] in TAGS
    blank = CONLLU.replace("INTJ", "_").replace("\tPRON\t", "\t_\t")
    (tmp_path / "a.conllu").write_text(blank)
    call("tag", "a.conllu", "-o", "b.conllu", *options)
    before, after = (list(read_conllu((tmp_path / f"{x}.conllu").open(newline="\n"), x)) for x in "ab")
    for old, new in zip(before, after, strict=True):
        for was, tag in zip(old.tags["upos"], new.tags["upos"], strict=True):
            assert tag in TAGS if was == "_" else tag == was


def test_mistakes_in_tags_to_keep(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU)
    options = ["-o", "out.conllu", "--keep", "--model", str(model)]
    said = error("tag", "a.conllu", *options)
    assert said.startswith("error: a.conllu, line 12: 'INTJ' is no tag of upos; it has ADV, NOUN")
    assert " (text) has no tags" in error("tag", "-", *options, input="They")
    assert not (tmp_path / "out.conllu").exists()
