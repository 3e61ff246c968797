"""The options of `tag` that constrain tags, ask for sequences, or write what is to be reviewed."""

import json
from pathlib import Path

import pytest

from tagger.text.conllu import read_conllu
from tests.commands.conftest import CONLLU, TAGS, call, error


def test_a_lexicon_decides_the_tags_of_its_forms(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text("They book it\nthey THEY\n")
    tag = call("tag", "a.lines", "--output", "slash", "--model", str(model)).stdout.split()[0].partition("/")[2]
    other = next(t for t in TAGS if t != tag)
    (tmp_path / "words.tsv").write_text(f"They\t{other}\nit\tADV|VERB\n")
    options = ["--output", "slash", "--model", str(model), "--lexicon"]
    words = call("tag", "a.lines", *options, "words.tsv").stdout.split()
    assert words[0] == f"They/{other}"
    assert words[2] in ("it/ADV", "it/VERB")


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
    found = call("tag", "-", "--input", "slash", "--output", "slash", *options, input="dog/NOUN the/_ x/PUNCT\n").stdout
    words = found.split()
    assert (words[0], words[2]) == ("dog/NOUN", "x/PUNCT")
    assert words[1].partition("/")[2] in TAGS
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


def test_doubtful_sentences_are_written_the_most_doubtful_first(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book flights. " * 3 + "They. Zzyx book? They book it and more.")
    (tmp_path / "b.conllu").write_text(CONLLU)
    lines = call("tag", "a.txt", "--output", "jsonl", "--probabilities", "--model", str(model)).stdout.splitlines()
    records = list(map(json.loads, lines))
    least = sorted(min(record["upos_probabilities"]) for record in records)
    below = (least[2] + least[-1]) / 2
    options = ["--review-below", str(below), "-o", "review.conllu", "--model", str(model)]
    result = call("tag", "a.txt", "b.conllu", *options)
    text = (tmp_path / "review.conllu").read_text()
    sentences = list(read_conllu(text.splitlines(keepends=True), "review"))
    doubts = []
    for sentence in sentences:
        comment = next(c for c in sentence.comments if c.startswith("# confidence = "))
        share, word = float(comment.split()[3]), int(comment.split()[5])
        doubts.append(share)
        rows = [line for line in sentence.lines or () if line[0].isdigit() and "-" not in line.split("\t")[0]]
        words = [row for row in rows if row.split("\t")[0].isdigit()]
        assert f"UposProb={share:.4f}" in words[word - 1].split("\t")[9]
        assert any(c.startswith("# source = ") for c in sentence.comments)
        assert sentence.name is not None or sentence.tokens == ["Yes"]
        assert share < below
    assert doubts == sorted(doubts)
    assert f"{len(sentences)} of {len(records) + 2} sentences" in result.stderr
    assert "kept: review.conllu" in call("tag", "a.txt", *options).stderr
    assert (tmp_path / "review.conllu").read_text() == text


def test_all_files_of_a_folder_are_reviewed(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("They book flights.\n\nZzyx.")
    (tmp_path / "in" / "b.conllu").write_text(CONLLU)
    options = ["--review-below", "1", "--output", "conllu", "--model", str(model)]
    text = call("tag", "in", *options).stdout
    sources = [line for line in text.splitlines() if line.startswith("# source = ")]
    assert sorted(sources) == [f"# source = in/{name}" for name in ("a.txt", "a.txt", "b.conllu", "b.conllu")]
    call("tag", "in", *options, "-o", "in/review.conllu")
    assert (tmp_path / "in" / "review.conllu").read_text() == text
    call("tag", "in", *options, "-o", "in/review.conllu", "--force")
    assert (tmp_path / "in" / "review.conllu").read_text() == text  # which is no input
    assert "would be replaced" in error("tag", "in/b.conllu", *options, "-o", "in/b.conllu", "--force")
    assert (tmp_path / "in" / "b.conllu").read_text() == CONLLU
    opened = [block.splitlines()[:2] for block in text.split("\n\n") if block.startswith("# newpar")]
    assert sorted(opened) == [["# newpar", "# sent_id = 1"], ["# newpar", "# sent_id = 2"]]


def test_mistakes_in_a_review(model: Path) -> None:
    options = ["tag", "--model", str(model), "--review-below"]
    assert "--review-below 1.5" in error(*options, "1.5", input="They")
    for output in (["--output", "tsv"], ["-o", "review.tsv"], ["-o", "."], ["-o", "new/"]):
        message = error(*options, "0.5", *output, input="They")
        assert "writes one CoNLL-U file" in message
        assert "-o review.conllu" in message
