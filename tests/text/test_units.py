"""Text is cut in groups: whatever the groups, the sentences are the same, and none comes later than it must."""

from collections.abc import Iterator, Sequence

import pytest

from tagger.text import readers
from tagger.text.paragraphs import JsonText, Paragraph
from tagger.text.readers import Unit, cut_units, sentences_of, texts_of
from tagger.text.sentence import Sentence, Token
from tests.text.conftest import segment

UNITS: list[Unit] = [
    Paragraph(0, "a b. c", True),
    Sentence(["x", "y z"]),
    JsonText("d. e\n\nf", [Paragraph(0, "d. e\n\n", True), Paragraph(6, "f", True)], {"id": 1}),
    Paragraph(8, " \n", True),
    JsonText(" ", [Paragraph(0, " ", True)], {"id": 2}),
    JsonText("", [], {}),
    *(Paragraph(10 * i, f"g{i} h.", False) for i in range(30)),
]


def alone() -> list[Sentence]:
    return [s for unit in UNITS for s in sentences_of(unit, iter(segment(texts_of(unit))))]


@pytest.mark.parametrize("most", [1, 3, 20, 100, 100_000])
@pytest.mark.parametrize("growth", [1, 8, 1000])
def test_groups_decide_nothing(monkeypatch: pytest.MonkeyPatch, most: int, growth: int) -> None:
    monkeypatch.setattr(readers, "MAX_GROUP", most)
    monkeypatch.setattr(readers, "_GROWTH", growth)
    groups: list[int] = []

    def watched(paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        groups.append(sum(map(len, paragraphs)))
        return segment(paragraphs)

    assert list(cut_units(UNITS, watched)) == alone()
    assert max(groups) <= most + 6
    if most == 100_000 and growth > 1:
        assert len(groups) < 12


def test_what_becomes_of_a_unit() -> None:
    found = alone()
    assert [s.tokens for s in found[:8]] == [["a", "b."], ["c"], ["x", "y z"], ["d."], ["e"], ["f"], [], []]
    assert [s.fields for s in found[3:8]] == [{"id": 1}] * 3 + [{"id": 2}, {}]
    assert (found[6].text, found[6].offsets) == (" ", [])
    assert [s.offsets for s in cut_units(UNITS[:7], segment, layout=False)] == [None] * 9


def test_a_sentence_and_the_first_paragraph_do_not_wait() -> None:
    def stream() -> Iterator[Unit]:
        yield from UNITS[:2]
        yield UNITS[0]
        yield UNITS[1]
        pytest.fail("read on")

    found = cut_units(stream(), segment)
    assert [next(found).tokens for _ in range(6)] == [["a", "b."], ["c"], ["x", "y z"]] * 2
