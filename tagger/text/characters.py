"""Characters that UTF-8 cannot hold. This module imports nothing of the package, so that `model.pieces` stays light."""

import re

SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with each lone surrogate, which UTF-8 cannot encode, replaced by U+FFFD."""
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)
