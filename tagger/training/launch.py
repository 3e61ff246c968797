"""The commands `train`, `pretrain` and `resume`: a command line -> Hydra -> checked configs -> trainings.

Hydra composes the config of a run and calls `Task` with it, for several runs by a sweeper (`grid.py`, `search.py`) and
perhaps in other processes. What trains is imported late: mistakes are found before Lightning is imported, which takes
seconds.
"""

import contextlib
import json
import logging
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger import gone
from tagger.bundle.hub import is_hub_name
from tagger.bundle.run_lock import claim_run
from tagger.bundle.saved_config import RECORD, TAGGER_IN_RUN
from tagger.bundled import bundled
from tagger.corpus.corpus_config import NO_HUB, check_files
from tagger.corpus.raw_text import Texts
from tagger.errors import InputError, missing_library
from tagger.text.output_files import whole_file
from tagger.training.config import (
    AUTO,
    RULES_OF_CORPUS,
    TrainConfig,
    check_override,
    find_start,
    train_config,
)
from tagger.training.config_parts import check_machine
from tagger.training.loggers import check_loggers
from tagger.training.overrides import FOLDER_KEYS, VERSION_BASE, checked_words, key_and_value
from tagger.training.pretrain_config import PretrainConfig, pretrain_config
from tagger.training.processes import end_with_parent
from tagger.training.run_folder import (
    LOG,
    REPORT,
    SHARDS,
    Command,
    RunRecord,
    can_resume,
    discard_run,
    find_run,
    new_run_folder,
    read_record,
    remove_empty,
    shown_folder,
)

if TYPE_CHECKING:
    from tagger.training.checkpoints import AfterEpoch

BASIC, JOBLIB = "basic", "joblib"  # launchers
QUIET = ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "hydra_plugins", "matplotlib", "optuna")

_log = logging.getLogger(__name__)


