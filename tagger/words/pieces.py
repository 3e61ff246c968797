"""A piece of text without white space -> its tokens, and what it looks like at its head and at its tail.

`SPECIAL` and `PUNCTUATION` are parts of a verbose regular expression, which all languages share. The pattern of a
language's words stands between the two. A group's name is the kind of the token that it finds. Each pattern needs time
linear in the text: a repetition is bounded, or its start is tied down by a look-behind, so that it is tried once.

`Pieces` knows no language, and has no dictionary. A word keeps its inner apostrophes and hyphens. In scripts that put
no spaces between words each Han character is a token, and so is a run of another script.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import regex

from tagger.text.strings import SPACE, UNSPACED_LETTER

Span = tuple[int, int]


def words(text: str) -> frozenset[str]:
    """The set of the words that `text` lists, divided by white space."""
    return frozenset(text.split())


class Piece(NamedTuple):
    """Text between white space."""

    text: str
    spans: tuple[Span, ...]  # of its tokens
    breaks: tuple[int, ...]  # a sentence ends inside, after so many tokens
    head: str  # what its first token looks like, see `Pieces.ends`
    tail: str  # what its last token looks like, closing quotes and brackets aside
    asks: bool  # whether a sentence may end inside, or right before it whatever was there


NUMBER_MARKS = ".,:/٫٬"  # which a number, a date or a time of day may hold
NUMBER_PATTERN = rf"\d+(?:[{NUMBER_MARKS}'’-]\d+)*"  # 1.234,56 2004-10-12

DOMAINS = words("""
    ai au biz br ca ch cn co com cz de dev dk edu eu fr gov gr hk hr hu info int io jp kr lt lv mil net nl nz org pl ru
    tv tw ua uk""")
FILE_ENDINGS = words("""
    7z asp aspx avi bat bmp bz2 cfg conf conllu cpp css csv dll doc docx epub exe gif gpg gz htm html ini ipynb iso jar
    java jpeg jpg js json jsx log md mkv mov mp3 mp4 odt pdf php png ppt pptx py rar rb rs rtf sh sql svg tar tex tgz
    tif tiff toml ts tsv tsx txt url wav webp xls xlsx xml xz yaml yml zip""")
NAMED_LISTS = {  # for regex.compile: what \L<...> in SPECIAL stands for
    "endings": DOMAINS | FILE_ENDINGS,
    "source_endings": FILE_ENDINGS | words("c cc go h hpp kt lua pl r"),
    "no_flags": words("""
        a an and as at but by for from further he her his i if in is it my nor not of on or our she so that the their
        then there they this to was we what when which who with yet you"""),
}

_NOT_IN_ADDRESS = "。．，、！？；：।॥؟،؛۔։（）「」『』《》【】"
SPECIAL = (
    rf"""
    (?P<url>      (?: (?:https?|ftp|file):// | www\. )                                        # http://a.org/b?c=1
                     [^\s<>"“”{_NOT_IN_ADDRESS}]* [^\s<>"“”.,:;!?)\]}}'’*{_NOT_IN_ADDRESS}]"""
    r"""
    ) | (?P<email>   (?:mailto:)? [\w.+%-]{1,64} @ \w[\w-]{0,62} (?:\.[\w-]{1,63}){0,8} (?<=\w) # ann.b@mail.org
    ) | (?P<domain>  (?: \w[\w-]{0,62} (?:\.[\w-]{1,63}){0,8} | (?<!\S) ) \. (?i:\L<endings>)
                     (?: /[^\s<>"“”]* (?<![.,:;!?)\]}'’*]) )? (?![\w-])                         # mail.org a.pdf .NET
    ) | (?P<path>    (?<! [\w/\\.:@~-] ) (?:
                         [A-Za-z] : \\ [^\s<>"“”|?*]*                                           # C:\Users\ann
                       | (?: ~ | \.\.? ) (?: / [\w.+-]{1,255} )+ /?                             # ~/notes ./run.sh
                       | (?: / [\p{L}_.] [\w.+-]{0,254} ){2,} /?                                # /usr/bin/env
                       | (?<! [^\s(\["'“‘`] ) / \p{Ll}{3} [\w-]{0,252}                          # /tmp, not he /she
                       | \p{L}[\w-]{1,62} (?: \.\p{Ll}[\w-]{1,62} ){1,4} (?: / [\w.+-]{1,255} )+ /?    # foo.bar/baz
                       | (?: [\w.-]{1,255} / )++ (?<= [\w.-]/ ) [\w-]{1,255} (?: \.[\w-]{1,63} ){0,4}
                         (?<= \. \L<source_endings> )                                           # src/main.py
                     ) (?<! [.,:;!?)\]}'’] ) (?!\w)
    ) | (?P<flag>    (?<! [^\s(\[`|] ) (?: -- (?! \L<no_flags> (?![\w-]) ) \p{Ll} [\w-]* (?: = [\w./:+-]* \w )?
                       | - [a-z] (?! [\w'’-] ) )                                                # --help -v
    ) | (?P<version> (?<! [\w.] ) (?:
                         [vV] \d{1,9} (?: \.\d{1,9} ){1,4}
                         (?: - \p{L}\w{0,63} (?: \.\d{1,9} ){0,4} | (?:a|b|rc)\d{1,9} )?
                       | \d{1,9} (?: \.\d{1,9} ){1,4}
                         (?: -? (?i:alpha|beta|dev|pre|rc|snapshot) (?: [.-]? \d{1,9} ){0,4} | [ab]\d{1,9} )
                     ) (?!\w)                                                                   # v2.0.1-beta 3.12rc1
    ) | (?P<symbol>  (?<!\w) (?: (?: [CcGg] | Notepad ) \+\+ | [CFJ]\# ) (?![\w+\#]) | °[CFK] (?!\w)   # C++ C# 20|°C
    ) | (?P<tag>     (?<!\w) [@\#] [\p{L}_] \w*                                                 # @ann #news
    ) | (?P<emoji>   \p{RI}{2} | [\d\#*]\ufe0f?\u20e3                                           # a flag, a keycap
                   | \p{Extended_Pictographic} [\ufe0f\p{EMod}\U000e0020-\U000e007f]*           # with a skin tone
                     (?: \u200d \p{Extended_Pictographic} [\ufe0f\p{EMod}]* )*                  # joined: a family
    ) | (?P<smiley>  (?<!\w) (?: [<>]? [:;=] ['’]? -? (?: \)+ | \(+ | [\]\[DPpOo/\\|] ) | \( [:;=]
                   | 8-\) | <3+ | \^_+\^ | [xX]D+ | [oO]_+[oO] ) (?![\w/])                      # :) ;-P (: <3
    )"""
)
PUNCTUATION = rf"""
    (?P<stops>   \.? [!?‼⁇⁈⁉！？؟]+                                                             # !!! ?! .?
    ) | (?P<dots>    \.{{2,}} | …+                                                              # ... ..
    ) | (?P<run>     '' | ‘’ | ’’ | `` | << | >> | (?P<repeated>[-=_*~\#+$])(?P=repeated)+       # '' << -- ***
    ) | (?P<mark>    [^{SPACE}] \p{{M}}*                                                        # any other one
    )"""

