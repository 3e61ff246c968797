"""What an engine says of every tag is what tagging with all probabilities says."""

import numpy as np
import pytest
import torch
from torch import nn

from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Request
from tagger.tagging.engine import Engine
from tagger.tagging.tagger_options import TaggerOptions
from tests.conftest import CORPUS, TOKENS, bundle_of, make_network

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], [], ["unknown", "x" * 60], ["reads"] * 9]
TEMPERATURES = {"upos": 1.7, "xpos": 0.6}
OPTIONS = TaggerOptions("cpu", "float32")


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("fixed_shapes", [False, True])
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_probabilities_are_those_of_the_scores_at_the_temperature_of_a_column(
    vocabulary: Vocabulary, decoder: str, fixed_shapes: bool
) -> None:
    network = make_network(vocabulary, decoder=decoder)
    torch.manual_seed(5)
    for parameter in network.decoders.parameters():
        nn.init.normal_(parameter)
    engine = Engine(bundle_of(network, vocabulary, temperatures=TEMPERATURES), OPTIONS)
    batches = engine.weighed(engine.score(SENTENCES))
    order = np.argsort(np.concatenate([batch.tokens for batch in batches]))
    for column, temperature in TEMPERATURES.items():
        of_column = engine.decoders[column]
        logs = [of_column.log_probabilities(batch.scores[column], batch.counts, temperature) for batch in batches]
        shares = torch.cat(logs).exp().numpy(force=True)[order]
        request = Request(top=shares.shape[1], probabilities=True)
        tags = engine.tag(SENTENCES, request, fixed_shapes)[column]
        expected = np.empty(shares.shape)
        np.put_along_axis(expected, tags.ids, tags.probabilities, axis=1)
        assert np.allclose(shares, expected, atol=2e-6)
        assert expected.std(axis=0).min() > 1e-3  # they differ from token to token


@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_scripts_of_known_forms_need_no_scores(fixed_shapes: bool) -> None:
    corpus = [{**s, "lemma": [f"{token.lower()[i % 3 :]}x" for i, token in enumerate(s["tokens"])]} for s in CORPUS]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    counts = [len(ids) for ids in vocabulary.form_tags["lemma"]]
    assert min(counts) == 1 < max(counts)  # some forms have one script, some several
    engine = Engine(bundle_of(make_network(vocabulary), vocabulary), OPTIONS)
    plain = engine.tag(SENTENCES, Request(), fixed_shapes)
    weighed = engine.tag(SENTENCES, Request(probabilities=True), fixed_shapes)
    for column in ("upos", "lemma"):
        assert plain[column].ids[:, 0].tolist() == weighed[column].ids[:, 0].tolist()
    alone = engine.tag([["flights"]], Request(["lemma"]), fixed_shapes)  # nothing is left to be scored
    assert alone["lemma"].ids.shape == (1, 1)
