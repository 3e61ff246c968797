"""Starting from a tagger: what it knows stays, what is new is added."""

import dataclasses
from typing import cast

import pytest
import torch
from torch.testing import assert_close

from tagger.model.batch import UNK
from tagger.model.decoder import CRFDecoder
from tagger.model.encoder import CELLS
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.start import merge_vocabularies, transfer_weights
from tagger.weights.folder import SavedTagger
from tests.conftest import TOKENS, make_batch, make_network, network_config

NEW = [
    {"tokens": ["They", "re-book", "Flüge", "."], "upos": ["PRON", "VERB", "X", "PUNCT"], "chunk": ["A", "B", "B", "C"]}
]


@pytest.fixture
def start(vocabulary: Vocabulary) -> SavedTagger:
    return SavedTagger(make_network(vocabulary), vocabulary, {"network": network_config()}, None)


def continued(start: SavedTagger, new: Vocabulary) -> tuple[TaggerNetwork, Vocabulary]:
    merged = merge_vocabularies(start.vocabulary, new)
    network = make_network(merged, seed=2, decoder=start.config["network"]["decoder"])
    transfer_weights(start, network, merged)
    return network, merged


def test_ids_of_what_is_known_stay(vocabulary: Vocabulary) -> None:
    new = Vocabulary.build(NEW, ["upos"], min_count=1)
    merged = merge_vocabularies(vocabulary, new)
    assert {word: merged.word_ids[word] for word in vocabulary.words} == vocabulary.word_ids
    assert {c: merged.character_ids[c] for c in vocabulary.characters} == vocabulary.character_ids
    assert set(merged.words) == {*vocabulary.words, *new.words}
    assert merged.words["they"] == vocabulary.words["they"] + 1
    assert merged.known_forms == {*vocabulary.forms, *new.forms}
    assert merged.forms == sorted(merged.forms)


def test_new_tags_come_after_the_known_ones(vocabulary: Vocabulary) -> None:
    merged = merge_vocabularies(vocabulary, Vocabulary.build(NEW, ["upos"], min_count=1))
    assert merged.tags == {"upos": [*vocabulary.tags["upos"], "X"]}


def test_words_keep_their_lemmas(vocabulary: Vocabulary) -> None:
    old = Vocabulary.build([{"tokens": ["mice", "x"], "lemma": ["mouse", "_"]}], ["lemma"])
    new = Vocabulary.build([{"tokens": ["x", "dogs", "mice"], "lemma": ["x", "dog", "mice"]}], ["lemma"])
    merged = merge_vocabularies(old, new)
    assert merged.forms == ["dogs", "mice", "x"]
    scripts = [{merged.tags["lemma"][i] for i in ids} for ids in merged.form_tags["lemma"]]
    assert scripts == [{"lower:*-"}, {"lower:*"}, {"lower:*"}]  # most tags are new: `lower:mouse` is gone
    again = merge_vocabularies(merged, dataclasses.replace(merged, forms=["Dogs"], form_tags={"lemma": [[0]]}))
    assert again.forms == ["Dogs", "dogs", "mice", "x"]
    assert again.form_tags["lemma"] == [[0], *merged.form_tags["lemma"]]
    first = merge_vocabularies(vocabulary, new)
    assert first.form_tags.keys() == {"lemma"}
    assert merge_vocabularies(first, vocabulary).form_tags == {}


def test_another_tag_set_stands_alone(vocabulary: Vocabulary) -> None:
    other = dataclasses.replace(vocabulary, tags={"upos": ["N", "NOUN", "V"], "chunk": ["A", "B"]})
    assert merge_vocabularies(vocabulary, other).tags == other.tags


def test_a_tag_of_both_tag_sets_keeps_its_weights(start: SavedTagger) -> None:
    tags = ["N", "NOUN", "V", "X"]
    network, merged = continued(start, dataclasses.replace(start.vocabulary, tags={"upos": tags}, combinations=[]))
    assert merged.tags == {"upos": tags}
    old, new = start.network.heads["upos"], network.heads["upos"]
    row = start.vocabulary.tag_ids["upos"]["NOUN"]
    assert torch.equal(new.weight[1], old.weight[row])
    assert torch.equal(new.bias[1], old.bias[row])
    assert not any(torch.equal(new.weight[0], weight) for weight in old.weight)


