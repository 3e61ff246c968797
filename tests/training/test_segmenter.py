import logging

import pytest

from tagger.text.sentence import Sentence
from tagger.text.spacing import GoldParagraph, gold_paragraphs
from tagger.training.segmenter import score_cuts, train_segmenter

WORDS = ["the", "a", "dog", "cat", "house", "sees", "likes", "finds", "old", "small"]


def paragraphs(count: int, first: int = 0) -> list[GoldParagraph]:
    """Sentences of a made-up language in which `-ko` is a word of its own and `zu` stands for `z` `u`."""
    sentences = []
    for number in range(first, first + count):
        forms = [WORDS[(number * 7 + 3 * place) % len(WORDS)] for place in range(4 + number % 3)]
        spaces = [True] * (len(forms) - 1) + [False, True]
        sentences.append(Sentence([*forms, "."], {"upos": ["X"] * (len(forms) + 1)}, space_after=spaces))
    return list(gold_paragraphs(sentences))


def test_a_segmenter_learns_tokens_and_sentences(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    dev = paragraphs(20, first=100)
    segmenter, steps = train_segmenter(paragraphs(60), dev, "unicode", "upos", 1, tmp_path, steps=100)
    scores = score_cuts(segmenter.segment_all, dev)
    assert scores.words > 0.99
    assert scores.sentences > 0.9
    assert "segmenter: step 10/100" in caplog.text
    assert 40 <= steps <= 100


@pytest.mark.usefixtures("small_segmenter")
def test_the_same_seed_gives_the_same_cuts(tmp_path):
    found = [
        train_segmenter(paragraphs(30), paragraphs(5, 50), "unicode", None, 1, tmp_path, steps=5)[0].segment_all(
            ["the dog sees. a cat! likes"]
        )
        for _ in range(2)
    ]
    assert found[0] == found[1]
