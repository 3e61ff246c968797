"""Several networks whose scores are averaged: what they share in training, and the decoder of their mean scores.

Networks that were trained side by side differ in the random weights that they start from and in what dropout hides. The
mean of their scores makes fewer errors than any of them (Hansen and Salamon 1990, https://doi.org/10.1109/34.58871).
In training `training/module.py` computes that mean, in tagging `tagging/stack.py` and `tagging/engine.py`.
"""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from tagger.model.decoder import CRFDecoder, Decoder
from tagger.model.memory import TRAINING_COPIES, build_without_memory, check_memory
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary


def share_pretrained(members: Sequence[TaggerNetwork]) -> None:
    """Lets all members use the pretrained vectors and the transformer of the first.

    Members that read the same numbers also share the vectors of corpora, which are added to these numbers.
    """
    first = members[0]
    for member in members[1:]:
        member.transformer = first.transformer
        same = first.transformer is not None
        mine, shared = member.embedding.vectors, first.embedding.vectors
        if mine is not None and shared is not None:
            if isinstance(shared.projection, nn.Linear):
                mine.tables = shared.tables
            else:
                member.embedding.register_module("vectors", shared)
                same = True
        if same:
            member.corpora = first.corpora


def check_training_memory(vocabulary: Vocabulary, config: NetworkConfig, members: int = 1) -> None:
    """Refuses networks that are too large to be trained on this machine, before they are built."""
    networks = [build_without_memory(lambda: TaggerNetwork(vocabulary, config)) for _ in range(members)]
    share_pretrained(networks)
    check_memory(nn.ModuleList(networks), TRAINING_COPIES, "training")


@torch.no_grad()
def mean_decoder(decoders: Sequence[Decoder], shares: Sequence[float] | None = None) -> Decoder:
    """The decoder of the mean scores of a column. The transitions of CRFs are averaged, too; a softmax counts as 0.

    Args:
        decoders: of the column, of one or more members.
        shares: what the scores of each member are multiplied by before they are added; None: the same for each, with
            the sum 1.
    """
    if shares is None:
        shares = [1 / len(decoders)] * len(decoders)
    crfs = [(each, share) for each, share in zip(decoders, shares, strict=True) if isinstance(each, CRFDecoder)]
    if not crfs:
        return Decoder()
    mean = copy.deepcopy(crfs[0][0])
    for name, parameter in mean.named_parameters():
        parameter.copy_(torch.stack([decoder.get_parameter(name) * share for decoder, share in crfs]).sum(0))
    return mean