def train(words: Sequence[str]) -> int:
    """Trains a tagger, or several with `-m`, as overrides of `conf/train.yaml` say.

    Returns:
        The exit status: 1 if a run of a sweep failed, else 0.

    Raises:
        InputError: an override or an input is bad, or a folder cannot be written to.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    return _start("train", words)


def pretrain(words: Sequence[str]) -> int:
    """Does the same with `conf/pretrain.yaml` for networks that predict hidden words."""
    return _start("pretrain", words)


def resume(name: str) -> int:
    """Goes on with a run after its last complete epoch; returns and raises as `train`.

    A finished run is saved and reported on again. Relative paths begin where the run was started.
    """
    set_up_logging()
    folder = find_run(name)
    if not (folder / RECORD).is_file() and any(folder.glob(f"*/{RECORD}")):
        raise InputError(f"{folder} is a sweep; give the command that started it again, with hydra.sweep.dir={folder}")
    record = read_record(folder)
    begin = Path(record.started_in or "")
    there = begin.is_absolute() and begin.is_dir()
    folder = folder.absolute() if there else folder
    with contextlib.chdir(begin if there else Path.cwd()):
        if not can_resume(folder):
            raise InputError(f"{folder}: no epoch was completed; start the run again")
        try:
            config = checked_config(record.command, record.config)
        except InputError as error:
            if (key := re.split("[=:]", str(error))[0]) in gone.KEYS:
                error = InputError(f"{folder / RECORD}: {key} is a key of an older version; start the run again")
            elif "exist" in str(error):
                error = InputError(f"{error} (the run was started in {begin.absolute()}, where relative paths begin)")
            raise error from None
        train_run(record, Path(shown_folder(folder)), config, resuming=True)
    return 0


class Task:
    """The function that Hydra calls with the config of one run. Launchers send it to other processes.

    Attributes:
        command: the command word.
        error: that of a single run. Hydra would print more than a line about it.
        status: the exit status, which a sweeper sets.
        parent: a process that a run of a sweep ends with, if it is another one.
        after_epoch: what a search wants to be told; see `EpochWatcher`.
        early: what it raises then to end a run.
    """

    def __init__(
        self, command: Command, after_epoch: "AfterEpoch | None" = None, early: type[Exception] | None = None
    ) -> None:
        self.command, self.after_epoch, self.early = command, after_epoch, early
        self.error: Exception | None = None
        self.status = 0
        self.parent: int | None = None

    def __call__(self, config: DictConfig) -> str | None:
        """Trains a run; returns the error of one of several, an empty text if there is none."""
        folder = Path(HydraConfig.get().runtime.output_dir)
        folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return self._train_one_of_several(config, folder)
        try:
            self._train(config, folder)
        except Exception as error:
            self.error = error
        return None

    def _train(self, config: DictConfig, folder: Path) -> None:
        try:
            for group, choice in {"hydra/sweeper": "grid", "hydra/launcher": BASIC}.items():
                if (chosen := HydraConfig.get().runtime.choices[group]) != choice:
                    raise InputError(f"{group}={chosen} is for several runs; add -m")
            record, checked = record_of(self.command, config)
            given = {key_and_value(text)[0] for text in plain_texts(HydraConfig.get().overrides.hydra)}
            path = new_run_folder(folder, record, add_number=given.isdisjoint(FOLDER_KEYS))
        except BaseException:
            remove_empty(folder)  # which Hydra has made
            raise
        try:
            train_run(record, path, checked)
        except BaseException:
            discard_run(path)
            raise

    def _train_one_of_several(self, config: DictConfig, folder: Path) -> str:
        settings = HydraConfig.get()
        with contextlib.ExitStack() as stack:
            if settings.runtime.choices["hydra/launcher"] != BASIC:
                stack.enter_context(output_to(folder / LOG))
            if self.parent not in (None, os.getpid()):
                end_with_parent()
            try:
                record, checked = record_of(self.command, config, in_sweep=True)
                _log.info("\nrun %s: %s", settings.job.num, " ".join(record.overrides))
                check_place(folder, record)
                if (folder / REPORT).is_file():
                    _log.info("it is complete")
                    return ""
                if not (resuming := can_resume(folder)):
                    with whole_file(folder / RECORD) as out:
                        out.write(record.to_json())
                train_run(record, folder, checked, resuming, self.after_epoch)
            except Exception as error:
                if self.early is not None and isinstance(error, self.early):
                    shutil.rmtree(folder / SHARDS, ignore_errors=True)
                    _log.info("ended early")
                    return ""
                expected = isinstance(error, InputError)
                message = " ".join(f"{'' if expected else f'{type(error).__name__}: '}{error}".split())
                _log.error("run %s failed: %s", settings.job.num, message, exc_info=not expected)
                return message
        return ""


def check_place(folder: Path, record: RunRecord) -> None:
    """Raises InputError if the folder of a sweep's run holds something else than this run."""
    if (folder / RECORD).is_file():
        if (key := _differing(read_record(folder).config, record.config)) is not None:
            raise InputError(f"{folder} holds a run with another {key}; give the sweep another folder")
    elif folder.is_dir() and any(not path.name.startswith(".") and path.name != LOG for path in folder.iterdir()):
        raise InputError(f"{folder} holds files that are no run's; give the sweep another folder")


def _differing(found: Any, wanted: Any) -> str | None:
    """A key with dots whose value is not the one that is wanted; None if there is none."""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return None if found == wanted else ""
    parts = ((key, _differing(found.get(key), wanted.get(key))) for key in {**wanted, **found})
    return next((f"{key}.{rest}".rstrip(".") for key, rest in parts if rest is not None), None)


def record_of(
    command: Command, config: DictConfig, in_sweep: bool = False, overrides: Iterable[Any] | None = None
) -> tuple[RunRecord, TrainConfig | PretrainConfig]:
    """How a run is started, and its checked config; raises InputError if it cannot be trained."""
    texts = plain_texts(HydraConfig.get().overrides.task if overrides is None else overrides)
    own = [text.lstrip("+") for text in texts]
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    checked = checked_config(command, values, own, in_sweep)
    plain = json.loads(json.dumps(asdict(checked)))  # as it is read again
    return RunRecord(command, own, plain, str(Path.cwd())), checked


def plain_texts(overrides: Iterable[Any]) -> list[str]:
    """Overrides as text. One such as seed=${x} is not resolved: it may name what does not exist."""
    plain: Any = OmegaConf.to_container(overrides, resolve=False) if isinstance(overrides, ListConfig) else overrides
    return list(map(str, plain))


