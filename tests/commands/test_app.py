"""Help, version and completion import no torch; failures are one clean line; `models` lists the taggers by name."""

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from tagger.__main__ import main
from tagger.bundle import catalog
from tagger.bundle.catalog import bundled_folders
from tagger.bundled import bundled
from tagger.commands.app import COMMANDS
from tagger.commands.console import clear_errors, say, show
from tagger.errors import InputError, missing_extra
from tagger.training import launch
from tests.commands.conftest import CONLLU, call, saved
from tests.conftest import largest_file

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from tagger.__main__ import main

for arguments in json.loads(sys.stdin.read()):
    sys.argv = ["tagger", *arguments]
    print("status", main(), flush=True)
    print("end", file=sys.stderr, flush=True)
slow = {"torch", "hydra", "numpy", "datasets", "pytorch_lightning"} & {*sys.modules}
print(" ".join(sorted(slow)), file=sys.stderr)
"""


def run(program: str, *arguments: str, given: str | None = None, **environment: str) -> tuple[str, str]:
    """What a program prints, on standard output and standard error."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = {**kept, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def answers(commands: Sequence[Sequence[str]], **environment: str) -> tuple[list[tuple[str, str]], set[str]]:
    """What command lines print, one after another in a process of its own, and the slow packages that they import.

    Each answer is what stands on standard output, with the exit status last, and what stands on standard error.
    """
    out, said = run(PROGRAM, given=json.dumps(commands), **environment)
    *errors, slow = said.split("end\n")
    return list(zip(re.split(r"(?<=status \d)\n", out)[:-1], errors, strict=True)), {*slow.split()}


def complete(*words: str) -> list[str]:
    """What bash proposes for the last word."""
    program = "import sys; sys.argv[0] = 'tagger'; from tagger.__main__ import main; main()"
    variables = {"COMP_WORDS": " ".join(["tagger", *words]), "COMP_CWORD": str(len(words))}
    return run(program, _TAGGER_COMPLETE="complete_bash", **variables)[0].split()


def test_help_fits_80_columns_and_imports_nothing_slow_and_words_are_completed() -> None:
    lines = [[], ["--help"], ["-h"], ["--version"], *([command, "--help"] for command in COMMANDS)]
    shown, slow = answers(lines, COLUMNS="200")
    assert slow == set()
    helps = {shlex.join(line): text for line, (text, _) in zip(lines, shown, strict=True)}
    for line, text in helps.items():
        assert text.endswith("\nstatus 0"), line
        assert max(map(len, text.splitlines())) <= 80, line
    assert helps[""] == helps["--help"] == helps["-h"]
    assert [name for name in COMMANDS if f"\n  {name} " not in helps["--help"]] == []
    assert complete("t") == ["train", "tag"]
    assert complete("tag", "--ou") == ["--output"]
    assert {"model.depth=", "model.dropout="} <= {*complete("train", "model.d")}
    assert complete("train", "corpus=conllu") == ["corpus=conllu"]


def test_the_version_is_that_of_the_project_and_a_signal_that_comes_late_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for option, late in (("--version", signal.SIGTERM), ("-V", signal.SIGINT)):
        monkeypatch.setattr(sys, "argv", ["tagger", option])
        assert main() == 0
        assert capsys.readouterr().out == f"tagger {project['version']}\n"
        signal.raise_signal(late)


def test_mistakes_of_a_training_are_answered_before_lightning_is_imported() -> None:
    mistakes = {
        "resume nope": "nope is no run's folder, it does not exist; name one below runs/",
        "-m model.depth=0,-1": "model.depth=0: expected",
        "trainer.max_epoch=1": "trainer.max_epoch: no such key; did you mean trainer.max_epochs?",
        "init=nope": "init=nope: no such tagger",
        "corpus=conllu corpus.path=nope": "nope does not exist; check corpus.path",
    }
    _, slow = answers([["model.dept=3"], ["resume", "nope"]])
    assert slow == {"hydra"}
    shown, slow = answers([line.split() for line in mistakes])
    assert slow == {"torch", "hydra", "numpy"}
    for (line, message), (out, said) in zip(mistakes.items(), shown, strict=True):
        assert out == "status 2", line
        assert said.startswith(f"error: {message}"), (line, said)
        assert said.count("\n") == 1, line
    assert not list(Path().iterdir())


