"""The words of any language: a piece of text without white space -> tokens and their kinds.

There is no dictionary. A word keeps its inner apostrophes and hyphens. In scripts that put no
spaces between words each Han character is a token, and so is a run of another script.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import regex

from tagger.text.segment_patterns import ENDS, NAMED_LISTS, PUNCTUATION, SPECIAL, Rules, Span, words


@cache
def _expression() -> Any:
    return regex.compile(
        rf"""{SPECIAL}
    | (?P<number>    [+]? \d+ (?:[.,:/'’٫٬-]\d+)* (?!['’-]?\w)                               # 1.234,56 2004-10-12
    ) | (?P<letters> (?<!\w) \p{{L}} (?:\.\p{{L}})+ \.? (?!\w)                                  # z.B. U.S.
    ) | (?P<word>    \p{{Han}}\p{{M}}* | \p{{Hiragana}}+ | [\p{{Katakana}}ー]+                  # 東 京 は テスト
                   | (?: (?![\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]) [\w\p{{M}}\xad\u200c\u200d\u2060] )+
                     (?: ['’ʼ·‐-] (?: (?![\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]) [\w\p{{M}}\u200c\u200d] )+ )*
                                                                                                # l'eau peut-être हिन्दी
    ) | {PUNCTUATION}""",
        regex.VERBOSE,
        **NAMED_LISTS,
    )


def _tokens(piece: str) -> Iterator[tuple[Span, str]]:
    for match in _expression().finditer(piece):
        yield match.span(), match.lastgroup


def _abbreviation(form: str) -> str:
    return "abbreviation" if form.count(".") > 2 or form in ("a.m.", "p.m.") else ""


UNICODE = Rules(
    _tokens,
    _abbreviation,
    ENDS | {"stop": ENDS["stop"] - words("lower"), "number": frozenset()},  # ca. zehn, 3. Mai
)
