"""What an engine says of every tag is what tagging with all probabilities says."""

import numpy as np
import pytest
import torch
from torch import nn

from tagger.bundle.bundle import Member
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Request
from tagger.tagging.engine import Engine
from tests.conftest import CORPUS, TOKENS, make_network

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], [], ["unknown", "x" * 60], ["reads"] * 9]
TEMPERATURES = {"upos": 1.7, "xpos": 0.6}


def make_engine(vocabulary: Vocabulary, decoder: str, temperatures: dict[str, float] | None = None) -> Engine:
    network = make_network(vocabulary, decoder=decoder)
    torch.manual_seed(5)
    for parameter in network.decoders.parameters():
        nn.init.normal_(parameter)
    return Engine([Member(network, vocabulary)], vocabulary, temperatures=temperatures)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("fixed_shapes", [False, True])
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_log_probabilities_are_those_that_tagging_gives(
    vocabulary: Vocabulary, decoder: str, fixed_shapes: bool
) -> None:
    engine = make_engine(vocabulary, decoder, TEMPERATURES)
    plain = make_engine(vocabulary, decoder).log_probabilities(SENTENCES, fixed_shapes=fixed_shapes)
    without = engine.log_probabilities(SENTENCES, calibrated=False, fixed_shapes=fixed_shapes)
    for column, each in engine.log_probabilities(SENTENCES, fixed_shapes=fixed_shapes).items():
        size = len(vocabulary.tags[column])
        tags = engine.tag(SENTENCES, Request(top=size, probabilities=True), fixed_shapes)[column]
        expected = np.empty(each.shape)
        np.put_along_axis(expected, tags.ids, tags.probabilities, axis=1)
        assert each.shape == (sum(map(len, SENTENCES)), size)
        assert np.allclose(each.exp().numpy(), expected, atol=2e-6)
        assert expected.std(axis=0).min() > 1e-3  # they differ from token to token
        assert torch.equal(without[column], plain[column])
        assert not torch.allclose(plain[column], each, atol=0.01)


def test_some_columns_nothing_and_gradients(vocabulary: Vocabulary) -> None:
    engine = make_engine(vocabulary, "softmax")
    assert list(engine.log_probabilities(SENTENCES, columns=["xpos"])) == ["xpos"]
    assert engine.log_probabilities([[], []])["upos"].shape == (0, len(vocabulary.tags["upos"]))
    targets = engine.log_probabilities(SENTENCES)["upos"].exp()
    scores = torch.zeros_like(targets, requires_grad=True)
    nn.functional.cross_entropy(scores, targets).backward()  # autograd keeps the targets
    assert scores.grad is not None


@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_scripts_of_known_forms_need_no_scores(fixed_shapes: bool) -> None:
    corpus = [{**s, "lemma": [f"{token.lower()[i % 3 :]}x" for i, token in enumerate(s["tokens"])]} for s in CORPUS]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    counts = [len(ids) for ids in vocabulary.form_tags["lemma"]]
    assert min(counts) == 1 < max(counts)  # some forms have one script, some several
    engine = Engine([Member(make_network(vocabulary), vocabulary)], vocabulary)
    plain = engine.tag(SENTENCES, Request(), fixed_shapes)
    weighed = engine.tag(SENTENCES, Request(probabilities=True), fixed_shapes)
    for column in ("upos", "lemma"):
        assert plain[column].ids[:, 0].tolist() == weighed[column].ids[:, 0].tolist()
    alone = engine.tag([["flights"]], Request(["lemma"]), fixed_shapes)  # nothing is left to be scored
    assert alone["lemma"].ids.shape == (1, 1)
