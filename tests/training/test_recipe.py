"""What the size of a corpus decides, and that it decides nothing that was set."""

from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from tagger.corpus.splits import Corpus
from tagger.training.auxiliary import text_ratio
from tagger.training.fit_segmenter import steps_for
from tagger.training.start import frozen_epochs, with_dictionary, with_recipe
from tests.pretrained.encoders import load
from tests.training.test_config import composed

TEACHER, TEXT = "distill.teacher=TEACHER", "distill.text=FILE"


@pytest.mark.parametrize(
    ("keys", "small", "large"),
    [
        ((), (20, 250, 0.6, 10), (10, 500, 0.5, 5)),
        (("experiment=multilingual",), (15, 250, 0.5, 8), (6, 500, 0.5, 5)),
        ((TEACHER, TEXT), (18, 500, 0.1, 9), (8, 1000, 0.1, 5)),
        (("trainer.max_epochs=3", "batch_tokens=70", "model.dropout=0.1", "patience=2"), *2 * [(3, 70, 0.1, 2)]),
    ],
)
def test_epochs_batches_dropout_and_patience(
    keys: tuple[str, ...], small: tuple[object, ...], large: tuple[object, ...]
) -> None:
    for words, expected in ((20_000, small), (200_000, large)):
        made = with_recipe(composed("corpus=conllu", *keys), words)
        assert (made.trainer["max_epochs"], made.batch_tokens, made.model.dropout, made.patience) == expected
    assert [text_ratio(words) for words in (5_000, 25_000, 200_000)] == [20, 4, 4]


@pytest.mark.parametrize(
    ("keys", "weight"),
    [
        ((), 0.35),
        (("linear=0.2", "init=FOLDER"), 0.2),
        (("init=FOLDER",), None),  # the tagger keeps its own
        (("experiment=multilingual",), 0),
        ((TEACHER, TEXT), 0),
        ((TEACHER,), 0.35),
    ],
)
def test_a_network_without_pretrained_parts_gets_a_linear_member(keys: tuple[str, ...], weight: float | None) -> None:
    assert with_recipe(composed("corpus=conllu", *keys), 20_000).linear == weight


@pytest.mark.parametrize(("tune", "expected"), [(4, [0, 1, 2, 4, 10]), (True, 5 * [0])])
def test_tuned_layers_learn_in_the_last_third(bert: Path, tune: bool | int, expected: list[int]) -> None:
    _, _, described = load(bert, tune=tune)
    assert [frozen_epochs(described, epochs) for epochs in (1, 2, 3, 6, 15)] == expected
    assert frozen_epochs(None, 6) == 0


def test_a_segmenter_takes_fewer_steps_on_a_small_text() -> None:
    assert [steps_for(units) for units in (1_000, 15_000, 50_000, 2_000_000)] == [65, 431, 1000, 6000]


GERMAN = ["Die Häuser der Nachbarn standen leer", "Sie gingen gestern mit den Kindern spazieren"]
DEV = ["Kinder spielten bei den Nachbarn", "Das Haus steht leer"]


def corpus_of(name: str, train: list[str] = GERMAN, dev: list[str] = DEV) -> Corpus:
    splits = {"train": train, "dev": dev}
    made = {split: Dataset.from_dict({"tokens": [text.split() for text in texts]}) for split, texts in splits.items()}
    return Corpus(name, DatasetDict(made), "unicode")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("UD_German-GSD", ["de"]),
        ("my letters", ["de"]),  # as the finder of languages says
        ("UD_Turkish-BOUN", None),  # whose dictionary knows too few of the words
        ("UD_Afrikaans-AfriBooms", None),  # which has none
        ("UD_German-GSD + UD_French-GSD", None),  # of several languages
    ],
)
def test_the_dictionary_is_that_of_the_language(name: str, codes: list[str] | None) -> None:
    assert with_dictionary(composed("corpus=conllu"), corpus_of(name)).embedding.dictionary == codes


def test_the_dictionary_that_knows_more_is_asked_first() -> None:
    for dev, codes in (("husene bøkene jentene", ["nb", "nn"]), ("husa bøkene jentene kjem ikkje", ["nn", "nb"])):
        made = with_dictionary(composed("corpus=conllu"), corpus_of("UD_Norwegian-Nynorsk", ["og"], [dev]))
        assert made.embedding.dictionary == codes


@pytest.mark.parametrize("value", ["null", "fr", "[fr,de]"])
def test_a_dictionary_that_is_named_stays(value: str) -> None:
    config = composed("corpus=conllu", f"embedding.dictionary={value}")
    assert with_dictionary(config, corpus_of("UD_German-GSD")) == config
