"""What the tests of commands share: an untrained tagger, and calls of commands as a user types them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tagger.commands.app import app
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tests.conftest import bundle_of, network_config

TAGS = ["ADV", "NOUN", "PRON", "PUNCT", "VERB"]
CONLLU = """\
# sent_id = 1
# text = They don't book
1\tThey\tthey\tPRON\tPRP\tCase=Nom\t0\troot\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tVERB\tVBP\t_\t1\tdep\t_\t_
3\tn't\tnot\tADV\tRB\t_\t1\tdep\t_\tX=y
3.1\tbook\tbook\tVERB\t_\t_\t_\t_\t1:dep\t_
4\tbook\tbook\tNOUN\tNN\t_\t1\tdep\t_\tSpaceAfter=No

# a comment alone

1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def saved(folder: Path, forms: list[str]) -> Path:
    """An untrained tagger; what it says is wrong, but always the same."""
    vocabulary = Vocabulary({"they": 3, "book": 2}, list("etaoinshr"), {"upos": TAGS}, forms=forms)
    network = network_config(depth=1, hidden={"forward": 4, "backward": 3}, words=4, affixes=2, chars=4, buckets=16)
    tagger = bundle_of(TaggerNetwork(vocabulary, network), vocabulary, corpus="Tiny", scores={"dev": {"upos": 0.5}})
    tagger.save(folder, "# card\n")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("model") / "tagger", ["They", "book", "."])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, input: str | bytes | None = None, status: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), input=input)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def error(*arguments: str, input: str | bytes | None = None) -> str:
    """The last line on standard error of a call that must fail with status 2."""
    return call(*arguments, input=input, status=2).stderr.splitlines()[-1]


def files(folder: str) -> dict[str, bytes]:
    """All outputs in a folder; a run that was killed leaves hidden files."""
    found = [path for path in Path(folder).rglob("[!.]*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


TEXT = (CONLLU + "\n") * 3


@pytest.fixture
def two_files(tmp_path: Path) -> Iterator[Path]:
    """A folder with in.conllu, which is standard input too, other names of it, gold.conllu, and a file mine.npz."""
    for name in ("in.conllu", "gold.conllu"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / "hard.npz").hardlink_to("in.conllu")
    (tmp_path / "link.npz").symlink_to("in.conllu")
    (tmp_path / "mine.npz").write_text("mine")
    before = os.dup(0)
    with (tmp_path / "in.conllu").open() as source:
        os.dup2(source.fileno(), 0)
        yield tmp_path
    os.dup2(before, 0)
    os.close(before)


def check_replaces_nothing(files: Path, option: str, line: str) -> None:
    """A command that reads in.conllu, and whose option names a file to write, replaces others only by --force.

    `files` is the folder of `two_files`.
    """
    words = line.split()
    for target in ("in.conllu", "./in.conllu", "hard.npz", "link.npz"):
        if words[0] == "embed" and not target.endswith(".npz"):
            continue  # it writes no others
        for force in ([], ["--force"]):
            message = error(*words, option, target, *force, input=CONLLU)
            assert f"error: {option} {target} would replace a file that is read; choose another" in message
    assert error(*words, option, "mine.npz", input=CONLLU) == "error: mine.npz exists; --force replaces it"
    assert (files / "in.conllu").read_text() == (files / "hard.npz").read_text() == TEXT
    assert (files / "mine.npz").read_text() == "mine"
    assert (files / "link.npz").is_symlink()
    call(*words, option, "mine.npz", "--force", input=CONLLU)
    assert (files / "mine.npz").read_bytes()[:4] != b"mine"
