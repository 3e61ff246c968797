"""The commands `tag` and `evaluate`: formats, folders, processes that are killed or work side by side, and reports."""

import csv
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

import pytest

import tagger
from tagger.commands import console
from tagger.commands.console import BROKEN_PIPE
from tagger.commands.evaluate import SegmenterChoice
from tagger.commands.options import Precision
from tagger.model.device import PRECISIONS
from tagger.tagging.tagger_options import SEGMENTERS
from tests.commands.conftest import CONLLU, TAGS, call, error, files
from tests.conftest import started


def test_standard_input_and_formats_that_agree_with_the_library(model: Path) -> None:
    result = call("tag", "--model", str(model), "--precision", "float32", input="They book flights. Don't they?\n")
    lines = result.stdout.split("\n")
    expected = ["They", "book", "flights", ".", "", "Do", "n't", "they", "?", "", ""]
    assert [line.split("\t")[0] for line in lines] == expected
    assert all(line.split("\t")[1] in TAGS for line in lines if line)
    assert result.stderr == f"model: {model} (trained on Tiny; dev upos 50.00); float32 on cpu\n"
    tags = tagger.load(model).tag(["They", "book", "it"])
    Path("a.lines").write_text("They book it\n")
    tag = ["tag", "a.lines", "--model", str(model)]
    assert call(*tag).stdout == "They\t{}\nbook\t{}\nit\t{}\n\n".format(*tags)
    record = json.loads(call(*tag, "--output", "jsonl", "--probabilities", "--top", "2").stdout)
    assert record["upos"] == tags
    assert all(0 <= p <= 1 for p in record["upos_probabilities"])
    assert [pairs[0][0] for pairs in record["upos_alternatives"]] == tags
    assert record["offsets"] == [[0, 4], [5, 9], [10, 12]]


def test_conllu_comes_back_but_for_the_tags_which_may_be_kept(model: Path) -> None:
    Path("a.conllu").write_text(CONLLU.replace("INTJ", "_").replace("\tPRON\t", "\t_\t"))
    tag = ["tag", "a.conllu", "-o", "b.conllu", "--force", "--model", str(model)]
    for keep in (False, True):
        call(*tag, *["--keep"] * keep)
        before, after = (Path(name).read_bytes().decode().split("\n") for name in ("a.conllu", "b.conllu"))
        for old, new in zip(before, after, strict=True):
            olds, news = old.split("\t"), new.split("\t")
            if olds[0].isdigit():
                assert olds[:3] + olds[4:] == news[:3] + news[4:]
                assert news[3] == olds[3] if keep and olds[3] != "_" else news[3] in TAGS
            else:
                assert old == new
    given = "dog\tNOUN\nthe\t_\nx\tPUNCT\n"
    words = call("tag", "--input", "tsv", "--keep", "--model", str(model), input=given).stdout.splitlines()
    assert (words[0], words[2]) == ("dog\tNOUN", "x\tPUNCT")
    assert words[1].partition("\t")[2] in TAGS


@pytest.mark.parametrize("text", ["", "\r\n", "\ufeffThey", "a\x00b\x1b[0m", "x" * 5000, "w " * 10_000])
def test_odd_text_is_tagged(model: Path, text: str) -> None:
    call("tag", "--model", str(model), input=text.encode())
    if not text:
        assert "/dev/full" in error("tag", "-o", "/dev/full", "--model", str(model), input="They book. " * 5000)


def test_with_quiet_errors_alone_are_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_hushed", False)  # and again when the test ends
    Path("a.txt").write_text("They book.")
    assert "model: " in call("tag", "a.txt", "--model", str(model)).stderr
    assert call("tag", "a.txt", "--model", str(model), "--quiet").stderr == ""
    Path("b.txt").write_bytes(b"\xff")
    told = call("tag", "a.txt", "b.txt", "-o", "out", "--model", str(model), "-q", status=2).stderr
    assert [line.split()[0] for line in told.splitlines()] == ["error:", "1"], told


def test_a_reader_that_leaves_is_no_error(model: Path) -> None:
    Path("a.txt").write_text("They book.\n" * 5000)
    os.mkfifo("pipe")

    def read() -> None:
        with Path("pipe").open() as lines:
            assert lines.readline().startswith("They\t")

    reader = threading.Thread(target=read)
    reader.start()
    process = started("tag", "a.txt", "--model", str(model), stdout="pipe")
    reader.join()
    process.join()
    assert process.exitcode == BROKEN_PIPE
    assert [line.partition(":")[0] for line in Path("said").read_text().splitlines()] == ["model"]


