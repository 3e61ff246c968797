"""Relative paths begin where a run was started, and in the current folder otherwise."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text.start_folder import located, located_address, located_name, paths_begin_in, start_folder


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file; the current folder is another one."""
    for name in ("start", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / "start/file").touch()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "start"


def test_paths_begin_in_a_folder_within_the_block_alone(start: Path) -> None:
    with paths_begin_in(str(start)):
        assert start_folder() == str(start)
        assert located("no such file") == f"{start}/no such file"
        assert located("/file") == "/file"
        assert located("~/file") == str(Path.home() / "file")
        assert located_name("file") == f"{start}/file"
        assert located_name("OWNER/NAME") == "OWNER/NAME"
        with paths_begin_in(None):
            assert located("file") == "file"
        assert located("file") == f"{start}/file"
    assert located("file") == "file"
    assert start_folder() == str(Path.cwd())


def test_addresses_of_databases(start: Path) -> None:
    with paths_begin_in(str(start)):
        assert located_address("sqlite:///trials.db?timeout=5") == f"sqlite:///{start}/trials.db?timeout=5"
        for address in ("sqlite:////trials.db", "sqlite:///:memory:", "sqlite:///", "postgresql://host/name"):
            assert located_address(address) == address


@pytest.mark.parametrize("folder", ["/nowhere/at/all", "start", "C:\\start", "", "\0", "/" + 5000 * "x"])
def test_paths_begin_here_if_the_folder_is_not_there(start: Path, folder: str) -> None:
    with pytest.raises(InputError) as raised, paths_begin_in(folder):
        raise InputError(f"{located('file')} does not exist")
    where = f"{Path.cwd()}/file does not exist"
    assert str(raised.value).startswith(f"{where} ({folder}, where the run was started, is not here; ")


def test_other_mistakes_say_nothing_of_the_folder(start: Path) -> None:
    for folder, path in (("/nowhere/at/all", "/file"), (str(start), "file")):
        with pytest.raises(InputError, match=r"is wrong$"), paths_begin_in(folder):
            raise InputError(f"{located(path)} is wrong")
