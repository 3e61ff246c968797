"""Numbers of rows: few different ones, none much larger than it must be."""

from tagger.tagging.packed import padded, spare


def test_few_numbers_of_rows() -> None:
    numbers = range(1, 20_000)
    assert all(n <= padded(n) <= n + spare(n) for n in numbers)
    assert all(spare(n) <= spare(n + 1) for n in numbers)
    assert all(padded(padded(n)) == padded(n) for n in numbers)
    assert len({padded(n) for n in numbers}) < 150
    assert [padded(n) for n in (1, 8, 9, 100, 300, 16_000)] == [8, 8, 16, 104, 304, 16_384]
