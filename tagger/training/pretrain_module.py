"""`HiddenWordModule`: the network that predicts hidden words, with its loss and its metrics."""

# n hidden words, V words that can be predicted

from typing import Any

from torch import Tensor

from tagger.model.hidden_word_batch import HiddenWordBatch
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.module import LOG_PER_EPOCH, Module


class HiddenWordModule(Module):
    """Trains a `HiddenWordNetwork`."""

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        samples: int = 8192,
        lr: float = 3e-3,
        weight_decay: float = 0.01,
        warmup: float = 0.05,
    ) -> None:
        """Builds the network.

        Args:
            vocabulary: the fields of a `Vocabulary` without tags.
            network: sizes of the body.
            samples: see `HiddenWordNetwork`.
            lr: the highest learning rate.
            weight_decay: of AdamW.
            warmup: share of the steps in which the learning rate climbs to `lr`.
        """
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.network = HiddenWordNetwork(self.vocabulary, network, samples)

    @property
    def body(self) -> TaggerNetwork:
        return self.network.body

    def training_step(self, batch: HiddenWordBatch, _: int) -> Tensor:
        predicted = self.network.predict(batch.batch, batch.places)  # (n, D)
        if not len(predicted):  # no word of the batch is in the vocabulary
            return predicted.sum()
        loss = self.network.loss(predicted, batch.targets)
        self.log("train/loss", loss, batch_size=len(batch.targets), **LOG_PER_EPOCH)
        return loss

    def validation_step(self, batch: HiddenWordBatch, _: int) -> None:
        known = batch.targets >= 0
        count = int(known.sum())
        if not count:
            return
        scores = self.network.scores(self.network.predict(batch.batch, batch.places))[known].float()  # (n, V)
        loss, first, first_five = word_scores(scores, batch.targets[known])
        for name, value in (("loss", loss), ("accuracy", first), ("top5", first_five)):
            self.log(f"dev/{name}", value.sum() / max(1, count), batch_size=count, **LOG_PER_EPOCH)


def word_scores(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How well each hidden word is predicted.

    Args:
        scores: (n, V) logits.
        targets: (n,) the right words.

    Returns:
        Three times (n,): minus the logarithm of the word's probability, whether it comes first, and whether it is
        among the first five; the latter two as 0 or 1.
    """
    right = scores.gather(1, targets[:, None])
    rank = (scores > right).sum(1)
    return scores.logsumexp(1) - right[:, 0], (rank == 0).float(), (rank < 5).float()
