"""Trainings by Lightning: a module and batches -> the weights of the best epoch -> the report that ends a run.

A run's folder holds two checkpoints: `last.ckpt`, from which the run can be resumed, and `best.ckpt`, the best epoch
on dev. Both are whole files at any time.
"""

import csv
import json
import logging
import shlex
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning import loggers as lightning_loggers
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.plugins import TorchCheckpointIO
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from tagger.errors import InputError, reason
from tagger.text.output_files import whole_binary, whole_file
from tagger.training.config import LOGGERS
from tagger.training.module import TaggerModule
from tagger.training.run_folder import BEST, CHECKPOINTS, LAST, LOGS, METRICS, REPORT

# Unless a config says otherwise: the norm of the gradient is at most this, and a GPU operation without a fixed order
# gives a warning.
DEFAULTS: dict[str, Any] = {"gradient_clip_val": 1.0, "deterministic": "warn"}
SCORED = ("dev", "test")

_log = logging.getLogger(__name__)


def begin(threads: int, seed: int) -> None:
    """Prepares this process for a training, and silences Lightning's advice, which is for people who write its code."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated.*")
    torch.set_num_threads(threads)
    pl.seed_everything(seed, verbose=False)


def fit_best(
    module: TaggerModule,
    data: pl.LightningDataModule,
    settings: Mapping[str, Any],
    folder: Path,
    resume: bool,
    loggers: Sequence[Any] = (),
    callbacks: Sequence[Callback] = (),
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Trains a module, or goes on after the run's last complete epoch, and gives it the weights of its best epoch.

    Returned are the epochs, see `EpochRecorder`, and what `report.json` says of them.

    An interruption or an error after the epochs loses none of them: the run goes on from its checkpoints.
    """
    recorder = EpochRecorder(folder)
    trainer = make_trainer(settings, folder, [recorder, *callbacks], loggers)
    if resume:
        recorder.read_last()
    if resume and recorder.complete:
        _log.info("its epochs have ended, so nothing is trained: its tagger and its report are made again")
        recorder.write_metrics()
    else:
        run_fit(trainer, module, data, ckpt_path=str(recorder.last) if resume else None, weights_only=True)
        if trainer.world_size > 1:  # the epochs were those of other processes
            recorder.read_last()
    best = load_checkpoint(recorder.best)
    module.check(best)
    module.load_state_dict(best["state_dict"])
    results = {
        "training_seconds": round(sum(epoch["seconds"] for epoch in recorder.epochs), 1),
        "epochs": len(recorder.epochs),
        "best_epoch": int(best["epoch"]) + 1,
    }
    return recorder.epochs, results


