"""Pieces of text between white space -> their tokens, and what they look like at their start and at their end.

One regular expression splits each piece, and most pieces are seen again, so the result is remembered.
"""

from typing import NamedTuple

import regex

from tagger.text.segment_patterns import Rules, Span, words

_MAX_REMEMBERED = 1 << 16  # pieces
_MAX_REMEMBERED_CHARACTERS = 40  # longer pieces are split anew each time, so that the memory is bounded


class _Part(NamedTuple):
    """A token of a piece."""

    form: str
    kind: str


class Piece(NamedTuple):
    """Text between white space."""

    text: str
    spans: tuple[Span, ...]  # of its tokens
    breaks: tuple[int, ...]  # a sentence ends inside, after so many tokens
    head: str  # what its first token looks like, see `Rules.ends`
    tail: str  # what its last token looks like, closing quotes and brackets aside
    asks: bool  # whether a sentence may end inside, or right before it whatever was there


_STOPS = frozenset(".。｡।॥۔؟！？")
_WIDE_STOPS = frozenset("。｡।॥！？")  # no space follows them
_CLOSERS = frozenset([*"\"'”’»)]}*」』）】》", "''", "’’"])
_OPENERS = frozenset("\"'“‘„«¿¡([{<`*-#$€£•·「『（【《")  # what a sentence may begin with, besides letters and digits
_QUOTES = frozenset(["“", "‘", '"', "'", "``"])
_BULLETS = frozenset("-*•·")
_MIN_RULER = 5  # characters of a line drawn in text: -----
_MAX_ITEM_DIGITS = 2  # of the number of a list's item: 12.
_LETTER_LAST = regex.compile(r"[\p{Ll}\p{Lo}]\p{M}*$")
_BEGIN = words("bullet item ruler")  # the heads that may begin a sentence whatever was before


def _piece(text: str, rules: Rules) -> Piece:
    if plain := _plain(text, rules):
        return plain
    spans: list[Span] = []
    tokens: list[_Part] = []
    for (start, end), kind in rules.tokens(text):
        spans.append((start, end))
        tokens.append(_Part(text[start:end], kind))
    breaks = tuple(i + 1 for i in range(1, len(tokens) - 1) if _ends_inside(*tokens[i - 1 : i + 2]))
    head = _head(tokens, rules)
    return Piece(text, tuple(spans), breaks, head, _tail(tokens, rules), bool(breaks) or head in _BEGIN)


_PLAIN_TAILS = {",": ",", ".": "stop", "?": "stop", "!": "stop", ";": "", ":": ""}


def _plain(text: str, rules: Rules) -> Piece | None:
    """The piece of ASCII letters, with or without a mark: most pieces that are seen once. It needs no expression."""
    mark = text[-1]
    if mark not in _PLAIN_TAILS:
        mark = ""
    word = text[:-1] if mark else text
    if not (word.isalpha() and word.isascii() and word[0] not in "xX" and rules.plain(word, mark)):  # xD is a smiley
        return None
    end = len(word)
    head = _letter_head(word, rules)
    if not mark:
        return Piece(text, ((0, end),), (), head, "", False)
    return Piece(text, ((0, end), (end, end + 1)), (), head, _PLAIN_TAILS[mark], False)


class Pieces(dict[str, Piece]):
    """A text -> its piece; new ones are remembered, and all are forgotten when there are too many."""

    def __init__(self, rules: Rules) -> None:
        """Remembers nothing yet."""
        super().__init__()
        self.rules = rules

    def __missing__(self, text: str) -> Piece:
        piece = _piece(text, self.rules)
        if len(text) <= _MAX_REMEMBERED_CHARACTERS:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            self[text] = piece
        return piece


def _ends_inside(before: _Part, token: _Part, after: _Part) -> bool:
    """Whether a sentence ends after `token` without a space: 你好。再见, `was good.The next`."""
    if token.form[-1] in _WIDE_STOPS or (token.form in _CLOSERS and before.form[-1] in _WIDE_STOPS):
        return after.form not in _CLOSERS and after.form[-1] not in _WIDE_STOPS
    if token.form != "." and token.kind not in ("stops", "dots"):
        return False
    begins = (after.form == "I" and token.form == ".") or (after.form[0].isupper() and after.form[1:].islower())
    return begins and _LETTER_LAST.search(before.form) is not None


def _letter_head(form: str, rules: Rules) -> str:
    if form[0].islower():
        return "lower"
    if form in rules.starters:
        return "starter"
    return "after_time" if form in rules.after_time else "upper"


def _head(tokens: list[_Part], rules: Rules) -> str:
    form, kind = tokens[0]
    if kind in ("url", "smiley"):
        return kind
    if kind in ("flag", "path"):
        return "lower" if kind == "path" else ""
    if kind == "run" and len(form) >= _MIN_RULER:
        return "ruler"
    if kind == "elided" and len(form) > 1:
        form = form[1:]  # 'Twas
    if form[0].isalpha():
        return _letter_head(form, rules)
    if form[0].isdigit():
        return "item" if _is_item(tokens) else "digit"
    if form in _BULLETS and len(tokens) == 1:
        return "bullet"
    if form in _QUOTES and len(tokens) > 1 and tokens[1].form in rules.starters:
        return "starter"
    return "open" if form[0] in _OPENERS else ""


def _is_item(tokens: list[_Part]) -> bool:
    """Whether the piece may number an item of a list: 1."""
    forms = [form for form, _ in tokens]
    return len(forms) == 2 and forms[0].isdecimal() and len(forms[0]) <= _MAX_ITEM_DIGITS and forms[1] in _STOPS


def _tail(tokens: list[_Part], rules: Rules) -> str:
    last = len(tokens) - 1
    while last and (tokens[last].form in _CLOSERS or tokens[last].kind == "smiley"):
        last -= 1
    if last and tokens[last].form == ">" and tokens[last - 1].kind == "email":  # <ann@mail.org>
        last -= 1
    form, kind = tokens[last]
    if kind == "stops" or form in _STOPS:
        if last < len(tokens) - 1:
            return "quoted"
        return "number" if _is_item(tokens) else "stop"
    if kind in ("short", "letters", "numero") and form[-1] == ".":
        return rules.abbreviation(form)
    if kind == "company" and form[-1] == "!":
        return "letters"
    if kind == "run" and len(form) >= _MIN_RULER:
        return "ruler"
    if kind == "number" and ":" in form:
        return "time" if len(tokens) == 1 else ""
    if form in (">>", "AM", "PM", ","):
        return form
    if form in ("its", "Its"):  # `its" a` is no it is
        return form if rules.splits_its and last == len(tokens) - 1 else ""
    if kind == "email":
        return "email" if "." in form.rpartition("@")[2] else "user"
    return kind if kind in ("date", "dots", "smiley", "url") else ""
