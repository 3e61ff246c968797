"""Text for a terminal: its width in cells, cut to fit, without control characters."""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with control characters and lone surrogates replaced by U+FFFD, so that a terminal only shows it."""
    return _CONTROL.sub("\ufffd", text)


def display_width(text: str) -> int:
    """The cells of a terminal that `text` takes: 0 for a combining mark, 2 for a wide character, else 1."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fitted(text: str, width: int) -> str:
    """`printable(text)`, cut and ended with an ellipsis if it takes more than `width` cells."""
    text = printable(text)
    if len(text) <= width // 2 or display_width(text) <= width:
        return text
    kept, used = 0, 1
    while (used := used + display_width(text[kept])) <= width:
        kept += 1
    return text[:kept] + "…"
