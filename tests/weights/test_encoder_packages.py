"""Where a package lies."""

from pathlib import Path

import pytest

from tagger.weights.multilingual import installed_package


def test_an_installed_package_is_found_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny_encoder").mkdir()
    (tmp_path / "tiny_encoder" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_package("tiny_encoder", "tiny-encoder") is None  # a folder that pip has not installed
    (tmp_path / "tiny_encoder-1.2.dist-info").mkdir()
    (tmp_path / "tiny_encoder-1.2.dist-info" / "METADATA").write_text("Name: tiny-encoder\nVersion: 1.2\n")
    assert installed_package("tiny_encoder", "tiny-encoder") == (tmp_path / "tiny_encoder", "1.2")
    assert installed_package("no_such_module", "tiny-encoder") is None
