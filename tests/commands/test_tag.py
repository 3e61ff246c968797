"""The command `tag`: formats, folders, processes that are killed or work side by side, and its mistakes."""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import tagger
from tagger.commands.console import BROKEN_PIPE
from tagger.jobs.outputs import SETTINGS_FILE
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu
from tests.commands.conftest import CONLLU, TAGS, call, error
from tests.conftest import bundle_of, network_config
from tests.forked import started


def test_standard_input_to_standard_output(model: Path) -> None:
    options = ["--model", str(model), "--precision", "float32"]
    result = call("tag", *options, input="They book flights. Don't they?\n")
    lines = result.stdout.split("\n")
    assert [line.split("\t")[0] for line in lines[:4]] == ["They", "book", "flights", "."]
    assert [line.split("\t")[0] for line in lines[4:10]] == ["", "Do", "n't", "they", "?", ""]
    assert all(line.split("\t")[1] in TAGS for line in lines if line)
    assert result.stderr.splitlines() == [f"model: {model} (trained on Tiny; dev upos 50.00); float32 on cpu"]


def test_formats_agree_with_the_library(model: Path, tmp_path: Path) -> None:
    tags = tagger.load(model).tag(["They", "book", "it"])
    (tmp_path / "a.lines").write_text("They book it\n")
    written = "".join(f"{word}\t{tag}\n" for word, tag in zip(["They", "book", "it"], tags, strict=True))
    assert call("tag", "a.lines", "--model", str(model)).stdout == f"{written}\n"
    record = json.loads(
        call("tag", "a.lines", "--output", "jsonl", "--probabilities", "--top", "2", "--model", str(model)).stdout
    )
    assert record["upos"] == tags
    assert all(0 <= p <= 1 for p in record["upos_probabilities"])
    assert [pairs[0][0] for pairs in record["upos_alternatives"]] == tags
    assert record["offsets"] == [[0, 4], [5, 9], [10, 12]]


