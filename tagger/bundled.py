"""The name of a bundled part, `conf` or `data`, to the folder where this installation keeps it."""

from pathlib import Path

from tagger.errors import InputError


def bundled(part: str) -> Path:
    """The folder `part` inside the installed package, else beside it in the checkout.

    Raises:
        InputError: this installation has no such folder.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / part, package.parent / part):
        if folder.is_dir():
            return folder
    raise InputError(f"{package / part}: no such folder; this installation of tagger is not whole: install it again")