def make_trainer(
    settings: Mapping[str, Any], folder: Path, callbacks: Sequence[Callback] = (), loggers: Sequence[Any] = ()
) -> pl.Trainer:
    """Makes a trainer that prints nothing, and writes into a run's folder."""
    try:
        return pl.Trainer(
            **DEFAULTS | dict(settings),
            default_root_dir=folder,
            logger=list(loggers) or False,
            callbacks=list(callbacks),
            plugins=[WholeFileIO(), LightningEnvironment()],  # also within a job of SLURM
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # each process's data module takes its share of the batches itself
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise InputError(f"trainer: {' '.join(str(error).split())}") from None


def run_fit(trainer: pl.Trainer, module: pl.LightningModule, data: Any, **options: Any) -> None:
    """Calls `trainer.fit` with a data module or a loader. Ctrl+C and SIGTERM end it with KeyboardInterrupt."""
    try:
        trainer.fit(module, data, **options)
    except (SystemExit, SIGTERMException, ProcessExitedException):  # Lightning turns Ctrl+C and SIGTERM into these
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(9)
        raise KeyboardInterrupt from None
    except MisconfigurationException as error:  # which only the batches show
        raise InputError(f"trainer: {' '.join(str(error).split())}") from None
    except ProcessRaisedException as error:  # of several processes; its text ends with what one of them raised
        kind, _, message = str(error).strip().splitlines()[-1].partition(": ")
        if kind.rpartition(".")[2] != InputError.__name__:
            raise
        raise InputError(message) from None


class EpochRecorder(Checkpoint):
    """Keeps the numbers and the checkpoints of a run.

    Lightning calls callbacks of this class after all others, so a checkpoint holds their state of the same epoch.

    Attributes:
        epochs: for each epoch so far `epoch` (from 1), the metrics that the module logs, and `seconds`.
        complete: whether training has ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.last, self.best = folder, folder / CHECKPOINTS / LAST, folder / CHECKPOINTS / BEST
        self.epochs: list[dict[str, float]] = []
        self.complete = False
        self._seconds: list[float] = []  # of the epochs of this process
        self._start = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records the epoch's numbers, saves its checkpoint and logs a line."""
        epoch: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        epoch |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._seconds.append(time.monotonic() - self._start)
        epoch["seconds"] = round(self._seconds[-1], 1)
        self.epochs.append(epoch)
        stopped = trainer.should_stop and epoch["epoch"] >= (trainer.min_epochs or 0)  # by EarlyStopping
        self.complete = stopped or epoch["epoch"] == trainer.max_epochs
        self._save(trainer)
        if not trainer.is_global_zero:
            return
        self.write_metrics()
        seconds = self._seconds[1:] or self._seconds  # the first epoch is slower
        left = 0 if self.complete else max(0, (trainer.max_epochs or 0) - len(self.epochs))  # at most
        columns = cast(TaggerModule, pl_module).vocabulary.columns
        by_column = "".join(f"  {name} {100 * epoch[f'dev/{name}']:.2f}" for name in columns if len(columns) > 1)
        _log.info(
            "epoch %d/%d  loss %.4f  dev loss %.4f  dev accuracy %.2f%s%s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["train/loss"],
            epoch["dev/loss"],
            100 * epoch["dev/accuracy"],
            by_column,
            time_left(left * sum(seconds) / len(seconds)),
        )

    def write_metrics(self) -> None:
        """Writes the epochs to `metrics.csv`."""
        with whole_file(self.folder / METRICS) as out:
            table = csv.DictWriter(out, list(self.epochs[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(self.epochs)

    def _save(self, trainer: pl.Trainer) -> None:
        scores = [epoch["dev/accuracy"] for epoch in self.epochs]
        scores = [score if score == score else float("-inf") for score in scores]  # NaN never wins
        is_best = scores.index(max(scores)) == len(scores) - 1  # of equals the earliest is the best
        try:
            # best.ckpt first: a run that is killed in between repeats this epoch with the same result.
            for path in (self.best, self.last) if is_best else (self.last,):
                trainer.save_checkpoint(path)  # every process takes part, the first one writes
        except (OSError, InputError) as error:
            message = f"{self.last} cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error)
            if self.last.is_file():
                message += f"; then go on with: python -m tagger resume {shlex.quote(str(self.folder))}"
            raise InputError(message) from None

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "complete": self.complete}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs, self.complete = list(state_dict["epochs"]), bool(state_dict["complete"])

    def read_last(self) -> None:
        """Restores the state from the last epoch's checkpoint."""
        if not self.last.is_file():
            raise InputError(f"{self.folder}: no epoch was completed; start the run again")
        state = (load_checkpoint(self.last).get("callbacks") or {}).get(self.state_key)
        if state is None:
            raise InputError(f"{self.last} was written by another version of tagger; start the run again")
        self.load_state_dict(state)


class WholeFileIO(TorchCheckpointIO):
    """Writes a checkpoint to a hidden file and renames it; Lightning may leave half a file under the final name."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes a checkpoint. If the disk is full, nothing is left of it."""
        with whole_binary(path, remedy="make room") as out:
            try:
                torch.save(checkpoint, out)
            except RuntimeError as error:  # what went wrong stands behind it
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU; no code in it is run."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; start the run again") from None
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged file can raise any error
        raise InputError(f"{path} is damaged ({reason(error)}); start the run again") from None
    if not isinstance(checkpoint, dict):
        raise InputError(f"{path} is damaged (it holds no checkpoint); start the run again")
    return checkpoint


def time_left(seconds: float) -> str:
    """The end of a line of progress: about how long it takes from here; empty if it is soon.

    >>> [time_left(seconds) for seconds in (0.4, 42, 150, 7300)]
    ['', '  40 s left', '  3 min left', '  2 h left']
    """
    if seconds < 95:
        return f"  {10 * round(seconds / 10)} s left" if seconds >= 5 else ""
    return f"  {seconds / 60:.0f} min left" if seconds < 5400 else f"  {seconds / 3600:.0f} h left"


@contextmanager
def run_loggers(config: Mapping[str, Mapping[str, Any]], run: Path) -> Iterator[list[Any]]:
    """The loggers of a run, for the trainer; without a `save_dir` they write into its folder."""
    try:
        yield [_logger(name, values, run.absolute() / LOGS / name) for name, values in config.items()]
    finally:
        if "wandb" in config and "wandb" in sys.modules:
            sys.modules["wandb"].finish()  # or the next run of a sweep would be logged as a part of this one


def _logger(name: str, values: Mapping[str, Any], folder: Path) -> Any:
    """Lightning's logger, which gets the values that are not null as its arguments."""
    given = {"save_dir": str(folder)} | {key: value for key, value in values.items() if value is not None}
    try:
        Path(given["save_dir"]).mkdir(parents=True, exist_ok=True)
        logger = getattr(lightning_loggers, LOGGERS[name])(**given)
        logger.experiment  # noqa: B018  it connects
    except Exception as error:  # each library has errors of its own
        raise InputError(f"logger={name}: {reason(error)}; see the values of logger.{name}") from None
    return logger


def finish(folder: Path, results: Mapping[str, Any], loggers: Sequence[Any] = ()) -> None:
    """Logs the results and writes `report.json`, the last file of a run: it says that the run is complete."""
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    for logger in loggers:
        logger.log_metrics(final_scores(results), int(results.get("best_epoch", 0)))
        logger.finalize("success")


def final_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """The scores of `report.json` by names such as `final/test/upos/accuracy`."""
    named = ("best_epoch", "training_seconds", "words_per_second", "parameters")
    final = {name: float(results[name]) for name in named if name in results}
    parts = {split: results[split] for split in SCORED if split in results}
    parts |= {f"raw/{split}": {"": scores} for split, scores in results.get("raw", {}).items()}
    for split, columns in parts.items():
        for column, scores in columns.items():
            prefix = f"{split}/{column}/" if column else f"{split}/"
            final |= {prefix + name: value for name, value in scores.items() if type(value) is float}
    return {f"final/{name}": value for name, value in final.items()}
