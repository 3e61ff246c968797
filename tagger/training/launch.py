"""A command line of Hydra overrides -> experiments: one, a sweep, or one that is resumed."""

import logging
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.training import sweep
from tagger.training.config import (
    TAGGER_PARTS,
    TRAINING_KEYS,
    PretrainConfig,
    TrainConfig,
    pretrain_config,
    train_config,
)
from tagger.training.figures import frontier
from tagger.training.pretrain import pretrain
from tagger.training.train import train
from tagger.training.trainer import CHECKPOINTS, Interrupted

log = logging.getLogger(__name__)


def main(arguments: Sequence[str], config: str = "train") -> int:
    """Trains as the overrides of that config say, `train` or `pretrain`; returns the exit status.

    0: done; 1: a run of a sweep failed; 2: bad input; 130: interrupted. Mistakes in the overrides
    themselves are reported by Hydra, which exits with 1.
    """
    helping = os.environ.get("LOCAL_RANK", "0") != "0"  # a process that another one started
    logging.basicConfig(level=logging.WARNING if helping else logging.INFO, format="%(message)s", stream=sys.stdout)
    for name in ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for number in ("SIGTERM", "SIGHUP"):  # Windows has one of them
        if hasattr(signal, number):
            signal.signal(getattr(signal, number), signal.default_int_handler)  # end as on Ctrl+C
    resumed = [argument for argument in arguments if argument.lstrip("+").startswith("resume=")]
    others = [argument for argument in arguments if argument not in resumed]
    folder = resumed[-1].partition("=")[2] if resumed else ""
    try:
        if folder not in ("", "null"):
            return _resume(Path(folder), others, config)
        return _launch(others, config)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _launch(overrides: Sequence[str], name: str) -> int:
    """Runs what Hydra makes of the overrides: an experiment, or the experiments of a sweep."""
    folders: list[Path] = []

    @hydra.main(version_base="1.3", config_path=str(bundled("conf")), config_name=name)
    def task(config: DictConfig) -> None:
        job = HydraConfig.get()
        if job.mode == RunMode.MULTIRUN:
            folders.append(_relative(job.sweep.dir))
            _sweep_job(config, folders[0], _relative(job.runtime.output_dir))
        elif status := _guarded(config, _relative(job.runtime.output_dir), job.overrides.task):
            raise SystemExit(status)

    sys.argv = [sys.argv[0], *overrides]
    task()
    if not folders:
        return 0
    rows = sweep.read_runs(folders[0])
    frontier(rows, folders[0] / "frontier.png")
    print(f"\n{folders[0] / sweep.TABLE}\n{sweep.render(rows)}\n{sweep.render_tags(folders[0], rows)}")
    return int(any(row["error"] for row in rows))


def _guarded(
    config: DictConfig, folder: Path, overrides: Sequence[str], resume: bool = False, sweeping: bool = False
) -> int:
    """Trains, and turns what can be expected to go wrong into one line and an exit status."""
    try:
        _train(config, folder, overrides, resume, sweeping)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print(_interrupted(folder, config), file=sys.stderr)
        return 130
    return 0


def _word(config: DictConfig) -> str:
    """The command word of a config, and a space; none for `train`."""
    return "pretrain " if "passes" in config else ""


def _train(
    config: DictConfig, folder: Path, overrides: Sequence[str], resume: bool = False, sweeping: bool = False
) -> dict[str, Any] | None:
    words = [*_word(config).split(), *overrides]
    values, command = _checked(config, overrides), shlex.join(["python", "-m", "tagger", *words])
    arguments = sys.argv
    if not resume:
        sys.argv = [sys.argv[0], *words]  # what processes that help with this run are started with
    try:
        if isinstance(values, PretrainConfig):
            return pretrain(values, folder, command, resume)
        return train(values, folder, values.test and not sweeping, command, resume)
    finally:
        sys.argv = arguments


def _interrupted(folder: Path, config: DictConfig) -> str:
    if (folder / CHECKPOINTS / "last.ckpt").exists():
        return f"interrupted; go on with: python -m tagger {_word(config)}resume={folder}"
    return "interrupted before the first epoch was complete; nothing to resume"


def _sweep_job(config: DictConfig, sweep_folder: Path, folder: Path) -> None:
    """One run of a sweep; a failure is a row of the table, and the others go on."""
    job = HydraConfig.get()
    overrides = [str(override) for override in job.overrides.task]
    row: dict[str, Any] = {"run": job.job.num, "overrides": " ".join(overrides)}
    log.info("\nrun %s: %s", job.job.num, row["overrides"])
    if job.job.num == 0:
        (sweep_folder / sweep.TABLE).unlink(missing_ok=True)
    try:
        results = _train(config, folder, overrides, sweeping=True)
        accuracies = [scores["accuracy"] for scores in results["dev"].values()] if results else [0.0]
        row["dev_accuracy"] = round(sum(accuracies) / len(accuracies), 6)
        row |= {name: results[name] for name in sweep.FIELDS if name in results} if results else {}
    except (Interrupted, KeyboardInterrupt):
        sweep.add_run(sweep_folder, row | {"error": _interrupted(folder, config)})
        print(f"\n{sweep_folder / sweep.TABLE}\n{sweep.render(sweep.read_runs(sweep_folder))}")
        raise SystemExit(130) from None
    except Exception as error:
        row["error"] = " ".join(
            f"{'' if isinstance(error, InputError) else type(error).__name__ + ': '}{error}".split()
        )
        log.error("run %s failed: %s", job.job.num, row["error"])
    sweep.add_run(sweep_folder, row)


def _resume(folder: Path, others: Sequence[str], name: str) -> int:
    saved = folder / ".hydra"
    if others:
        raise InputError(f"{others[0]}: resume takes the run's own config; leave other overrides out")
    for file in ("config.yaml", "hydra.yaml", "overrides.yaml"):
        if not (saved / file).is_file():
            raise InputError(f"{folder}: no run's folder, .hydra/{file} is missing; name one below runs/")
    if not (folder / CHECKPOINTS / "last.ckpt").is_file():
        raise InputError(f"{folder}: no complete epoch to go on from; start the run again")
    config = cast(DictConfig, OmegaConf.load(saved / "config.yaml"))
    sweeping = OmegaConf.load(saved / "hydra.yaml").hydra.mode == RunMode.MULTIRUN.name
    overrides = [str(override) for override in OmegaConf.load(saved / "overrides.yaml")]
    if bool(_word(config)) != (name == "pretrain"):
        raise InputError(f"{folder} is a run of another command; say python -m tagger {_word(config)}resume={folder}")
    return _guarded(config, folder, overrides, resume=True, sweeping=sweeping)


def _relative(folder: str) -> Path:
    """The folder as users see it from where they are."""
    path = Path(folder)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _checked(config: DictConfig, overrides: Sequence[str]) -> TrainConfig | PretrainConfig:
    """The config, checked; `overrides` are the task's, to tell what was asked for from what was not."""
    if "init" not in config and "passes" not in config:
        raise InputError("the run was started by another version of tagger; start it again")
    if config.get("init") is not None:
        for override in overrides:
            key = override.lstrip("+~").partition("=")[0]
            if key.partition(".")[0] in (*TAGGER_PARTS, "experiment") and key not in TRAINING_KEYS:
                raise InputError(
                    f"{override}: init takes what the tagger that it starts from is made of; leave this out"
                )
    return pretrain_config(config) if _word(config) else train_config(config)
