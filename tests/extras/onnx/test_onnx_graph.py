"""The ONNX graph gives the scores and the tags that the tagger gives, for all networks, lengths and padding."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tagger.bundle.bundle import Bundle, Member
from tagger.extras.onnx.onnx_graph import input_shapes, network_graph, scores_name
from tagger.model.encoder import CELLS
from tagger.model.network import TaggerNetwork, share_pretrained
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.sentence import Sentence
from tests.conftest import TOKENS, make_batch, make_network

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

SENTENCES = [*TOKENS, ["unknown", "words", "x" * 60, "", "\ud800"], ["They"], ["reads", "well"] * 9]
VECTORS = {"sizes": [3, 4], "projection": 0, "tune": False, "dtype": "float16"}


def computed(
    model: Any, members: Sequence[Member], vocabulary: Vocabulary, sentences: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    """The outputs of a graph for sentences whose padding holds random ids of words, affixes, characters and vectors."""
    batch = make_batch(sentences, vocabulary)
    here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T.numpy()  # (B, T)
    random = np.random.default_rng(1)
    feeds = {"lengths": batch.lengths.numpy().astype(np.int32)}
    for name in input_shapes(members).keys() - {"lengths"}:
        values = batch.features[name].numpy()
        padded = values[batch.index.T.numpy()].astype(np.int32)
        padded[~here] = random.integers(0, values.max() + 1, padded[~here].shape)
        feeds[name] = padded
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return {name: found[here] for name, found in zip(names, session.run(names, feeds), strict=True)}


def alone(network: TaggerNetwork, vocabulary: Vocabulary) -> list[Member]:
    return [Member(network, vocabulary)]


def check(members: Sequence[Member], corpus: str | None = None) -> None:
    """Compares all outputs with the mean of the networks' scores and with the tagger's tags."""
    vocabulary = members[0].vocabulary
    number = 0 if corpus is None else vocabulary.corpus_ids[corpus]
    model = network_graph(members, vocabulary.columns, vocabulary.combinations, number)
    found = computed(model, members, vocabulary, SENTENCES)
    batch = make_batch(SENTENCES, vocabulary)
    if vocabulary.corpora:
        batch.corpora = torch.full((len(SENTENCES),), number)
    here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T
    with torch.inference_mode():
        scores = [member.network(batch).scores for member in members]
    for column in vocabulary.columns:
        shares = [member.weight / member.temperatures.get(column, 1.0) for member in members]
        expected = sum(share * each[column] for share, each in zip(shares, scores, strict=True))
        assert np.abs(found[scores_name(column)] - expected.transpose(0, 1)[here].numpy()).max() < 1e-5
    reader = Tagger(Bundle(tuple(members), "english", {}), TaggerOptions("cpu", "float32", corpus=corpus))
    read = reader.engine.as_read(SENTENCES)  # a graph has no say in this, nor in the next line
    reader.engine.symbols.find = lambda forms: {}  # type: ignore[method-assign]
    found = computed(model, members, vocabulary, read)
    tagged = list(reader.stream(map(Sentence, SENTENCES)))
    for place, column in enumerate(vocabulary.columns):
        names = [vocabulary.tags[column][tag] for tag in found["tags"][:, place]]
        assert names == [tag for sentence in tagged for tag in sentence.tags[column]]


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
def test_every_cell_and_direction(vocabulary: Vocabulary, cell: str, hidden: Mapping[str, Any]) -> None:
    check(alone(make_network(vocabulary, cell=cell, hidden=hidden), vocabulary))


@pytest.mark.parametrize(
    ("changes", "inputs"),
    [
        ({}, ["words", "affixes", "characters"]),
        ({"affixes": 0}, ["words", "characters"]),
        ({"words": 0, "affixes": 0}, ["characters"]),
        ({"vectors": VECTORS}, ["words", "affixes", "characters", "vectors"]),
        ({"vectors": {**VECTORS, "projection": 5, "dtype": "float32"}, "chars": 0}, ["words", "affixes", "vectors"]),
    ],
)
def test_every_part_of_the_embedding(vocabulary: Vocabulary, changes: dict[str, Any], inputs: list[str]) -> None:
    rows = {"a": {"book": 0, "They": 1}, "b": {"well": 1, "they": 0, "x": 2}}
    known = dataclasses.replace(vocabulary, vectors=rows) if "vectors" in changes else vocabulary
    network = make_network(known, **changes)
    vectors = network.embedding.vectors
    if vectors is not None:
        torch.nn.init.normal_(vectors.missing)
        vectors.fill(0, torch.randn(2, 3))
        vectors.fill(1, torch.randn(3, 4))
    assert list(input_shapes(alone(network, known))) == [*inputs, "lengths"]
    check(alone(network, known))


def test_the_scores_of_several_networks_are_averaged(vocabulary: Vocabulary) -> None:
    known = dataclasses.replace(vocabulary, vectors={"a": {"book": 0, "They": 1}})
    config = {"vectors": {**VECTORS, "sizes": [3], "projection": 5}}
    first, second = make_network(known, 1, **config), make_network(known, 2, depth=1, **config)
    assert first.embedding.vectors is not None
    first.embedding.vectors.fill(0, torch.randn(2, 3))
    share_pretrained([first, second])
    members = [Member(first, known, weight=0.75, temperatures={"upos": 2.0}), Member(second, known, weight=0.25)]
    check(members)
    names = [each.name for each in network_graph(members, known.columns, []).graph.initializer]
    assert len(set(names)) == len(names)
    assert [name for name in names if "embedding.vectors.0" in name] == ["embedding.vectors.0"]


def test_the_corpus_that_the_network_is_told(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network = make_network(several)
    assert network.corpora is not None
    torch.nn.init.normal_(network.corpora.weight[1:])
    for corpus in (None, "a", "b"):
        check(alone(network, several), corpus)


def test_tags_are_combinations_of_training(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, seed=7)
    members = alone(network, vocabulary)
    apart = computed(network_graph(members, vocabulary.columns, []), members, vocabulary, SENTENCES)
    for place, column in enumerate(vocabulary.columns):
        assert np.array_equal(apart["tags"][:, place], apart[scores_name(column)].argmax(axis=1))
    known = {tuple(tags) for tags in vocabulary.combinations}
    assert not {tuple(tags) for tags in apart["tags"].tolist()} <= known  # so the choice together changes some
    model = network_graph(members, vocabulary.columns, vocabulary.combinations)
    assert {tuple(tags) for tags in computed(model, members, vocabulary, SENTENCES)["tags"].tolist()} <= known
    check(alone(network, dataclasses.replace(vocabulary, combinations=[])))


def test_what_the_file_says_of_itself(vocabulary: Vocabulary) -> None:
    model = network_graph(alone(make_network(vocabulary), vocabulary), vocabulary.columns, [], about={"license": "CC0"})
    onnx.checker.check_model(model, full_check=True)
    assert {each.key: each.value for each in model.metadata_props} == {"license": "CC0"}
    assert model.ir_version == 8
    assert [each.version for each in model.opset_import] == [17]
