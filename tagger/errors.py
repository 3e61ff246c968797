"""What goes wrong with files and data from outside, said in one line."""


class InputError(ValueError):
    """Bad input: the message names the file, the line, the value and the remedy.

    Commands print it as one line on standard error and exit with status 2.
    """


def missing_extra(package: str, extra: str | None) -> InputError:
    """The error for a package that is not installed: it names the command that installs it.

    It names the folder of the source, where `pyproject.toml` is. `extra` is None if the package comes with the tagger.
    """
    wanted = f"'.[{extra}]'" if extra else "."
    return InputError(f"{package} is not installed; in the folder of the tagger's source, run pip install -e {wanted}")


def missing_library(error: ModuleNotFoundError, library: str, extra: str | None) -> Exception:
    """The error to raise when a library cannot be imported; see `missing_extra`.

    If another module is missing than the library, `error` is returned as it is.
    """
    return missing_extra(library, extra) if (error.name or "").partition(".")[0] == library else error


def shorten(value: str, limit: int = 60) -> str:
    """`value` quoted for an error message, cut in the middle if it is long."""
    if len(value) > limit:
        value = f"{value[: limit // 2]}…{value[-limit // 2 :]}"
    return repr(value)


def reason(error: BaseException, limit: int = 200) -> str:
    """What a library says of an error, for the middle of an error message: one line, printable.

    If it is longer than `limit`, only its first sentence stays; if that is too long as well, it is cut.
    """
    line = " ".join(str(error).split())
    if len(line) > limit:
        line = line.partition(". ")[0]
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
