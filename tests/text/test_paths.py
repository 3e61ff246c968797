"""Paths of configs: the home of a user, names of something else, databases."""

from pathlib import Path

import pytest

from tagger.text.paths import located, located_address, located_name


def test_paths_begin_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert [located(path) for path in ("file", "/file", "~/file")] == ["file", "/file", str(Path.home() / "file")]
    assert [located_name(name) for name in ("file", "OWNER/NAME", "")] == ["file", "OWNER/NAME", ""]
    assert located_address("sqlite:///~/trials.db?timeout=5") == f"sqlite:///{Path.home()}/trials.db?timeout=5"
    for address in ("sqlite:///trials.db", "sqlite:////trials.db", "sqlite:///:memory:", "postgresql://host/name"):
        assert located_address(address) == address
