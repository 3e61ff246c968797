"""Columns of tags for batches of texts and of tokens, and `datasets.map`."""

from pathlib import Path

import pytest
from datasets import Dataset
from datasets.fingerprint import Hasher

import tagger
from tagger.errors import InputError
from tagger.extras.frames import batch_tagger as batches
from tagger.extras.frames.batch_tagger import BatchTagger
from tests.conftest import CORPUS, TOKENS

TEXTS = ["They book flights. The book reads well.\n\nWell", None, "", "The book reads well."]


def test_a_text_becomes_sentences(trained: Path) -> None:
    found = BatchTagger(trained)({"text": TEXTS, "other": [1, 2, 3, 4]})
    assert list(found) == ["tokens", "upos", "xpos"]
    assert found["tokens"] == [TOKENS, None, [], [TOKENS[1]]]
    for column in ("upos", "xpos"):
        tags = [sentence[column] for sentence in CORPUS]
        assert found[column] == [tags, None, [], [tags[1]]]


def test_a_list_of_tokens_is_one_sentence(trained: Path) -> None:
    found = BatchTagger(trained, "words", tags=["upos"], probabilities=True)({"words": [*TOKENS, None, []]})
    assert list(found) == ["upos", "upos_probabilities"]
    assert found["upos"] == [*(sentence["upos"] for sentence in CORPUS), None, []]
    shares = [tagger.load(trained, "cpu").annotate(tokens).probabilities["upos"] for tokens in TOKENS]
    assert found["upos_probabilities"][:3] == [pytest.approx(own, abs=0.01) for own in shares]
    assert found["upos_probabilities"][3:] == [None, []]


def test_values_do_not_depend_on_their_batch(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"They book {number} flights. The book reads well." for number in range(50)]
    alone = [BatchTagger(trained, probabilities=True)({"text": [text]}) for text in texts]
    monkeypatch.setattr(batches, "WINDOW_TOKENS", 70)
    together = BatchTagger(trained, probabilities=True)({"text": texts})
    for name, values in together.items():
        assert values == [found[name][0] for found in alone], name


def test_datasets_map(trained: Path, tmp_path: Path) -> None:
    dataset = Dataset.from_dict({"text": TEXTS * 2})
    function = BatchTagger(trained, tags=["upos"])
    tagged = dataset.map(function, batched=True, batch_size=3, num_proc=2)
    assert tagged["upos"] == function({"text": TEXTS * 2})["upos"]
    assert Hasher.hash(function) == Hasher.hash(BatchTagger(trained, tags=["upos"]))  # so the cache knows it again
    assert Hasher.hash(function) != Hasher.hash(BatchTagger(trained, tags=["xpos"]))


def test_errors_name_the_value(trained: Path) -> None:
    function = BatchTagger(trained)
    with pytest.raises(InputError, match="no column 'text'; there are 'body'"):
        function({"body": ["They book."]})
    with pytest.raises(InputError, match="not '7'"):
        function({"text": [7]})
    with pytest.raises(InputError, match="no column 'lemma'; it has upos, xpos"):
        BatchTagger(trained, tags=["lemma"])({"text": []})
    with pytest.raises(InputError, match="no such"):
        BatchTagger("nowhere")
