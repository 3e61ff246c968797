"""What a network needs in memory, known before it is built."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.model import memory
from tagger.model.members import check_training_memory
from tagger.model.memory import TRAINING_COPIES, check_memory, machine_bytes
from tagger.model.vocabulary import Vocabulary
from tests.conftest import make_network, network_config


def test_training_refuses_what_no_machine_holds(vocabulary: Vocabulary) -> None:
    for changes, message in (
        ({"hidden": {"forward": 1_000_000, "backward": 6}}, "above all of 0.encoder"),
        ({"buckets": 10_000_000, "affixes": 10_000}, "above all of 0.embedding.affixes.weight"),
        ({"depth": 100_000_000}, "model.depth=100000000: a stack has 1 to 1000 layers"),
    ):
        with pytest.raises(InputError, match=message):
            check_training_memory(vocabulary, network_config(**changes))


def test_learned_weights_count_four_times(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(vocabulary)
    size = sum(weight.numel() * 4 for weight in network.parameters())
    monkeypatch.setattr(memory, "machine_bytes", lambda: TRAINING_COPIES * size)
    check_training_memory(vocabulary, network_config())
    monkeypatch.setattr(memory, "machine_bytes", lambda: TRAINING_COPIES * size - 1)
    with pytest.raises(InputError, match=r"training: [0-9,]+ parameters need"):
        check_training_memory(vocabulary, network_config())
    network.requires_grad_(False)
    check_memory(network, TRAINING_COPIES, "training")
    monkeypatch.setattr(memory, "machine_bytes", lambda: None)
    check_training_memory(vocabulary, network_config())


def test_a_container_may_use_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CONTAINER_LIMITS", (str(limit),))
    everything = machine_bytes()
    limit.write_text("max\n")
    assert machine_bytes() == everything
    limit.write_text("1048576\n")
    assert machine_bytes() in (1048576, None)
