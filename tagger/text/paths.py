"""A path that a config names -> where it is. Relative paths begin in the current folder, in which `resume` puts a run.

`~` is the home of a user, as on a command line.
"""

import os

SQLITE = "sqlite:///"  # how the address of a database in a file begins; what follows is its path


def located(path: str) -> str:
    """Where a file or a folder is, or should be."""
    return os.path.expanduser(path)


def located_name(name: str) -> str:
    """The same for what is the name of something else if there is no such file or folder."""
    path = located(name)
    return path if os.path.exists(path) else name


def located_address(address: str) -> str:
    """The same for the address of a database in a file, `sqlite:///FILE`; others stay as they are."""
    return SQLITE + located(address.removeprefix(SQLITE)) if address.startswith(SQLITE) else address
