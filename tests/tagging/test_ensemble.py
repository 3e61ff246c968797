"""A tagger of several networks says the weighted mean of what they say, however it is asked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tagger
from tagger.bundle.bundle import Bundle
from tagger.bundle.ensemble import join
from tagger.model.decoder import CRFDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import batches, workers
from tagger.tagging.decoding import Request
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.bundle.test_vocabularies import reversed_tags
from tests.conftest import CORPUS, TOKENS, bundle_of, make_batch, make_network

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "x" * 60], ["reads"] * 9]
WEIGHTS = [0.5, 0.3, 0.2]


def made(vocabulary: Vocabulary, seed: int, temperature: float = 1.0, **changes: object) -> Bundle:
    network = make_network(vocabulary, seed, **changes)
    for decoder in network.decoders.values():
        if isinstance(decoder, CRFDecoder):
            nn.init.normal_(decoder.transitions)
    for head in network.heads.values():
        nn.init.normal_(head.weight)  # type: ignore[arg-type]
    return bundle_of(network, vocabulary, temperatures=dict.fromkeys(vocabulary.columns, temperature))


@pytest.fixture(scope="module")
def members(vocabulary: Vocabulary) -> list[Bundle]:
    """Three taggers that differ in sizes, cell, temperature and in the order of their tags."""
    return [
        made(vocabulary, 1, 2.0),
        made(reversed_tags(vocabulary), 2, 0.7, hidden={"forward": 5, "backward": 0}),
        made(vocabulary, 3, cell="lstm", depth=1, words=0, chars=9),
    ]


@pytest.fixture(scope="module")
def ensemble(members: list[Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble") / "all"
    join(members, WEIGHTS).save(folder, "# card\n")
    return folder


def load(folder: Path, count: int = 1) -> Tagger:
    return tagger.load(folder, "cpu", "float32", workers=count)


def log_probabilities(bundle: Bundle, column: str, sentences: Sequence[Sequence[str]] = SENTENCES) -> Tensor:
    """Of all tokens, as the networks themselves compute the mean of the scores."""
    means = []
    for sentence in sentences:
        total = torch.zeros(len(sentence), len(bundle.vocabulary.tags[column]))
        for member in bundle.members:
            with torch.no_grad():
                scores = member.network(make_batch([sentence], member.vocabulary))[column][:, 0]
            total += scores * member.weight / member.temperatures.get(column, 1.0)
        means.append(total.log_softmax(1))
    return torch.cat(means)


@pytest.mark.parametrize("column", ["upos", "xpos"])
def test_scores_are_the_weighted_mean_of_the_members(members: list[Bundle], ensemble: Path, column: str) -> None:
    loaded = load(ensemble)
    expected = log_probabilities(loaded.bundle, column)
    found = loaded.engine.log_probabilities(SENTENCES)[column]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    # Up to a constant of each token, it is the mean of what the taggers say by themselves.
    mean = torch.zeros_like(found)
    for weight, member in zip(WEIGHTS, members, strict=True):
        one = Tagger(member, "cpu", "float32")
        order = [one.vocabulary.tag_ids[column][tag] for tag in loaded.vocabulary.tags[column]]
        mean += weight * one.engine.log_probabilities(SENTENCES)[column][:, order]
    torch.testing.assert_close(found, mean.log_softmax(1), atol=1e-4, rtol=1e-4)
    tags = [loaded.vocabulary.tag_ids[column][tag] for each in loaded.tag_sentences(SENTENCES, column) for tag in each]
    read = [loaded.as_read(sentence) for sentence in SENTENCES]
    assert tags == log_probabilities(loaded.bundle, column, read).argmax(1).tolist()


def test_equal_networks_say_what_one_says(vocabulary: Vocabulary) -> None:
    for decoder in ("softmax", "crf"):
        one = made(vocabulary, 1, decoder=decoder)
        three = Bundle(tuple(replace(one.members[0], weight=share) for share in WEIGHTS), "english", {})
        found, expected = (Tagger(each, "cpu", "float32").engine.log_probabilities(SENTENCES) for each in (three, one))
        for column, logs in expected.items():
            torch.testing.assert_close(found[column], logs, atol=1e-4, rtol=1e-4)


def test_the_transitions_of_crfs_are_averaged_beside_a_softmax(vocabulary: Vocabulary) -> None:
    crf, softmax = made(vocabulary, 1, decoder="crf"), made(vocabulary, 2)
    both = join([crf, softmax], [3, 1])
    decoder = Tagger(both, "cpu", "float32").engine.decoders["upos"]
    of_one = crf.networks[0].decoders["upos"]
    assert isinstance(decoder, CRFDecoder)
    torch.testing.assert_close(decoder.transitions, 0.75 * of_one.transitions)  # type: ignore[operator]
    tagged = Tagger(both, "cpu", "float32").tag_sentences(SENTENCES)
    assert [len(tags) for tags in tagged] == [len(tokens) for tokens in SENTENCES]


def test_the_taggers_own_temperature(ensemble: Path) -> None:
    bundle = Bundle.load(ensemble)
    plain = Tagger(bundle, "cpu", "float32").engine.log_probabilities(SENTENCES)
    engine = Tagger(bundle.described(temperatures={"upos": 2.0}), "cpu", "float32").engine
    for column, each in engine.log_probabilities(SENTENCES, calibrated=False).items():
        assert torch.equal(each, plain[column])
        assert torch.allclose(each.exp().sum(1), torch.ones(len(each)))
    assert torch.allclose(engine.log_probabilities(SENTENCES)["upos"], (plain["upos"] / 2).log_softmax(1), atol=1e-6)


def test_tags_of_several_columns_fit_each_other(ensemble: Path, vocabulary: Vocabulary) -> None:
    loaded = load(ensemble)
    known = set(map(tuple, vocabulary.combinations))
    found = loaded.engine.tag(SENTENCES, Request())
    pairs = list(zip(*(found[column].ids[:, 0].tolist() for column in loaded.columns), strict=True))
    alone = [loaded.engine.tag(SENTENCES, Request([c]))[c].ids[:, 0].tolist() for c in loaded.columns]
    assert set(pairs) <= known
    assert not set(zip(*alone, strict=True)) <= known


def test_batches_cuts_and_memory_change_nothing_but_the_rounding(
    ensemble: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(20) for sentence in SENTENCES]
    whole = load(ensemble).engine.log_probabilities(sentences)
    monkeypatch.setattr(batches, "BATCH_TOKENS", 30)
    monkeypatch.setattr(batches, "MAX_SENTENCE_TOKENS", 100)
    small = load(ensemble).engine.log_probabilities([[], *sentences, []])
    for column, each in whole.items():
        assert torch.allclose(small[column], each, atol=1e-4)
        assert each.exp().std(dim=0).min() > 1e-3


@pytest.mark.slow
def test_workers_say_what_one_process_says(ensemble: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_TOKENS", 100)
    sentences = [[*sentence, f"new{i}"] for i in range(100) for sentence in SENTENCES]

    def said(one: Tagger) -> list[tuple[object, ...]]:
        found = one.stream(map(Sentence, map(list, sentences)), probabilities=True, top=3)
        return [(each.tags, each.probabilities, each.alternatives) for each in found]

    several = load(ensemble, 2)
    try:
        assert said(several) == said(load(ensemble))
        assert several.workers.processes
    finally:
        several.close()


def test_lemmas(tmp_path: Path) -> None:
    corpus = [{**s, "lemma": [token.lower().rstrip("s") for token in s["tokens"]]} for s in CORPUS]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    loaded = Tagger(join([made(vocabulary, seed) for seed in (1, 2)]), "cpu", "float32")
    assert loaded.tag(["flights", "reads"], "lemma") == ["flight", "read"]  # their only lemmas in training
    (sentence,) = loaded.stream([Sentence(["anews"])], probabilities=True, top=2, columns=["lemma"])
    (found,) = sentence.alternatives["lemma"]
    assert len(found) == 2
    assert all(0 < share <= 1 for _, share in found)