_MAX_REMEMBERED = 1 << 16  # pieces
_MAX_REMEMBERED_CHARACTERS = 40  # longer pieces are split anew each time, so that the memory is bounded


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


_PLAIN_TAILS = {",": ",", ".": "stop", "?": "stop", "!": "stop", ";": "", ":": ""}
_ANY = words("after_time bullet digit item lower open starter upper url")
ENDS = {  # the tails and heads that all languages have, see `Pieces.ends`
    "stop": _ANY,  # It ends. this begins
    "number": _ANY,  # We were 12. Now
    "quoted": _ANY - words("lower"),  # "It ends." This begins; but: "Is it?" he said
    "dots": words("after_time starter upper"),  # It ends ... This begins; but: well ... this
    "abbreviation": words("starter upper"),  # shirts, etc. This begins; but: 5 p.m. EST
    "smiley": words("after_time starter upper"),  # it ends :) This begins
    "url": words("open starter after_time upper url"),  # see http://a.org This begins
    ">>": words("after_time starter upper"),  # <<report.doc>> This begins
    "ruler": words("digit item open after_time starter upper"),  # ---------- This begins
}


@cache
def _expression() -> Any:
    return regex.compile(
        rf"""{SPECIAL}
    | (?P<number>    [+]? {NUMBER_PATTERN} (?!['’-]?\w)                                            # 1.234,56
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


class _PieceToken(NamedTuple):
    form: str
    kind: str


class Pieces(dict[str, Piece]):
    """A text -> its piece, in any language (`unicode`); all are forgotten when there are too many."""

    ends = ENDS | {"stop": ENDS["stop"] - words("lower"), "number": frozenset()}  # ca. zehn, 3. Mai
    """The tail of a piece -> the heads of the next one that begin a sentence."""
    starters: frozenset[str] = frozenset()
    """Words that have a capital only where a sentence begins: their head is `starter`, that of names `upper`."""
    after_time: frozenset[str] = frozenset()
    """Words after a time of day, such as time zones; their head is `after_time`."""

    def tokens(self, piece: str) -> Iterator[tuple[Span, str]]:
        """The span and the kind of each token of a piece."""
        return _tokens(piece)

    def abbreviation(self, form: str) -> str:
        """The tail of a piece that ends in `form`, an abbreviation with its full stop; "" never ends a sentence."""
        return "abbreviation" if form.count(".") > 2 or form in ("a.m.", "p.m.") else ""

    def is_plain(self, word: str, mark: str) -> bool:
        """Whether `word`, of letters, is one token, and `mark` another, with no special tail."""
        return True

    def __missing__(self, text: str) -> Piece:
        piece = self._plain(text)
        if piece is None:
            found = list(self.tokens(text))
            tokens = [_PieceToken(text[start:end], kind) for (start, end), kind in found]
            breaks = tuple(i + 1 for i in range(1, len(tokens) - 1) if _ends_inside(*tokens[i - 1 : i + 2]))
            head, spans = _head(tokens, self), tuple(span for span, _ in found)
            piece = Piece(text, spans, breaks, head, _tail(tokens, self), bool(breaks) or head in _BEGIN)
        if len(text) <= _MAX_REMEMBERED_CHARACTERS:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            self[text] = piece
        return piece

    def _plain(self, text: str) -> Piece | None:
        """The piece of ASCII letters, with or without a mark: most pieces seen once. It needs no expression."""
        mark = text[-1]
        if mark not in _PLAIN_TAILS:
            mark = ""
        word = text[:-1] if mark else text
        if not (word.isalpha() and word.isascii() and word[0] not in "xX" and self.is_plain(word, mark)):
            return None  # xD is a smiley
        end = len(word)
        head = _letter_head(word, self)
        if not mark:
            return Piece(text, ((0, end),), (), head, "", False)
        return Piece(text, ((0, end), (end, end + 1)), (), head, _PLAIN_TAILS[mark], False)


def _ends_inside(before: _PieceToken, token: _PieceToken, after: _PieceToken) -> bool:
    """Whether a sentence ends after `token` without a space: 你好。再见, `was good.The next`."""
    if token.form[-1] in _WIDE_STOPS or (token.form in _CLOSERS and before.form[-1] in _WIDE_STOPS):
        return after.form not in _CLOSERS and after.form[-1] not in _WIDE_STOPS
    if token.form != "." and token.kind not in ("stops", "dots"):
        return False
    begins = (after.form == "I" and token.form == ".") or (after.form[0].isupper() and after.form[1:].islower())
    return begins and _LETTER_LAST.search(before.form) is not None


def _letter_head(form: str, rules: Pieces) -> str:
    if form[0].islower():
        return "lower"
    if form in rules.starters:
        return "starter"
    return "after_time" if form in rules.after_time else "upper"


def _head(tokens: list[_PieceToken], rules: Pieces) -> str:
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


def _is_item(tokens: list[_PieceToken]) -> bool:
    """Whether the piece may number an item of a list: 1."""
    forms = [form for form, _ in tokens]
    return len(forms) == 2 and forms[0].isdecimal() and len(forms[0]) <= _MAX_ITEM_DIGITS and forms[1] in _STOPS


def _tail(tokens: list[_PieceToken], rules: Pieces) -> str:
    last = len(tokens) - 1
    while last and (tokens[last].form in _CLOSERS or tokens[last].kind == "smiley"):
        last -= 1
    if last and tokens[last].form == ">" and tokens[last - 1].kind == "email":  # <ann@mail.org>
        last -= 1
    form, kind = tokens[last]
    is_last = last == len(tokens) - 1  # no closing quote or bracket follows
    if kind == "stops" or form in _STOPS:
        return "quoted" if not is_last else "number" if _is_item(tokens) else "stop"
    if kind in ("short", "letters", "numero") and form[-1] == ".":
        return rules.abbreviation(form)
    if kind == "company" and form[-1] == "!":  # Yahoo!
        return "letters"
    if kind == "run":
        return "ruler" if len(form) >= _MIN_RULER else form if form == ">>" else ""
    if kind == "number":
        return "time" if ":" in form and len(tokens) == 1 else ""
    if form in ("its", "Its"):  # `its" a` is no it is
        return form if is_last else ""
    if kind == "email":
        return "email" if "." in form.rpartition("@")[2] else "user"
    if form in ("AM", "PM", ","):
        return form
    return kind if kind in ("date", "dots", "smiley", "url") else ""


_WHOLE = words("domain email emoji smiley tag url")
_PIECE = regex.compile(rf"[^{SPACE}]+")
_SPACED = regex.compile(rf"(?:(?!{UNSPACED_LETTER}).)+", regex.DOTALL)
_WITH_ADDRESS = regex.compile(r"@|://|www\.")
_THAI = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_BESIDE_ADDRESS = regex.compile(rf"(?:(?!{UNSPACED_LETTER}|{_THAI}).)+", regex.DOTALL)


def wholes(text: str) -> Iterator[Span]:
    """The spans of addresses, tags such as `#news`, smileys and emoji, which are one token in any language."""
    for piece in _PIECE.finditer(text):
        # Where no spaces are between words, an address ends where other letters begin.
        runs = _BESIDE_ADDRESS if _WITH_ADDRESS.search(piece.group()) else _SPACED
        for run in runs.finditer(piece.group()):
            for (start, end), kind in _tokens(run.group()):
                if kind in _WHOLE and (kind != "domain" or run.group()[end - 1].islower()):
                    first = piece.start() + run.start()
                    yield first + start, first + end


def whole_kind(form: str) -> str:
    """The kind of a token that is an address, a tag, a smiley or an emoji; else an empty string."""
    kinds = [kind for _, kind in _tokens(form)]
    return kinds[0] if len(kinds) == 1 and kinds[0] in _WHOLE else ""
