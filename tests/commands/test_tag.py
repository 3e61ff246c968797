"""The command `tag`: formats, folders, and its mistakes."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tagger
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.text.conllu import read_conllu
from tagger.weights.folder import save_tagger
from tests.commands.conftest import CONLLU, TAGS, call, error, saved
from tests.conftest import network_config


def test_standard_input_to_standard_output(model: Path) -> None:
    options = ["--model", str(model), "--precision", "float32"]
    result = call("tag", *options, input="They book flights. Don't they?\n")
    lines = result.stdout.split("\n")
    assert [line.split("\t")[0] for line in lines[:4]] == ["They", "book", "flights", "."]
    assert [line.split("\t")[0] for line in lines[4:10]] == ["", "Do", "n't", "they", "?", ""]
    assert all(line.split("\t")[1] in TAGS for line in lines if line)
    assert result.stderr.splitlines() == [f"model: {model} (trained on Tiny; dev upos 50.00); float32 on cpu"]


def test_a_dash_is_standard_output(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU)
    expected = call("tag", "a.conllu", "--model", str(model)).stdout
    assert call("tag", "a.conllu", "-o", "-", "--model", str(model)).stdout == expected
    assert "a folder; name one for its tagged files with -o" in error("tag", ".", "-o", "-", "--model", str(model))
    assert "-o FOLDER" in error("tag", "a.conllu", "-o", "-", "--resume", "--model", str(model))
    assert "name a file that ends in .npz" in error("embed", "a.conllu", "-o", "-", "--model", str(model))
    assert "--html -: standard output has" in error("explain", "They", "--html", "-", "--model", str(model))
    assert "--png -: standard output has" in error("senses", "They", "a.conllu", "--png", "-", "--model", str(model))
    assert [path.name for path in tmp_path.iterdir()] == ["a.conllu"]


def test_formats_agree_with_the_library(model: Path, tmp_path: Path) -> None:
    tags = tagger.load(model).tag(["They", "book", "it"])
    (tmp_path / "a.lines").write_text("They book it\n")
    assert call("tag", "a.lines", "--output", "slash", "--model", str(model)).stdout == "{} {} {}\n".format(
        *(f"{word}/{tag}" for word, tag in zip(["They", "book", "it"], tags, strict=True))
    )
    record = json.loads(
        call("tag", "a.lines", "--output", "jsonl", "--probabilities", "--top", "2", "--model", str(model)).stdout
    )
    assert record["upos"] == tags
    assert all(0 <= p <= 1 for p in record["upos_probabilities"])
    assert [pairs[0][0] for pairs in record["upos_alternatives"]] == tags
    assert record["offsets"] == [[0, 4], [5, 9], [10, 12]]


@pytest.mark.parametrize("columns", ["0", "1", "19"])
def test_a_width_that_no_terminal_has_is_not_taken(model: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    arguments = ["tag", "--output", "pretty", "--model", str(model)]
    monkeypatch.delenv("COLUMNS", raising=False)
    expected = call(*arguments, input="They book it.").stdout
    monkeypatch.setenv("COLUMNS", columns)
    assert call(*arguments, input="They book it.").stdout == expected
    assert "They" in expected


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


def test_one_bad_file_does_not_stop_the_others(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.conllu").write_text("1\tThey\n")
    (tmp_path / "in" / "b.txt").write_text("They")
    result = call("tag", "in", "-o", "out", "--model", str(model), status=2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.tsv", "tagger.manifest"]
    assert "in/a.conllu, line 1" in result.stderr
    assert "1 of 2 files failed" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.conllu", b"1\tThey\tPRON\n\n", ["a.conllu", "line 1", "3", "10"]),
        ("a.txt", b"fine\ncaf\xe9\n", ["a.txt", "line 2", "0xe9", "--encoding"]),
        ("a.jsonl", b'{"tokens": "They"}\n', ["a.jsonl", "line 1"]),
        ("a.txt.gz", b"\x1f\x8b\x08\x00broken", ["a.txt.gz", "gzip"]),
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


def test_standard_output_that_is_full_is_an_error(model: Path, tmp_path: Path) -> None:
    command = f"echo They book. | {sys.executable} -m tagger tag --model {model} > /dev/full"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "standard output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_paths_and_models(model: Path, tmp_path: Path) -> None:
    assert "nowhere.txt" in error("tag", "nowhere.txt", "--model", str(model))
    assert "nomodel" in error("tag", "--model", "nomodel", input="x")
    assert "runs" in error("tag", "--model", "latest", input="x")  # no run here, so no newest one
    assert "nowhere.conllu" in error("evaluate", "nowhere.conllu", "--model", str(model))


@pytest.mark.parametrize(
    "text", ["", "\n\n", "\r\n", "\ufeffThey", "They\r\nbook\r\n", "a\x00b\x1b[0m", "x" * 5000, "w " * 10_000]
)
def test_odd_text_is_tagged(model: Path, text: str) -> None:
    call("tag", "--model", str(model), input=text.encode())


def test_lone_surrogates_are_written_as_json_escapes_or_replaced(model: Path) -> None:
    line = '["caf\\ud800", "x"]\n'
    as_json = call("tag", "--input", "jsonl", "--output", "jsonl", "--model", str(model), input=line)
    assert "\\ud800" in as_json.stdout
    as_tsv = call("tag", "--input", "jsonl", "--output", "tsv", "--model", str(model), input=line)
    assert as_tsv.stdout.startswith("caf\ufffd\t")


def test_another_encoding(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("café".encode("latin-1"))
    assert call("tag", "a.txt", "--encoding", "latin-1", "--model", str(model)).stdout.startswith("café\t")


def test_a_tagger_of_words_with_spaces_refuses_text(tmp_path: Path) -> None:
    model = saved(tmp_path / "viet", ["hợp tác xã", "là"])
    message = error("tag", "--model", str(model), input="hợp tác xã")
    assert "spaces" in message
    assert "hợp tác xã" in message
    call("tag", "--input", "tokens", "--model", str(model), input="hợp tác xã\n")


def test_a_reader_that_leaves_is_no_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book.\n" * 5000)
    command = f"{sys.executable} -m tagger tag a.txt --model {model} | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("They\t")
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def test_tagging_needs_neither_datasets_nor_lightning(model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['tagger', 'tag', '--model', sys.argv[1]]\n"
        "from tagger.__main__ import main\n"
        "print('status', main())\n"
        "print([m for m in ('datasets', 'pytorch_lightning', 'matplotlib', 'hydra', 'seqeval') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(model)]
    done = subprocess.run(command, input="They book.", cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-2:] == ["status 0", "[]"], done.stderr


def test_the_output_is_conllu_that_reads_back(model: Path) -> None:
    text = call("tag", "--output", "conllu", "--model", str(model), input="They don't book. Yes!").stdout
    sentences = list(read_conllu(iter(text.splitlines(keepends=True)), "out"))
    assert [s.tokens for s in sentences] == [["They", "do", "n't", "book", "."], ["Yes", "!"]]
    assert sentences[0].text == "They don't book."


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
    assert "write csv" in error("tag", "a.lines", "--separator", ",", "--model", str(model))
    text = call("tag", "--input", "slash", "--separator", "_", "--model", str(model), input="They_X\n").stdout
    assert text.startswith("They\t")
    assert "a token per line" in " ".join(call("tag", "--help").stdout.split())


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no name of standard output here")
def test_a_link_to_standard_output_stays(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book.")
    (tmp_path / "out.tsv").write_text("before\n")
    (tmp_path / "link").symlink_to("/dev/stdout")
    command = f"{sys.executable} -m tagger tag a.txt -o link --model {model} >> out.tsv"
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out.tsv").read_text().startswith("before\nThey\t")


def test_the_corpus_that_text_is_like(tmp_path: Path) -> None:
    forms = ["They", "book", "."]
    vocabulary = Vocabulary(
        words={"they": 3, "book": 2}, characters=list("beh"), tags={"upos": TAGS}, forms=forms, corpora=["UD_A", "UD_B"]
    )
    config = network_config()
    torch.manual_seed(1)
    network = TaggerNetwork(vocabulary, config)
    assert network.corpora is not None
    with torch.no_grad():
        network.corpora.weight[1:] = 10 * torch.randn(2, network.embedding.width)
    folder = tmp_path / "several"
    save_tagger(folder, network, vocabulary, {"network": config, "corpus": "UD_A + UD_B", "segmenter": "english"}, "")
    (tmp_path / "a.lines").write_text("They book . . book They\n" * 3)
    (tmp_path / "a.tsv").write_text("They\tPRON\nbook\tVERB\n\n")
    found = {}
    for name in (None, "UD_A", "UD_B"):
        option = [] if name is None else ["--corpus", name]
        output = call("tag", "a.lines", "--output", "slash", "--model", str(folder), *option).stdout.split()
        loaded = tagger.load(folder, corpus=name)
        words = ["They", "book", ".", ".", "book", "They"]
        assert output[:6] == [f"{word}/{tag}" for word, tag in zip(words, loaded.tag(words), strict=True)]
        found[name] = output
        report = json.loads(call("evaluate", "a.tsv", "--json", "--model", str(folder), *option).stdout)
        right = sum(a == b for a, b in zip(loaded.tag(["They", "book"]), ["PRON", "VERB"], strict=True))
        assert report["upos"]["accuracy"] == right / 2
    assert len({tuple(tags) for tags in found.values()}) == 3
    message = error("tag", "a.lines", "--model", str(folder), "--corpus", "UD_C")
    assert message == "error: this tagger knows no corpus 'UD_C'; choose one of UD_A, UD_B"
    call("tag", "a.lines", "-o", "out/", "--model", str(folder), "--corpus", "UD_A")
    message = error("tag", "a.lines", "-o", "out/", "--resume", "--model", str(folder), "--corpus", "UD_B")
    assert "is of a run with another model, precision or options" in message
