"""A library that is not installed -> the error that says how to install it."""

from tagger.errors import InputError


def missing(error: ModuleNotFoundError, library: str, install: str) -> Exception:
    """The error to raise when a library cannot be imported.

    Args:
        error: what the import raised. If another module is missing than the library, it is returned as it is.
        library: as Python imports it.
        install: what pip is to install, such as `'tagger[spacy]'`.
    """
    if (error.name or "").partition(".")[0] != library:
        return error
    return InputError(f"{library} is not installed; pip install {install}")
