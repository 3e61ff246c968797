"""The commands that the README shows: the first ones run, of the others the config or the options are checked."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from hydra import compose, initialize_config_dir

from tagger.bundled import bundled
from tagger.commands.app import COMMANDS, app

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
CODE = re.sub(r"\\\n *", "", CODE)  # a command goes on in the next line
TAGGER = re.findall(r"python -m tagger\b([^|\n`#&>]*)", CODE)
TRAINING = sorted({c.strip() for c in TAGGER if c.split()[:1] == [] or c.split()[0] not in COMMANDS})
PRETRAINING = sorted({c.strip() for c in TAGGER if c.split()[:1] == ["pretrain"]})
OTHER = sorted({c.strip() for c in TAGGER if c.split()[:1] and c.split()[0] in {*COMMANDS} - {"train", "pretrain"}})


def test_the_readme_has_the_two_lines_that_set_everything_up() -> None:
    lines = README.splitlines()
    assert "pip install -e . && python -m tagger" in lines
    assert "pip install -e '.[dev]' && pytest" in lines


@pytest.mark.parametrize("command", TRAINING)
def test_training_commands_compose(command: str) -> None:
    overrides = [word for word in shlex.split(command) if word not in ("-m", "train")]
    if any(word.startswith(("--", "resume=", "hydra.")) for word in overrides):
        overrides = [word for word in overrides if not word.startswith(("--", "resume=", "hydra.")) and word != "job"]
    overrides = [re.sub(r"=range\((\d+)\)$", "=0", re.sub(r"=([^\[{(,]*),.*$", r"=\1", word)) for word in overrides]
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        compose("train", overrides)


@pytest.mark.parametrize("command", PRETRAINING)
def test_pretraining_commands_compose(command: str) -> None:
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        compose("pretrain", shlex.split(command)[1:])


@pytest.mark.parametrize("command", OTHER)
def test_other_commands_parse(command: str) -> None:
    name, *words = shlex.split(command)
    group = typer.main.get_command(app)
    parsed = group.get_command(None, name)  # type: ignore[attr-defined]
    parsed.make_context(name, words, resilient_parsing=False)


def test_the_first_commands_run_as_written(tmp_path: Path) -> None:
    taste = README.split("\n## ")[1]
    commands = re.findall(r"^\$ (.*)$", taste, re.MULTILINE)
    assert commands[0] == "python -m tagger"
    commands[0] += " trainer.max_epochs=1"  # a whole training is no test
    for command in commands:
        line = command.replace("python -m tagger", f"{sys.executable} -m tagger")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip()
