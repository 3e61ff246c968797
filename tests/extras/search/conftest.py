"""A search is tested with the tiny treebank of the tests of training, and without pictures."""

from tests.training.conftest import _pictures_are_empty, arguments, own_folder, treebank, tried

__all__ = ["_pictures_are_empty", "arguments", "own_folder", "treebank", "tried"]