SOURCES = {
    "a.txt": b"They book.",
    "a.conllu": CONLLU.encode(),
    "a.tsv": b"They\tx\tPRON\n",
    "a.jsonl": b"{}",
    "columns.conllu": b"1\tThey\tPRON\n\n",
    "words.tsv": b"They\tNOUN\n",
    "odd.tsv": b"They\tNUN\n",
    "basque.txt": b"Haurrak lorategian jolasten ari ziren ama atzo arratsaldean lanetik etxera itzuli zenean.\n",
}
MISTAKES = [  # a command line, where M names a tagger, and words of the message; standard input
    ("tga", "No such command 'tga'. Did you mean 'tag'?"),
    ("evalute x", "No such command 'evalute'. Did you mean 'evaluate'?"),
    ("zebra", "No such command 'zebra'"),
    ("trainer.max_epochs = 2", "trainer.max_epochs =: write KEY=VALUE without spaces"),
    ("a.txt", "a.txt is a file; to tag it: … tag a.txt"),
    ("tag --language Deutsh --text a", "Deutsh: no tagger … did you mean deutsch?"),
    ("tag --hlep", "No such option: --hlep"),
    ("tag --workers 0", "Invalid value for '--workers'"),
    ("evaluate", "Missing argument 'FILE'"),
    ("models x", "Got unexpected extra argument"),
    ("--install-completion foo", "--install-completion takes no name: it is for the shell that runs it, bash, zsh"),
    # an empty name is not the current folder
    ("tag ''", "''"),
    ("tag -o ''", "''"),
    ("tag --model ''", "''"),
    ("resume ''", "''"),
    # before a tagger is loaded, which would be named
    ("tag --language xx", "xx: no tagger of this language comes with the package"),
    ("tag --corpus UD_Welsh-CCG", "--corpus needs one tagger; name the language"),
    ("tag a.conllu -o o.tsv --separator ''", "'' cannot separate"),
    ("tag a.conllu -o o.tsv --encoding nope", "'nope' is no encoding"),
    ("tag basque.txt -o o.tsv", "basque.txt looks most like "),
    ("tag M columns.conllu -o o.conllu", "columns.conllu, line 1: 3 columns … 10"),
    ("tag M --text x a.txt", "… does not go with FILE"),
    ("tag M --text x --shard 1/2", "… does not go with --shard"),
    ("tag M --text caf\udce9", "--text, line 1: byte 0xe9 is not utf-8"),
    ("tag M --text x --columns upos,lemma", "… no column 'lemma'"),
    ("tag M --text x --keep", "--keep: --text (text) has no tags"),
    ("tag M a.conllu --keep", "a.conllu, line 12: 'INTJ' is no tag of upos; it has ADV, NOUN … correct"),
    ("tag M --keep --input tsv", "-, line 4: 'NUN' is no tag of upos", "a\tNOUN\n\nb\t_\nc\tNUN\nd\tNOUN\n"),
    ("tag M --keep --input csv", "-, line 4: 'NUN' is no tag of upos", "a,NOUN\n\n\nb,NUN"),
    ("tag M --keep --input jsonl", "-, line 2: 'NUN' is no tag of upos", '\n{"tokens": ["a"], "upos": ["NUN"]}'),
    ("tag M --input jsonl", "-, line 2: … {'a'} … not JSON … one value per line", "\n{'a'}\r\n"),
    ("tag M --input jsonl", "-, line 1: … [[[ … not JSON", "[" * 100_000),
    ("tag M --input jsonl", "-, line 1: … not JSON … write it as a string", '{"tokens": ["a"], "x": [1e999]}\n'),
    ("tag M --input jsonl", "-, line 1: … null … list of strings", '{"tokens":null}'),
    ("tag M --input jsonl", """-, line 1: … neither "tokens" nor "text" in … words""", '{"words":["a"]}'),
    ("tag M --input jsonl --keep", "-, line 1: … 2 upos … 1 tokens", '{"tokens":["a"],"upos":["X","Y"]}'),
    ("tag M --shard 1/2", "… standard input is none"),
    ("tag M a.txt --lexicon odd.tsv", "odd.tsv, line 1: 'NUN' is no tag of upos; it has ADV, NOUN"),
    ("tag M a.txt --lexicon words.tsv --lexicon words.tsv", "… has the lexicon words.tsv"),
    ("tag M a.txt --lexicon xpos=words.tsv", "… xpos"),
    ("tag M a.txt --lexicon upos=", "--lexicon upos= names no file"),
    ("tag M a.txt --corpus UD_C", "this tagger knows no corpus 'UD_C'; it was trained on a single"),
    ("tag M a.txt --language en", "--language en names a tagger, and so does --model … leave one out"),
    ("evaluate M nope.tsv", "nope.tsv: no such file"),
    ("evaluate M a.tsv --column upos=1", "… the right column"),
    ("evaluate M a.tsv --column upos=7", "a.tsv, line 1: no column 7 … upos … 'They … separator"),
    ("evaluate M a.conllu --column upos=4", "--column upos=4: CoNLL-U has places of its own; leave it out"),
    ("evaluate M a.jsonl --column upos=1", "… jsonl has no numbered places"),
    ("evaluate M a.tsv --column xpos=1", "… NAME=NUMBER"),
    ("evaluate M a.tsv --raw", "… --raw needs"),
    ("evaluate M a.conllu --segmenter unicode", "… add --raw"),
    ("evaluate M a.conllu --raw --segmenter learned", "… has no learned segmenter: … init= … trainer.max_ep"),
    ("evaluate M a.conllu --language de", "--language de names a tagger, and so does --model"),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_with_status_2_and_leave_no_output(model: Path, mistake: tuple[str, ...]) -> None:
    line, said, *given = mistake
    for name, content in SOURCES.items():
        Path(name).write_bytes(content)
    words = shlex.split(line.replace(" M", f" --model {model}"))
    result = call(*words, status=2, input=given[0] if given else "They book.")
    *others, message = result.stderr.splitlines()
    assert all(each.startswith("model: ") for each in others)
    assert not others or " M" in line
    start, *parts = f"error: {said}".split(" … ")
    assert message.startswith(start)
    assert all(part in message for part in parts), message
    assert len(message) < 500
    assert result.stdout == ""
    assert {path.name for path in Path().iterdir()} == {*SOURCES}


def test_arguments_are_handed_on_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for line, command, handed_on in (
        ("train -m model.depth=1,2 --cfg job", "train", ["-m", "model.depth=1,2", "--cfg", "job"]),
        ("model.depth=3 -m", "train", ["model.depth=3", "-m"]),
        ("", "train", []),
        ("resume 'runs/my run'", "resume", "runs/my run"),
    ):
        taker = Mock(return_value=130)
        monkeypatch.setattr(launch, command, taker)
        call(*shlex.split(line), status=130)
        taker.assert_called_once_with(handed_on)


IMPORT = """
import os, sys, tagger
print("torch" in sys.modules, {"Tagger", "load", "Sentence"} <= {*dir(tagger)}, os.environ["OMP_WAIT_POLICY"])
"""
TAG = """
english = tagger.load(sys.argv[1], device="cpu")
print(*english.tag(["They", "book", "flights", "."]), *english.annotate("Well")[0].tags["upos"])
loaded = {name.partition(".")[0] for name in sys.modules}
loaded |= {"torch._dynamo"} & set(sys.modules)  # torch's compiler, a second to import
slow = {"datasets", "pytorch_lightning", "lightning", "hydra", "seqeval", "sklearn", "matplotlib", "torch._dynamo"}
print(*sorted(loaded & slow))
"""


def test_tagging_loads_neither_datasets_nor_lightning(trained: Path) -> None:
    """Importing the package offers its names, and imports nothing yet."""
    imported, tags, unwanted = run(IMPORT + TAG, str(trained), PYTHONHASHSEED="5")[0].splitlines()
    assert imported == "False True passive"
    assert tags == "PRON VERB NOUN PUNCT INTJ"
    assert unwanted == ""
    for policy in ("active", "passive"):  # the user's own
        assert run(IMPORT, OMP_WAIT_POLICY=policy)[0] == f"False True {policy}\n"


def test_what_is_to_be_expected_is_one_line(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for raised, status, line in (
        (InputError("a.txt: no such file"), 2, "error: a.txt: no such file"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"), 2, "error: 'a.txt': No such"),
        (OSError("no such shell"), 2, "error: no such shell; the system names no file, it may be standard output\n"),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), 2, "error: 'a' and 'b': Invalid link"),
        (MemoryError(), 2, "error: this needs more memory than there is"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "error: this needs more memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ):
        with pytest.raises(SystemExit) as end, clear_errors():
            raise raised
        assert end.value.code == status
        shown = capfd.readouterr().err
        assert shown.startswith(line)
        assert shown.count("\n") == 1
    said = "onnx is not installed; in the folder of the tagger's source, run pip install -e '.[onnx]'"
    assert str(missing_extra("onnx", "onnx")) == said
    assert str(missing_extra("pandas", None)).endswith(", run pip install -e .")
    say("model: \x1b[2Jmine")
    show("one\x07\n\x1b[2Jtwo\n")
    assert capfd.readouterr() == ("one\ufffd\n\ufffd[2Jtwo\n", "model: \ufffd[2Jmine\n")
    with largest_file(3), Path("said").open("w") as file:  # standard error is full
        monkeypatch.setattr(sys, "stderr", file)
        with pytest.raises(SystemExit) as end, clear_errors():
            raise InputError("a.txt: no such file")
        assert end.value.code == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_part_of_a_text_that_a_full_disk_takes_is_an_error(unbuffered: str, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from tagger.commands.console import show\nshow('x' * 3000)"]
    with largest_file(1024), (tmp_path / "out").open("w") as out:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(program, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert "InputError: standard output cannot be written: File too large" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["--help", "models --json", "tag --language en --text They", "models >&-"])
def test_standard_output_that_is_full_or_closed_is_one_line(command: str) -> None:
    program = f"{sys.executable} -m tagger {command}{'' if '>' in command else '>/dev/full'}"
    done = subprocess.run(program, shell=True, stderr=subprocess.PIPE, text=True, timeout=120)
    *others, line = done.stderr.splitlines()
    assert (done.returncode, len(others)) == (2, command.startswith("tag"))  # which names its tagger
    assert line.startswith("error: ")
    assert "standard output" in line
    assert ("is closed; name a file with -o, or open it" if ">" in command else "No space left on device") in line


def test_every_tagger_with_a_name_is_listed_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {model["name"]: model for model in json.loads(call("models", "--json").stdout)}
    assert list(listed) == list(bundled_folders())
    assert Path(listed["english"]["folder"]) == bundled("data") / "english"
    assert listed["english"]["segmenter"] == "english"
    heading, *lines, legend, licence = call("models").stdout.splitlines()
    assert heading.split() == ["language", "codes", "UPOS", "raw", "FEATS", "lemma", "words", "MB"]
    assert max(map(len, [heading, *lines, legend, licence])) <= 80
    assert [line.split()[0] for line in lines] == list(bundled_folders())
    assert licence == "licence of these: CC BY-SA 4.0"
    assert listed["japanese"]["scores"]["test"].keys() == {"upos", "xpos", "lemma"}
    (japanese,) = (line.split() for line in lines if line.startswith("japanese "))
    assert japanese[4] == "-"  # no FEATS
    folder = Path(shutil.copytree(bundled("data") / "welsh", "data/welsh"))
    monkeypatch.setattr(catalog, "bundled", Path)
    config = json.loads((folder / "config.json").read_text())
    for words, shown in ((1250, "1,250"), (12.6, "13"), (None, "-")):
        (folder / "config.json").write_text(json.dumps(config | {"words": words}))
        assert [model["words"] for model in json.loads(call("models", "--json").stdout)] == [words]
        assert call("models").stdout.splitlines()[1].split()[6] == shown
    (folder / "config.json").write_text(json.dumps(config | {"words": -1}))
    assert "words=-1" in call("models").stderr


def test_a_run_is_listed_and_what_it_says_does_not_reach_the_terminal_as_it_is(model: Path, learned: Path) -> None:
    shutil.copytree(learned, "runs/mine/tagger")
    Path("runs/a/tagger").mkdir(parents=True)
    Path("runs/a/tagger/config.json").write_text("{}")
    for option in ((), ("--json",)):
        done = call("models", *option)
        assert "a: runs/a/tagger/config.json: format None" in done.stderr
        assert "mine" in done.stdout
    assert {each["name"]: each["segmenter"] for each in json.loads(done.stdout)}["mine"] == "learned"
    config = json.loads((model / "config.json").read_text())
    config |= {"corpus": "\x1b]0;mine\x07Tiny\x1b[2J", "license": "free\r\x9b31m"}
    folder = Path(shutil.copytree(model, "runs/1/tagger"))
    (folder / "config.json").write_text(json.dumps(config))
    (folder.parent / "run.json").touch()
    for text in (call("models").stdout, call("tag", "--model", "latest", input="They").stderr):
        assert "Tiny" in text
        assert not {"\x1b", "\x07", "\r", "\x9b"} & {*text}


@pytest.mark.parametrize("command", ["tag a.conllu -o out/", "evaluate a.conllu"])
def test_latest_is_found_once_in_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    runs = [saved(tmp_path / str(number) / "tagger", ["They", "book", "."]).parent for number in (1, 2)]
    Path("a.conllu").write_text(CONLLU)
    newest = Mock(side_effect=runs)  # a run that ends between two questions is the newest at the second
    monkeypatch.setattr(catalog, "newest_run", newest)
    assert f"model: {runs[0] / 'tagger'} (" in call(*command.split(), "--model", "latest").stderr
    newest.assert_called_once()
