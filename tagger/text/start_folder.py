"""A path that a config names -> where it is: relative paths of a resumed run begin in the folder where it was started.

The current folder of the process stays as it is: it is where processes find their modules, and where paths on the
command line begin.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import InputError

SQLITE = "sqlite:///"  # how the address of a database in a file begins; what follows is its path


@dataclass
class _Start:
    """Where relative paths begin.

    Attributes:
        folder: a whole path; None: in the current folder.
        is_gone: whether the run was started in a folder that is not here.
        is_used: whether a relative path was asked for.
    """

    folder: str | None = None
    is_gone: bool = False
    is_used: bool = False


_start = _Start()  # of this process


@contextmanager
def paths_begin_in(folder: str | None) -> Iterator[None]:
    """Within the block relative paths begin in a folder.

    Args:
        folder: where a run was started; None: nobody knows. If it is not here, paths begin in the current folder.

    Raises:
        InputError: as within the block; if the folder is not here, the message says so.
    """
    global _start
    before, here = _start, str(Path.cwd())
    is_there = folder is not None and os.path.isabs(folder) and os.path.isdir(folder)
    is_gone = folder is not None and not is_there
    _start = own = _Start(None if folder in (None, here) else folder if is_there else here, is_gone)
    try:
        yield
    except InputError as error:
        if own.is_gone and own.is_used:
            note = f"{folder}, where the run was started, is not here; resume it in the folder that has its files"
            raise InputError(f"{error} ({note})") from None
        raise
    finally:
        _start = before


def start_folder() -> str:
    """Where relative paths begin."""
    return _start.folder or str(Path.cwd())


def located(path: str) -> str:
    """Where a file or a folder is, or should be; `~` is the home of a user."""
    path = os.path.expanduser(path)
    if os.path.isabs(path):
        return path
    _start.is_used = True
    return path if _start.folder is None else os.path.join(_start.folder, path)


def located_name(name: str) -> str:
    """The same for what is the name of something else if there is no such file or folder."""
    path = located(name) if name else name
    return path if os.path.exists(path) else name


def located_address(address: str) -> str:
    """The same for the address of a database in a file, `sqlite:///FILE`; others stay as they are."""
    path = address.removeprefix(SQLITE)
    if not address.startswith(SQLITE) or path.partition("?")[0] in ("", ":memory:"):
        return address
    return SQLITE + located(path)
