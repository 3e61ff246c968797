"""What the size of a corpus decides, and that it decides nothing that was set."""

from pathlib import Path

import pytest

from tagger.training.config import TrainConfig
from tagger.training.recipe import epochs_for, frozen_epochs, text_ratio, with_recipe
from tests.pretrained.encoders import load
from tests.training.test_config import composed


def chosen(config: TrainConfig, words: int) -> tuple[object, ...]:
    made = with_recipe(config, words)
    return made.trainer["max_epochs"], made.batch_tokens, made.model.dropout, made.patience


def test_a_small_corpus_is_read_more_often_in_smaller_batches_with_more_dropout() -> None:
    config = composed("corpus=conllu")
    assert chosen(config, 20_000) == (20, 250, 0.6, 10)
    assert chosen(config, 200_000) == (10, 500, 0.5, 5)


def test_more_words_never_mean_more_epochs() -> None:
    epochs = [epochs_for(words) for words in range(1000, 3_000_000, 10_000)]
    assert all(epochs_for(words, encoder=True) <= epochs_for(words) for words in range(1000, 3_000_000, 10_000))
    assert epochs == sorted(epochs, reverse=True)


def test_a_key_that_is_taken_away_is_decided_too() -> None:
    config = composed("corpus=conllu", "experiment=best", "~trainer.max_epochs")
    assert with_recipe(config, 20_000).trainer["max_epochs"] == 15


def test_what_is_set_stays() -> None:
    sizes = ["model.hidden.forward=7", "model.hidden.backward=[3,4]"]
    others = ["trainer.max_epochs=3", "batch_tokens=70", "model.dropout=0.1", "patience=2", "linear=0.2"]
    config = composed("corpus=conllu", *sizes, *others)
    assert chosen(config, 20_000) == (3, 70, 0.1, 2)
    assert with_recipe(config, 20_000) == config


def test_a_pretrained_encoder_needs_fewer_epochs_and_less_dropout() -> None:
    config = composed("corpus=conllu", "experiment=multilingual")
    assert chosen(config, 20_000) == (15, 250, 0.5, 8)
    assert chosen(config, 200_000) == (6, 500, 0.5, 5)


def test_a_student_with_text_reads_larger_epochs_fewer_times() -> None:
    text = ["distill.teacher=TEACHER", "distill.text=FILE"]
    assert chosen(composed("corpus=conllu", *text), 200_000) == (8, 1000, 0.1, 5)
    assert chosen(composed("corpus=conllu", *text), 20_000) == (18, 500, 0.1, 9)
    assert chosen(composed("corpus=conllu", text[0]), 200_000) == (10, 500, 0.5, 5)  # a teacher alone


@pytest.mark.parametrize(("words", "ratio"), [(5_000, 20), (25_000, 4), (200_000, 4)])
def test_an_epoch_of_a_student_has_enough_text(words: int, ratio: float) -> None:
    assert text_ratio(words) == ratio


@pytest.mark.parametrize(
    ("keys", "weight"),
    [
        ((), 0.35),
        (("linear=0.2", "init=FOLDER"), 0.2),
        (("init=FOLDER",), None),  # the tagger keeps its own
        (("experiment=multilingual",), 0),
        (("experiment=multilingual", "linear=0.1"), 0.1),
        (("distill.teacher=TEACHER", "distill.text=FILE"), 0),
        (("distill.teacher=TEACHER",), 0.35),
    ],
)
def test_a_network_without_pretrained_parts_gets_a_linear_member(keys: tuple[str, ...], weight: float | None) -> None:
    assert with_recipe(composed("corpus=conllu", *keys), 20_000).linear == weight


@pytest.mark.parametrize(
    ("tune", "expected"), [(4, [0, 1, 2, 4, 10]), (True, [0, 0, 0, 0, 0]), (False, [0, 0, 0, 0, 0])]
)
def test_tuned_layers_learn_in_the_last_third(bert: Path, tune: bool | int, expected: list[int]) -> None:
    _, _, described = load(bert, tune=tune)
    assert [frozen_epochs(described, epochs) for epochs in (1, 2, 3, 6, 15)] == expected
    assert frozen_epochs(None, 6) == 0