def test_separators_encodings_columns_and_a_text_on_the_command_line(model: Path, trained: Path) -> None:
    Path("a.lines").write_bytes('They , " café\n'.encode("latin-1"))
    call("tag", "a.lines", "-o", "out.csv", "--encoding", "latin-1", "--model", str(model))
    cells = [row for row in csv.reader(Path("out.csv").read_text().splitlines()) if row]
    assert [row[0] for row in cells] == ["They", ",", '"', "café"]
    assert all(row[1] in TAGS for row in cells)
    call("tag", "out.csv", "-o", "again.csv", "--model", str(model))
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()
    text = call("tag", "--input", "lines", "--separator", "|", "--model", str(model), input="They , book\n").stdout
    assert [line.split("|")[0] for line in text.splitlines()] == ["They", ",", "book", ""]
    text = "They book flights.\nDon't they?"
    expected = call("tag", "--model", str(model), input=text).stdout
    assert call("tag", "--text", text, "--model", str(model)).stdout == expected
    call("tag", "--text", text, "-o", "out.tsv", "--model", str(model))
    assert Path("out.tsv").read_text() == expected
    assert call("tag", "--text", "", "--model", str(model)).stdout == ""
    Path("a.tokens").write_text("They\nbook\n")
    tag = ["tag", "a.tokens", "--model", str(trained), "-o", "-", "--columns"]
    assert call(*tag, "xpos").stdout == "They\tPRP\nbook\tVBP\n\n"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("to", ["out/", "b.tsv", "-"])
def test_a_source_that_changes_while_it_is_read(model: Path, workers: int, to: str) -> None:
    Path("b.txt").write_text("They book flights.\n\n" * 200_000)
    Path("printed").touch()
    process = started("tag", "b.txt", "-o", to, "--model", str(model), "--workers", str(workers), stdout="printed")
    while process.is_alive() and not (list(Path().rglob(".*.part")) or Path("printed").stat().st_size):
        process.join(0.01)  # until the first window is written
    with Path("b.txt").open("r+") as file:
        file.truncate(20_000)
    process.join()
    assert process.exitcode == 2
    assert "error: b.txt changed while it was read; tag it again when it is whole" in Path("said").read_text()
    assert not list(Path().rglob("b.tsv"))


def test_the_same_command_goes_on_and_another_is_refused(model: Path) -> None:
    Path("in").mkdir()
    for name in "abc":
        Path(f"in/{name}.txt").write_text(f"They book {name}.\n")
    into = ["tag", "in", "-o", "out", "--model", str(model)]
    call(*into)
    whole = files("out")
    Path("out/b.tsv").unlink()
    Path("out/c.tsv").write_text("corrected\n")
    other = error(*into, "--probabilities", "--top", "2")
    assert "made with other values of --probabilities, --top; tag into another" in other
    assert call(*into).stderr.startswith("kept: out/a.tsv and 1 more; --force replaces what exists\n")
    assert files("out") == {**whole, "c.tsv": b"corrected\n"}
    call(*into, "--force")
    assert files("out") == whole


def test_words_of_a_file_that_fails_are_not_among_those_that_were_tagged(model: Path) -> None:
    Path("a.txt").write_bytes(b"They book.\n\n" * 10_000 + b"\xff")  # after its first windows
    Path("b.txt").write_text("They book.\n")
    said = call("tag", "a.txt", "b.txt", "-o", "out/", "--model", str(model), status=2).stderr
    assert "tagged 3 words: out/b.tsv\n" in said


