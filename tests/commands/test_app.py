"""The table of commands: help, version, completion and the default command, all without importing torch."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tagger.__main__ import main
from tagger.commands.app import COMMANDS, unknown_command, with_command
from tests.commands.conftest import call, error

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; sys.argv[0] = 'tagger'\n"
    "from tagger.__main__ import main\n"
    "try: status = main()\n"
    "finally: print(sorted({name.partition('.')[0] for name in sys.modules} & set("
    "'torch hydra numpy datasets pytorch_lightning'.split())), file=sys.stderr)\n"
    "sys.exit(status)"
)


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, which says last on standard error what slow packages it imported."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def complete(*words: str) -> list[str]:
    """What bash proposes for the last word."""
    variables = {"COMP_WORDS": " ".join(["tagger", *words]), "COMP_CWORD": str(len(words))}
    done = start(_TAGGER_COMPLETE="complete_bash", **variables)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], ["--version"], ["--show-completion", "bash"]])
def test_what_answers_without_torch(arguments: list[str]) -> None:
    done = start(*arguments, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")  # `bash` is an argument then
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_fits_80_columns_and_needs_no_torch(command: str) -> None:
    done = start(command, "--help", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert f"tagger {command}" in done.stdout.splitlines()[0]
    assert "<" not in done.stdout.replace("<=", "")  # no type of Python, such as <list[str]>


def test_help_lists_every_command_and_fits_80_columns() -> None:
    shown = start("--help", COLUMNS="80").stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." not in shown.partition("Commands:")[2]  # no first sentence is cut
    assert shown.splitlines()[-2:] == ["", "  `python -m tagger` is the same as `tagger`."]
    assert call("help", "fill").stdout == call("fill", "--help").stdout


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert call("--version").stdout == call("-V").stdout == f"tagger {project['version']}\n"


def test_completion_of_commands_options_and_keys() -> None:
    assert complete("t") == ["train", "tag"]
    assert complete("tag", "--ou") == ["--output"]
    assert {"model.depth=", "model.dropout="} <= {*complete("train", "model.d")}
    assert complete("train", "corpus=conllu") == ["corpus=conllu"]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ([], ["train"]),
        (["model.depth=3"], ["train", "model.depth=3"]),
        (["-m", "model.depth=1,2"], ["train", "-m", "model.depth=1,2"]),
        (["--cfg", "job"], ["train", "--cfg", "job"]),
        (["train", "model.depth=3"], ["train", "model.depth=3"]),
        (["pretrain"], ["pretrain"]),
        (["--help"], ["--help"]),
        (["help", "tag"], ["tag", "--help"]),
        (["help"], ["--help"]),
        (["book.txt"], ["book.txt"]),
    ],
)
def test_the_default_command_is_train(arguments: list[str], meant: list[str]) -> None:
    assert with_command(arguments) == meant


def test_an_unknown_command_names_the_one_that_was_meant(tmp_path: Path) -> None:
    assert error("tga") == "error: no command 'tga'; did you mean tag?"
    assert error("pretrian", "text=x") == "error: no command 'pretrian'; did you mean pretrain?"
    assert ", ".join(COMMANDS) in error("zebra")
    (tmp_path / "book.txt").write_text("They book.")
    assert "tagger tag book.txt" in unknown_command("book.txt")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("tag --hlep", "no such option: --hlep"),
        ("tag --workers 0", "invalid value for '--workers'"),
        ("tag --input nope", "invalid value for '--input'"),
        ("evaluate", "missing argument 'FILE'"),
        ("embed FILE", "missing option '-o'"),
        ("resume", "missing argument 'RUN'"),
        ("resume a b", "got unexpected extra argument"),
        ("models x", "got unexpected extra argument"),
    ],
)
def test_mistakes_of_usage_are_one_line_with_status_2(arguments: str, said: str) -> None:
    result = call(*arguments.split(), status=2)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {said}")
    assert line.endswith(f" {arguments.split()[0]} --help")
    assert result.stdout == ""


def test_main_returns_the_status_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def status(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["tagger", *arguments])
        return main()

    assert [status("--version"), status("tag", "--help"), status("models", "x")] == [0, 0, 2]


@pytest.mark.parametrize(
    "arguments", [["tag", ""], ["tag", "-o", ""], ["tag", "--model", ""], ["resume", ""], ["lint", ""]]
)
def test_an_empty_name_is_not_the_current_folder(arguments: list[str]) -> None:
    assert "''" in error(*arguments, input="They book.")
    assert not list(Path().iterdir())
