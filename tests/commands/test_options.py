"""What the options say of other rooms, whose modules their help does not import."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tagger.bundle.catalog import DEFAULT
from tagger.commands.options import DEFAULT_MODEL, Precision
from tagger.model.device import PRECISIONS
from tests.commands.conftest import CONLLU, call, error


def test_defaults_and_bounds_are_those_of_the_rooms() -> None:
    assert DEFAULT_MODEL == DEFAULT
    assert get_args(Precision) == ("auto", *PRECISIONS)


WRITERS = {  # the option that names a file beside standard output, and the words before it
    "evaluate": ("--html", "evaluate in.conllu --model MODEL"),
    "evaluate --lexicon": ("--html", "evaluate gold.conllu --model MODEL --lexicon in.conllu"),
    "compare": ("--csv", "compare in.conllu gold.conllu gold.conllu"),
    "compare GOLD": ("--csv", "compare gold.conllu gold.conllu in.conllu"),
    "lint": ("-o", "lint in.conllu"),
    "lexicon": ("-o", "lexicon in.conllu --min-count 1"),
    "embed": ("-o", "embed in.conllu --model MODEL"),
}
TEXT = (CONLLU + "\n") * 3
SAME = ["in.conllu", "./in.conllu", "hard.npz", "link.npz"]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    """A file that is read, here and as standard input, with other names of it, and files of somebody else."""
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


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_read_is_never_replaced_and_others_only_by_force(name: str, files: Path, model: Path) -> None:
    option, line = WRITERS[name]
    words = line.replace("MODEL", str(model)).split()
    for target in SAME[2:] if name == "embed" else SAME:  # embed writes .npz alone
        for force in ([], ["--force"]):
            message = error(*words, option, target, *force, input=CONLLU)
            assert f"error: {option} {target} would replace a file that is read; choose another" in message
    assert error(*words, option, "mine.npz", input=CONLLU) == "error: mine.npz exists; --force replaces it"
    assert (files / "in.conllu").read_text() == (files / "hard.npz").read_text() == TEXT
    assert (files / "mine.npz").read_text() == "mine"
    assert (files / "link.npz").is_symlink()
    if name != "evaluate --lexicon":
        call(*words, option, "mine.npz", "--force", input="They book\n")
        assert (files / "mine.npz").read_bytes()[:4] != b"mine"
