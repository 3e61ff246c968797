"""Pipelines of spaCy with our parts, and a tagger with features and lemmas."""

from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language

import tagger.extras.spacy.spacy_tagger
import tagger.extras.spacy.spacy_tokenizer  # noqa: F401  # both register themselves
from tagger.model.vocabulary import Vocabulary
from tests.conftest import CORPUS, make_network, overfit, save_tiny

FEATS = [["Number=Plur", "_", "Number=Plur", "_"], ["_", "Number=Sing", "_", "_", "_"], ["_"]]
LEMMAS = [["they", "book", "flight", "."], ["the", "book", "read", "well", "."], ["well"]]


def pipeline(model: Path | str = "english", ours: bool = True, **settings: Any) -> Language:
    """A pipeline with our component, and with our tokenizer if `ours`."""
    tokenizer = {"@tokenizers": "bigru_tokenizer", "model": str(model)}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}} if ours else {})
    nlp.add_pipe("bigru_tagger", config={"model": str(model), **settings})
    return nlp


@pytest.fixture(scope="session")
def lemmatizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tagger that knows UPOS, features and lemmas of the tiny corpus by heart; not to be changed."""
    corpus = [
        {**sentence, "feats": feats, "lemma": lemmas}
        for sentence, feats, lemmas in zip(CORPUS, FEATS, LEMMAS, strict=True)
    ]
    vocabulary = Vocabulary.build(corpus, ["upos", "feats", "lemma"], min_count=1)
    network = make_network(vocabulary)
    overfit(network, vocabulary, corpus=corpus)
    return save_tiny(tmp_path_factory.mktemp("lemmatizer") / "tagger", network, vocabulary)
