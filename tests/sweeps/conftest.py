"""What tests of sweeps share with those of single trainings."""

from tests.training.conftest import _pictures_are_empty, drawn, finished, spaced, treebank

__all__ = ["_pictures_are_empty", "drawn", "finished", "spaced", "treebank"]
