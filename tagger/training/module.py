"""`TaggerModule`: the network with its loss, its optimizer and its metrics, as a Lightning module."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from tagger.bundle.bundle import ENCODER, Bundle, Member
from tagger.errors import InputError
from tagger.model.batch import Batch, FormTable
from tagger.model.crf import packing
from tagger.model.decoder import CRFDecoder, Decoder, mean_decoder
from tagger.model.feature_values import FeatureScores, feature_scores
from tagger.model.network import NetworkConfig, Outputs, TaggerNetwork, share_pretrained
from tagger.model.transformer import PieceTokenizer
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.pretrained.cached_outputs import frozen_outputs
from tagger.segmenter.learned import LearnedSegmenter
from tagger.training.auxiliary import auxiliary_loss
from tagger.training.teacher import student_loss

# T tokens in the longest sentence, B sentences, S states of all layers, K tags of a column

WARMUP = 0.05  # share of the steps in which the learning rate climbs
LAYER_DECAY = 0.8  # the learning rate of a transformer's layer over that of the layer above it


def _rate_share(step: int, steps: int, first: int, warmup: float) -> float:
    """The learning rate of a step over the highest one: 0 before the step `first`, then it climbs, then falls to 0."""
    step, steps = step - first, steps - first
    rise = max(1, round(warmup * steps))
    return max(0.0, min((step + 1) / rise, (steps - step) / max(1, steps - rise), 1.0))


class TaggerModule(pl.LightningModule):
    """Trains a `TaggerNetwork`, or several side by side, whose scores are averaged.

    Hyperparameters are plain values, so that a checkpoint holds a whole model and loads with `weights_only=True`.

    Attributes:
        members: the networks that are trained. A tagger's linear chains are trained apart, see `fit_linear.py`.
        tokenizer: of their transformer, if they have one.
        forbidden: what tags of a CRF cannot do once it is trained; see `CRFDecoder.forbid`.
        features: of each member, scores for the columns whose tags are sets of features; see `feature_scores`.
    """

    tokenizer: PieceTokenizer | None = None

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        *,
        lr: float,
        weight_decay: float,
        transformer_lr: float,
        members: int = 1,
        auxiliary: int = 0,
        auxiliary_weight: float = 0.0,
        frozen_epochs: int = 0,
    ) -> None:
        """Builds the networks.

        Args:
            vocabulary: the fields of a `Vocabulary`.
            lr: the highest learning rate; transformer_lr is that of a transformer's top layer.
            auxiliary: how many values of other columns the batches hold; see `auxiliary.py`.
            auxiliary_weight: of their loss beside that of the tags.
            frozen_epochs: the first epochs, in which a transformer that is tuned does not learn yet.
        """
        super().__init__()
        self._generators: dict[str, Tensor] | None = None  # their states in a checkpoint
        self._sums: dict[str, Tensor] = {}  # of this epoch so far, and the number of words
        self.forbidden: dict[str, tuple[list[int], list[tuple[int, int]]]] = {}
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.config = network
        self.members = nn.ModuleList(TaggerNetwork(self.vocabulary, network) for _ in range(members))
        share_pretrained(self.networks)
        self.auxiliary_weight, self.frozen_epochs = auxiliary_weight, frozen_epochs
        self._set_learning(epoch=0)
        self.auxiliary_heads = nn.ModuleList(
            nn.Linear(member.states, auxiliary) for member in self.networks if auxiliary and auxiliary_weight
        )
        self.features = nn.ModuleList(feature_scores(member.heads, self.vocabulary) for member in self.networks)

    @property
    def networks(self) -> list[TaggerNetwork]:
        """The members."""
        return [cast(TaggerNetwork, member) for member in self.members]

    @property
    def body(self) -> TaggerNetwork:
        """The first member, whose pretrained parts are those of all."""
        return self.networks[0]

    @property
    def table(self) -> FormTable:
        """How batches read words; without pieces where a transformer that never learns has read them before."""
        transformer = self.body.transformer
        never_learns = transformer is not None and not transformer.config["tune"]
        return FormTable(self.vocabulary, self.config, None if never_learns else self.tokenizer)

    def outputs_once(
        self, folder: Path, sentences: Iterable[list[str]], lengths: np.ndarray, device: torch.device | str
    ) -> np.ndarray | None:
        """What a transformer says that does not learn, or not yet: see `frozen_outputs`. None: it learns."""
        transformer, tokenizer = self.body.transformer, self.tokenizer
        if transformer is None or tokenizer is None or transformer.learns:
            return None
        return frozen_outputs(transformer, tokenizer, sentences, lengths, folder, device)

    def setup(self, stage: str) -> None:
        """Has a transformer learn from the start if there are several processes: each would wait for its gradients."""
        if self.trainer.world_size > 1:
            self.frozen_epochs = 0
            self._set_learning(epoch=0)

    def _set_learning(self, epoch: int) -> None:
        if self.body.transformer is not None:
            self.body.transformer.set_learning(epoch >= self.frozen_epochs)

    def trained(self, segmenter: str | LearnedSegmenter = "unicode", config: dict[str, Any] | None = None) -> Bundle:
        """The tagger that has been trained: all members with the same weight, and with the scores of features."""
        for network, columns in zip(self.networks, self.features, strict=True):
            network.eval()
            for column, features in cast(nn.ModuleDict, columns).items():
                cast(FeatureScores, features).move_into(cast(nn.Linear, network.heads[column]))
            for column, (first, pairs) in self.forbidden.items():
                cast(CRFDecoder, network.decoders[column]).forbid(first, pairs)
        share = 1 / len(self.networks)
        members = (Member(network, self.vocabulary, self.tokenizer, share) for network in self.networks)
        return Bundle(tuple(members), segmenter, config or {})

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of gold tags, of a teacher's tags and of auxiliary values: a sum over columns and members."""
        outputs = self._outputs(batch)
        of_gold = self._gold_losses(outputs, batch, "train")
        if batch.teacher:
            loss = student_loss([each.scores for each in outputs], of_gold, batch)
        else:
            loss = torch.stack([*of_gold.values()]).sum()
        if batch.auxiliary is not None:
            states = (each.states for each in outputs)
            loss = loss + auxiliary_loss(
                self.auxiliary_heads, states, batch.auxiliary, batch.lengths, self.auxiliary_weight
            )
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Counts the words with the right tag, by the mean scores of the networks, each column alone.

        Tagging differs: it adds the linear chains, recases sentences in one case, gives a word only edit scripts that
        fit it, and chooses the tags of several columns together.
        """
        outputs = self._outputs(batch)
        self._gold_losses(outputs, batch, "dev")
        places, counts = packing(batch.lengths)
        shares = [1 / len(self.networks)] * len(self.networks)
        for column, target in batch.targets.items():
            scores = torch.stack([each.scores[column] for each in outputs]).mean(0)
            decoder = mean_decoder([cast(Decoder, member.decoders[column]) for member in self.networks], shares)
            best = decoder.best(scores.flatten(0, 1)[places], counts)
            right, words = (best == target.flatten()[places]).sum(), (target != IGNORE).sum()
            self.count(f"dev/{column}", right, words)
            self.count("dev/accuracy", right, words)

    def _outputs(self, batch: Batch) -> list[Outputs]:
        """What each member computes for a batch, which a transformer reads once for all of them."""
        transformer = self.body.transformer
        if transformer is not None and batch.pieces is not None and (transformer.learns or batch.outputs is None):
            batch.outputs = transformer.outputs(batch.pieces)
        found = []
        for member, columns in zip(self.networks, self.features, strict=True):
            states, scores = output = member(batch)
            for column, features in cast(nn.ModuleDict, columns).items():
                scores[column] = scores[column] + features(states)
            found.append(output)
        return found

    def _gold_losses(self, outputs: Sequence[Outputs], batch: Batch, stage: str) -> dict[str, Tensor]:
        """The loss of each column's gold tags, a mean over the words that have one, summed over members.

        For the log it counts the sum over the columns, as a mean over the members. Auxiliary values and the
        teacher are left out.
        """
        losses = {}
        for column, target in batch.targets.items():
            learned = target.clamp(min=IGNORE)  # UNSEEN, which is below IGNORE, becomes IGNORE: it is not learned
            losses[column] = torch.stack(
                [
                    cast(Decoder, member.decoders[column]).loss(each.scores[column], learned, batch.lengths)
                    for member, each in zip(self.networks, outputs, strict=True)
                ]
            ).sum()
        words = torch.stack([(target != IGNORE).sum() for target in batch.targets.values()]).max()
        self.count(f"{stage}/loss", torch.stack([*losses.values()]).sum() / len(outputs) * words, words)
        return losses

    def count(self, name: str, total: Tensor, words: Tensor | int) -> None:
        """Adds a sum over some words to that of the epoch, which stays on the device: to read it would halt a GPU.

        `log` in every batch takes a tenth of the training.
        """
        sums = torch.stack([total.detach().float(), torch.as_tensor(words, device=total.device).float()])
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums

    def on_validation_epoch_end(self) -> None:
        """Logs the means of the epoch over train and dev."""
        for name, sums in self._sums.items():
            total, words = self.trainer.strategy.reduce(sums, reduce_op="sum")
            self.log(name, total / words)
        self._sums.clear()

    def configure_optimizers(self) -> Any:
        """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) with a linear warm-up and decay.

        Those of a transformer begin when it begins to learn.
        """
        hp: dict[str, float] = dict(self.hparams)
        groups = []
        if (transformer := self.body.transformer) is not None:
            groups = transformer.parameter_groups(hp["transformer_lr"], LAYER_DECAY, hp["weight_decay"])
        transformer_groups = len(groups)
        own = {name: p for name, p in self.named_parameters() if p.requires_grad and f".{ENCODER}" not in name}
        # No weight decay on pretrained vectors: those of words that training lacks get no gradient to counter it.
        decays = {name: p.dim() > 1 and ".vectors.tables." not in name for name, p in own.items()}
        groups.append({"params": [p for name, p in own.items() if decays[name]], "weight_decay": hp["weight_decay"]})
        groups.append({"params": [p for name, p in own.items() if not decays[name]], "weight_decay": 0.0})
        optimizer = torch.optim.AdamW(
            groups,
            lr=hp["lr"],
            betas=(0.9, 0.98),
            fused=self.trainer.precision == "32-true",  # Lightning clips no gradients of a fused one in mixed precision
        )
        steps = int(self.trainer.estimated_stepping_batches)
        frozen = steps * self.frozen_epochs // (self.trainer.max_epochs or 1)
        shares: list[Callable[[int], float]] = [
            partial(_rate_share, steps=steps, first=frozen if number < transformer_groups else 0, warmup=WARMUP)
            for number in range(len(groups))
        ]
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, shares)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the state of every process's generators, so that a resumed run draws the same dropout masks."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        several = self.trainer.world_size > 1
        checkpoint["generators"] = {
            kind: torch.as_tensor(self.all_gather(state)).cpu() if several else state[None]
            for kind, state in states.items()
        }

    def check(self, checkpoint: dict[str, Any]) -> None:
        """Raises InputError unless a checkpoint is of the same words, tags, sizes and learning rates."""
        if checkpoint["hyper_parameters"] != dict(self.hparams):
            raise InputError("the corpus, the text or the config has changed since the run began; start the run again")

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Checks the checkpoint, and keeps its states until training goes on."""
        self.check(checkpoint)
        self._generators = checkpoint["generators"]
        self._set_learning(checkpoint["epoch"] + 1)

    def on_train_epoch_start(self) -> None:
        """Begins new means, and puts back the generators' states of a resumed run."""
        self._set_learning(self.current_epoch)
        self._sums.clear()
        if self._generators is not None:
            # Copies: torch crashes on a state that begins in the middle of its tensor's memory.
            states = {kind: rows[self.global_rank].clone() for kind, rows in self._generators.items()}
            torch.set_rng_state(states["cpu"])
            if "cuda" in states and self.device.type == "cuda":
                torch.cuda.set_rng_state(states["cuda"], self.device)
            self._generators = None