def checked_config(
    command: Command, values: Any, overrides: Sequence[str] = (), in_sweep: bool = False
) -> TrainConfig | PretrainConfig:
    """The config of a run as a dataclass.

    What can be known before anything is read or trained is checked: values, this machine, loggers, and whether the
    files are there.

    Args:
        command: that the config belongs to.
        values: plain, or as Hydra composed them.
        overrides: of the command line; one that `init` makes useless is an error.
        in_sweep: whether the run is one of several: it does not look at test, and trains a segmenter only if it is
            told to.
    """
    config = train_config(values) if command == "train" else pretrain_config(values)
    check_machine(config.threads, config.trainer)
    check_loggers(config.logger)
    if isinstance(config, PretrainConfig):
        Texts(config.text, config.hub)
        return config
    if config.init is not None:
        last = {override.lstrip("+").partition("=")[0]: override for override in overrides}  # the one that counts
        for override in last.values():
            check_override(override, config)
        if not is_hub_name(config.init):
            find_start(config.init)
    if config.distill.text is not None:
        Texts(config.distill.text, NO_HUB, keys="distill.")
    check_files(config.corpus)
    if not in_sweep:
        return config
    return replace(config, test=False, segmenter=RULES_OF_CORPUS if config.segmenter == AUTO else config.segmenter)


def train_run(
    record: RunRecord,
    folder: Path,
    config: TrainConfig | PretrainConfig,
    resuming: bool = False,
    after_epoch: "AfterEpoch | None" = None,
) -> None:
    """Trains.

    Args:
        record: how the run was started.
        folder: of the run.
        config: that of the record, checked.
        resuming: whether to go on after the last complete epoch.
        after_epoch: see `EpochWatcher`.

    Raises:
        InputError: another process trains the run, or its config or its data is bad.
        Interrupted: by Ctrl+C or a signal.
    """
    from tagger.training.pretrain import pretrain
    from tagger.training.train import train
    from tagger.training.trainer import Interrupted

    words = [*([] if record.command == "train" else [record.command]), *record.overrides]
    line = shlex.join(["python", "-m", "tagger", *words])
    try:
        with claim_run(folder):
            if isinstance(config, PretrainConfig):
                pretrain(config, folder, line, resuming, after_epoch)
            else:
                train(config, folder, line, resuming, after_epoch)
    except KeyboardInterrupt:
        if can_resume(folder):
            raise Interrupted(f"go on with: python -m tagger resume {shlex.quote(str(folder))}") from None
        if (folder / TAGGER_IN_RUN).is_dir():
            raise Interrupted(f"the tagger in {folder} is complete; only its scores are missing") from None
        raise Interrupted("no epoch was complete, and nothing is kept") from None


def set_up_logging() -> None:
    """Lets the package log plain lines to standard output, and other packages log warnings alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.raiseExceptions = False  # a line that standard output does not take is no reason to stop a training
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Within the block what this process prints and logs is added to a file."""
    set_up_logging()
    root = logging.getLogger()
    before = root.handlers
    with path.open("a", buffering=1, encoding="utf-8", errors="replace") as out:
        root.handlers = [logging.StreamHandler(out)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                yield
        finally:
            root.handlers = before


def _start(command: Command, words: Sequence[str]) -> int:
    """Calls Hydra's main; returns the exit status."""
    set_up_logging()
    words = checked_words(command, words)
    _register_sweepers()
    task = Task(command)
    with _of_hydra(words):
        hydra.main(config_path=str(bundled("conf")), config_name=command, **VERSION_BASE)(task)()
    if task.error is not None:
        raise task.error
    return task.status


def _register_sweepers() -> None:
    """Tells Hydra the sweepers that our pages of `hydra/sweeper` name.

    Hydra looks for plugins in the folders of the package `hydra_plugins`, which an editable installation does not have.
    """
    for page in bundled("conf").glob("hydra/sweeper/*.yaml"):
        module, _, name = str(OmegaConf.load(page)._target_).rpartition(".")
        try:
            Plugins.instance().register(getattr(import_module(module), name))
        except ModuleNotFoundError as error:  # an installation of before
            raise missing_library(error, "hydra_plugins", None) from None


@contextlib.contextmanager
def _of_hydra(words: Sequence[str]) -> Iterator[None]:
    """Within the block Hydra finds its words, and its errors are of one line: their first."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = [*argv[:1], *words], "1"  # so that errors come here
    try:
        yield
    except InputError:
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise in_one_line(error) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise InputError(f"{shown_folder(Path(error.filename))} cannot be a run's folder: {error.strerror}") from None
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def in_one_line(error: BaseException) -> InputError:
    """The first line of an error of Hydra, or the error of ours that caused it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return InputError(str(error).strip().partition("\n")[0])
