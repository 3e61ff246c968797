"""Raw text -> sentences and tokens with character offsets, by rules; `Segmenter` is anything that does this.

One regular expression splits each piece, and most pieces are seen again, so the result is remembered.

Two sets of rules: `english` gives the words of Universal Dependencies English EWT (`do|n't`,
`5|pm`), `unicode` knows no language. Tokens never cross white space, so the text is cut there
first. A piece has a head and a tail, what it looks like at its start and at its end; a table
says after which tail and before which head a sentence may end, and `rules.py` decides, where
there are no rules of a language. All of it takes time linear in the text.

`segment_english.py` has the words of English, `segment_rules.py` those of any language and what both share.
"""

import re
from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise, repeat
from operator import add
from typing import NamedTuple, Protocol

import regex

from tagger.errors import InputError, shorten
from tagger.text.sentence import Token
from tagger.text.strings import SPACE
from tagger.words.conventions import Conventions
from tagger.words.rules import GOES_ON, ConfirmedRules
from tagger.words.segment_english import English
from tagger.words.segment_rules import Piece, PieceRules, words

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


class _PieceToken(NamedTuple):
    form: str
    kind: str


class Pieces(dict[str, Piece]):
    """A text -> its piece; new ones are remembered, and all are forgotten when there are too many."""

    def __init__(self, rules: PieceRules) -> None:
        super().__init__()
        self.rules = rules

    def __missing__(self, text: str) -> Piece:
        piece = self._plain(text) or self._piece(text)
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
        if not (word.isalpha() and word.isascii() and word[0] not in "xX" and self.rules.is_plain(word, mark)):
            return None  # xD is a smiley
        end = len(word)
        head = _letter_head(word, self.rules)
        if not mark:
            return Piece(text, ((0, end),), (), head, "", False)
        return Piece(text, ((0, end), (end, end + 1)), (), head, _PLAIN_TAILS[mark], False)

    def _piece(self, text: str) -> Piece:
        found = list(self.rules.tokens(text))
        tokens = [_PieceToken(text[start:end], kind) for (start, end), kind in found]
        breaks = tuple(i + 1 for i in range(1, len(tokens) - 1) if _ends_inside(*tokens[i - 1 : i + 2]))
        head = _head(tokens, self.rules)
        tail = _tail(tokens, self.rules)
        return Piece(text, tuple(span for span, _ in found), breaks, head, tail, bool(breaks) or head in _BEGIN)


def _ends_inside(before: _PieceToken, token: _PieceToken, after: _PieceToken) -> bool:
    """Whether a sentence ends after `token` without a space: 你好。再见, `was good.The next`."""
    if token.form[-1] in _WIDE_STOPS or (token.form in _CLOSERS and before.form[-1] in _WIDE_STOPS):
        return after.form not in _CLOSERS and after.form[-1] not in _WIDE_STOPS
    if token.form != "." and token.kind not in ("stops", "dots"):
        return False
    begins = (after.form == "I" and token.form == ".") or (after.form[0].isupper() and after.form[1:].islower())
    return begins and _LETTER_LAST.search(before.form) is not None


def _letter_head(form: str, rules: PieceRules) -> str:
    if form[0].islower():
        return "lower"
    if form in rules.starters:
        return "starter"
    return "after_time" if form in rules.after_time else "upper"


def _head(tokens: list[_PieceToken], rules: PieceRules) -> str:
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


def _tail(tokens: list[_PieceToken], rules: PieceRules) -> str:
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


_PIECES = {"english": Pieces(English()), "unicode": Pieces(PieceRules())}
RULES = tuple(_PIECES)
LEARNED = "learned"  # instead of a name of rules, of a tagger that has a segmenter of its own
SEGMENTER_WEIGHTS, SEGMENTER = "segmenter.safetensors", "segmenter.json.gz"  # its files in the folder of the tagger
_SPACES = re.compile(f"([{SPACE}]+)")


_Fields = tuple[int, int, tuple[()]]
"""A `Token`, not yet made one, which takes time."""


@cache
def _all_confirmed() -> ConfirmedRules:
    return ConfirmedRules(Conventions.of_language())


def check_rules(rules: str) -> None:
    """Raises InputError unless there are such rules."""
    if rules not in RULES:
        raise InputError(f"{shorten(rules)} are no rules for raw text; choose one of {', '.join(RULES)}")


