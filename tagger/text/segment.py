"""Raw text -> sentences and tokens with character offsets.

Two sets of rules: `english` gives the words of Universal Dependencies English EWT (`do|n't`,
`5|pm`), `unicode` knows no language. Tokens never cross white space, so the text is cut there
first. One regular expression splits each piece, and most pieces are seen again, so the result is
remembered. A piece has a head and a tail, what it looks like at its start and at its end; a table
says after which tail and before which head a sentence ends. All of it takes time linear in the text.

Start here; `segment_english.py` and `segment_unicode.py` have the words, `segment_patterns.py` what both share.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import regex

from tagger.errors import InputError, shorten
from tagger.text.segment_english import AFTER_ITS, BEFORE_ITS, ENGLISH
from tagger.text.segment_patterns import SPACE, Rules, Span, words
from tagger.text.segment_unicode import UNICODE
from tagger.text.sentence import Token

__all__ = ["RULES", "SPACE", "segment"]

_RULES = {"english": ENGLISH, "unicode": UNICODE}
RULES = tuple(_RULES)
_MAX_REMEMBERED_CHARACTERS = 40  # longer pieces are split anew each time, so that the memory is bounded


_Fields = tuple[int, int, tuple[()]]
"""A `Token`, not yet made one, which takes time."""


class _Part(NamedTuple):
    """A token of a piece."""

    form: str
    kind: str


class _Piece(NamedTuple):
    """Text between white space."""

    text: str
    spans: tuple[Span, ...]  # of its tokens
    breaks: tuple[int, ...]  # a sentence ends inside, after so many tokens
    head: str  # what its first token looks like, see `Rules.ends`
    tail: str  # what its last token looks like, closing quotes and brackets aside


_STOPS = frozenset(".。｡।॥۔؟！？")
_WIDE_STOPS = frozenset("。｡।॥！？")  # no space follows them
_CLOSERS = frozenset([*"\"'”’»)]}*」』）】》", "''", "’’"])
_OPENERS = frozenset("\"'“‘„«¿¡([{<`*-#$€£•·「『（【《")  # what a sentence may begin with, besides letters and digits
_QUOTES = frozenset(["“", "‘", '"', "'", "``"])
_BULLETS = frozenset("-*•·")
_MIN_RULER = 5  # characters of a line drawn in text: -----
_MAX_ITEM_DIGITS = 2  # of the number of a list's item: 12.
_MAX_NAME_PIECES = 6  # of who wrote an e-mail
_GREETINGS = words("dear hello hi")
_CLOSINGS = words("best cheers cordially kind many regards sincerely thanks warm with yours")
_LETTER_LAST = regex.compile(r"[\p{Ll}\p{Lo}]\p{M}*$")
_BEGIN = words("bullet item ruler")  # the heads that may begin a sentence whatever was before


def _piece(text: str, name: str) -> _Piece:
    rules = _RULES[name]
    if plain := _plain(text, rules):
        return plain
    spans: list[Span] = []
    tokens: list[_Part] = []
    for (start, end), kind in rules.tokens(text):
        spans.append((start, end))
        tokens.append(_Part(text[start:end], kind))
    breaks = tuple(i + 1 for i in range(1, len(tokens) - 1) if _ends_inside(*tokens[i - 1 : i + 2]))
    return _Piece(text, tuple(spans), breaks, _head(tokens, rules), _tail(tokens, rules))


_PLAIN_TAILS = {",": ",", ".": "stop", "?": "stop", "!": "stop", ";": "", ":": ""}


def _plain(text: str, rules: Rules) -> _Piece | None:
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
        return _Piece(text, ((0, end),), (), head, "")
    return _Piece(text, ((0, end), (end, end + 1)), (), head, _PLAIN_TAILS[mark])


_remembered_piece = lru_cache(maxsize=1 << 16)(_piece)


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
        return form if rules is ENGLISH and last == len(tokens) - 1 else ""
    if kind == "email":
        return "email" if "." in form.rpartition("@")[2] else "user"
    return kind if kind in ("date", "dots", "smiley", "url") else ""


def _ends(pieces: list[_Piece], following: _Piece, table: dict[str, frozenset[str]]) -> bool:
    """Whether the sentence that consists of `pieces` so far ends before `following`."""
    tail, head = pieces[-1].tail, following.head
    if head == "ruler" or head in table.get(tail, ()):
        if tail in ("number", "initial"):  # 1. The first item; as follows: 1. The first
            return len(pieces) > 1 and pieces[-2].text[-1] != ":"
        return True
    if tail == "," and head in ("after_time", "upper"):  # Best regards, Ann
        return len(pieces) <= 3 and pieces[0].text.removesuffix(",").lower() in _CLOSINGS
    if tail == "," and head == "starter":  # Dear Ann, I
        return 1 < len(pieces) <= 4 and pieces[0].text.lower() in _GREETINGS
    if head == "bullet":  # - eggs - milk
        return pieces[0].text == following.text
    if head == "item" and table["number"]:  # 1. Eggs 2. Milk; but in other languages: 1. und 2. Mai
        return pieces[0].tail == "number" and abs(int(pieces[0].text[:-1]) - int(following.text[:-1])) == 1
    return _stamp(pieces) > 0 and following.tail not in ("AM", "PM")


def _is_it_is(pieces: list[_Piece], following: str) -> bool:
    """Whether `its`, the last of `pieces`, is `it's`."""
    return following in AFTER_ITS and not (len(pieces) > 1 and pieces[-2].text in BEFORE_ITS)


def _stamp(pieces: list[_Piece]) -> int:
    """How many of the last pieces are a date with a time of day: 05/31/2001 09:01 AM."""
    size = 3 if pieces[-1].tail in ("AM", "PM") else 2
    return size if len(pieces) >= size and [p.tail for p in pieces[-size:]][:2] == ["date", "time"] else 0


def _finished(paragraph: str, spans: list[_Fields], pieces: list[_Piece], rules: str) -> Iterator[list[_Fields]]:
    """The sentence of `spans`; the head of an e-mail (see you, Ann Bo Lee 05/31/2001 09:01 AM) is up to three."""
    for size in _mail_head(pieces):
        tokens = sum(len(piece.spans) for piece in pieces[-size:])
        if tokens < len(spans):
            yield spans[:-tokens]
            spans = spans[-tokens:]
    start, end, _ = spans[-1]
    if rules == "english" and end - start > 1 and paragraph[end - 1] == "." and paragraph[end - 2].isalnum():
        spans[-1:] = [(start, end - 1, ()), (end - 1, end, ())]  # the full stop after an abbreviation: etc|.
    yield spans


def _mail_head(pieces: list[_Piece]) -> list[int]:
    """Before how many of the last pieces sentences begin: the name of who wrote an e-mail, and the date and time."""
    stamp = _stamp(pieces)
    if not stamp:
        return []
    before = pieces[:-stamp]
    name = 0
    while name < len(before) and before[-1 - name].head in ("after_time", "upper"):
        name += 1
    if name == len(before):
        return [stamp] if name <= _MAX_NAME_PIECES else []
    if name > _MAX_NAME_PIECES // 2:
        name = 2  # Regards, Ann Lee Bob Gray 05/31/2001 09:01 AM
    if not name:
        return []
    return [stamp] if before[-1 - name].text[-1] in ":@" else [name + stamp, stamp]  # Sent by: Ann Lee 05/31/2001


_SPACELESS = regex.compile(rf"[^{SPACE}]+")


def segment(paragraph: str, rules: str = "english") -> list[list[Token]]:
    """Cuts a paragraph into sentences, and each into tokens, where paragraph[start:end] is the form.

    Every character is in exactly one token, except white space, U+200B (zero-width space) and
    U+FEFF (byte-order mark), which are in none and separate tokens. Control characters and lone
    surrogates are tokens of their own; joiners and soft hyphens belong to their word.

    A line end is white space like any other, since text may be wrapped; an empty line ends a
    sentence. A word that is hyphenated at a line's end stays in two, since no token crosses white
    space and the text is never changed: `exam-`, newline, `ple` are the tokens of `exam- ple`.
    The sentence goes on, and `well-known` has the same tokens whether a line ends in it or not.

    Args:
        paragraph: any text; what is before and after it has no influence.
        rules: `english` splits words as Universal Dependencies English EWT does: clitics
            (do|n't, John|'s, can|not, 't|was), units (5|pm), hyphens except after a prefix
            (well|-|known, e-mail), slashes except in dates and paths; a full stop after an
            abbreviation is a token only at the end of a sentence. `unicode` leaves words with
            their inner apostrophes and hyphens whole, in any language. It has no dictionary: each
            Han character is a token, a run of Hiragana or Katakana is one, and so is a run of a
            script that puts no spaces between words (Thai, Lao, Khmer, Burmese).

    Returns:
        The sentences in order; none is empty, and a text of white space has none. Offsets count
        characters (code points), as Python does. Each token is one word, so none has `words`.

    Raises:
        InputError: `rules` is not one of `RULES`.
    """
    if rules not in RULES:
        raise InputError(f"{shorten(rules)} are no rules for raw text; choose one of {', '.join(RULES)}")
    table = _RULES[rules].ends
    sentences: list[list[_Fields]] = []
    pieces: list[_Piece] = []  # of the sentence that is being read
    spans: list[_Fields] = []  # of its tokens
    end = 0
    for match in _SPACELESS.finditer(paragraph):
        text, start = match.group(), match.start()
        piece = _remembered_piece(text, rules) if len(text) <= _MAX_REMEMBERED_CHARACTERS else _piece(text, rules)
        if pieces:
            tail = pieces[-1].tail
            if tail in ("its", "Its") and _is_it_is(pieces, text):  # Its a dog; its name
                first, last, _ = spans[-1]
                spans[-1:] = [(first, last - 1, ()), (last - 1, last, ())]
            if ((tail or piece.head in _BEGIN) and _ends(pieces, piece, table)) or (
                start - end > 1 and paragraph.count("\n", end, start) > 1
            ):
                sentences += _finished(paragraph, spans, pieces, rules)
                pieces, spans = [], []
        pieces.append(piece)
        found = piece.spans
        first = 0
        for last in piece.breaks:
            spans += [(start + a, start + b, ()) for a, b in found[first:last]]
            sentences += _finished(paragraph, spans, pieces, rules)
            pieces, spans, first = [piece], [], last
        if len(found) == 1:
            spans.append((start + found[0][0], start + found[0][1], ()))
        else:
            spans += [(start + a, start + b, ()) for a, b in found[first:]]
        end = start + len(text)
    if spans:
        sentences += _finished(paragraph, spans, pieces, rules)
    return [list(map(tuple.__new__, repeat(Token), spans)) for spans in sentences]  # twice as fast as Token()
