"""Windows in lanes: the scores of the network itself, and of each unit the same whatever is beside it."""

import pytest
import torch
from torch import nn

from tagger.model.encoder import Encoder
from tagger.segmenter.packed import LANES, MAX_UNITS, OVERLAP, LaneReader, windows_of

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