@pytest.mark.slow
def test_killed_at_random_times_and_resumed(trained: Path) -> None:
    for number in range(60):
        path = Path("in", f"{number % 4}", f"{number}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"They book flights {number}. The book reads well.\n\n" * (40 + 200 * (number % 3 == 0)))
    into = ["tag", "in", "--model", str(trained), "--workers", "2", "-o"]
    call(*into, "whole")
    chance = random.Random(7)
    made: dict[str, int] = {}
    out, kills = Path("out"), 0
    for _ in range(40):
        before = len(list(out.rglob("*.tsv")))
        process = started(*into, "out")
        if kills < 5:
            while process.is_alive() and len(list(out.rglob("*.tsv"))) == before:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            kills += process.is_alive()
            process.kill()
        process.join()
        for path in out.rglob("*.tsv"):
            changed = path.stat().st_mtime_ns
            assert made.setdefault(str(path), changed) == changed  # not made again
        if process.exitcode == 0:
            break
    assert process.exitcode == 0, Path("said").read_text()
    assert kills >= 3
    assert len(made) == 60
    assert files("out") == files("whole")


@pytest.mark.slow
def test_a_second_signal_does_not_stop_the_end(trained: Path) -> None:
    Path("a.txt").write_text("They book flights. The book reads well.\n\n" * 300_000)
    command = [sys.executable, "-m", "tagger", "tag", "a.txt", "-o", "b.tsv", "--model", str(trained), "--workers", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not any(path.stat().st_size for path in Path().glob(".*.part")):
        time.sleep(0.05)
    for _ in range(2):
        process.terminate()
        time.sleep(0.2)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted; ")
    assert os.listdir() == ["a.txt"]


def test_a_lexicon_decides_the_tags_of_its_forms(model: Path) -> None:
    Path("a.lines").write_text("They book it\nthey THEY\n")
    tag = ["tag", "a.lines", "--model", str(model)]
    other = next(each for each in TAGS if each != call(*tag).stdout.split()[1])
    Path("words.tsv").write_text(f"They\t{other}\nit\tADV|VERB\n")
    for lexicon in ("words.tsv", "upos=words.tsv"):
        words = call(*tag, "--lexicon", lexicon).stdout.split("\n")
        assert words[0] == f"They\t{other}"
        assert words[2] in ("it\tADV", "it\tVERB")


WELSH = "Mae'r plant yn chwarae yn yr ardd pan ddaeth eu mam adref o'r gwaith neithiwr.\n"
ENGLISH = "The children were playing in the garden when their mother came home from work.\n"


def test_a_file_has_the_tagger_of_its_language_and_a_sentence_of_conllu_its_own() -> None:
    Path("a.txt").write_text(ENGLISH)
    Path("b.txt").write_text(f"{WELSH}\n{ENGLISH}")
    done = call("tag", "a.txt", "b.txt", "-o", "out/", "--output", "jsonl")
    assert "language: english (a.txt)" in done.stderr
    assert "language: welsh (b.txt)" in done.stderr
    assert "tagged 48 words: out/a.jsonl and 1 more\n" in done.stderr
    alone = call("tag", "--language", "en", "--output", "jsonl", input=ENGLISH)
    assert "data/english" in alone.stderr
    assert Path("out/a.jsonl").read_text().replace(',"language":"english"', "") == alone.stdout
    both = Path("out/b.jsonl").read_text().splitlines()
    assert [json.loads(line)["language"] for line in both] == ["welsh", "english"]
    done = call("tag", "--output", "conllu", input=f"{WELSH}\n{ENGLISH}\n{WELSH}")
    found = [block.split("\n")[2] for block in done.stdout.strip().split("\n\n")]
    assert found == [f"# language = {name}" for name in ("welsh", "english", "welsh")]
    assert done.stderr.splitlines() == ["language: welsh (-)", "language: english (-)"]
    again = call("tag", "--input", "conllu", input=done.stdout)  # whose lines stay as they are
    assert again.stdout == done.stdout


def test_evaluate_scores_and_lists_what_the_tagger_cannot_know(model: Path) -> None:
    Path("a.conllu").write_text(CONLLU)
    report = json.loads(call("evaluate", "a.conllu", "--json", "--model", str(model)).stdout)["upos"]
    words = [tagger.load(model).annotate(tokens)[0] for tokens in (["They", "do", "n't", "book"], ["Yes"])]
    tags = [tag for sentence in words for tag in sentence.tags["upos"]]
    gold = ["PRON", "VERB", "ADV", "NOUN", "INTJ"]
    assert report["accuracy"] == sum(a == b for a, b in zip(gold, tags, strict=True)) / 5
    assert report["unseen_tags"] == {"INTJ": 1}
    assert report["known_tokens"] == 2
    found = report["calibration"]
    shares = sorted(share for sentence in words for share in sentence.probabilities["upos"])
    assert [confidence for _, confidence, _ in found["bins"]] == pytest.approx(shares)  # fewer words than bins
    assert found["confidence"] == pytest.approx(sum(shares) / 5)
    expected = sum(abs(right - share) for _, share, right in found["bins"]) / 5
    assert found["ece"] == pytest.approx(expected)
    lines = call("evaluate", "a.conllu", "--model", str(model)).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("INTJ (1)" in line for line in lines)
    assert ["calibration", "error", f"{100 * expected:.2f}%"] in map(str.split, lines)
    assert ["mean", "confidence", f"{100 * found['confidence']:.2f}%"] in map(str.split, lines)


def test_evaluate_column_files(model: Path) -> None:
    files = {"a.tsv": "They\tx\tPRON\nbook\tx\tVERB\n\n", "a.csv": 'They,x,PRON\n",",x,PUNCT\n'}
    files["a.conll"] = "-DOCSTART- x O\n\nThey x PRON\nbook x VERB\n"
    for name, text in files.items():
        Path(name).write_text(text)
        for place in (2, -1):
            found = call("evaluate", name, "--column", f"upos={place}", "--json", "--model", str(model)).stdout
            assert json.loads(found)["upos"]["tokens"] == 2


def test_evaluate_from_raw_text_says_what_cut_it(model: Path, learned: Path) -> None:
    Path("a.conllu").write_text(CONLLU.replace("# a comment alone\n\n", "# newpar\n# text = Yes\n"))
    raw = ["evaluate", "a.conllu", "--raw", "--model"]
    scores = json.loads(call(*raw, str(model), "--json").stdout)
    assert list(scores) == ["Tokens", "Sentences", "Words", "UPOS"]  # the model has no xpos and feats
    assert scores["Tokens"].keys() == {"precision", "recall", "f1"}
    assert scores["Words"]["f1"] == scores["Sentences"]["f1"] == 1
    table = call(*raw, str(model)).stdout.splitlines()
    assert [line.split()[0] for line in table[2:]] == list(scores)
    assert table[2].split()[-1] == f"{100 * scores['Tokens']['f1']:.2f}%"
    assert max(map(len, table)) <= 80
    assert "a.conllu from raw text, cut by the learned segmenter" in call(*raw, str(learned)).stdout
    assert "cut by the rules unicode" in call(*raw, str(learned), "--segmenter", "unicode").stdout


GERMAN = """\
1\tHast\thaben\tVERB\tVVFIN\tMood=Ind|Number=Sing|Person=2|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_
2\tdu\tdu\tPRON\tPPER\tCase=Nom|Number=Sing|Person=2|PronType=Prs\t1\tnsubj\t_\t_
3\tgroßen\tgroß\tADJ\tADJA\tCase=Acc|Degree=Pos|Gender=Masc|Number=Sing\t4\tamod\t_\t_
4\tHunger\tHunger\tNOUN\tNN\tCase=Acc|Gender=Masc|Number=Sing\t1\tobj\t_\tSpaceAfter=No
5\t?\t?\tPUNCT\t$.\t_\t1\tpunct\t_\t_

"""


def test_a_gold_file_is_scored_by_the_tagger_of_its_language() -> None:
    Path("a.conllu").write_text(GERMAN)
    Path("a.tsv").write_text("Hast\tVERB\ndu\tPRON\ngroßen\tADJ\nHunger\tNOUN\n?\tPUNCT\n\n")
    for file, *options in (("a.conllu",), ("a.tsv", "--column", "upos=1")):
        result = call("evaluate", file, *options, "--json")
        assert f"language: german ({file})" in result.stderr
        assert json.loads(result.stdout)["upos"]["accuracy"] == 1
    assert json.loads(call("evaluate", "-", "--json", input=GERMAN).stdout)["xpos"]["tokens"] == 5
    other = call("evaluate", "a.conllu", "--language", "en", "--json")
    assert "language:" not in other.stderr
    assert "a.conllu looks like German, and the tagger is that of English\n" in other.stderr
    assert "looks like" not in call("evaluate", "a.conllu", "--language", "de", "--json").stderr
    scores = json.loads(other.stdout)
    assert scores["xpos"]["unseen_tags"].keys() == {"VVFIN", "PPER", "ADJA", "$."}  # counted as errors


def test_the_choices_of_options_are_those_of_load_and_segmenters_differ(learned: Path) -> None:
    assert get_args(Precision) == ("auto", *PRECISIONS)
    assert get_args(SegmenterChoice) == SEGMENTERS
    text = "Don't book des flights. Du 3,14 reads well!! It's 5pm, isn't it?"
    taggers = [tagger.load(learned, "cpu", segmenter=choice) for choice in ("learned", "english", "unicode")]
    assert len({tuple(form for sentence in each.annotate(text) for form in sentence.tokens) for each in taggers}) == 3
