"""Raw text -> sentences and tokens with character offsets.

Two sets of rules: `english` gives the words of Universal Dependencies English EWT (`do|n't`,
`5|pm`), `unicode` knows no language. Tokens never cross white space, so the text is cut there
first, each piece is split by one regular expression (and remembered: most pieces are seen again),
and a table says between which pieces a sentence ends. All of it takes time linear in the text.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import regex

from tagger.errors import InputError, shorten

RULES = ("english", "unicode")
SPACE = r"\s\x1c-\x1f\u200b\ufeff"  # what no token holds: white space to Unicode or Python, ZWSP, BOM
Span = tuple[int, int]
_REMEMBERED = 40  # characters; longer pieces are split anew each time, so that the memory is bounded


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NAMES = r"""
    (?P<url>     (?: (?:https?|ftp|file):// | www\. ) [^\s<>"“”]* [^\s<>"“”.,:;!?)\]}'’*]      # http://a.org/b?c=1
    ) | (?P<email>   (?:mailto:)? [\w.+%-]{1,64} @ \w[\w-]{0,62} (?:\.[\w-]{1,63}){0,8} (?<=\w) # ann.b@mail.org
    ) | (?P<domain>  (?: \w[\w-]{0,62} (?:\.[\w-]{1,63}){0,8} | (?<!\S) ) \.
                     (?i: biz|com?|de|docx?|edu|fr|gif|gov|html?|info|jpe?g|net|org|pdf|png|ppt|txt|uk|xlsx?|zip )
                     (?: /[^\s<>"“”]* (?<![.,:;!?)\]}'’*]) )? (?![\w-])                         # mail.org a.pdf
    ) | (?P<tag>     (?<!\w) [@\#] [\p{L}_] \w*                                                 # @ann #news
    ) | (?P<emoji>   \p{RI}{2} | [\d\#*]\ufe0f?\u20e3                                           # a flag, a keycap
                   | \p{Extended_Pictographic} [\ufe0f\p{EMod}\U000e0020-\U000e007f]*           # with a skin tone
                     (?: \u200d \p{Extended_Pictographic} [\ufe0f\p{EMod}]* )*                  # joined: a family
    ) | (?P<smiley>  (?<!\w) (?: [<>]? [:;=] ['’]? -? (?: \)+ | \(+ | [\]\[DPpOo/\\|] ) | \( [:;=]
                   | 8-\) | <3+ | \^_+\^ | [xX]D+ | [oO]_+[oO] ) (?![\w/])                      # :) ;-P (: <3
    )"""
_MARKS = rf"""
    (?P<stops>   \.? [!?‼⁇⁈⁉！？؟]+                                                             # !!! ?! .?
    ) | (?P<dots>    \.{{2,}} | …+                                                              # ... ..
    ) | (?P<run>     '' | ‘’ | ’’ | `` | << | >> | (?P<repeated>[-=_*~\#+$])(?P=repeated)+       # '' << -- ***
    ) | (?P<mark>    [^{SPACE}] \p{{M}}*                                                        # any other one
    )"""


@cache
def _english() -> Any:  # compiled when it is first needed: that takes longer than to tag a sentence
    return regex.compile(
        rf"""{_NAMES}
    | (?P<letters>   (?<!\w) \p{{L}} (?:\.\p{{L}})+ \.? (?!\w)                                  # U.S. a.m. a.k.a
    ) | (?P<group>   (?<!\w) \p{{Ll}}{{2,63}} (?:\.\p{{Ll}}{{1,63}}){{2,8}} (?!\w)              # comp.sources.unix
    ) | (?P<short>   (?<!\w) (?: \p{{L}} | \L<abbreviations> ) \. (?![\w.])                     # J. Mr. etc.
    ) | (?P<phone>   (?<!\w) (?: \d{{1,3}}[-./] )? \d{{3}} [-./] \d{{3}} [-.] \d{{4}} (?!\w)    # 1-713-853-3989
                   | (?<!\w) (?: \d{{3}}/ )? x? \d{{1,3}} - \d{{4}} (?![\w-])                   # 899-4310 x3-9890
    ) | (?P<date>    \d{{1,4}} (?P<between>[-/.]) \d{{1,2}} (?P=between) \d{{1,4}} (?!\w)       # 10/12/2004 2004-10-12
                   | (?: 0?[1-9] | 1[0-2] ) / (?: 0[1-9] | [12]\d | 3[01] ) (?![\w/])           # 9/11, not 1|/|2
    ) | (?P<number>  \+? \d+ (?:[.,:]\d+)* (?: (?!\w|['’`]s) | (?= \L<units> (?!\w) ) )        # 1,234.56 10:30 5|pm
    ) | (?P<elided>  ['’] (?: \d\ds? | (?i:\L<elisions>) ) (?!\w)                             # '90s 'em AT&T|'s
    ) | (?P<slashed> (?<!\w) (?: w/o? | b/c | l/c ) (?!\w)                                      # w/ b/c
    ) | (?P<company> (?<!\w) (?: \p{{Lu}}{{1,4}} & \p{{Lu}}{{1,4}} | \p{{Ll}}&\p{{Ll}} ) (?!\w) # AT&T
    ) | (?P<prefix>  (?<!\w) (?i:\L<prefixes>) - \w[\w\p{{M}}]*                                 # e-mail; well|-|known
    ) | (?P<word>    [\w\p{{M}}\xad\u200c\u200d\u2060]+ (?: ['’`*][\w\p{{M}}]+ )*               # cat o'clock 3rd
    ) | {_MARKS}""",
        regex.VERBOSE,
        abbreviations=_set("""
            Apr Arrv Attn Aug Ave Blvd Bros Capt Co Col Corp Dec Dept Dr Drs Esq Feb Fig Fri Ft Gen Gov Inc Jan Jr
            Jul Jun Lt Ltd Mar Mon Mr Mrs Ms Mt No Nov Oct Ph Prof Rep Reps Rev Sat Sen Sep Sept Sgt Sr St Sts Sun
            Thur Thurs Tue Tues Vol Wed al approx arrv cf ch co dept eg esp est etc ext fig ie inc lb ltd mins oz pp
            ps vol vs yrs"""),
        elisions=_set("cause d em ll m n re s til tis twas ve"),
        prefixes=_set("""
            anti co counter cross e ex inter intra mega micro mid mini mis multi neo non over post pre pro quasi
            re semi socio sub ultra un"""),
        units=_set("""
            AM B C F GB Hz K KB M MB MM PM am b bn cm ft gb hh hrs k kb kg km lb lbs m mb min mins ml mm mph p pm
            sq t x"""),
    )


@cache
def _unicode() -> Any:
    return regex.compile(
        rf"""{_NAMES}
    | (?P<number>    [+]? \d+ (?:[.,:/'’٫٬-]\d+)* (?!['’-]?\w)                               # 1.234,56 2004-10-12
    ) | (?P<letters> (?<!\w) \p{{L}} (?:\.\p{{L}})+ \.? (?!\w)                                  # z.B. U.S.
    ) | (?P<word>    \p{{Han}}\p{{M}}* | \p{{Hiragana}}+ | [\p{{Katakana}}ー]+                  # 東 京 は テスト
                   | (?: (?![\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]) [\w\p{{M}}\xad\u200c\u200d\u2060] )+
                     (?: ['’ʼ·‐-] (?: (?![\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]) [\w\p{{M}}\u200c\u200d] )+ )*
                                                                                                # l'eau peut-être हिन्दी
    ) | {_MARKS}""",
        regex.VERBOSE,
    )


_CLITIC = regex.compile(r"(?i) (.+?) ( n['’`]t | ['’`](?:d|ll|m|re|s|ve) )", regex.VERBOSE)
_JOINED = {  # words written as one that are two; `its`, `well` and `id` are usually what they seem to be
    joined.replace("|", ""): joined.split("|")
    for joined in _set("""
        ai|nt are|nt ar|nt can|not ca|nt could|nt did|nt does|nt do|nt du|n|no gim|me gon|na got|ta had|nt
        has|nt have|nt here|s he|s is|nt it|ll i|m i|ve lem|me let|s out|ta she|s should|nt that|s there|s
        they|re wan|na was|nt were|nt what|s who|s would|nt wo|nt you|ll you|re you|ve""")
}


def _tokens(piece: str, rules: str) -> Iterator[tuple[Span, str]]:
    """The span of each token and its kind, the name of the alternative that found it."""
    english = rules == "english"
    for match in (_english() if english else _unicode()).finditer(piece):
        span, kind = match.span(), match.lastgroup
        for part in _without_clitics(piece, *span) if english and kind == "word" else [span]:
            yield part, kind


def _without_clitics(piece: str, start: int, end: int) -> Iterator[Span]:
    """Cuts a word before its clitics: would|n't|'ve, John|'s, can|not; not 80's."""
    cuts = [end]
    for part in reversed(_JOINED.get(piece[start:end].lower(), [])[1:]):
        cuts.append(cuts[-1] - len(part))
    for _ in range(2):  # no English word has more
        match = _CLITIC.fullmatch(piece, start, cuts[-1])
        if match and not match[1].isdigit():
            cuts.append(match.end(1))
    for cut in reversed(cuts):
        yield start, cut
        start = cut


class _Token(NamedTuple):
    form: str
    kind: str


class _Piece(NamedTuple):
    """Text between white space."""

    text: str
    spans: tuple[Span, ...]  # of its tokens
    breaks: tuple[int, ...]  # a sentence ends inside, after so many tokens
    head: str  # what its first token looks like, see _ENGLISH_ENDS
    tail: str  # what its last token looks like, closing quotes and brackets aside


_STOPS = frozenset(".。｡।॥۔؟！？")
_WIDE_STOPS = frozenset("。｡।॥！？")  # no space follows them
_CLOSERS = frozenset([*"\"'”’»)]}*」』）】》", "''", "’’"])
_OPENERS = frozenset("\"'“‘„«¿¡([{<`*-#$€£•·「『（【《")  # what a sentence may begin with, besides letters and digits
_BULLETS = frozenset("-*•·")
_RULER = 5  # characters of a line drawn in text: -----
_MAY_END = _set("Co. Corp. I. Inc. Jr. Ltd. No. Sr. a.m. etc. i. inc. ltd. p.m. yrs.")  # others never do
_CLOSINGS = _set("best cheers cordially kind many regards sincerely thanks warm with yours")
_LETTER_LAST = regex.compile(r"[\p{Ll}\p{Lo}]\p{M}*$")

_ANY = _set("upper lower digit open bullet url")
_ENGLISH_ENDS = {  # the tail of a piece -> the heads of a following piece that begins a new sentence
    "stop": _ANY,  # It ends. this begins
    "number": _ANY,  # We were 12. Now
    "quoted": _ANY - _set("lower"),  # "It ends." This begins; but: "Is it?" he said
    "dots": _set("upper"),  # It ends ... This begins; but: well ... this
    "short": _set("upper"),  # shirts, etc. This begins
    "smiley": _set("upper"),  # it ends :) This begins
    "url": _set("upper open url"),  # see http://a.org This begins
    ">>": _set("upper"),  # <<report.doc>> This begins
    "ruler": _set("upper open digit"),  # ---------- This begins
}
_BEGIN = frozenset(("bullet", "ruler"))  # the heads that may begin a sentence whatever was before
_UNICODE_ENDS = _ENGLISH_ENDS | {"stop": _ANY - _set("lower"), "number": _set("")}  # ca. zehn, 3. Mai


def _piece(text: str, rules: str) -> _Piece:
    if plain := _plain(text):
        return plain
    spans: list[Span] = []
    tokens: list[_Token] = []
    for (start, end), kind in _tokens(text, rules):
        spans.append((start, end))
        tokens.append(_Token(text[start:end], kind))
    breaks = tuple(i + 1 for i in range(1, len(tokens) - 1) if _ends_inside(*tokens[i - 1 : i + 2]))
    return _Piece(text, tuple(spans), breaks, _head(tokens), _tail(tokens))


def _plain(text: str) -> _Piece | None:
    """What the rules make of ASCII letters, and a comma perhaps: most pieces that are seen once, and no expression."""
    word = text.removesuffix(",")
    if not (word.isascii() and word.isalpha()) or word.lower() in _JOINED or word[0] in "xX" or word in ("AM", "PM"):
        return None
    end = len(word)
    head = "lower" if text[0].islower() else "upper"
    return (
        _Piece(text, ((0, end),), (), head, "")
        if word is text
        else _Piece(text, ((0, end), (end, end + 1)), (), head, ",")
    )


_remembered_piece = lru_cache(maxsize=1 << 16)(_piece)


def _ends_inside(before: _Token, token: _Token, after: _Token) -> bool:
    """Whether a sentence ends after `token` without a space: 你好。再见, `was good.The next`."""
    if token.form[-1] in _WIDE_STOPS or (token.form in _CLOSERS and before.form[-1] in _WIDE_STOPS):
        return after.form not in _CLOSERS and after.form[-1] not in _WIDE_STOPS
    if token.form != "." and token.kind not in ("stops", "dots"):
        return False
    return after.form[0].isupper() and after.form[1:].islower() and _LETTER_LAST.search(before.form) is not None


def _head(tokens: list[_Token]) -> str:
    form, kind = tokens[0]
    if kind in ("url", "smiley"):
        return kind
    if kind == "run" and len(form) >= _RULER:
        return "ruler"
    if form[0].isalpha():
        return "lower" if form[0].islower() else "upper"
    if form[0].isdigit():
        return "digit"
    if len(tokens) == 1 and form in _BULLETS:
        return "bullet"
    return "open" if form[0] in _OPENERS else ""


def _tail(tokens: list[_Token]) -> str:
    last = len(tokens) - 1
    while last and (tokens[last].form in _CLOSERS or tokens[last].kind == "smiley"):
        last -= 1
    form, kind = tokens[last]
    if kind == "stops" or form in _STOPS:
        if last < len(tokens) - 1:
            return "quoted"
        return "number" if last == 1 and tokens[0].form.isdigit() and len(tokens[0].form) <= 2 else "stop"
    if kind in ("short", "letters") and form[-1] == ".":
        return "short" if form in _MAY_END or form.count(".") > 2 else ""
    if kind == "run" and len(form) >= _RULER:
        return "ruler"
    if kind == "number" and ":" in form:
        return "time" if len(tokens) == 1 else ""
    if form in (">>", "AM", "PM", ","):
        return form
    return kind if kind in ("date", "dots", "smiley", "url") else ""


def _ends(pieces: list[_Piece], following: _Piece, table: dict[str, frozenset[str]]) -> bool:
    """Whether the sentence that consists of `pieces` so far ends before `following`."""
    tail, head = pieces[-1].tail, following.head
    if head == "ruler" or head in table.get(tail, ()):
        return not (tail == "number" and len(pieces) == 1)  # 1. The first item
    if tail == "," and head == "upper":  # Best regards, Ann
        return len(pieces) <= 3 and pieces[0].text.rstrip(",").lower() in _CLOSINGS
    if head == "bullet":  # - eggs - milk
        return pieces[0].text == following.text
    return _stamp(pieces) > 0 and following.tail not in ("AM", "PM")


def _stamp(pieces: list[_Piece]) -> int:
    """How many of the last pieces are a date with a time of day: 05/31/2001 09:01 AM."""
    size = 3 if pieces[-1].tail in ("AM", "PM") else 2
    return size if len(pieces) >= size and [p.tail for p in pieces[-size:]][:2] == ["date", "time"] else 0


def _finished(paragraph: str, spans: list[Span], pieces: list[_Piece], rules: str) -> Iterator[list[Span]]:
    """The sentence of `spans`, or two: in the head of an e-mail (Ann Lee 05/31/2001 09:01 AM) the name is one."""
    stamp = _stamp(pieces)
    name = pieces[: len(pieces) - stamp]
    if stamp and 0 < len(name) <= 6 and all(piece.head == "upper" for piece in name):
        yield spans[: -sum(len(piece.spans) for piece in pieces[-stamp:])]
        spans = spans[-sum(len(piece.spans) for piece in pieces[-stamp:]) :]
    start, end = spans[-1]
    if rules == "english" and end - start > 1 and paragraph[end - 1] == "." and paragraph[end - 2].isalnum():
        spans[-1:] = [(start, end - 1), (end - 1, end)]  # the full stop after an abbreviation: etc|.
    yield spans


_SPACELESS = regex.compile(rf"[^{SPACE}]+")


def segment(paragraph: str, rules: str = "english") -> list[list[Span]]:
    """Sentences of a paragraph, each a list of (start, end) token spans; paragraph[start:end] is the form.

    Every character is in exactly one token, except white space, U+200B (zero-width space) and
    U+FEFF (byte-order mark), which are in none and separate tokens. Control characters and lone
    surrogates are tokens of their own; joiners and soft hyphens belong to their word. A line end
    is white space like any other, since text may be wrapped; an empty line ends a sentence.

    Args:
        paragraph: any text; what is before and after it has no influence.
        rules: `english` splits words as Universal Dependencies English EWT does: clitics
            (do|n't, John|'s, can|not), units (5|pm), hyphens except after a prefix
            (well|-|known, e-mail), slashes except in dates; a full stop after an abbreviation
            is a token only at the end of a sentence. `unicode` leaves words with their inner
            apostrophes and hyphens whole, in any language. It has no dictionary: each Han
            character is a token, a run of Hiragana or Katakana is one, and so is a run of a
            script that puts no spaces between words (Thai, Lao, Khmer, Burmese).

    Returns:
        The sentences in order; none is empty, and a text of white space has none. Offsets count
        characters (code points), as Python does.

    Raises:
        InputError: `rules` is not one of `RULES`.
    """
    if rules not in RULES:
        raise InputError(f"{shorten(rules)} are no rules for raw text; choose one of {', '.join(RULES)}")
    table = _ENGLISH_ENDS if rules == "english" else _UNICODE_ENDS
    sentences: list[list[Span]] = []
    pieces: list[_Piece] = []  # of the sentence that is being read
    spans: list[Span] = []  # of its tokens
    end = 0
    for match in _SPACELESS.finditer(paragraph):
        text, start = match.group(), match.start()
        piece = _remembered_piece(text, rules) if len(text) <= _REMEMBERED else _piece(text, rules)
        if pieces and (
            ((pieces[-1].tail or piece.head in _BEGIN) and _ends(pieces, piece, table))
            or (start - end > 1 and paragraph.count("\n", end, start) > 1)
        ):
            sentences += _finished(paragraph, spans, pieces, rules)
            pieces, spans = [], []
        pieces.append(piece)
        found = piece.spans
        first = 0
        for last in piece.breaks:
            spans += [(start + a, start + b) for a, b in found[first:last]]
            sentences += _finished(paragraph, spans, pieces, rules)
            pieces, spans, first = [piece], [], last
        if len(found) == 1:
            spans.append((start + found[0][0], start + found[0][1]))
        else:
            spans += [(start + a, start + b) for a, b in found[first:]]
        end = start + len(text)
    if spans:
        sentences += _finished(paragraph, spans, pieces, rules)
    return sentences