def _cut(
    paragraph: str, rules: str, confirmed: ConfirmedRules | None
) -> tuple[list[int], list[Piece], list[int], list[int]]:
    """Cuts a paragraph into pieces, and these into sentences.

    Returns the first character of each piece; the pieces; the end of each sentence; and the places inside of tokens
    where two tokens meet, it|s and etc|.
    """
    check_rules(rules)
    known, own, confirmed = _PIECES[rules], _PIECES[rules].rules, confirmed or _all_confirmed()
    parts = _SPACES.split(paragraph)
    texts, gaps = parts[::2], parts[1::2]  # of white space, between two texts each
    starts = list(accumulate(map(add, map(len, texts), map(len, gaps)), initial=0))
    begin = 0 if texts[0] else 1
    end = len(texts) if texts[-1] else len(texts) - 1
    starts, gaps = starts[begin:end], gaps[begin : end - 1]
    pieces = list(map(known.__getitem__, texts[begin:end]))
    asked = [i for i, (before, piece) in enumerate(pairwise(pieces), 1) if before.tail or piece.asks]
    if sum(map(len, gaps)) > len(gaps):  # an empty line may stand between two pieces
        asked = sorted({*asked, *(i for i, gap in enumerate(gaps, 1) if len(gap) > 1)})
    if pieces and pieces[0].breaks:
        asked = [0, *asked]
    sentences: list[tuple[int, int, int]] = []  # the pieces that it begins and ends in, the tokens of the last one
    stops: list[int] = []
    cuts: list[int] = []
    first = 0
    for i in asked:
        piece = pieces[i]
        if i:
            before = pieces[i - 1]
            place = starts[i - 1] + before.spans[-1][1]
            if before.tail in ("its", "Its") and own.is_it_is(pieces, first, i):
                cuts.append(place - 1)
            if piece.head == "ruler" or piece.head in own.ends.get(before.tail, ()):
                # 1. The first item; as follows: 1. The first
                is_item = before.tail in ("number", "initial")
                ends = not is_item or (i - first > 1 and pieces[i - 2].text[-1] != ":")
            elif piece.head == "bullet":  # - eggs - milk
                ends = pieces[first].text == piece.text
            else:
                ends = own.decides and own.also_ends(pieces, first, i)
            if ends and not own.decides:
                ends = confirmed.at(paragraph, place)[0].decision != GOES_ON
            if ends or gaps[i - 1].count("\n") > 1:
                sentences.append((first, i - 1, len(before.spans)))
                first = i
        for tokens in piece.breaks:
            sentences.append((first, i, tokens))
            first = i
    if pieces:
        sentences.append((first, len(pieces) - 1, len(pieces[-1].spans)))
    for first, last, tokens in sentences:
        for size in own.heads(pieces, first, last) if own.decides else ():
            stops.append(starts[last - size] + pieces[last - size].spans[-1][1])
        a, b = pieces[last].spans[tokens - 1]
        stop = starts[last] + b
        if own.decides and b - a > 1 and paragraph[stop - 1] == "." and paragraph[stop - 2].isalnum():
            cuts.append(stop - 1)  # the full stop after an abbreviation: etc|.
        stops.append(stop)
    return starts, pieces, stops, sorted(cuts)


def _divided(spans: list[_Fields], cuts: list[int]) -> list[_Fields]:
    """The spans, but two where a cut is inside; both ascend."""
    divided: list[_Fields] = []
    done = 0
    for cut in cuts:
        place = bisect(spans, (cut,)) - 1
        start, end, _ = spans[place]
        divided += [*spans[done:place], (start, cut, ()), (cut, end, ())]
        done = place + 1
    return divided + spans[done:]


def segment(paragraph: str, rules: str = "english", confirmed: ConfirmedRules | None = None) -> list[list[Token]]:
    """Cuts a paragraph into sentences, and each into tokens, where paragraph[start:end] is the form.

    Every character is in exactly one token, except white space, U+200B (zero-width space) and U+FEFF (byte-order mark),
    which separate tokens. A line end is white space like any other, since text may be wrapped; an empty line ends a
    sentence. What is before and after the paragraph has no influence.

    `english` splits words as Universal Dependencies English EWT does: clitics (do|n't, John|'s, can|not, 't|was), units
    (5|pm), hyphens except after a prefix (well|-|known, e-mail), slashes except in dates and paths; a full stop after
    an abbreviation is a token only at the end of a sentence. `unicode` leaves words with their inner apostrophes and
    hyphens whole, in any language; each Han character is a token, a run of Hiragana or Katakana is one, and so is a run
    of a script that puts no spaces between words (Thai, Lao, Khmer, Burmese). Where sentences end, `unicode` asks the
    rules that are `confirmed`, or else all rules.
    """
    starts, pieces, stops, cuts = _cut(paragraph, rules, confirmed)
    spans: list[_Fields] = [(i + a, i + b, ()) for i, piece in zip(starts, pieces, strict=True) for a, b in piece.spans]
    if cuts:
        spans = _divided(spans, cuts)
    tokens = list(map(tuple.__new__, repeat(Token), spans))  # twice as fast as Token()
    ends = [span[1] for span in spans]
    sentences = []
    first = 0
    for stop in stops:
        last = bisect(ends, stop, first)
        sentences.append(tokens[first:last])
        first = last
    return sentences


def segment_ends(paragraph: str, rules: str, confirmed: ConfirmedRules | None = None) -> tuple[list[int], list[int]]:
    """Where the tokens end that `segment` finds, in any order, and where its sentences end; in a third of the time."""
    starts, pieces, stops, cuts = _cut(paragraph, rules, confirmed)
    ends = [start + end for start, piece in zip(starts, pieces, strict=True) for _, end in piece.spans]
    return ends + cuts, stops


class Segmenter(Protocol):
    """Cuts paragraphs. How a paragraph is cut depends on that paragraph alone."""

    @property
    def name(self) -> str:
        """The name of the rules, or `learned`."""

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty."""


class RuleSegmenter:
    """Cuts paragraphs by rules."""

    def __init__(self, rules: str, conventions: Conventions | None = None) -> None:
        check_rules(rules)
        self.name = rules
        self._confirmed = ConfirmedRules(conventions or Conventions.of_language())

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty."""
        return [segment(paragraph, self.name, self._confirmed) for paragraph in paragraphs]
