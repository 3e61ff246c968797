"""What goes wrong with files and data from outside, said in one line."""


class InputError(ValueError):
    """Bad input: the message names the file, the line, the value and the remedy.

    Commands print it as one line on standard error and exit with status 2.
    """


def shorten(value: str, limit: int = 60) -> str:
    """`value` quoted for an error message, cut in the middle if it is long."""
    if len(value) > limit:
        value = f"{value[: limit // 2]}…{value[-limit // 2 :]}"
    return repr(value)


def reason(error: BaseException, limit: int = 200) -> str:
    """What a library says of an error, for the middle of an error message: one line, printable, cut if it is long."""
    line = " ".join(str(error).split())
    return "".join(character if character.isprintable() else "\ufffd" for character in line[:limit])
