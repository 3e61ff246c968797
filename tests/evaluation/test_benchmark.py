"""The benchmark's numbers belong together; none of them is compared with a time."""

import json
from pathlib import Path

import pytest

from tagger.bundle.bundle import Member
from tagger.errors import InputError
from tagger.evaluation import benchmark
from tagger.evaluation.benchmark import format_table, measure
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine
from tests.conftest import TOKENS, make_network


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.setattr(benchmark, "PROCESS_STARTS", 1)
    monkeypatch.setattr(benchmark, "WORKERS_WORDS", 2_000)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_the_numbers_belong_together(trained: Path) -> None:
    result = measure(str(trained), TOKENS * 30, workers=2)
    assert (result["words"], result["sentences"], result["forms"]) == (300, 90, 8)
    assert list(result["speeds"]) == ["float32", "bfloat16"]
    for speeds in result["speeds"].values():
        share = result["flop_per_word"] * speeds["warm"] / speeds["product_flop_per_second"]
        assert speeds["share_of_products"] == pytest.approx(share)
        assert min(speeds["cold"], speeds["warm"], speeds["workers"]) > 0
    assert result["sentence"]["median_ms"] <= result["sentence"]["p99_ms"]
    assert result["sentence"]["again_median_ms"] > 0
    assert result["folder_bytes"] == sum(path.stat().st_size for path in trained.iterdir())
    assert json.loads(json.dumps(result)) == result
    lines = format_table(result).splitlines()
    assert max(map(len, lines[1:])) <= 80  # the first has the path of a temporary folder
    assert [line.split()[0] for line in lines if line][2:5] == ["words", "float32", "bfloat16"]


def test_operations_by_hand(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, hidden={"forward": 8, "backward": 6})
    engine = Engine([Member(network, vocabulary)], vocabulary)
    steps = 2 * 2 * 3 * (8 * 8 + 6 * 6)  # two layers, a product is two operations, three gates
    between = 2 * 14 * 3 * (8 + 6)
    heads = {column: 2 * 28 * len(tags) for column, tags in vocabulary.tags.items()}
    assert engine.flop_per_word() == steps + between + sum(heads.values())
    assert engine.flop_per_word(["xpos"]) == steps + between + heads["xpos"]
    assert engine.flop_per_form() == 2 * network.embedding.width * 3 * (8 + 6)
    network = make_network(vocabulary, cell="mingru", depth=1)
    scanned = Engine([Member(network, vocabulary)], vocabulary)
    assert scanned.flop_per_word(["upos"]) == heads["upos"] // 2  # one layer, and no step multiplies


def test_no_words_are_an_error(trained: Path) -> None:
    with pytest.raises(InputError, match="no words to tag"):
        measure(str(trained), [])
