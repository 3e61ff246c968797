"""Characters: how wide text is on a terminal, and what UTF-8 cannot hold."""

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with each lone surrogate, which UTF-8 cannot hold, as U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def wide(text: str) -> int:
    """How many cells of a terminal `text` takes: 0 for a combining mark, 2 for a wide character."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fitted(text: str, width: int) -> str:
    """`text` for a terminal: control characters as U+FFFD, cut with an ellipsis where it is wider than `width`."""
    text = _CONTROL.sub("\ufffd", text)
    if len(text) <= width // 2 or wide(text) <= width:
        return text
    kept, used = 0, 1
    while (used := used + wide(text[kept])) <= width:
        kept += 1
    return text[:kept] + "…"
