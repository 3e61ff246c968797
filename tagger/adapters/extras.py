"""A library that is not installed -> the error that says how to install it."""

from tagger.errors import missing_extra


def missing(error: ModuleNotFoundError, library: str, extra: str | None) -> Exception:
    """The error to raise when a library cannot be imported.

    Args:
        error: what the import raised. If another module is missing than the library, it is returned as it is.
        library: as Python imports it.
        extra: which installs it; None: it comes with the tagger.
    """
    if (error.name or "").partition(".")[0] != library:
        return error
    return missing_extra(library, extra)
