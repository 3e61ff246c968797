"""A hidden word is hidden from everything; all words can be learned; the folder is as it was saved, or an error."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.extras.pretraining.hidden_words import WORD, WORD_PREDICTOR, HiddenWordNetwork, load_word_predictor
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import FIRST_ID, IGNORE, UNSEEN, Vocabulary
from tests.conftest import TOKENS, network_config

SENTENCE = ["They", "book", "flights", "."]


def make(**changes: object) -> HiddenWordNetwork:
    torch.manual_seed(3)
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    network = HiddenWordNetwork(words, TaggerNetwork(words, network_config(**changes)))
    network.mask.data.normal_()
    return network.eval()


@pytest.mark.parametrize("cell", ["gru", "gru_scratch", "lstm", "mingru"])
@pytest.mark.parametrize("place", range(4))
def test_the_hidden_word_changes_nothing(cell: str, place: int) -> None:
    network = make(cell=cell)

    def predicted(sentence: list[str]) -> torch.Tensor:
        return network(network.batch([sentence, TOKENS[1]], [np.array([place]), np.array([0, 3])]))

    found = predicted(SENTENCE)
    for hidden in ("Well", "unseen-word", "x", "They", "ein-ganz-anderes-langes-Wort"):
        other = predicted([*SENTENCE[:place], hidden, *SENTENCE[place + 1 :]])
        torch.testing.assert_close(other, found, rtol=0, atol=0)
    shown = 0 if place else 1  # a word that is not hidden does

    changed = predicted([*SENTENCE[:shown], "We", *SENTENCE[shown + 1 :]])
    assert (changed - found).abs().max() > 1e-6


def test_targets_are_numbers_of_words() -> None:
    network = make()
    batch = network.batch([TOKENS[0], ["Well", "unseen"]], [np.array([0, 3]), np.array([1])])
    ids, targets = network.vocabulary.word_ids, batch.targets[WORD]
    assert targets[[0, 3], 0].tolist() == [ids["they"] - FIRST_ID, ids["."] - FIRST_ID]
    assert targets[1, 1] == UNSEEN
    assert (targets != IGNORE).sum() == 3


def test_all_words_can_be_learned() -> None:
    network = make().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    batch = network.batch([SENTENCE] * 4, [np.array([place]) for place in range(4)])
    targets = batch.targets[WORD][batch.targets[WORD] != IGNORE]
    for _ in range(100):
        loss = cross_entropy(network.scores(network(batch)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best = network.eval().probabilities(SENTENCE, [2]).argmax(1)
    assert best.tolist() == [network.vocabulary.word_ids["flights"] - FIRST_ID]


def test_without_word_embeddings_nothing_is_predicted() -> None:
    with pytest.raises(InputError, match=r"embedding\.words=0"):
        make(words=0)


def test_a_folder_is_that_of_a_tagger_without_tags_and_comes_back(tmp_path: Path) -> None:
    network = make()
    network.save(tmp_path / "p", "english", {}, "# A tiny network\n")
    assert Bundle.load(tmp_path / "p").vocabulary.columns == []
    loaded, rules = load_word_predictor(tmp_path / "p")
    assert rules == "english"
    assert all(torch.equal(loaded.state_dict()[name], weight) for name, weight in network.state_dict().items())


@pytest.mark.parametrize("damage", ["cut", "nan", "missing", "size"])
def test_damaged_weights_are_one_line(tmp_path: Path, damage: str) -> None:
    make().save(tmp_path / "p", "english", {}, "")
    path = tmp_path / "p" / WORD_PREDICTOR
    weights = load_file(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    elif damage == "missing":
        save_file({name: weight for name, weight in weights.items() if name != "mask"}, path)
    else:
        save_file(weights | {"mask": torch.zeros(3) if damage == "size" else weights["mask"] * float("nan")}, path)
    with pytest.raises(InputError) as caught:
        load_word_predictor(tmp_path / "p")
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
