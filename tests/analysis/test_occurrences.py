"""Occurrences of a word: all are found, in any case, and their lines fit a terminal."""

from pathlib import Path

import numpy as np
import pytest

from tagger import Sentence, Tagger
from tagger.analysis.located import Located, read_files
from tagger.analysis.occurrences import EvenSample, Occurrence, evenly, find
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.paragraphs import Paragraph
from tagger.text.readers import read
from tagger.text.sentence import Token
from tagger.text.strings import display_width
from tests.conftest import make_network, make_tagger


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    """Random weights: a word's vector depends on its neighbours."""
    network = make_network(vocabulary, seed=4, hidden={"forward": 16, "backward": 16})
    return make_tagger(network, vocabulary, precision="float32")


def test_evenly() -> None:
    assert evenly(range(10), 20) == list(range(10))
    assert evenly(range(10), 3) == [0, 3, 6]
    for count in (0, 5, 20, 21, 1000, 12345):
        some: EvenSample[int] = EvenSample(20)
        for i in range(count):
            some.add(i)
            assert len(some._kept) <= 2 * 20
        chosen = some.chosen()
        assert some.seen == count
        assert len(chosen) == min(20, count)
        assert chosen == sorted(set(chosen))
        gaps = np.diff([*chosen, count])
        assert count <= 20 or (chosen[0] == 0 and gaps.min() > 0.4 * count / 20 and gaps.max() < 2.1 * count / 20)


def located(sentences: list[list[str]], file: str = "a.txt") -> list[Located]:
    return [Located(file, number, Sentence(tokens)) for number, tokens in enumerate(sentences)]


def test_every_occurrence_is_found_in_any_case(untrained: Tagger) -> None:
    sentences = [["The", "book"], ["Book", "a", "BOOK", "books"], [], ["flights"], ["book-case", "book"]]
    found = find(untrained, "bOOk", ["a.txt"], located(sentences), 10)
    assert [(each.number, each.position) for each in found.occurrences] == [(0, 1), (1, 0), (1, 2), (4, 1)]
    assert found.total == 4
    assert found.sample == [sentence for sentence in sentences if sentence]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("xyzzy", r"^'xyzzy' does not occur in a\.txt, b\.txt$"),
        ("flihgts", r"^'flihgts' does not occur in a\.txt, b\.txt; the most similar word that does is 'flights'$"),
        ("two words", r"several words, 'two' and 'words': give one of them$"),
        ("cannot", r"several words, 'can' and 'not': give one of them$"),
        ("flights", r"^'flights' occurs only once in a\.txt, b\.txt; 3 occurrences are needed"),
        ("well", r"^'well' occurs only twice in a\.txt, b\.txt; 3 occurrences are needed"),
    ],
)
def test_a_word_that_is_too_rare(untrained: Tagger, word: str, message: str) -> None:
    sentences = located([["They", "book", "flights"], ["Well", "well"]])
    with pytest.raises(InputError, match=message):
        find(untrained, word, ["a.txt", "b.txt"], sentences, 10)


def test_the_text_is_shown_as_it_was(tmp_path: Path, untrained: Tagger) -> None:
    text = 'Everybody said that on this day he  didn\'t\nbook "it", did he?\n\nNo\n'
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    (_, _, sentence), _ = read_files(untrained, [str(tmp_path / "a.txt")])
    occurrence = Occurrence("a.txt", 0, sentence.tokens.index("book"), sentence)
    assert occurrence.context() == ("Everybody said that on this day he didn't ", "book", ' "it", did he?')
    (tokens,) = read(["He did n't book it"], "x", "lines")
    assert Occurrence("x", 0, 3, tokens).context() == ("He did n't ", "book", " it")
    (given,) = read(['{"tokens": ["a", "b"], "text": "x a b", "offsets": [[2, 3], [4, 5]]}'], "x", "jsonl")
    assert Occurrence("x", 0, 1, given).context() == ("a ", "b", "")


def test_words_that_the_text_does_not_have_are_shown_among_words() -> None:
    text = "Elle  mange du 10\u00a0000"
    tokens = [Token(0, 4), Token(6, 11), Token(12, 14, ("de", "le")), Token(15, 21)]
    (sentence,) = Paragraph(5, text, opens=True).cut([tokens])
    contexts = [Occurrence("x", 0, i, sentence).context() for i in range(5)]
    assert contexts == [
        ("", "Elle", " mange du 10 000"),
        ("Elle ", "mange", " du 10 000"),
        ("Elle mange ", "de", " le 10 000"),
        ("Elle mange de ", "le", " 10 000"),
        ("Elle mange du ", "10 000", ""),
    ]


def test_the_words_of_a_multiword_token_are_proposed(untrained: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrained, "segment_all", lambda texts: [[[Token(0, len(texts[0]), ("de", "le"))]]])
    with pytest.raises(InputError, match="it is several words, 'de' and 'le': give one of them"):
        find(untrained, "du", ["a.txt"], located([["de", "le", "pain"]]), 10)


@pytest.mark.parametrize("width", [20, 77])
@pytest.mark.parametrize("word", ["book", "\u98db\u884c\u6a5f", "x" * 200, "\x1bm"])
@pytest.mark.parametrize("other", ["a", "word", "\u98db\u884c\u6a5f" * 9, "y" * 100, "e\u0301" * 30, "\x07\t"])
def test_a_line_fits_and_has_the_word_in_the_middle(width: int, word: str, other: str) -> None:
    places = set()
    for count in (0, 1, 40):
        tokens = [other] * count + [word] + [other] * count
        line = Occurrence("a", 0, count, Sentence(tokens)).line(width)
        assert display_width(line) <= width
        assert not {"\x1b", "\x07", "\t"} & set(line)
        before, _, after = line.partition("[")
        assert "]" in after
        assert count < 40 or (before.strip()[0], after[-1]) == ("…", "…")
        places.add(display_width(before))
    assert len(places) == 1
    whole = Occurrence("a", 0, 1, Sentence(["Some", "book", "."])).line(21).strip()
    assert whole == "Some [book] ."


def test_lines_are_cut_between_words() -> None:
    tokens = ["the", "quick", "brown", "fox", "and", "the", "lazy", "book", *["that", "they", "read", "on"] * 3]
    assert Occurrence("a", 0, 7, Sentence(tokens)).line(40).strip() == "…and the lazy [book] that they read…"
