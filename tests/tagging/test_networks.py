"""Several networks give every tag the weighted mean of their scores; what lexicons and given tags allow."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tagger.bundle.bundle import Bundle, Member
from tagger.errors import InputError
from tagger.model.batch import FormTable, collate
from tagger.model.cells import RNNCell
from tagger.model.encoder import CELLS, Cell
from tagger.model.network import TaggerNetwork, share_pretrained
from tagger.model.recurrent import RecurrentLayer
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.sentence import Sentence
from tests.conftest import CORPUS, TOKENS, make_network, make_tagger
from tests.tagging.test_engine import with_random_decoder

SENTENCES = [
    *TOKENS,
    ["book", "the", "flights", "they", "book", "Well", "."],
    ["unknown", "x" * 60, ""],
    ["Reads", *["reads"] * 8],
]
WITH_VECTORS = {"file": {"book": 0, "they": 1}}
WEIGHTS = [0.5, 0.3, 0.2]


def make_members(vocabulary: Vocabulary, count: int = 2, **changes: Any) -> list[Member]:
    networks = [make_network(vocabulary, seed=seed, **changes) for seed in range(count)]
    share_pretrained(networks)
    return members_of(networks, [vocabulary] * count)


def members_of(networks: Sequence[TaggerNetwork], vocabularies: Sequence[Vocabulary]) -> list[Member]:
    weights = [weight / sum(WEIGHTS[: len(networks)]) for weight in WEIGHTS]
    temperatures = [{"upos": 2.0}, {}, {"xpos": 0.5}]
    return [Member(*each) for each in zip(networks, vocabularies, [None] * 3, weights, temperatures, strict=False)]


def expected_scores(
    members: Sequence[Member], sentences: Sequence[Sequence[str]], corpus: str | None = None
) -> dict[str, torch.Tensor]:
    """The weighted mean of what the networks themselves say of every token."""
    found: dict[str, torch.Tensor] = {}
    for member in members:
        batch = collate(sentences, FormTable(member.vocabulary, member.network.config, member.tokenizer))
        if corpus is not None:
            batch.corpora = torch.full((len(sentences),), member.vocabulary.corpus_ids[corpus])
        here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T  # (B, T)
        with torch.no_grad():
            scores = member.network(batch).scores
        for column, each in scores.items():
            share = member.weight / member.temperatures.get(column, 1.0)
            found[column] = found.get(column, torch.zeros(())) + share * each.transpose(0, 1)[here]
    return found


def check(members: Sequence[Member], groups: int = 1, corpus: str | None = None) -> Engine:
    engine = Engine(Bundle(tuple(members), "english", {}), TaggerOptions("cpu", "float32", corpus=corpus))
    assert len(engine.groups) == groups
    for sentences in (SENTENCES, SENTENCES * 30, *([sentence] for sentence in SENTENCES)):
        expected = expected_scores(members, sentences, corpus)
        found = engine.weighed(engine.score(sentences))
        order = np.concatenate([batch.tokens for batch in found])
        for column, scores in expected.items():
            assert_close(torch.cat([batch.scores[column] for batch in found]), scores[order], atol=1e-5, rtol=1e-4)
            assert len(sentences) == 1 or scores.std(dim=0).min() > 1e-3  # they differ from token to token
    return engine


class _Leaky(RNNCell):
    """A cell that has no steps of its own for tagging."""

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + 0.5 * super().forward(x, h)


@pytest.mark.parametrize(
    ("count", "changes"),
    [
        (1, {"hidden": {"forward": [8, 7], "backward": [6, 7]}}),
        (3, {"hidden": {"forward": [8, 7], "backward": [6, 7]}}),
        (2, {"depth": 1, "hidden": {"forward": 5, "backward": 0}}),
        (2, {"depth": 3, "hidden": {"forward": [4, 0, 5], "backward": [3, 6, 0]}}),
        (2, {"affixes": 0, "hidden": {"forward": [4, 7], "backward": [9, 2]}}),
    ],
)
@pytest.mark.parametrize("cell", [*CELLS, "leaky"])
def test_scores_are_the_mean_in_any_sizes(
    vocabulary: Vocabulary, cell: str, count: int, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CELLS, "leaky", Cell(RecurrentLayer, _Leaky))
    check(make_members(vocabulary, count, cell=cell, **changes))


def test_members_of_other_shapes_and_vocabularies(vocabulary: Vocabulary) -> None:
    other = Vocabulary.build(CORPUS[:2], ["upos", "xpos"], min_count=1)
    other = dataclasses.replace(other, tags=vocabulary.tags, combinations=vocabulary.combinations)
    assert other.words != vocabulary.words
    networks = [make_network(vocabulary, 1), make_network(other, 2), make_network(vocabulary, 3, cell="lstm", depth=1)]
    check(members_of(networks, [vocabulary, other, vocabulary]), groups=2)


@pytest.mark.parametrize(("projection", "corpora"), [(0, []), (0, ["one", "other"]), (4, ["one", "other"])])
def test_what_is_pretrained_is_shared(vocabulary: Vocabulary, projection: int, corpora: list[str]) -> None:
    known = dataclasses.replace(vocabulary, vectors=WITH_VECTORS, corpora=corpora)
    vectors = {"sizes": [3], "projection": projection, "tune": True, "dtype": "float32"}
    members = make_members(known, vectors=vectors)
    networks = [member.network for member in members]
    first = networks[0].embedding.vectors
    assert first is not None
    first.fill(0, torch.randn(2, 3))
    for network in networks:
        if network.corpora is not None:
            nn.init.normal_(network.corpora.weight)
    same = networks[0].corpora is networks[1].corpora
    assert same == (projection == 0 or not corpora)  # they are added to shared numbers
    check(members, corpus="other" if corpora else None)


@pytest.mark.parametrize("shared", [True, False])
def test_transformers(vocabulary: Vocabulary, bert: Path, shared: bool) -> None:
    pytest.importorskip("transformers")
    from tagger.pretrained.huggingface import load_pretrained

    embedding, tokenizer, config = load_pretrained(str(bert), pooling="first", tune=True, layers=None, dtype="float32")
    networks = [make_network(vocabulary, seed, transformer=config) for seed in range(2)]
    for network in networks:
        assert network.transformer is not None
        network.transformer.load_state_dict(embedding.state_dict())
    with torch.no_grad():
        for weight in networks[1].transformer.parameters():  # type: ignore[union-attr]
            weight += 0.01
    if shared:
        share_pretrained(networks)
    members = [dataclasses.replace(m, tokenizer=tokenizer) for m in members_of(networks, [vocabulary] * 2)]
    engine = check(members)
    assert not engine.has_fixed_shapes


def constrained(vocabulary: Vocabulary, decoder: str, lexicon: dict[str, tuple[str, ...]] | None = None) -> Tagger:
    tagger = make_tagger(with_random_decoder(vocabulary, decoder=decoder), vocabulary, precision="float32")
    tagger.lexicons.update({"upos": lexicon} if lexicon else {})
    return tagger


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("combined", [True, False])
def test_words_get_tags_of_their_entries(vocabulary: Vocabulary, decoder: str, combined: bool) -> None:
    if not combined:
        vocabulary = dataclasses.replace(vocabulary, combinations=[])
    free = constrained(vocabulary, decoder)
    bound = constrained(vocabulary, decoder, {"book": ("DET",), "flights": ("ADV", "INTJ"), "they": ("DET", "PRON")})
    found = ([*each.stream(map(Sentence, map(list, TOKENS)), True, top=7)] for each in (free, bound))
    changed = 0
    for before, after in zip(*found, strict=True):
        for word, tag in enumerate(after.tags["upos"]):
            allowed = bound.lexicons["upos"].get(after.tokens[word])
            if allowed is None:
                continue
            changed += tag != before.tags["upos"][word]
            assert tag in allowed
            others = {t: p for t, p in after.alternatives["upos"][word] if t not in allowed}
            assert set(others.values()) == {0}
            assert len(allowed) > 1 or after.probabilities["upos"][word] == pytest.approx(1)
    assert changed


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_given_tags_stay_and_count_more_than_a_lexicon(vocabulary: Vocabulary, decoder: str) -> None:
    made = constrained(vocabulary, decoder, {"book": ("DET",)})
    given = {"upos": ["PRON", "NOUN", "_", ""], "other": list("abcd")}
    (found,) = made.stream([Sentence(list(TOKENS[0]), dict(given))], True, keep=True)
    assert found.tags["upos"][:2] == ["PRON", "NOUN"]
    assert set(found.tags["upos"]) <= set(vocabulary.tags["upos"])
    assert found.probabilities["upos"][0] == pytest.approx(1)
    assert found.tags["other"] == list("abcd")
    (again,) = made.stream([Sentence(list(TOKENS[0]), dict(given))])
    assert again.tags["upos"][1] == "DET"  # not kept


def test_a_given_tag_that_is_not_known_is_a_mistake(vocabulary: Vocabulary) -> None:
    made = constrained(vocabulary, "softmax")
    sentence = Sentence(["They", "book"], {"upos": ["_", "NUN"], "xpos": ["XX", ""]})
    with pytest.raises(InputError, match=r"^'NUN' is no tag of upos; it has .*NOUN.*; correct it"):
        list(made.stream([sentence], keep=True))
    assert list(made.stream([sentence], keep=True, columns=[]))
