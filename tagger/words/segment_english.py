"""The words of English as UD English EWT cuts them: a piece of text without white space -> tokens and their kinds.

The lists are short on purpose. They hold what is frequent in everyday text, and where EWT shows
what to do, they do the same.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import regex

from tagger.words.conventions import KINDS, table
from tagger.words.pieces import ENDS, NAMED_LISTS, PUNCTUATION, SPECIAL, Piece, Pieces, Span, words

_TITLES, _NEVER_LAST, _NUMBER_SIGNS, _MAY_BE_LAST = (
    frozenset(row.form for row in table() if row.kind == kind and "english" in row.languages) for kind in KINDS
)  # number signs are abbreviations only before a number: no. 2; but: no. Then
_ABBREVIATIONS = _TITLES | _NEVER_LAST | _MAY_BE_LAST
_ALWAYS_OPEN = words("E.G. I.E. P.P.S. P.S. a.k.a. c. e.g. i.e. p. v.")  # as _NEVER_LAST, with inner full stops
_OFTEN_LAST = words("A.M. I. P.M. a.m. etc. i. p.m.")  # before any capital
_ELISIONS = words("cause d em ll m n re s til tis twas twere twill twould ve")
_PREFIXES = words("""
    anti co counter cross e ex inter intra mega micro mid mini mis multi neo non over post pre pro quasi re semi socio
    sub ultra un""")
_UNITS = words("""
    AM C F GB Hz K KB M MB MM PM TB am b bn cm ft g gb hh hrs k kB kHz kW kWh kb kg km kph lb lbs m mL mb mg min mins
    ml mm mph ms oz p pm sq t x""")
_COMPANIES = words("E Jeopardy Joomla Kahoot Yahoo")  # their names end in an exclamation mark


@cache
def _expression() -> Any:  # compiled when it is first needed: that takes longer than to tag a sentence
    return regex.compile(
        rf"""{SPECIAL}
    | (?P<letters>   (?: (?<!\w) | (?<=\d) (?=[ap]\.m) ) \p{{L}} (?:\.\p{{L}})+ \.? (?!\w)      # U.S. a.m. 5|p.m.
                   | (?<!\w) (?: Ph\.?D | Ed\.D | Psy\.D | Pharm\.D | D\.Phil | M\.Phil | [BM]\.(?:Sc|Ed|Eng) )
                     (?: \.s? )? (?!\w)                                                         # Ph.D. M.Sc.
    ) | (?P<group>   (?<!\w) \p{{Ll}}{{2,63}} (?:\.\p{{Ll}}{{1,63}}){{2,8}} (?!\w)              # comp.sources.unix
    ) | (?P<numero>  (?<!\w) \L<number_signs> \. (?=\d|\Z)                                      # no. 2
    ) | (?P<short>   (?<!\w) (?: \p{{L}} | \L<abbreviations> ) \. (?![\w.])                     # J. Mr. etc.
    ) | (?P<phone>   (?<!\w) (?: \d{{1,3}}[-./] )? \d{{3}} [-./] \d{{3}} [-.] \d{{4}} (?!\w)    # 1-713-853-3989
                   | (?<!\w) (?: \d{{3}}/ )? x? \d{{1,3}} - \d{{4}} (?![\w-])                   # 899-4310 x3-9890
    ) | (?P<date>    \d{{1,4}} (?P<between>[-/.]) \d{{1,2}} (?P=between) \d{{1,4}} (?!\w)       # 10/12/2004 2004-10-12
                   | (?: 0?[1-9] | 1[0-2] ) / (?: 0[1-9] | [12]\d | 3[01] ) (?![\w/])           # 9/11, not 1/|2
    ) | (?P<number>  (?: \+? \d+ (?:[.,:]\d+)* | (?<![\w.)\]]) \.\d+ )                          # 1,234.56 10:30 .5
                     (?: (?! \w | ['’`]s ) | (?= (?: \L<units> | [ap]\.m\.? ) (?!\w) )          # 5|pm
                       | (?= B (?!\w) (?<= [$€£¥] [\d.,]{{1,15}} B | \.\d{{1,3}} B ) ) )        # $5|B but 221B
    ) | (?P<elided>  ['’] (?: \d\ds? | n['’] | (?i: \L<elisions> | t(?:is|was|were|would)n['’]t ) )
                     (?!\w)                                                                     # '90s 'em AT&T|'s
    ) | (?P<slashed> (?<!\w) (?: w/o? | b/c | l/c ) (?!\w)                                      # w/ b/c
    ) | (?P<company> (?<!\w) (?: \p{{Lu}}{{1,4}} & \p{{Lu}}{{1,4}} | \p{{Ll}}&\p{{Ll}} ) (?!\w) # AT&T
                   | (?<!\w) \L<companies> ! (?![\w!])                                          # Yahoo!
    ) | (?P<prefix>  (?<!\w) (?i:\L<prefixes>) - \w[\w\p{{M}}]*                                 # e-mail; well|-|known
    ) | (?P<word>    [\w\p{{M}}\xad\u200c\u200d\u2060]+ (?: ['’`*][\w\p{{M}}]+ )*               # cat o'clock 3rd
    ) | {PUNCTUATION}""",
        regex.VERBOSE,
        **NAMED_LISTS,
        abbreviations=_ABBREVIATIONS,
        number_signs=_NUMBER_SIGNS,
        elisions=_ELISIONS,
        companies=_COMPANIES,
        prefixes=_PREFIXES,
        units=_UNITS,
    )


_CLITIC = regex.compile(r"(?i) (.+?) ( n['’`]t | ['’`](?:d|ll|m|re|s|ve) )", regex.VERBOSE)
_JOINED = {  # words written as one that are two; `its`, `well` and `id` are usually what they seem to be
    joined.replace("|", ""): joined.split("|")
    for joined in words("""
        a|lot ai|nt are|nt ar|nt can|not ca|nt could|nt d'|ya d'|you did|nt does|nt do|nt du|n|no gim|me gon|na got|ta
        had|nt has|nt have|nt here|s he|s i|'m|a i|m|ma i|'m|ma is|nt it|ll i|m i|ve lem|me let|s out|ta she|s should|nt
        t|is 't|is t|was 't|was 't|were 't|will 't|would that|s there|s they|re wan|na was|nt were|nt what|s who|s
        would|nt wo|nt you|ll you|re you|ve y'|all y|all""")
}
_AFTER_ITS = words("""
    a all also always an been definitely going gonna in just like not now probably really simply so still such the
    too""")
"""Words that tell that `its` before them is `it's`: its not true."""
_BEFORE_ITS = words("at by from in into of through under with without")
"""Words that tell that `its` after them is no `it's` all the same: because of its not being true."""


def _without_clitics(piece: str, start: int, end: int) -> Iterator[Span]:
    """Cuts a word before its clitics: would|n't|'ve, John|'s, can|not, y'|all|'d; not 80's."""
    cuts = [end]
    for _ in range(2):  # no English word has more
        if piece[start : cuts[-1]].lower().replace("’", "'") in _JOINED:
            break
        match = _CLITIC.fullmatch(piece, start, cuts[-1])
        if match and not match[1].isdigit():
            cuts.append(match.end(1))
    for part in reversed(_JOINED.get(piece[start : cuts[-1]].lower().replace("’", "'"), [])[1:]):
        cuts.append(cuts[-1] - len(part))
    for cut in reversed(cuts):
        yield start, cut
        start = cut


_STARTERS = words("""
    A According After All Also Although An And Another Any Anyone Anything Anyway Are As At Attached Because Before Both
    But By Can Could Did Do Does During Each Either Even Every Everyone Everything For From Given Had Has Have He Hence
    Her Here His How However I If In Instead Is It Its Just Let Many Maybe Meanwhile Moreover Most My Neither Nobody
    Nor Nothing Now On Once One Only Or Our Overall Perhaps Please See She Should Since So Some Someone Sometimes Soon
    Such Thank Thanks That The Their Then There Therefore These They This Those Though Thus To Today Under Unfortunately
    Unless Until We Were What When Where Whether Which While Who Whose Why Will With Without Would Yes Yesterday Yet
    You Your""")
_AFTER_TIME = (
    words("""
    BST CDT CEST CET CST CT EDT EST ET GMT MDT MST MT PDT PST PT UTC
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    January February March April May June July August September October November December""")
)  # 5 p.m. EST, 5 p.m. Monday

_GREETINGS = words("dear hello hi")
_CLOSINGS = words("best cheers cordially kind many regards sincerely thanks warm with yours")
_HALF_DAYS = ("AM", "PM")
DATED = ("time", *_HALF_DAYS)  # tails of pieces that may end the head of an e-mail
_MAX_NAME_PIECES = 6  # of who wrote an e-mail


class English(Pieces):
    """Rules that know what English e-mails, lists and abbreviations look like."""

    ends = ENDS | {
        "letters": words("starter"),  # in the U.S. The army; but: the U.S. Army
        "initial": words("starter"),  # vitamin C. It helps; but: George W. Bush
        "numero": ENDS["stop"] - words("digit item"),  # He said no. This begins; but: no. 2
        "email": words("after_time digit item starter upper"),  # write to ann@mail.org This begins
        "user": words("digit item"),  # Ann Lee@ECT 05/31/2001
    }
    starters = _STARTERS
    after_time = _AFTER_TIME

    def tokens(self, piece: str) -> Iterator[tuple[Span, str]]:
        """The span and the kind of each token of a piece."""
        for match in _expression().finditer(piece):
            span, kind = match.span(), match.lastgroup
            if kind in ("word", "elided"):
                for part in _without_clitics(piece, *span):
                    yield part, kind
            else:
                yield span, kind

    def abbreviation(self, form: str) -> str:
        """The tail of a piece that ends in `form`, an abbreviation with its full stop."""
        if form in _ALWAYS_OPEN or form[:-1] in _TITLES or form[:-1] in _NEVER_LAST:
            return ""
        if form[:-1] in _NUMBER_SIGNS:
            return "numero"
        if form in _OFTEN_LAST:
            return "abbreviation"
        return "initial" if len(form) == 2 else "letters"

    def is_plain(self, word: str, mark: str) -> bool:
        """Whether the expression would make `word`, of letters, one token, and `mark` another, with no special tail."""
        if mark == "." and (len(word) == 1 or word in _ABBREVIATIONS or word in _NUMBER_SIGNS):
            return False
        lower = word.lower()
        special = lower in _JOINED or lower == "its" or word in _HALF_DAYS
        return not special and not (mark == "!" and word in _COMPANIES)

    def is_it_is(self, pieces: Sequence[Piece], first: int, place: int) -> bool:
        """Its a dog; its name."""
        is_its = pieces[place].text in _AFTER_ITS
        return is_its and (place - first == 1 or pieces[place - 2].text not in _BEFORE_ITS)

    def also_ends(self, pieces: Sequence[Piece], first: int, place: int) -> bool:
        """Greetings, closings, items of lists, and dates with a time of day."""
        tail, start, following = pieces[place - 1].tail, pieces[first], pieces[place]
        head, count = following.head, place - first
        if tail == "," and head in ("after_time", "upper"):  # Best regards, Ann
            return count <= 3 and start.text.removesuffix(",").lower() in _CLOSINGS
        if tail == "," and head == "starter":  # Dear Ann, I
            return 1 < count <= 4 and start.text.lower() in _GREETINGS
        if head == "item":  # 1. Eggs 2. Milk; but in other languages: 1. und 2. Mai
            return start.tail == "number" and abs(int(start.text[:-1]) - int(following.text[:-1])) == 1
        return _stamp(pieces[max(first, place - 3) : place]) > 0 and following.tail not in _HALF_DAYS

    def heads(self, pieces: Sequence[Piece], first: int, last: int) -> Sequence[int]:
        """The name of who wrote it and the date with the time: `see you | Ann Lee | 05/31/2001 09:01 AM`."""
        stamp = _stamp(pieces[max(first, last - 2) : last + 1])
        if not stamp:
            return ()
        before = pieces[first : last + 1 - stamp]
        name = 0  # pieces with a capital before the date
        while name < len(before) and before[-1 - name].head in ("after_time", "upper"):
            name += 1
        if name == len(before):  # nothing stands before the name
            return [stamp] if 0 < name <= _MAX_NAME_PIECES else ()
        if not name:
            return ()
        if name > _MAX_NAME_PIECES // 2:
            name = 2  # Regards, Ann Lee Bob Gray 05/31/2001 09:01 AM
        if before[-1 - name].text[-1] in ":@":  # Sent by: Ann Lee 05/31/2001
            return [stamp]
        return [name + stamp, stamp]


def _stamp(pieces: Sequence[Piece]) -> int:
    """How many of the last pieces are a date with a time of day: 05/31/2001 09:01 AM."""
    size = 3 if pieces[-1].tail in _HALF_DAYS else 2
    return size if [piece.tail for piece in pieces[-size:]][:2] == ["date", "time"] else 0
