"""Numbers of rows: few different ones, none much larger than it must be."""

from tagger.tagging.packed import max_extra_rows, padded_rows


def test_few_numbers_of_rows() -> None:
    numbers = range(1, 20_000)
    assert all(n <= padded_rows(n) <= n + max_extra_rows(n) for n in numbers)
    assert all(max_extra_rows(n) <= max_extra_rows(n + 1) for n in numbers)
    assert all(padded_rows(padded_rows(n)) == padded_rows(n) for n in numbers)
    assert len({padded_rows(n) for n in numbers}) < 150
    assert [padded_rows(n) for n in (1, 8, 9, 100, 300, 16_000)] == [8, 8, 16, 104, 304, 16_384]