def test_conllu_comes_back_but_for_the_tags(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_bytes(CONLLU.encode())
    call("tag", "a.conllu", "-o", "b.conllu", "--model", str(model))
    before, after = CONLLU.split("\n"), (tmp_path / "b.conllu").read_bytes().decode().split("\n")
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if old and old[0].isdigit() and old.split("\t")[0].isdigit():
            olds, news = old.split("\t"), new.split("\t")
            assert olds[:3] + olds[4:] == news[:3] + news[4:]
            assert news[3] in TAGS
        else:
            assert old == new


def test_a_folder_is_walked_and_outputs_are_kept(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "book.txt").write_text("They book.")
    with gzip.open(tmp_path / "in" / "b.txt.gz", "wt") as out:
        out.write("They.")
    call("tag", "in", "-o", "out", "--model", str(model))
    assert (tmp_path / "out" / "a" / "book.tsv").read_text().startswith("They\t")
    with gzip.open(tmp_path / "out" / "b.tsv.gz", "rt") as lines:
        assert lines.read().startswith("They\t")
    (tmp_path / "out" / "a" / "book.tsv").write_text("mine")
    result = call("tag", "in", "-o", "out", "--model", str(model))
    assert (tmp_path / "out" / "a" / "book.tsv").read_text() == "mine"
    assert "--force" in result.stderr
    call("tag", "in", "-o", "out", "--force", "--model", str(model))
    assert (tmp_path / "out" / "a" / "book.tsv").read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.conllu", b"1\tThey\tPRON\n\n", ["a.conllu", "line 1", "3", "10"]),
        ("a.txt", b"fine\ncaf\xe9\n", ["a.txt", "line 2", "0xe9", "--encoding"]),
        ("a.txt.gz", b"\x1f\x8b\x08\x00broken", ["a.txt.gz", "gzip"]),
        ("b.jsonl", b'{"tokens": ["a"], "x": [1e999]}\n', ["b.jsonl, line 1", "is not JSON", "write it as a string"]),
    ],
)
def test_bad_files_are_named_and_leave_no_output(
    model: Path, tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    message = error("tag", name, "-o", "out.tsv", "--model", str(model))
    assert all(word in message for word in words), message
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_full_disk_is_an_error(model: Path, tmp_path: Path) -> None:
    assert "/dev/full" in error("tag", "-o", "/dev/full", "--model", str(model), input="They book. " * 5000)


@pytest.mark.parametrize("text", ["", "\r\n", "\ufeffThey", "a\x00b\x1b[0m", "x" * 5000, "w " * 10_000])
def test_odd_text_is_tagged(model: Path, text: str) -> None:
    call("tag", "--model", str(model), input=text.encode())


def test_another_encoding(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("café".encode("latin-1"))
    assert call("tag", "a.txt", "-o", "-", "--encoding", "latin-1", "--model", str(model)).stdout.startswith("café\t")


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


def test_csv_and_separators(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text('They , "\n')
    call("tag", "a.lines", "-o", "out.csv", "--model", str(model))
    cells = [row for row in csv.reader((tmp_path / "out.csv").open(newline="")) if row]
    assert [row[0] for row in cells] == ["They", ",", '"']
    assert all(row[1] in TAGS for row in cells)
    call("tag", "out.csv", "-o", "again.csv", "--model", str(model))
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
    text = call("tag", "--input", "lines", "--separator", "|", "--model", str(model), input="They , book\n").stdout
    assert [line.split("|")[0] for line in text.splitlines()] == ["They", ",", "book", ""]


def test_columns_are_chosen(trained: Path) -> None:
    Path("a.tokens").write_text("They\nbook\n")
    written = call("tag", "a.tokens", "--columns", "xpos", "--model", str(trained)).stdout
    assert written == "They\tPRP\nbook\tVBP\n\n"


def test_the_corpus_that_text_is_like(tmp_path: Path) -> None:
    forms = ["They", "book", "."]
    vocabulary = Vocabulary(
        words={"they": 3, "book": 2}, characters=list("beh"), tags={"upos": TAGS}, forms=forms, corpora=["UD_A", "UD_B"]
    )
    torch.manual_seed(3)
    network = TaggerNetwork(vocabulary, network_config())
    assert network.corpora is not None
    with torch.no_grad():
        network.corpora.weight[1:] = 10 * torch.randn(2, network.embedding.width)
    folder = tmp_path / "several"
    bundle_of(network, vocabulary, corpus="UD_A + UD_B").save(folder, "")
    (tmp_path / "a.lines").write_text("They book . . book They\n")
    found = set()
    for name in (None, "UD_A", "UD_B"):
        option = [] if name is None else ["--corpus", name]
        output = call("tag", "a.lines", "--model", str(folder), *option).stdout.splitlines()
        words = ["They", "book", ".", ".", "book", "They"]
        tags = tagger.load(folder, corpus=name).tag(words)
        assert output == [*(f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True)), ""]
        found.add(tuple(output))
    assert len(found) == 3
    message = error("tag", "a.lines", "--model", str(folder), "--corpus", "UD_C")
    assert message == "error: this tagger knows no corpus 'UD_C'; choose one of UD_A, UD_B"


def test_a_text_is_given_on_the_command_line(model: Path) -> None:
    text = "They book flights.\nDon't they?"
    expected = call("tag", "--model", str(model), input=text).stdout
    assert call("tag", "--text", text, "--model", str(model)).stdout == expected
    call("tag", "--text", text, "-o", "out.tsv", "--model", str(model))
    assert Path("out.tsv").read_text() == expected
    assert call("tag", "--text", "", "--model", str(model)).stdout == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--text", "x", "a.txt"], ["does not go with FILE"]),
        (["--text", "x", "--shard", "1/2"], ["does not go with --shard"]),
        (["--text", "caf\udce9"], ["--text, line 1: byte 0xe9 is not utf-8"]),
        (["--text", "x", "--columns", "upos,lemma"], ["no column 'lemma'"]),
        (["--text", "x", "--keep"], ["--text (text) has no tags"]),
        (["--shard", "1/2"], ["standard input is none"]),
        (["a.txt", "-o", "out/", "--shard", "3/2"], ["write i/n"]),
    ],
)
def test_options_that_do_not_go_together(model: Path, options: list[str], words: list[str]) -> None:
    Path("a.txt").write_text("They book.")
    result = call("tag", *options, "--model", str(model), status=2)
    message = result.stderr.splitlines()[-1]
    assert all(word in message for word in words), message
    assert [path.name for path in Path().iterdir()] == ["a.txt"]


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


