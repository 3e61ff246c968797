"""The tags of spans: which may follow which."""

from tagger.text.spans import breaks_of, has_breaks, is_span_column

BIO = ["B-NP", "B-VP", "I-NP", "I-VP", "O"]


def test_what_is_a_column_of_spans() -> None:
    assert [is_span_column(tags) for tags in (BIO, ["B-X"])] == [True] * 2
    assert [is_span_column(tags) for tags in (["O"], ["NOUN", "O"], ["B", "I", "O"])] == [False] * 3


def test_what_the_tags_of_bio_cannot_do() -> None:
    breaks = breaks_of(BIO)
    assert breaks.first == ["I-NP", "I-VP"]
    assert set(breaks.pairs) == {
        *(("B-NP", "I-VP"), ("I-NP", "I-VP"), ("B-VP", "I-NP"), ("I-VP", "I-NP"), ("O", "I-NP"), ("O", "I-VP"))
    }


def test_in_bioes_a_span_goes_on_to_its_end() -> None:
    pairs = set(breaks_of(["B-X", "I-X", "E-X", "S-X", "O"]).pairs)
    assert {("B-X", "O"), ("I-X", "S-X"), ("O", "E-X"), ("S-X", "I-X"), ("E-X", "I-X")} <= pairs
    assert not {("B-X", "E-X"), ("B-X", "I-X"), ("E-X", "B-X"), ("O", "S-X"), ("I-X", "E-X")} & pairs


def test_a_corpus_that_does_it() -> None:
    rows = ["B-NP I-NP O", "I-NP O", "O I-NP", "B-VP I-NP", "B-NP _ I-NP", ""]  # a blank says nothing
    found = [has_breaks([["O"], row.split()], breaks_of(BIO), set(BIO)) for row in rows]
    assert found == [False, True, True, True, False, False]
