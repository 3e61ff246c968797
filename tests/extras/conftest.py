"""What the tests of extras share with those of commands."""

from tests.commands.conftest import _elsewhere, model, two_files

__all__ = ["_elsewhere", "model", "two_files"]
