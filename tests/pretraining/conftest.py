"""Pretraining is tested with the tiny treebank of the tests of training, and without pictures."""

from tests.training.conftest import _pictures_are_empty, treebank

__all__ = ["_pictures_are_empty", "treebank"]
