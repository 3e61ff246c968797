"""A callback that tells a search of each epoch, and ends the run if the search says so."""

from collections.abc import Callable

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from tagger.training.checkpoints import EpochRecorder
from tagger.training.watch import EndedEarly


class EpochWatcher(Checkpoint):
    """Tells a search of each epoch after its checkpoint is written, and ends the run if the search says so.

    It is a `Checkpoint` because Lightning calls those last, in their order.
    """

    def __init__(self, after_epoch: Callable[[int, float], bool], recorder: EpochRecorder) -> None:
        """Makes the callback.

        Args:
            after_epoch: see `Watch`.
            recorder: of the run; it comes before this callback.
        """
        self._after_epoch, self._recorder = after_epoch, recorder

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tells of the epochs before a resumed run was interrupted: one of them may not have been told of."""
        if self._recorder.epochs:
            for epoch in self._recorder.epochs[:-1]:
                self._after_epoch(int(epoch["epoch"]), epoch["dev/accuracy"])
            self._tell(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tells of the epoch.

        Raises:
            EndedEarly: the search wants no further epoch.
        """
        self._tell(trainer)

    def _tell(self, trainer: pl.Trainer) -> None:
        epoch = self._recorder.epochs[-1]
        ends = self._after_epoch(int(epoch["epoch"]), epoch["dev/accuracy"])
        if ends and not self._recorder.complete and trainer.world_size == 1:  # other processes would wait for this one
            raise EndedEarly(f"ended after epoch {epoch['epoch']:.0f}")
