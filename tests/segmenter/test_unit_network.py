import pytest
import torch

from tagger.segmenter.unit_network import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary, columns
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
def test_what_training_hides_is_made_up_for(hidden: float) -> None:
    """The mean over many trainings of a unit's embedding is that of use."""
    torch.manual_seed(1)
    network = SegmenterNetwork(VOCABULARY, CONFIG, dropout=0.0, hidden_forms=0.0, hidden_context=hidden)
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
