"""The network of a segmenter; packed windows against it, to the bit wherever they stand."""

import pytest
import torch
from torch import nn

from tagger.model.encoder import Encoder
from tagger.segmenter.unit_network import (
    LANES,
    MAX_UNITS,
    OVERLAP,
    LaneReader,
    SegmenterConfig,
    SegmenterNetwork,
    SegmenterVocabulary,
    columns,
    windows_of,
)
from tagger.segmenter.units import AFFIXES, UNKNOWN

CONFIG = SegmenterConfig(
    **{"hidden": 5, "size": 6, "buckets": 8, "affix_buckets": 4},
    **{"characters": False, "spaces": True, "rules": None, "sentences": None, "pairs": True, "cuts": None},
)
VOCABULARY = SegmenterVocabulary(["the", "dog"], ["keep:* ..."], [1], {})


def make_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    types = torch.randint(2, (7, 3, 1 + 2 * len(AFFIXES))) + UNKNOWN
    context = torch.randint(8, (7, 3, columns(True))) + 8 * torch.arange(columns(True))
    return types, context, torch.tensor([7, 5, 2])


def test_padding_changes_nothing() -> None:
    network = SegmenterNetwork(VOCABULARY, CONFIG).eval()
    types, context, lengths = make_batch()
    alone = network(types[:2, 2:], context[:2, 2:], lengths[2:])
    torch.testing.assert_close(network(types, context, lengths)[:2, 2:], alone)


@pytest.mark.parametrize("hidden", [0.0, 0.9])
def test_what_training_hides_is_made_up_for(monkeypatch: pytest.MonkeyPatch, hidden: float) -> None:
    """The mean over many trainings of a unit's embedding is that of use."""
    torch.manual_seed(1)
    for name, share in {"DROPOUT": 0.0, "HIDDEN_FORMS": 0.0, "HIDDEN_CONTEXT": hidden}.items():
        monkeypatch.setattr(f"tagger.segmenter.unit_network.{name}", share)
    network = SegmenterNetwork(VOCABULARY, CONFIG)
    types, context, lengths = make_batch()
    copies = 100 if hidden else 1  # of each sentence, in a batch
    batch = types.repeat(1, copies, 1), context.repeat(1, copies, 1), lengths.repeat(copies)
    found: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _, arguments: found.append(arguments[0].detach()))
    for _ in range(20 if hidden else 1):
        network(*batch)
    mean = torch.stack(found).unflatten(2, (copies, 3)).mean((0, 2))
    network.eval()(types, context, lengths)
    torch.testing.assert_close(mean, found[-1], atol=0.1 if hidden else 1e-6, rtol=0)


LENGTHS = [1, 2, 30, 7, 300, 0, 1, 90]
BOUNDS = [(sum(LENGTHS[:i]), sum(LENGTHS[: i + 1])) for i in range(len(LENGTHS))]


def make(hidden: int = 10, scores: int = 6, size: int = 8) -> tuple[LaneReader, Encoder, list[nn.Linear]]:
    torch.manual_seed(1)
    encoder = Encoder("gru", size, [hidden], [hidden]).eval()
    heads = [nn.Linear(2 * hidden, 4), nn.Linear(2 * hidden, scores)]
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.normal_()
    return LaneReader(encoder, heads), encoder, heads


def test_the_scores_are_those_of_the_network() -> None:
    lanes, encoder, heads = make()
    x = torch.randn(sum(LENGTHS), 8)
    with torch.inference_mode():
        found = lanes.scores(x, windows_of(BOUNDS))
        for start, stop in BOUNDS:
            if stop > start:
                states = encoder(x[start:stop, None], torch.tensor([stop - start]))[0][-1][:, 0]
                expected = torch.cat([head(states) for head in heads], dim=1)
                torch.testing.assert_close(found[start:stop], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scores", [1, 4, 6, 9, 13, 30])
@pytest.mark.parametrize("hidden", [10, 100])
def test_equal_windows_have_equal_scores_wherever_they_stand(hidden: int, scores: int) -> None:
    lanes, _, _ = make(hidden, scores)
    size, copies = 9, 3 * LANES + 5
    once = torch.randn(size, 8)
    other = torch.randn(70 * LANES, 8)
    x = torch.cat([once.repeat(copies, 1), other])
    bounds = [(i * size, (i + 1) * size) for i in range(copies)]
    beside = [(copies * size + i * 70, copies * size + (i + 1) * 70) for i in range(LANES)]
    with torch.inference_mode():
        alone = lanes.scores(once, windows_of(bounds[:1]))
        for windows in (windows_of(bounds), windows_of(bounds + beside)):
            found = lanes.scores(x, windows)[: copies * size].view(copies, size, -1)
            assert (found == alone).all()


@pytest.mark.parametrize("length", [1, MAX_UNITS, MAX_UNITS + 1, 5 * MAX_UNITS + 7])
def test_windows_decide_on_each_unit_once(length: int) -> None:
    windows = windows_of([(3, 3), (10, 10 + length), (10 + length, 12 + length)])
    decided = [unit for window in windows for unit in range(window.first, window.last)]
    assert decided == list(range(10, 12 + length))
    for start, stop, first, last in windows:
        assert stop - start <= MAX_UNITS
        assert start in (first - OVERLAP, 10, 10 + length) or first < 10 + OVERLAP
        assert stop in (last + OVERLAP, 10 + length, 12 + length)