def test_transitions_stay_with_their_tags_and_what_was_forbidden_is_learned_anew(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, decoder="crf")
    old = cast(CRFDecoder, network.decoders["upos"])
    with torch.no_grad():
        for parameter in old.parameters():
            torch.nn.init.normal_(parameter)
    ids = vocabulary.tag_ids["upos"]
    old.forbid([ids["NOUN"]], [(ids["NOUN"], ids["VERB"])])
    old.settle()
    start = SavedTagger(network, vocabulary, {"network": network_config(decoder="crf")}, None)
    tags = ["A", "VERB", "NOUN", "B", "DET"]
    changed, merged = continued(start, dataclasses.replace(vocabulary, tags={"upos": tags}, combinations=[]))
    new, here = cast(CRFDecoder, changed.decoders["upos"]), merged.tag_ids["upos"]
    assert new.transitions[here["VERB"], here["DET"]] == old.transitions[ids["VERB"], ids["DET"]]
    assert new.end[here["VERB"]] == old.end[ids["VERB"]]
    assert new.transitions[here["NOUN"], here["VERB"]] == new.start[here["NOUN"]] == 0


def test_the_same_data_changes_no_score(start: SavedTagger) -> None:
    network, merged = continued(start, start.vocabulary)
    before, after = start.network(make_batch(TOKENS, start.vocabulary)), network(make_batch(TOKENS, merged))
    for column, scores in before.items():
        assert torch.equal(after[column], scores)


def test_new_words_and_tags_leave_old_scores_alone(start: SavedTagger) -> None:
    network, merged = continued(start, Vocabulary.build(NEW, ["upos", "chunk"], min_count=1))
    assert merged.columns == ["upos", "chunk"]
    before = start.network(make_batch(TOKENS, start.vocabulary))["upos"]
    after = network(make_batch(TOKENS, merged))
    assert_close(after["upos"][..., : before.shape[-1]], before)
    assert after["upos"].shape[-1] == before.shape[-1] + 1
    assert after["chunk"].shape[-1] == 3


def test_new_words_have_vectors_of_their_own(start: SavedTagger) -> None:
    network, merged = continued(start, Vocabulary.build(NEW, ["upos"], min_count=1))
    table = network.embedding.words
    assert table is not None
    assert len(table.weight) == len(merged.words) + UNK + 1
    new = table.weight[merged.word_ids["flüge"]]
    assert (new != 0).any()
    assert not (new == table.weight[UNK]).all()


def test_corpora_of_a_tagger_stay_and_new_ones_follow(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network = make_network(several)
    assert network.corpora is not None
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    start = SavedTagger(network, several, {"network": network_config()}, None)
    new = dataclasses.replace(Vocabulary.build(NEW, ["upos"], min_count=1), corpora=["c", "b"])
    merged_network, merged = continued(start, new)
    assert merged.corpus_ids == {"a": 1, "b": 2, "c": 3}
    assert merged_network.corpora is not None
    assert torch.equal(merged_network.corpora.weight[:3], network.corpora.weight)
    assert not merged_network.corpora.weight[3].any()
    first, _ = continued(SavedTagger(make_network(vocabulary), vocabulary, start.config, None), new)
    assert first.corpora is not None
    assert first.corpora.weight.shape == (3, network.embedding.width)


@pytest.mark.parametrize("cell", CELLS)
def test_new_inputs_stand_beside_the_old_ones(vocabulary: Vocabulary, cell: str) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network = make_network(several, cell=cell)
    assert network.corpora is not None
    torch.nn.init.normal_(network.corpora.weight[1:])
    more = dataclasses.replace(several, vectors={"some": {"book": 0}})
    vectors = {"sizes": [3], "projection": 0, "tune": False, "dtype": "float32"}
    wider = make_network(more, seed=2, cell=cell, vectors=vectors)
    transfer_weights(SavedTagger(network, several, {"network": network_config()}, None), wider, more)

    def scores(network: TaggerNetwork, vocabulary: Vocabulary) -> torch.Tensor:
        batch = make_batch(TOKENS, vocabulary)
        batch.corpora = torch.tensor([2, 0, 1])
        return network(batch)["upos"]

    before = scores(network, several)
    assert_close(scores(wider, more), before)  # the table of vectors is still zero
    assert wider.embedding.vectors is not None
    wider.embedding.vectors.fill(0, torch.ones(1, 3))
    changed = ((scores(wider, more) - before).abs() > 1e-4).any(dim=2).any(dim=0)
    assert changed.tolist() == [True, True, False]  # the last sentence lacks the word
