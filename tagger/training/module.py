"""`TaggerModule`: the network with its loss, its optimizer and what is logged."""

# T tokens in the longest sentence, B sentences, K tags

from itertools import compress
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from tagger.model.batch import IGNORE, Batch
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary

PER_EPOCH: dict[str, Any] = {"on_step": False, "on_epoch": True, "sync_dist": True}  # how values are logged


class Module(pl.LightningModule):
    """What the training of every network here has in common: the optimizer, and generators that can be resumed.

    Hyperparameters are plain values, so that a checkpoint holds a whole model and loads with `weights_only=True`.

    Attributes:
        vocabulary: of `body`.
        steps: of the whole training, if the trainer cannot know.
    """

    vocabulary: Vocabulary

    def __init__(self) -> None:
        super().__init__()
        self.steps: int | None = None
        self._generators: dict[str, Tensor] | None = None

    @property
    def body(self) -> TaggerNetwork:
        """The tagger's network that is trained, or a part of what is."""
        raise NotImplementedError

    def configure_optimizers(self) -> Any:
        """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) with a linear warm-up and decay."""
        hp: dict[str, float] = dict(self.hparams)
        transformer = self.body.transformer
        groups = []
        if transformer is not None:
            groups = transformer.parameter_groups(hp["transformer_lr"], hp["layer_decay"], hp["weight_decay"])
        apart = {id(p) for group in groups for p in group["params"]}
        own = [p for p in self.parameters() if p.requires_grad and id(p) not in apart]
        vectors = self.body.embedding.vectors
        lasting = {id(table) for table in vectors.tables} if vectors else set()  # or words training lacks would fade
        decays = [p.dim() > 1 and id(p) not in lasting for p in own]
        groups.append({"params": list(compress(own, decays)), "weight_decay": hp["weight_decay"]})
        groups.append({"params": [p for p, decay in zip(own, decays, strict=True) if not decay], "weight_decay": 0.0})
        optimizer = torch.optim.AdamW(
            groups,
            lr=hp["lr"],
            betas=(0.9, 0.98),
            fused=self.trainer.precision != "16-mixed",  # there gradients are scaled
        )
        steps = self.steps or int(self.trainer.estimated_stepping_batches)
        rise = max(1, round(hp["warmup"] * steps))

        def share(step: int) -> float:
            return max(0.0, min((step + 1) / rise, (steps - step) / max(1, steps - rise), 1.0))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm in bfloat16 too, where Lightning takes a fused optimizer for one that scales gradients."""
        if self.trainer.precision == "bf16-mixed" and gradient_clip_val and gradient_clip_algorithm in (None, "norm"):
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

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

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the generators' states until training goes on."""
        self._generators = checkpoint["generators"]

    def on_train_epoch_start(self) -> None:
        """Puts back the generators' states of a resumed run."""
        if self._generators is not None:
            states = {kind: rows[self.global_rank] for kind, rows in self._generators.items()}
            torch.set_rng_state(states["cpu"])
            if "cuda" in states and self.device.type == "cuda":
                torch.cuda.set_rng_state(states["cuda"], self.device)
            self._generators = None


class TaggerModule(Module):
    """Trains a `TaggerNetwork`."""

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        lr: float = 2e-3,
        weight_decay: float = 0.05,
        warmup: float = 0.05,
        transformer_lr: float = 1e-4,
        layer_decay: float = 0.8,
    ) -> None:
        """Builds the network.

        Args:
            vocabulary: the fields of a `Vocabulary`.
            network: sizes of the parts.
            lr: the highest learning rate.
            weight_decay: of AdamW, for matrices alone, pretrained vectors not among them.
            warmup: share of the steps in which the learning rate climbs to `lr`; then it falls to 0 linearly.
            transformer_lr: the highest learning rate of the top layer of a transformer.
            layer_decay: what each layer below has of the learning rate of the one above it.
        """
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.network = TaggerNetwork(self.vocabulary, network)

    @property
    def body(self) -> TaggerNetwork:
        return self.network

    def _step(self, batch: Batch, stage: str) -> Tensor:
        """The loss of a batch, the sum over the columns; logs it with the accuracy of every column and of all."""
        scores = self.network(batch)
        loss = torch.zeros((), device=self.device)
        right = scored = 0
        for column, target in batch.targets.items():
            learned = target.clamp(min=IGNORE)  # UNSEEN takes no part in the loss, but in the accuracy
            total = cross_entropy(
                scores[column].flatten(0, 1).float(), learned.flatten(), ignore_index=IGNORE, reduction="sum"
            )
            loss = loss + total / (learned != IGNORE).sum().clamp(min=1)  # a batch may have nothing to learn
            hits, count = int((scores[column].argmax(-1) == target).sum()), int((target != IGNORE).sum())
            self.log(f"{stage}/{column}", hits / max(1, count), batch_size=count, **PER_EPOCH)
            right, scored = right + hits, scored + count
        self.log(f"{stage}/loss", loss, batch_size=int(batch.lengths.sum()), **PER_EPOCH)
        self.log(f"{stage}/accuracy", right / max(1, scored), batch_size=scored, prog_bar=True, **PER_EPOCH)
        return loss

    def training_step(self, batch: Batch, _: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, _: int) -> None:
        self._step(batch, "dev")
