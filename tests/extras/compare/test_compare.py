"""A comparison against counts made word by word and against all signs; its text; tagged files beside gold files."""

from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.extras.compare.compare import TABLE_WIDTH, compare, format_comparison, paired_difference, same_sentences
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width

TAGS = ["NOUN", "VERB", "<b>X</b>", "名詞名詞名詞名詞", "_"]
FORMS = ["run", "the", "<i>&", "飛行機飛行機飛行機飛行機飛行機飛行機", "a\x1b[31m", "internationalisation" * 3]


def made(seed: int = 1) -> list[tuple[Sentence, Sentence, Sentence]]:
    """40 random sentences with gold tags, and with those of two random taggers."""
    random = Random(seed)
    found = []
    for i in range(40):
        forms = [random.choice(FORMS) for _ in range(1 + i % 7)]
        tags = ([random.choice(some) for _ in forms] for some in (TAGS, TAGS[:4], TAGS[:4]))
        found.append(tuple(Sentence(forms, {"upos": each}) for each in tags))
    return found  # type: ignore[return-value]


def compared(sentences: list[tuple[Sentence, Sentence, Sentence]]) -> dict[str, Any]:
    return compare(sentences, ["upos"], ("gold", "A", "B"), True)["upos"]


def test_counts_are_those_of_counting_words() -> None:
    sentences = made()
    found = compared(sentences)
    words = [
        row
        for gold, a, b in sentences
        for row in zip(gold.tokens, gold.tags["upos"], a.tags["upos"], b.tags["upos"], strict=True)
        if row[1] != "_"
    ]
    assert found["words"] == len(words)
    assert found["a"] == sum(a == gold for _, gold, a, _ in words) / len(words)
    assert found["b"] == sum(b == gold for _, gold, _, b in words) / len(words)
    different = [row for row in words if row[2] != row[3]]
    assert {tuple(row): count for *row, count in found["different"]} == {row: different.count(row) for row in different}
    assert found["difference"] == pytest.approx(found["a"] - found["b"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["significant"] == (found["p"] < 0.05)
    assert compared(sentences) == found  # to the digit


def test_equal_sides() -> None:
    found = compared([(gold, a, a) for gold, a, _ in made()])
    assert (found["difference"], found["interval"], found["p"], found["significant"]) == (0, [0, 0], 1, False)
    assert found["different"] == []


def test_the_text_fits_a_terminal() -> None:
    text = format_comparison({"upos": compared(made())})
    assert max(map(display_width, text.splitlines())) <= TABLE_WIDTH
    assert "\x1b" not in text


WORDS = np.array([5, 8, 3, 12, 7, 9, 4, 6, 10, 2, 5, 5])
GAINS = np.array([1, 1, 0, -1, 1, 1, 1, 0, 2, 0, 1, 1])


def test_the_p_value_is_that_of_all_signs() -> None:
    sums = [abs(int(np.dot(signs, GAINS))) for signs in product((-1, 1), repeat=len(GAINS))]
    exact = sum(s >= abs(GAINS.sum()) for s in sums) / len(sums)
    assert 0.01 < exact < 0.2
    found = paired_difference(GAINS, WORDS)
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    assert found.value == pytest.approx(GAINS.sum() / WORDS.sum())
    turned = paired_difference(-GAINS, WORDS)
    assert (turned.value, turned.p) == (-found.value, found.p)
    assert turned.low == pytest.approx(-found.high, abs=0.005)


def test_the_interval_is_that_of_drawn_sentences() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(1, 30, size=300)
    gains = rng.binomial(words, 0.08) - rng.binomial(words, 0.05)
    drawn = rng.integers(0, 300, size=(10_000, 300))
    low, high = np.quantile(gains[drawn].sum(1) / words[drawn].sum(1), [0.025, 0.975])
    found = paired_difference(gains, words)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0005)


def test_sentences_without_scored_words_are_not_drawn() -> None:
    none = np.zeros(5, dtype=int)
    wider = paired_difference(np.concatenate([GAINS, none]), np.concatenate([WORDS, none]))
    assert wider == paired_difference(GAINS, WORDS)


GOLD = [["They", "do", "n't", "go"], ["Yes"]]


@pytest.mark.parametrize(
    ("tagged", "message"),
    [
        ([["They", "do", "not", "go"], ["Yes"]], "sentence 1: 'They do not go' where g has \"They do n't go\";"),
        ([GOLD[0]], "sentence 2: nothing where g has 'Yes';"),
    ],
)
def test_the_first_difference(tagged: list[list[str]], message: str) -> None:
    with pytest.raises(InputError) as error:
        list(same_sentences(map(Sentence, tagged), map(Sentence, GOLD), "a", "g"))
    assert str(error.value).startswith(f"a, {message}")
