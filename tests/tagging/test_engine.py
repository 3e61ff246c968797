"""The engine gives what the network gives, whatever is tagged together and whatever it remembers."""

import copy
import dataclasses
import os
import pickle
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tagger
from tagger.bundle.bundle import Member
from tagger.model.batch import Batch
from tagger.model.decoder import Decoded
from tagger.model.encoder import CELLS
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import batches
from tagger.tagging.decoding import Request
from tagger.tagging.engine import Engine
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tests.conftest import TOKENS, make_batch, make_network

SENTENCES = [
    *TOKENS,
    ["book", "the", "flights", "they", "book", "Well", "."],
    ["unknown", "words", "x" * 60, "", "\ud800"],
    ["They"],
    ["reads"] * 9,
]


def make_engine(network: TaggerNetwork, vocabulary: Vocabulary, **options: Any) -> Engine:
    return Engine([Member(network, vocabulary)], vocabulary, **options)


def scores_of(engine: Engine, sentences: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """For each column the scores (logits) of all tokens, (tokens, K), sentence after sentence."""
    found = engine.batches(sentences)
    order = torch.from_numpy(np.argsort(np.concatenate([batch.tokens for batch in found])))
    return {c: torch.cat([batch.scores[c] for batch in found])[order] for c in engine.vocabulary.columns}


def expected_scores(network: TaggerNetwork, vocabulary: Vocabulary, batch: Batch | None = None) -> dict[str, Tensor]:
    """What the network says of every token, sentence after sentence."""
    batch = make_batch(SENTENCES, vocabulary) if batch is None else batch
    with torch.inference_mode():
        scores = network(batch)
    here = (torch.arange(int(batch.lengths.max()))[:, None] < batch.lengths).T  # (B, T)
    return {column: values.transpose(0, 1)[here] for column, values in scores.items()}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "hidden",
    [
        {"forward": 8, "backward": 6},
        {"forward": [3, 0], "backward": [0, 5]},
        {"forward": 4, "backward": 0},
        {"forward": [4, 7], "backward": [9, 2]},
    ],
)
def test_scores_are_those_of_the_network(vocabulary: Vocabulary, cell: str, hidden: Any) -> None:
    network = make_network(vocabulary, cell=cell, hidden=hidden)
    scores = scores_of(make_engine(network, vocabulary), SENTENCES)
    for column, expected in expected_scores(network, vocabulary).items():
        assert scores[column].shape == expected.shape
        assert (scores[column] - expected).abs().max() < 1e-5
        assert expected.std(dim=0).min() > 1e-3  # the scores differ from token to token


@pytest.mark.usefixtures("small_windows")
def test_batches_have_the_scores_of_all_tokens(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary)
    expected = expected_scores(network, vocabulary)
    found = make_engine(network, vocabulary).batches(SENTENCES)
    assert len(found) > 1
    for batch in found:
        assert len(batch.tokens) == sum(batch.counts)
        for column, scores in batch.scores.items():
            torch.testing.assert_close(scores, expected[column][batch.tokens])
    assert sorted(np.concatenate([batch.tokens for batch in found])) == list(range(sum(map(len, SENTENCES))))


def test_reduced_precision_is_near(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary)
    expected = expected_scores(network, vocabulary)["upos"]
    reduced = scores_of(make_engine(network, vocabulary, precision="bfloat16"), SENTENCES)["upos"]
    assert 1e-5 < (reduced - expected).abs().max() < 0.05


