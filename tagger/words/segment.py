"""Raw text -> sentences and tokens with character offsets, by rules; `Segmenter` is anything that does this.

Two sets of rules: `english` gives the words of Universal Dependencies English EWT (`do|n't`, `5|pm`), `unicode` knows
no language. Tokens never cross white space, so the text is cut there first. A table says after which tail of a piece
and before which head a sentence may end; `rules.py` decides, but for English, which has rules of its own. All of it
takes time linear in the text.

`pieces.py` has the pieces of any language, `segment_english.py` those of English.
"""

import re
from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise, repeat
from operator import add
from typing import Protocol

from tagger.errors import InputError, shorten
from tagger.text.sentence import Token
from tagger.text.strings import SPACE
from tagger.words.conventions import Conventions
from tagger.words.pieces import Piece, Pieces
from tagger.words.rules import GOES_ON, ConfirmedRules
from tagger.words.segment_english import DATED, English

_PIECES = {"english": English(), "unicode": Pieces()}
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
    known, confirmed = _PIECES[rules], confirmed or _all_confirmed()
    english = known if isinstance(known, English) else None
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
            if before.tail in ("its", "Its") and english and english.is_it_is(pieces, first, i):
                cuts.append(place - 1)
            if piece.head == "ruler" or piece.head in known.ends.get(before.tail, ()):
                # 1. The first item; as follows: 1. The first
                is_item = before.tail in ("number", "initial")
                ends = not is_item or (i - first > 1 and pieces[i - 2].text[-1] != ":")
            elif before.tail == "numero":  # She said no. 3 people heard it; but: in no. 3
                form = paragraph[starts[i - 1] + before.spans[-1][0] : place - 1]
                is_known = confirmed.conventions.abbreviation(form)
                ends = bool(is_known) and not confirmed.goes_on_after(form, paragraph, place)
            elif piece.head == "bullet":  # - eggs - milk
                ends = pieces[first].text == piece.text
            else:
                ends = english is not None and english.also_ends(pieces, first, i)
            if ends and not english:
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
        for size in english.heads(pieces, first, last) if english and pieces[last].tail in DATED else ():
            stops.append(starts[last - size] + pieces[last - size].spans[-1][1])
        a, b = pieces[last].spans[tokens - 1]
        stop = starts[last] + b
        if english and b - a > 1 and paragraph[stop - 1] == "." and paragraph[stop - 2].isalnum():
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
