"""A command line of Hydra overrides -> experiments: one, a sweep, or one that is resumed."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from tagger import sweep
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.train import CHECKPOINTS, Interrupted, train

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Trains as the overrides say; returns the exit status.

    0: done; 1: a run of a sweep failed; 2: bad input; 130: interrupted. Mistakes in the overrides
    themselves are reported by Hydra, which exits with 1.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for name in ("datasets", "fsspec", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if any(argument.startswith("resume=") for argument in arguments):
        return _resume(arguments)
    folders: list[Path] = []

    @hydra.main(version_base="1.3", config_path=str(bundled("conf")), config_name="train")
    def task(config: DictConfig) -> None:
        job = HydraConfig.get()
        if job.mode == RunMode.MULTIRUN:
            folders.append(Path(job.sweep.dir))
            _sweep_job(config, _relative(job.runtime.output_dir))
        elif status := _guarded(config, _relative(job.runtime.output_dir), bool(config.test), resume=False):
            raise SystemExit(status)

    sys.argv = [sys.argv[0], *arguments]
    task()
    if not folders:
        return 0
    rows = sweep.read_runs(folders[0])
    print(f"\n{folders[0] / sweep.TABLE}\n{sweep.render(rows)}")
    return int(any(row["error"] for row in rows))


def _guarded(config: DictConfig, folder: Path, test: bool, resume: bool) -> int:
    """Trains, and turns what can be expected to go wrong into one line and an exit status."""
    try:
        train(_plain(config), folder, test, resume)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted:
        if (folder / CHECKPOINTS / "last.ckpt").exists():
            print(f"interrupted; go on with: python -m tagger resume={folder}", file=sys.stderr)
        else:
            print("interrupted before the first epoch was complete; nothing to resume", file=sys.stderr)
        return 130
    return 0


def _sweep_job(config: DictConfig, folder: Path) -> None:
    """One run of a sweep; a failure is a row of the table, and the others go on."""
    job = HydraConfig.get()
    overrides = [str(override) for override in job.overrides.task]
    row: dict[str, Any] = {"run": job.job.num, "overrides": " ".join(overrides)}
    log.info("\nrun %s: %s", job.job.num, row["overrides"])
    arguments, sys.argv = sys.argv, [sys.argv[0], *overrides]  # what processes that help with this run are started with
    try:
        results = train(_plain(config), folder, test=False)
        accuracies = [scores["accuracy"] for scores in results["dev"].values()] if results else [0.0]
        row["dev_accuracy"] = round(sum(accuracies) / len(accuracies), 6)
        row |= {name: results[name] for name in ("parameters", "training_seconds")} if results else {}
    except Interrupted:
        raise SystemExit(130) from None
    except Exception as error:
        row["error"] = " ".join(
            f"{'' if isinstance(error, InputError) else type(error).__name__ + ': '}{error}".split()
        )
        log.error("run %s failed: %s", job.job.num, row["error"])
    finally:
        sys.argv = arguments
    sweep.add_run(Path(job.sweep.dir), row)


def _resume(arguments: Sequence[str]) -> int:
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    folder = Path(next(argument for argument in arguments if argument.startswith("resume=")).partition("=")[2])
    saved = folder / ".hydra"
    problem = None
    if others:
        problem = f"{others[0]}: resume takes the run's own config; leave other overrides out"
    elif not (saved / "config.yaml").is_file():
        problem = f"{folder}: no run's folder, .hydra/config.yaml is missing; name one below runs/"
    elif not (folder / CHECKPOINTS / "last.ckpt").is_file():
        problem = f"{folder}: no complete epoch to go on from; start the run again"
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    config = OmegaConf.load(saved / "config.yaml")
    mode = OmegaConf.load(saved / "hydra.yaml").hydra.mode
    return _guarded(config, folder, bool(config.test) and mode != "MULTIRUN", resume=True)  # type: ignore[arg-type]


def _relative(folder: str) -> Path:
    """The folder as users see it from where they are."""
    path = Path(folder)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _plain(config: DictConfig) -> dict[str, Any]:
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except MissingMandatoryValue as error:
        raise InputError(f"{str(error).splitlines()[0]}; give it a value on the command line") from None
