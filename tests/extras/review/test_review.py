"""The sentences that a tagger doubts, the most doubtful one first."""

import pytest

import tagger
from tagger.extras.review.review import doubtful_sentences
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.formats import writer
from tagger.text.sentence import Sentence
from tests.conftest import TOKENS

UNSEEN = [["Zzyx", "book"], ["The", "zzyx", "reads"], ["Xyzzy"]]


@pytest.fixture(scope="module")
def loaded(trained: str) -> Tagger:
    return tagger.load(trained, "cpu", "float32")


def sentences() -> list[Sentence]:
    return [Sentence(list(tokens)) for tokens in [*TOKENS, [], *UNSEEN, *UNSEEN]]


def comment(sentence: Sentence) -> list[str]:
    (found,) = [c for c in sentence.comments if c.startswith("# confidence = ")]
    return found.removeprefix("# confidence = ").split()


def test_the_most_doubtful_comes_first_and_equal_ones_keep_their_order(loaded: Tagger) -> None:
    least = [
        min(s.probabilities["upos"], default=1.0)
        for s in loaded.stream(sentences(), probabilities=True, columns=["upos"])
    ]
    below = max(least[4:]) + 1e-6
    found = doubtful_sentences(loaded, sentences(), below)
    expected = sorted((share, number) for number, share in enumerate(least, 1) if share < below)
    assert [s.name for s in found] == [str(number) for _, number in expected]
    for sentence, (share, _) in zip(found, expected, strict=True):
        shown, word, place = comment(sentence)
        assert (shown, word) == (f"{share:.4f}", "word")
        assert sentence.probabilities["upos"][int(place) - 1] == share
    assert doubtful_sentences(loaded, sentences(), 0) == []


def test_words_whose_tags_are_given_are_not_doubtful(loaded: Tagger) -> None:
    given = [Sentence(list(tokens), {"upos": ["NOUN"] * len(tokens)}) for tokens in UNSEEN]
    assert doubtful_sentences(loaded, given, 1, keep=True) == []


def test_a_review_can_be_reviewed_again(loaded: Tagger) -> None:
    row = "1\tZzyx" + 8 * "\t_"
    text = f"# sent_id = a\n# confidence = 0.1000 word 9\n{row}\n\n# sent_id = b\n{row}"  # and no line end
    found = doubtful_sentences(loaded, read_conllu(text.splitlines(keepends=True), "a"), 1)
    written = "".join(map(writer("conllu", loaded.columns, probabilities=True), found))
    again = list(read_conllu(written.splitlines(keepends=True), "b"))
    assert [s.name for s in again] == ["a", "b"]
    assert [comment(s)[1:] for s in again] == [["word", "1"]] * 2
    assert written.endswith("\n\n")
