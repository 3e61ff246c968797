"""What tests of sweeps share with those of single trainings, and a process as it was before each."""

import sys

import pytest

from tests.training.conftest import _pictures_are_empty, drawn, finished, spaced, treebank

__all__ = ["_pictures_are_empty", "drawn", "finished", "spaced", "treebank"]


@pytest.fixture(autouse=True)
def _words_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands set these."""
    monkeypatch.setattr(sys, "argv", ["tagger"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
