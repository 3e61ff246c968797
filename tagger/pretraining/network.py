"""A network that predicts hidden words from the words on both sides of them, and its batches.

It learns from text without tags, as BERT does (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), where such words
are called masked. It is made of the embeddings and the recurrent layers of a tagger. So the training of a tagger can
start from their weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tagger.errors import InputError
from tagger.model.batch import FIRST_ID, Batch
from tagger.model.collate import collate
from tagger.model.embeddings import WordEmbedding
from tagger.model.forms import FormTable
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary

# T tokens in the longest sentence, B sentences, E size of a token's embedding, S the sum of F + R over all layers,
# n hidden words, V words of the vocabulary, D size of a word's embedding


class HiddenWordNetwork(nn.Module):
    """A tagger's network without tags, and on top of it the prediction of hidden words.

    A word's embedding is also the vector that scores it (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).

    Attributes:
        body: embeddings and recurrent layers, from which the training of a tagger can start.
        mask: (E,), replaces the embedding of a hidden word.
    """

    def __init__(self, vocabulary: "Vocabulary", config: NetworkConfig, samples: int = 4096) -> None:
        """Builds the network.

        Args:
            vocabulary: its words can be predicted; it has no tags.
            config: of the body.
            samples: the number of words in the sample with which `loss` compares the right word.

        Raises:
            InputError: the body has no word embeddings.
        """
        super().__init__()
        if not config["words"]:
            raise InputError("embedding.words=0: words are predicted by their embeddings; set a size above 0")
        self.body = TaggerNetwork(vocabulary, config)
        self.mask = nn.Parameter(0.1 * torch.randn(self.body.embedding.width))
        states, words = self.body.states, config["words"]
        self.transform = nn.Sequential(nn.Linear(states, words), nn.GELU(), nn.LayerNorm(words))
        counts = torch.tensor(list(vocabulary.words.values()), dtype=torch.float32)
        self.bias = nn.Parameter((counts / counts.sum()).log())
        self.samples = samples
        weights = counts**0.75  # a word's weight in sampling, as in word2vec
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("inclusion", _inclusion(weights, samples), persistent=False)

    def predict(self, batch: Batch, places: Tensor) -> Tensor:
        """Predicts a vector for each hidden word, (n, D), from the words that are not hidden.

        Args:
            batch: B sentences.
            places: (n,), see `HiddenWordBatch`.
        """
        x = self.body.embed(batch)  # (T, B, E)
        x = x.flatten(0, 1).index_copy(0, places, self.mask.to(x.dtype).expand(len(places), -1)).view_as(x)
        h = self.body.encode(x, batch.lengths)  # (T, B, S)
        predicted: Tensor = self.transform(h.flatten(0, 1)[places])
        return predicted

    def scores(self, predicted: Tensor) -> Tensor:
        """The logits of all words, (n, V)."""
        return torch.addmm(self.bias.to(predicted.dtype), predicted, self._words.to(predicted.dtype).T)

    def loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """The mean negative log-likelihood of the right words.

        In a vocabulary of more than `samples` words it is an estimate. The softmax then sums over a sample of the
        words. Each term is divided by the word's probability of being sampled: Bengio and Senécal (2008),
        https://doi.org/10.1109/TNN.2007.912312.

        Args:
            predicted: (n, D), made by `predict`.
            targets: (n,), the right words; see `HiddenWordBatch`, without -1.
        """
        if len(self.bias) <= self.samples:
            return cross_entropy(self.scores(predicted).float(), targets)
        drawn = torch.multinomial(cast(Tensor, self.weights), self.samples)  # (samples,), each word at most once
        words, bias = self._words.to(predicted.dtype), self.bias.to(predicted.dtype)
        # In the exponent, dividing by the probability is subtracting its logarithm.
        shifted = bias[drawn] - cast(Tensor, self.inclusion)[drawn].log().to(predicted.dtype)
        right = (predicted * words[targets]).sum(1) + bias[targets]  # (n,)
        others = torch.addmm(shifted, predicted, words[drawn].T)  # (n, samples)
        others = others.masked_fill(drawn == targets[:, None], float("-inf"))
        logits = torch.cat([right[:, None], others], dim=1).float()
        return cross_entropy(logits, torch.zeros_like(targets))

    @property
    def _words(self) -> Tensor:
        return cast(WordEmbedding, self.body.embedding.words).weight[FIRST_ID:]  # (V, D)


def _inclusion(weights: Tensor, samples: int) -> Tensor:
    """The probability, (V,), that a sample of `samples` different words contains each word.

    For a word of weight w it is about 1 - exp(-w t). The number t is the one for which the probabilities sum to
    `samples` (Rosén 1972, https://doi.org/10.1214/aoms/1177692692); bisection finds it.
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


# T tokens in the longest sentence, B sentences, n hidden words


@dataclass
class HiddenWordBatch:
    """Sentences with hidden words; `hide_words` makes it."""

    batch: Batch
    places: Tensor  # (n,) t * B + b for token t of sentence b: where the hidden words stand in a flattened (T, B)
    targets: Tensor  # (n,) each hidden word's id less FIRST_ID; -1 if it is unknown: the caller leaves it out

    def to(self, device: torch.device | str) -> "HiddenWordBatch":
        """The batch on another device."""
        return HiddenWordBatch(self.batch.to(device), self.places.to(device), self.targets.to(device))


def hide_words(sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray], table: "FormTable") -> HiddenWordBatch:
    """Makes a batch of sentences in which some words are hidden.

    The batch itself has all words. `HiddenWordNetwork.predict` replaces the embeddings of the hidden ones.

    Args:
        sentences: B lists of word forms, none of them empty.
        hidden: for each sentence the positions of the words to hide, from 0.
        table: the features of the forms.
    """
    batch = collate(sentences, table)
    places = np.concatenate([positions * len(sentences) + b for b, positions in enumerate(hidden)])
    words = [sentences[b][t].lower() for b, positions in enumerate(hidden) for t in positions.tolist()]
    ids = table.vocabulary.word_ids
    targets = np.array([ids.get(word, FIRST_ID - 1) - FIRST_ID for word in words], dtype=np.int64)
    return HiddenWordBatch(batch, torch.from_numpy(places.astype(np.int64)), torch.from_numpy(targets))
