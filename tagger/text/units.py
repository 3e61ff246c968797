"""What readers find before text is cut: paragraphs, the texts of jsonl, and sentences -> sentences.

Paragraphs are cut many at a time, since a learned segmenter is many times faster then.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tagger.text.paragraphs import JsonText, Paragraph, Segment
from tagger.text.sentence import Sentence, Token

MAX_GROUP = 50_000  # characters that are cut together; the first paragraph is cut at once, then groups grow
_GROWTH = 8


Unit = Paragraph | JsonText | Sentence


def texts_of(unit: Unit) -> list[str]:
    """The paragraphs that are to be cut; none if the unit is a sentence."""
    if isinstance(unit, Sentence):
        return []
    return [unit.text] if isinstance(unit, Paragraph) else [paragraph.text for paragraph in unit.paragraphs]


def sentences_of(unit: Unit, cuts: Iterator[list[list[Token]]], layout: bool = True) -> Iterator[Sentence]:
    """The sentences of a unit; see `Paragraph.cut`.

    Args:
        unit: a text without tokens gives a sentence without tokens, which keeps its fields.
        cuts: the tokens of each of `texts_of(unit)` are taken from it.
        layout: whether the sentences of text get `offsets` and `space_after`.
    """
    if isinstance(unit, Sentence):
        yield unit
    elif isinstance(unit, Paragraph):
        yield from unit.cut(next(cuts), layout)
    else:
        empty = True
        for paragraph in unit.paragraphs:
            for sentence in paragraph.cut(next(cuts), layout):
                empty = False
                yield replace(sentence, fields=unit.fields)
        if empty:
            yield Sentence([], offsets=[] if layout else None, text=unit.text, fields=unit.fields)


def cut_units(units: Iterable[Unit], segment: Segment, layout: bool = True) -> Iterator[Sentence]:
    """Yields the sentences of units, which are read in groups of up to `MAX_GROUP` characters and one unit.

    Args:
        units: any number of them.
        segment: cuts paragraphs.
        layout: see `sentences_of`.
    """
    group: list[Unit] = []
    size, limit = 0, 1
    for unit in units:
        group.append(unit)
        if not isinstance(unit, Sentence):
            size += 1 + len(unit.text)
            if size < limit:
                continue
            limit = min(limit * _GROWTH, MAX_GROUP)
        yield from _cut(group, segment, layout)
        group, size = [], 0
    yield from _cut(group, segment, layout)


def _cut(group: list[Unit], segment: Segment, layout: bool) -> Iterator[Sentence]:
    texts = [text for unit in group for text in texts_of(unit)]
    cuts = iter(segment(texts) if texts else [])
    for unit in group:
        yield from sentences_of(unit, cuts, layout)
