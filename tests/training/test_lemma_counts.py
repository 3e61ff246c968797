"""Training counts how reliable the dictionary's lemmas are, if lemmas are learned and there is a dictionary."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from datasets import Dataset

from tagger.model.dictionary import digest_of
from tagger.tagging.tagger import Tagger
from tagger.training.start import lemma_reliability, with_init
from tests.training.test_config import composed

TRAIN = Dataset.from_list(
    [{"tokens": ["cats", "dogs"], "upos": ["NOUN", "NOUN"], "lemma": ["cat", "dogs"], "xpos": ["N", "N"]}]
)


@pytest.mark.parametrize(
    ("columns", "tags"), [("[upos,lemma]", ["NOUN"]), ("[lemma]", [""]), ("[lemma,xpos]", [""]), ("[upos]", None)]
)
def test_counts_of_a_training(columns: str, tags: list[str] | None) -> None:
    config = composed("corpus=conllu", f"columns={columns}", "embedding.dictionary=en")
    found = lemma_reliability(config, None, TRAIN)
    assert (found and list(found.new)) == tags
    none = composed("corpus=conllu", f"columns={columns}", "embedding.dictionary=null")
    assert lemma_reliability(none, None, TRAIN) is None


def test_a_training_counts_with_the_dictionary_of_the_tagger_that_it_starts_from(lemmas: Callable[..., Tagger]) -> None:
    config = composed("corpus=conllu", "columns=[upos,lemma]", "embedding.dictionary=en", "init=FOLDER")
    found = lemma_reliability(replace(config, init=None), None, TRAIN)
    init = lemmas().bundle
    for before, after in ((None, None), (found, found)):  # its networks read none
        bundle = replace(init, lemmas=before)
        assert lemma_reliability(with_init(config, bundle), bundle, TRAIN) == after
    assert found is not None
    assert found.dictionary == {"en": digest_of("en")}
