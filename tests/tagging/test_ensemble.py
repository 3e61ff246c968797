"""An ensemble says the weighted mean of what its members say, however it is asked."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tagger.bundle.ensemble_folder import save_ensemble
from tagger.bundle.folder import save_tagger
from torch import nn

import tagger
from tagger.bundle.saved_config import CONFIG
from tagger.errors import InputError
from tagger.jobs.manifest import fingerprint
from tagger.model.crf import CRFDecoder
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import batches, workers
from tagger.tagging.decoding import Request
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, TOKENS, make_network, network_config
from tests.model.test_joined_vocabulary import reversed_tags

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "x" * 60], ["reads"] * 9]
WEIGHTS = [0.5, 0.3, 0.2]


def save(folder: Path, vocabulary: Vocabulary, seed: int, temperature: float = 1.0, **changes: object) -> Path:
    network = make_network(vocabulary, seed, **changes)
    for decoder in network.decoders.values():
        if isinstance(decoder, CRFDecoder):
            nn.init.normal_(decoder.transitions)
    for head in network.heads.values():
        nn.init.normal_(head.weight)  # type: ignore[arg-type]
    config = {
        "network": network_config(**changes),
        "segmenter": "english",
        "temperatures": dict.fromkeys(vocabulary.columns, temperature),
    }
    save_tagger(folder, network, vocabulary, config, "# card\n")
    return folder


@pytest.fixture(scope="module")
def members(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three taggers that differ in sizes, cell, decoder, temperature and in the order of their tags."""
    folder = tmp_path_factory.mktemp("members")
    return [
        save(folder / "a", vocabulary, 1, 2.0),
        save(folder / "b", reversed_tags(vocabulary), 2, 0.7, decoder="crf", hidden={"forward": 5, "backward": 0}),
        save(folder / "c", vocabulary, 3, cell="lstm", depth=1, words=0, chars=9),
    ]