def test_resume_on_the_command_line(model: Path) -> None:
    Path("in").mkdir()
    for name in "abc":
        Path(f"in/{name}.txt").write_text(f"They book {name}.\n")
    assert "-o FOLDER" in error("tag", "in/a.txt", "-o", "one.tsv", "--resume", "--model", str(model))
    into = ["tag", "in", "-o", "out", "--model", str(model)]
    call(*into)
    Path("out/b.tsv").unlink()
    Path("out/c.tsv").write_text(Path("out/c.tsv").read_text().replace("book", "BOOK"))
    assert call(*into, "--resume").stderr.splitlines()[0] == "resuming: 2 of 3 outputs exist"
    assert Path("out/b.tsv").is_file()
    for name in "ac":
        os.utime(f"in/{name}.txt", (4e9, 4e9))
    again = call(*into, "--resume", status=2).stderr.splitlines()
    assert again[1] == "tagged again: out/a.tsv, older than the source or the options"
    assert again[2].startswith("kept: out/c.tsv, older than the source, but changed after tagging; move away")
    assert "BOOK" in Path("out/c.tsv").read_text()
    other = error(*into, "--resume", "--probabilities", "--top", "2")
    assert "out has outputs that were made with other values of --probabilities, --top; tag into another" in other
    assert "-o in is the folder of the files to tag" in error("tag", "in", "-o", "in", "--model", str(model))


@pytest.mark.slow
def test_two_processes_share_a_folder(trained: Path) -> None:
    Path("in").mkdir()
    for number in range(12):
        Path(f"in/{number}.txt").write_text(
            "They book flights. The book reads well.\n\n" * (100_000 if number < 1 else 9)
        )
    into = ["tag", "in", "--model", str(trained), "--workers", "1", "-o"]
    first = started(*into, "out")
    while not list(Path().glob("out/.*.part")):
        first.join(0.01)
    second = call(*into, "out")
    assert first.is_alive()
    assert "another process tags into out; what it has begun is left to it" in second.stderr.splitlines()
    assert "out/0.tsv is being made by another process; it is left to it" in second.stderr.splitlines()
    assert len(list(Path("out").glob("*.tsv"))) == 11
    first.join()
    assert first.exitcode == 0
    call(*into, "whole")
    assert files("out") == files("whole")


def files(folder: str) -> dict[str, bytes]:
    """All that is in a folder of outputs but manifests, hidden files too."""
    found = [path for path in Path(folder).rglob("*") if path.is_file() and path.name != SETTINGS_FILE]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


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
        process = started(*into, "out", "--resume")
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


WELSH = "Mae'r plant yn chwarae yn yr ardd pan ddaeth eu mam adref o'r gwaith neithiwr.\n"
ENGLISH = "The children were playing in the garden when their mother came home from work.\n"


def test_every_file_has_the_tagger_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ENGLISH)
    (tmp_path / "b.txt").write_text(f"{WELSH}\n{ENGLISH}")
    done = call("tag", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "-o", f"{tmp_path}/out/", "--output", "jsonl")
    assert f"language: english ({tmp_path}/a.txt)" in done.stderr
    assert f"language: welsh ({tmp_path}/b.txt)" in done.stderr
    alone = call("tag", "--language", "en", "--output", "jsonl", input=ENGLISH)
    assert "data/english" in alone.stderr
    own = (tmp_path / "out" / "a.jsonl").read_text()
    assert own.replace(',"language":"english"', "") == alone.stdout
    both = (tmp_path / "out" / "b.jsonl").read_text().splitlines()
    assert [line.split('"language":"')[1].split('"')[0] for line in both] == ["welsh", "english"]


def test_each_sentence_of_conllu_has_its_language_and_standard_error_each_language_once(tmp_path: Path) -> None:
    done = call("tag", "--output", "conllu", input=f"{WELSH}\n{ENGLISH}\n{WELSH}")
    blocks = done.stdout.strip().split("\n\n")
    assert [block.split("\n")[2] for block in blocks] == [
        f"# language = {name}" for name in ("welsh", "english", "welsh")
    ]
    assert done.stderr.splitlines() == ["language: welsh (-)", "language: english (-)"]
    again = call("tag", "--input", "conllu", input=done.stdout)  # whose lines stay as they are
    assert again.stdout == done.stdout


def test_a_text_from_outside_has_one_language() -> None:
    done = call("tag", input=WELSH)
    assert "chwarae" in done.stdout
    assert "language: welsh (-)" in done.stderr
    assert "english" not in done.stderr


def test_a_file_in_a_language_that_is_not_there_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("A gyerekek a kertben játszottak, amikor az édesanyjuk tegnap este hazaért a munkából.\n")
    assert f"{text} looks most like " in error("tag", str(text), "-o", f"{tmp_path}/hu.tsv")
    assert not (tmp_path / "hu.tsv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--language", "xx"], "xx: no tagger of this language comes with the package"),
        (["--language", "en", "--model", "english"], "leave one out"),
        (["--corpus", "UD_Welsh-CCG"], "--corpus needs one tagger; name the language"),
    ],
)
def test_options_of_languages_that_do_not_go_together(options: list[str], words: str) -> None:
    assert words in error("tag", *options, input="They book flights.")
