"""Rules for raw text: what the rules of all languages share, and those for any language (`unicode`).

`SPECIAL` and `PUNCTUATION` are parts of a verbose regular expression. The rules of a language put
the pattern of their words between the two. A group's name is the kind of the token that it finds.
Each pattern needs time linear in the text: a repetition is bounded, or its start is tied down by a
look-behind, so that it is tried once.

There is no dictionary. A word keeps its inner apostrophes and hyphens. In scripts that put no
spaces between words each Han character is a token, and so is a run of another script.
"""

from collections.abc import Iterator, Sequence
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
    head: str  # what its first token looks like, see `PieceRules.ends`
    tail: str  # what its last token looks like, closing quotes and brackets aside
    asks: bool  # whether a sentence may end inside, or right before it whatever was there


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

_ANY = words("after_time bullet digit item lower open starter upper url")
ENDS = {  # the tails and heads that all languages have, see `PieceRules.ends`
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


class PieceRules:
    """How pieces are cut, and where sentences may end between them, in any language (`unicode`)."""

    ends = ENDS | {"stop": ENDS["stop"] - words("lower"), "number": frozenset()}  # ca. zehn, 3. Mai
    """The tail of a piece -> the heads of the next one that begin a sentence."""
    starters: frozenset[str] = frozenset()
    """Words that have a capital only where a sentence begins: their head is `starter`, that of names `upper`."""
    after_time: frozenset[str] = frozenset()
    """Words after a time of day, such as time zones; their head is `after_time`."""
    decides = False
    """Whether `rules.py` is not asked, and a full stop after an abbreviation that ends a sentence is a token."""

    def tokens(self, piece: str) -> Iterator[tuple[Span, str]]:
        """The span and the kind of each token of a piece."""
        return _tokens(piece)

    def abbreviation(self, form: str) -> str:
        """The tail of a piece that ends in `form`, an abbreviation with its full stop; "" never ends a sentence."""
        return "abbreviation" if form.count(".") > 2 or form in ("a.m.", "p.m.") else ""

    def is_plain(self, word: str, mark: str) -> bool:
        """Whether `word`, of letters, is one token, and `mark` another, with no special tail."""
        return True

    def is_it_is(self, pieces: Sequence[Piece], first: int, place: int) -> bool:
        """Whether the piece before `place`, an `its`, is two words."""
        return False

    def also_ends(self, pieces: Sequence[Piece], first: int, place: int) -> bool:
        """Whether the sentence that begins with the piece `first` ends before the piece `place` for other reasons."""
        return False

    def heads(self, pieces: Sequence[Piece], first: int, last: int) -> Sequence[int]:
        """Before how many of its last pieces a sentence is cut once more, as it is the head of an e-mail."""
        return ()


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