@pytest.fixture(scope="module")
def ensemble(members: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble") / "all"
    save_ensemble(folder, members, WEIGHTS, "")
    return folder


def load(folder: Path, count: int = 1) -> Tagger:
    return tagger.load(folder, "cpu", "float32", workers=count)


def shares(one: Tagger, column: str, sentences: Sequence[Sequence[str]] = SENTENCES) -> list[dict[str, float]]:
    """The probability of every tag of every token, by name."""
    size = len(one.vocabulary.tags[column])
    found = one.stream(map(Sentence, map(list, sentences)), probabilities=True, top=size, columns=[column])
    return [dict(tags) for sentence in found for tags in sentence.alternatives[column]]


def mean_shares(members: Sequence[Path], weights: Sequence[float], column: str) -> list[dict[str, float]]:
    of_members = [shares(load(member), column) for member in members]
    return [
        {tag: sum(weight * each[tag] for weight, each in zip(weights, token, strict=True)) for tag in token[0]}
        for token in zip(*of_members, strict=True)
    ]


@pytest.mark.parametrize("column", ["upos", "xpos"])
def test_probabilities_are_the_weighted_mean_of_the_members(members: list[Path], ensemble: Path, column: str) -> None:
    loaded, expected = load(ensemble), mean_shares(members, WEIGHTS, column)
    found = shares(loaded, column)
    for token, means in zip(found, expected, strict=True):
        assert token == pytest.approx(means, abs=3e-6)
    first = shares(load(members[0]), column)
    assert max(abs(a[tag] - b[tag]) for a, b in zip(found, first, strict=True) for tag in a) > 0.05
    # One column alone: each token has the tag of the highest mean.
    tags = [tag for each in loaded.tag_sentences(SENTENCES, column) for tag in each]
    assert tags == [max(means, key=means.__getitem__) for means in expected]


def test_weights_and_the_order_of_members_change_what_is_said(members: list[Path], tmp_path: Path) -> None:
    save_ensemble(tmp_path / "equal", members[:2], None, "")
    save_ensemble(tmp_path / "one", members[:2], [99, 1], "")
    save_ensemble(tmp_path / "turned", members[1::-1], [1, 99], "")
    for name, weights in (("equal", [0.5, 0.5]), ("one", [0.99, 0.01])):
        found = shares(load(tmp_path / name), "xpos")
        for token, means in zip(found, mean_shares(members[:2], weights, "xpos"), strict=True):
            assert token == pytest.approx(means, abs=3e-6)
    turned = load(tmp_path / "turned")
    assert turned.columns == ["xpos", "upos"]  # the first member's
    for token, other in zip(shares(turned, "upos"), shares(load(tmp_path / "one"), "upos"), strict=True):
        assert token == pytest.approx(other, abs=3e-6)


def test_log_probabilities_have_the_ensembles_own_temperature(ensemble: Path, tmp_path: Path) -> None:
    plain = load(ensemble).engine.log_probabilities(SENTENCES)
    config = json.loads((ensemble / CONFIG).read_text())
    cooled = tmp_path / "cooled"
    save_ensemble(cooled, [ensemble / name for name in config["ensemble"]["members"]], WEIGHTS, "")
    (cooled / CONFIG).write_text(json.dumps({**config, "temperatures": {"upos": 2.0}}))
    engine = load(cooled).engine
    for column, each in engine.log_probabilities(SENTENCES, calibrated=False).items():
        assert torch.equal(each, plain[column])
        assert torch.allclose(each.exp().sum(1), torch.ones(len(each)))
    assert torch.allclose(engine.log_probabilities(SENTENCES)["upos"], (plain["upos"] / 2).log_softmax(1))


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


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_in_a_pool_a_sentence_has_the_same_probabilities_to_the_bit_whatever_is_beside_it(
    ensemble: Path, precision: str
) -> None:
    engine = tagger.load(ensemble, "cpu", precision).engine
    assert engine.has_pools
    sentences = [[*sentence[i % 3 :], *sentence] for i in range(40) for sentence in SENTENCES]
    whole = engine.log_probabilities(sentences, pool=True)
    ends = np.cumsum([len(sentence) for sentence in sentences])
    for i in (0, 1, 57, 130, len(sentences) - 1):
        start, end = ends[i] - len(sentences[i]), ends[i]
        for some, place in (([sentences[i]], 0), ([["book"] * 50, sentences[i], ["They"]], 50)):
            alone = engine.log_probabilities(some, pool=True)
            for column, logs in whole.items():
                assert torch.equal(alone[column][place : place + len(sentences[i])], logs[start:end])


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


def test_lexicons_and_tags_that_are_given(ensemble: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "words.tsv"
    lexicon.write_text("book\tADV|PRON\nflights\tINTJ\n")
    loaded = tagger.load(ensemble, "cpu", "float32", lexicons={"upos": lexicon})
    allowed = {"book": {"ADV", "PRON"}, "flights": {"INTJ"}}
    found = loaded.stream(map(Sentence, SENTENCES), columns=["upos"], probabilities=True)
    rows = [row for s in found for row in zip(s.tokens, s.tags["upos"], s.probabilities["upos"], strict=True)]
    for (word, tag, share), means in zip(rows, shares(load(ensemble), "upos"), strict=True):
        among = allowed.get(word, set(means))
        assert tag == max(among, key=means.__getitem__)
        assert share == pytest.approx(means[tag] / sum(means[each] for each in among), rel=1e-3)
    given = Sentence(["They", "book"], {"upos": ["INTJ", "_"]})
    (kept,) = loaded.stream([given], keep=True, probabilities=True)
    assert kept.tags["upos"][0] == "INTJ"
    assert kept.probabilities["upos"][0] == 1
    assert kept.tags["upos"][1] in allowed["book"]


def test_lemmas(tmp_path: Path) -> None:
    corpus = [{**s, "lemma": [token.lower().rstrip("s") for token in s["tokens"]]} for s in CORPUS]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    folders = [save(tmp_path / str(seed), vocabulary, seed) for seed in (1, 2)]
    save_ensemble(tmp_path / "both", folders, None, "")
    loaded = load(tmp_path / "both")
    assert loaded.tag(["flights", "reads"], "lemma") == ["flight", "read"]  # their only lemmas in training
    (sentence,) = loaded.stream([Sentence(["anews"])], probabilities=True, top=2, columns=["lemma"])
    (found,) = sentence.alternatives["lemma"]
    assert len(found) == 2
    assert all(0 < share <= 1 for _, share in found)


def test_what_an_ensemble_cannot_do_it_says(ensemble: Path) -> None:
    loaded = load(ensemble)
    for ask in (lambda: loaded.embed([["They"]]), lambda: loaded.network, lambda: loaded.layers):
        with pytest.raises(InputError) as caught:
            ask()
        assert "this tagger is an ensemble of 3" in str(caught.value)
        assert f"load one of its members, such as {ensemble}/members/1" in str(caught.value)


def test_the_rest_of_a_tagger(ensemble: Path, members: list[Path]) -> None:
    loaded = load(ensemble)
    one = load(members[0])
    assert loaded.annotate("They book flights.")[0].tokens == ["They", "book", "flights", "."]
    assert loaded.annotate(["They", "book"]).probabilities.keys() == {"upos", "xpos"}
    assert loaded.tag_sentences([]) == []
    assert loaded.tag_sentences([[]]) == [[]]
    assert loaded.engine.flop_per_word() > one.engine.flop_per_word()
    assert loaded.engine.flop_per_form() > one.engine.flop_per_form()
    loaded.engine.clear_cache()
    with pytest.raises(InputError, match="knows no corpus 'UD_A'"):
        tagger.load(ensemble, "cpu", corpus="UD_A")


def test_a_changed_member_is_another_tagger(members: list[Path], tmp_path: Path) -> None:
    save_ensemble(tmp_path / "x", members, None, "")
    before = fingerprint(tmp_path / "x")
    save_ensemble(tmp_path / "x", members, None, "another command")
    assert fingerprint(tmp_path / "x") == before
    save(tmp_path / "x" / "members" / "3", Vocabulary.build(CORPUS, ["upos", "xpos"], min_count=1), 9)
    assert fingerprint(tmp_path / "x") != before