def test_batches_cuts_and_memory_change_nothing(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(vocabulary, seed=4, hidden={"forward": 16, "backward": 16})
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(40) for sentence in SENTENCES]
    request = Request(top=3, probabilities=True)
    whole = make_engine(network, vocabulary).tag(sentences, request)
    monkeypatch.setattr(batches, "BATCH_TOKENS", 30)
    small = make_engine(network, vocabulary, cache_size=20)
    for _ in range(2):
        found = small.tag([[], *sentences, []], request)
        for column, (ids, probabilities) in whole.items():
            assert np.array_equal(found[column].ids, ids)
            assert probabilities is not None
            assert np.allclose(found[column].probabilities, probabilities, atol=1e-5)  # type: ignore[arg-type]
    assert len(small.groups[0].cache.values) <= 20


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("bfloat16", 0.05)])
@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_scores_of_a_sentence_are_near_those_within_a_list(
    vocabulary: Vocabulary, precision: str, tolerance: float, cell: str
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": 48, "backward": 40}, words=40, chars=24)
    engine = make_engine(network, vocabulary, precision=precision)
    sentences = SENTENCES * 20
    together = scores_of(engine, sentences)["upos"]
    alone = torch.cat([scores_of(engine, [sentence])["upos"] for sentence in sentences])
    assert torch.allclose(together, alone, atol=tolerance)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_the_same_list_gives_the_same_numbers_whatever_was_tagged_before(
    vocabulary: Vocabulary, precision: str, cell: str
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": 48, "backward": 40}, words=40, chars=24)
    fresh = make_engine(network, vocabulary, precision=precision)
    used = make_engine(network, vocabulary, precision=precision, cache_size=45)
    for sentences in (SENTENCES * 20, SENTENCES, SENTENCES[:1], SENTENCES * 20):
        used.tag([[f"new{i}" for i in range(17)], *SENTENCES[::-1]], Request())
        assert torch.equal(scores_of(used, sentences)["xpos"], scores_of(fresh, sentences)["xpos"])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("cell", ["gru", "mingru", "lstm"])
def test_what_is_remembered_of_a_form_depends_on_the_form_alone(
    vocabulary: Vocabulary, precision: str, cell: str
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": 48, "backward": 40}, words=40, chars=24)
    forms = ["They", "x" * 16, "x" * 17, "", "new", *(f"{i}" * (1 + i % 40) for i in range(200))]

    def remembered(lists: list[list[str]]) -> Tensor:
        engine = make_engine(network, vocabulary, precision=precision)
        with torch.inference_mode():
            for each in lists:
                engine.groups[0].cache.rows(each)
            return engine.groups[0].cache.values[torch.from_numpy(engine.groups[0].cache.rows(forms))]

    expected = remembered([[form] for form in forms])
    assert torch.equal(remembered([forms]), expected)
    assert torch.equal(remembered([forms[::-1]]), expected)
    assert torch.equal(remembered([["a", "x" * 30, *forms[7:90]], forms[50:]]), expected)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_memory_held_before_does_no_harm(
    vocabulary: Vocabulary, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(vocabulary, hidden={"forward": 48, "backward": 40})
    expected = make_engine(network, vocabulary, precision=precision).states(SENTENCES * 20)

    def nan(like: Tensor, *size: Any, **options: Any) -> Tensor:
        return like.new_full(size if isinstance(size[0], int) else size[0], float("nan"), **options)

    monkeypatch.setattr(Tensor, "new_empty", nan)
    assert np.array_equal(make_engine(network, vocabulary, precision=precision).states(SENTENCES * 20), expected)


def test_a_copy_of_an_engine_computes_on_its_own(vocabulary: Vocabulary) -> None:
    engine = make_engine(make_network(vocabulary), vocabulary, precision="bfloat16")
    expected = engine.states(SENTENCES)
    for copied in (copy.deepcopy(engine), pickle.loads(pickle.dumps(engine))):
        assert copied.groups[0].cache.computed == 0
        assert np.array_equal(copied.states(SENTENCES), expected)
        assert np.array_equal(engine.states(SENTENCES), expected)


def test_several_columns_get_tags_that_training_has_together(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, seed=4)
    free = make_engine(network, dataclasses.replace(vocabulary, combinations=[])).tag(SENTENCES, Request())
    engine = make_engine(network, vocabulary)
    known = set(map(tuple, vocabulary.combinations))
    for top, columns in ((1, ["upos", "xpos"]), (2, ["upos", "xpos"])):
        found = engine.tag(SENTENCES, Request(columns, top, top > 1))
        pairs = list(zip(*(found[column].ids[:, 0].tolist() for column in columns), strict=True))
        before = list(zip(*(free[column].ids[:, 0].tolist() for column in columns), strict=True))
        assert set(pairs) <= known
        assert not set(before) <= known
        assert all(pair == other for pair, other in zip(pairs, before, strict=True) if other in known)
    swapped = engine.tag(SENTENCES, Request(["xpos", "upos"]))
    together = engine.tag(SENTENCES, Request())
    assert all(np.array_equal(swapped[column].ids, together[column].ids) for column in free)
    for column in free:  # one alone is free
        assert np.array_equal(engine.tag(SENTENCES, Request([column]))[column].ids, free[column].ids)


def test_columns_and_nothing(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary)
    engine = make_engine(network, vocabulary)
    assert list(engine.tag(SENTENCES, Request(["xpos"]))) == ["xpos"]
    assert len(engine.tag(SENTENCES, Request(["xpos"]))["xpos"].ids) == sum(map(len, SENTENCES))
    for nothing in ([], [[], []]):
        found = engine.tag(nothing, Request(top=2, probabilities=True))["upos"]
        assert found.ids.shape == (0, 2)
        assert found.probabilities is not None
        assert len(found.probabilities) == 0


def test_known_forms_are_not_computed_again(vocabulary: Vocabulary) -> None:
    engine = make_engine(make_network(vocabulary), vocabulary)
    engine.tag(SENTENCES, Request())
    distinct = len({form for sentence in SENTENCES for form in sentence})
    assert engine.groups[0].cache.computed == distinct
    engine.tag(SENTENCES[::-1], Request())
    assert engine.groups[0].cache.computed == distinct


def test_fresh_words_do_not_grow_the_cache(vocabulary: Vocabulary) -> None:
    engine = make_engine(make_network(vocabulary), vocabulary, cache_size=100)
    fresh = map(str, count())
    for _ in range(50):
        engine.tag([["They", *(next(fresh) for _ in range(20))]], Request())
    assert len(engine.groups[0].cache.values) <= 100
    assert engine.groups[0].cache.computed == 1001  # "They" has been kept all along


def test_bfloat16_on_a_treebank() -> None:
    """At most 0.2 % of the tags differ and accuracy changes by at most 0.05 points, on half of EWT's dev."""
    folder = os.environ.get("TAGGER_TREEBANKS")
    if not folder:
        pytest.skip("TAGGER_TREEBANKS is not set to a folder with UD_English-EWT")
    path = str(next(Path(folder, "UD_English-EWT").glob("*dev.conllu")))
    sentences = [sentence for sentence in read_conllu(read_lines(path), path) if sentence.tokens][::2]
    tokens = [sentence.tokens for sentence in sentences]
    exact, reduced = (tagger.load("english", "cpu", precision) for precision in ("float32", "bfloat16"))
    for column in exact.columns:
        gold = np.array([tag for sentence in sentences for tag in sentence.tags[column]])
        found = [np.concatenate([np.array(t) for t in each.tag_sentences(tokens, column)]) for each in (exact, reduced)]
        assert np.mean(found[0] != found[1]) <= 0.002
        assert abs(np.mean(found[0] == gold) - np.mean(found[1] == gold)) <= 0.0005


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("cell", "decoder"),
    [*((cell, "softmax") for cell in ("rnn_scratch", "gru_scratch", "mingru", "rnn", "gru", "lstm")), ("gru", "crf")],
)
def test_with_fixed_shapes_a_sentence_has_the_same_scores_to_the_bit_whatever_is_beside_it(
    vocabulary: Vocabulary, cell: str, decoder: str, precision: str
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": [13, 24], "backward": [24, 17]}, decoder=decoder)
    torch.manual_seed(5)
    for parameter in network.decoders.parameters():
        nn.init.normal_(parameter)
    engine = make_engine(network, vocabulary, precision=precision)
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(40) for sentence in SENTENCES]
    top = len(vocabulary.tags["upos"])

    def fixed(some: Sequence[Sequence[str]]) -> dict[str, Decoded]:
        return engine.tag(some, Request(top=top, probabilities=True), fixed_shapes=True)

    whole = fixed(sentences)
    ends = np.cumsum([len(sentence) for sentence in sentences])
    for i in (0, 1, 57, 130, len(sentences) - 1):
        start, end = ends[i] - len(sentences[i]), ends[i]
        for some, place in (([sentences[i]], 0), ([["book"] * 50, sentences[i], ["They"]], 50)):
            alone = fixed(some)
            for column, decoded in whole.items():
                here = slice(place, place + len(sentences[i]))
                assert np.array_equal(alone[column].ids[here], decoded.ids[start:end])
                assert alone[column].probabilities is not None
                assert decoded.probabilities is not None
                assert np.array_equal(alone[column].probabilities[here], decoded.probabilities[start:end])


@pytest.mark.parametrize("cell", ["rnn_scratch", "mingru", "gru", "lstm"])
def test_fixed_shapes_compute_what_batches_compute(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": [8, 5], "backward": [6, 0]})
    engine = make_engine(network, vocabulary)
    sentences = SENTENCES * 30
    fixed, plain = (
        engine.tag(sentences, Request(top=3, probabilities=True), fixed_shapes=fixed)["upos"] for fixed in (True, False)
    )
    assert fixed.probabilities is not None
    assert plain.probabilities is not None
    assert np.allclose(fixed.probabilities, plain.probabilities, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
def test_a_tagger_that_is_told_the_corpus(vocabulary: Vocabulary, cell: str, precision: str, tolerance: float) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network = make_network(several, cell=cell)
    assert network.corpora is not None
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    untold = expected_scores(network, several)["upos"]
    for number, corpus in enumerate([None, "a", "b"]):
        batch = make_batch(SENTENCES, several)
        batch.corpora = torch.full((len(SENTENCES),), number)
        expected = expected_scores(network, several, batch)["upos"]
        engine = make_engine(network, several, corpus=corpus, precision=precision)
        assert (scores_of(engine, SENTENCES)["upos"] - expected).abs().max() < tolerance
        assert ((expected - untold).abs().max() > 1e-3) == (number > 0)
