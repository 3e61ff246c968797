"""A network that predicts hidden words from the words on both sides of them.

It learns from text without tags, as BERT does (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), but it is made of
the embeddings and the recurrent layers of a tagger. The training of a tagger can start from their weights.
"""

# T tokens in the longest sentence, B sentences, E embedding, S states of all layers, n masked words,
# V words of the vocabulary, D size of a word's embedding, C candidates

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tagger.errors import InputError
from tagger.model.batch import FIRST_ID, Batch
from tagger.model.encoder import BidirectionalLayer
from tagger.model.network import NetworkConfig, TaggerNetwork

if TYPE_CHECKING:
    from tagger.model.vocabulary import Vocabulary


class MaskedWordNetwork(nn.Module):
    """A tagger's network without tags, and on top of it the prediction of hidden words.

    The same vectors embed the words and score them (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).

    Attributes:
        body: the part that a tagger can start from.
        mask: (E,), stands in the place of a hidden word's embedding.
    """

    def __init__(self, vocabulary: "Vocabulary", config: NetworkConfig, samples: int = 4096) -> None:
        """Builds the network.

        Args:
            vocabulary: its words can be predicted; it has no tags.
            config: of the body.
            samples: how many other words the loss compares the right word with.

        Raises:
            InputError: the body has no word embeddings.
        """
        super().__init__()
        if not config["words"]:
            raise InputError("embedding.words=0: words are predicted by their embeddings; set a size above 0")
        self.body = TaggerNetwork(vocabulary, config)
        self.mask = nn.Parameter(0.1 * torch.randn(self.body.embedding.width))
        states = sum(cast(BidirectionalLayer, layer).width for layer in self.body.encoder.layers)
        self.transform = nn.Sequential(nn.Linear(states, config["words"]), nn.GELU(), nn.LayerNorm(config["words"]))
        counts = torch.tensor(list(vocabulary.words.values()), dtype=torch.float32)
        self.bias = nn.Parameter((counts / counts.sum()).log())
        self.samples = samples
        weights = counts**0.75  # a word's weight in sampling, as in word2vec
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("inclusion", _inclusion(weights, samples), persistent=False)

    def predict(self, batch: Batch, masked: Tensor) -> Tensor:
        """A vector for each hidden word, (n, D), from the words that are not hidden.

        Args:
            batch: B sentences.
            masked: (n,), the places of the hidden words among the T * B places, row by row.
        """
        x = self.body.embed(batch)  # (T, B, E)
        x = x.flatten(0, 1).index_copy(0, masked, self.mask.to(x.dtype).expand(len(masked), -1)).view_as(x)
        h = self.body.encode(x, batch.lengths)  # (T, B, S)
        predicted: Tensor = self.transform(h.flatten(0, 1)[masked])
        return predicted

    def scores(self, predicted: Tensor) -> Tensor:
        """The logits of all words, (n, V)."""
        return torch.addmm(self.bias.to(predicted.dtype), predicted, self._words.to(predicted.dtype).T)

    def loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """The mean negative log-likelihood of the right words (n,); an estimate if the vocabulary is large.

        The estimate replaces the sum over all words by a sum over a sample, in which each word is divided by its
        probability to be in the sample: Bengio and Senécal (2008), https://doi.org/10.1109/TNN.2007.912312.
        """
        if len(self.bias) <= self.samples:
            return cross_entropy(self.scores(predicted).float(), targets)
        drawn = torch.multinomial(cast(Tensor, self.weights), self.samples)  # (C,), each at most once
        words, bias = self._words.to(predicted.dtype), self.bias.to(predicted.dtype)
        shifted = bias[drawn] - cast(Tensor, self.inclusion)[drawn].log().to(predicted.dtype)
        right = (predicted * words[targets]).sum(1) + bias[targets]  # (n,)
        others = torch.addmm(shifted, predicted, words[drawn].T)  # (n, C)
        others = others.masked_fill(drawn == targets[:, None], float("-inf"))
        logits = torch.cat([right[:, None], others], dim=1).float()
        return cross_entropy(logits, torch.zeros_like(targets))

    @property
    def _words(self) -> Tensor:
        return cast(nn.Embedding, self.body.embedding.words).weight[FIRST_ID:]  # (V, D)


def _inclusion(weights: Tensor, samples: int) -> Tensor:
    """The probability of each word, (V,), to be in a sample of so many different words.

    A word of weight w has the probability 1 - exp(-w t), with t such that the probabilities sum to the size of the
    sample (Rosén 1972, https://doi.org/10.1214/aoms/1177692692).
    """
    if samples >= len(weights):
        return torch.ones_like(weights)
    shares = weights.double() / weights.double().sum()
    low, high = 0.0, float(samples)
    while -torch.expm1(-shares * high).sum() < samples:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if -torch.expm1(-shares * middle).sum() < samples else (low, middle)
    return (-torch.expm1(-shares * high)).to(weights.dtype)
