"""Networks on another device beside linear chains, a dictionary and rules, which stay on the processor."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from tagger.bundle.bundle import Linear
from tagger.model.decoder import Decoder, mean_decoder
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import tagger_options
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, LEMMAS, bundle_of, make_network, overfit
from tests.model.test_linear_chain import make_chain
from tests.second_device import DEVICE, SecondDevice
from tests.tagging.test_unseen_lemmas import MICE, reliability

COLUMNS = ["upos", "xpos", "lemma"]
SENTENCES = [MICE, ["They", "book", "🙂", "Xyzzyland", "."], ["GEESE"], [], ["the", "Flights"], *[["It", "reads"]] * 8]


@pytest.fixture
def no_inference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tensors cannot be wrapped."""
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)
    monkeypatch.setattr(tagger_options, "choose_device", str)


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.usefixtures("no_inference_mode")
def test_tags_are_the_same(decoder: str, column: str) -> None:
    corpus = [{**sentence, "lemma": found} for sentence, found in zip(CORPUS, LEMMAS, strict=True)]
    vocabulary = Vocabulary.build(corpus, COLUMNS, min_count=1)
    network = make_network(vocabulary, decoder=decoder)
    overfit(network, vocabulary, 20, corpus)
    chain = make_chain([*MICE, ""], 1, len(vocabulary.tags[column]))
    bundle = replace(
        bundle_of(network, vocabulary, temperatures=dict.fromkeys(COLUMNS, 1.5)),
        linear=(Linear(column, chain, 0.3),),
        lemmas=reliability(60),
    )

    def found(device: str, **options: Any) -> list[Sentence]:
        tagger = Tagger(bundle, TaggerOptions(device, "float32"))
        given = [Sentence(list(tokens), {"upos": ["_"] * len(tokens)}) for tokens in SENTENCES]
        given[0].tags["upos"][2] = "VERB"
        return list(tagger.stream(given, **options))

    for options in ({}, {"probabilities": True, "top": 3}, {"keep": True}, {"columns": ["lemma"]}):
        here = found("cpu", **options)
        with SecondDevice():
            assert found(DEVICE, **options) == here
        network.to("cpu")


def test_transitions_of_two_devices_are_averaged(vocabulary: Vocabulary) -> None:
    chain = make_chain([*MICE, ""], 1, len(vocabulary.tags["upos"]))
    for decoder in ("softmax", "crf"):
        own = make_network(vocabulary, decoder=decoder).decoders["upos"].to("meta")
        assert isinstance(own, Decoder)
        mean_decoder([own, chain.decoder], [0.65, 0.35])
        mean_decoder([chain.decoder, chain.decoder], [0.65, 0.35])
