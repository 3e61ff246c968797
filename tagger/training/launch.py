"""The commands `train` and `resume`: a command line -> Hydra -> checked configs -> trainings.

Hydra composes the config of a run and calls `SingleRun` with it; for several runs it calls a sweeper.
What imports torch or Lightning, which takes seconds, is imported late: a mistyped key is answered before.
"""

import contextlib
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.bundle.catalog import claim_run, new_run
from tagger.bundle.saved_config import RECORD, TAGGER_IN_RUN
from tagger.bundled import bundled
from tagger.errors import InputError, missing_extra, missing_library
from tagger.text.schema import nearest
from tagger.training.run_folder import (
    RunRecord,
    can_resume,
    find_run,
    new_run_folder,
    read_record,
    remove_empty,
    shown_folder,
)

if TYPE_CHECKING:
    from pytorch_lightning.callbacks import Callback

    from tagger.training.config import TrainConfig

CONFIG = "train"  # of conf
FOLDER_KEYS = ("hydra.run.dir", "hydra.sweep.dir")
# Hydra 1.3 reads configs as its first versions did unless it is told another one; 1.4 warns of whoever tells it any.
VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
LAUNCHERS = {"joblib": "joblib", "submitit_local": "submitit", "submitit_slurm": "submitit"}  # the extra of each
QUIET = ("datasets", "fsspec", "httpx", "httpx2", "huggingface_hub", "hydra", "hydra_plugins", "matplotlib", "optuna")


def train(words: Sequence[str]) -> int:
    """Trains a tagger, or several with `-m`, as overrides of `conf/train.yaml` say.

    The exit status is 1 if a run of a sweep failed, else 0. Ctrl+C or a signal is a KeyboardInterrupt that says how to
    go on.
    """
    set_up_logging()
    checked = hydra_words(words)
    for file in bundled("conf").glob("hydra/sweeper/*.yaml"):
        # Hydra looks for sweepers in the package `hydra_plugins`, whose folders an editable installation does not have.
        module, _, name = str(OmegaConf.load(file)._target_).rpartition(".")
        try:
            Plugins.instance().register(getattr(import_module(module), name))
        except ModuleNotFoundError as error:  # an installation of before
            raise missing_library(error, "hydra_plugins", None) from None
    run = SingleRun(words, any(word.startswith(FOLDER_KEYS) for word in checked))
    with _hydra_reads(checked):
        hydra.main(config_path=str(bundled("conf")), config_name=CONFIG, **VERSION_BASE)(run)()
    if run.error is not None:
        raise run.error
    return run.status


def hydra_words(words: Sequence[str]) -> list[str]:
    """The words of a command line as Hydra takes them, with the folder that `name` stands for."""

    def refuse(message: str) -> None:
        raise InputError(f"{message}; see python -m tagger --help")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign,assignment]
    options = parser.parse_intermixed_args(list(words))
    if options.experimental_rerun:
        raise InputError("--experimental-rerun reads a pickle, which may run code; leave it out")
    if options.shell_completion:
        raise InputError("--shell-completion completes Hydra's words alone; say tagger --install-completion")
    others, overrides, name = list(words), [], None
    for given in options.overrides:
        others.remove(given)
        key, _, value = (text := _override(given)).partition("=")
        if key == "name":
            name = OverridesParser.create().parse_override(text).value()
            if not isinstance(name, str | int | None):
                raise InputError(f"{given}: a run or a sweep has one name, such as name=tamil")
            continue
        extra = LAUNCHERS.get(value) if key == "hydra/launcher" else None
        if extra is not None and not find_spec(f"hydra_plugins.hydra_{extra}_launcher"):
            raise missing_extra(f"hydra-{extra}-launcher", extra)
        overrides.append(text)
    if name is not None:
        if folders := [text for text in overrides if text.startswith(FOLDER_KEYS)]:
            raise InputError(f"name={name}: {folders[0]} names a folder already; leave one of the two out")
        overrides += [quoted(key, new_run(str(name))) for key in FOLDER_KEYS]
    return [*overrides, *others]  # Hydra takes no overrides in two places


def _override(text: str) -> str:
    """An override as Hydra takes it. What is one text, such as a file's name with an ä, needs no quotes."""
    key, equals, value = text.partition("=")
    if not equals and not key.startswith("~"):
        raise InputError(f"{text}: no command and no KEY=VALUE; a value is set like model.depth=3")
    if key in FOLDER_KEYS:
        text = f"{key}={os.path.expanduser(value)}"
    elif key.startswith(("trainer.", "corpus.fields.")):  # which `train.yaml` need not have
        text = f"++{text}"
    try:
        OverridesParser.create().parse_override(text)
    except HydraException as error:
        if equals and not re.search(r"[][{}(),'\"]|\$\{", value):
            return quoted(text.partition("=")[0], os.path.expanduser(value))
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{text}: cannot be read ({reason}); put quotes around signs: KEY='\"VALUE\"'") from None
    return text


def quoted(key: str, path: Path | str) -> str:
    """The override that sets a key to a path, whatever characters it has."""
    text = str(path).replace("${", "\\${")
    return f"{key}={QuotedString(text, quote=Quote.single).with_quotes()}"


@dataclass
class SingleRun:
    """The function that Hydra calls with the config of a run.

    Attributes:
        words: of the command line.
        names_folder: whether the words name the folder of the run or the sweep.
        error: what ended the run. If it were raised, Hydra would print more than a line about it.
        status: the exit status, which a sweeper sets.
    """

    words: Sequence[str]
    names_folder: bool
    error: Exception | None = None
    status: int = 0

    def __call__(self, config: DictConfig) -> None:
        """Trains the run."""
        settings = HydraConfig.get()
        folder = Path(shown_folder(Path(settings.runtime.output_dir)))
        try:
            for group, choice in {"hydra/sweeper": "grid", "hydra/launcher": "basic"}.items():
                if (chosen := settings.runtime.choices[group]) != choice:
                    raise InputError(f"{group}={chosen} is for several runs; add -m")
            record, checked = record_of(config)
            with new_run_folder(folder, record, add_number=not self.names_folder) as path:
                train_run(record, path, checked)
        except Exception as error:
            self.error = error
        finally:
            remove_empty(folder)  # which Hydra has made


def record_of(config: DictConfig) -> tuple[RunRecord, "TrainConfig"]:
    """How Hydra starts a run, alone or in a sweep, and its checked config; InputError if it cannot be trained."""
    from tagger.training.config import checked_config

    settings = HydraConfig.get()
    # An override such as seed=${x} is not resolved: it may name what does not exist.
    given: Any = OmegaConf.to_container(settings.overrides.task, resolve=False)
    overrides = [str(text).lstrip("+") for text in given]
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    checked = checked_config(values, overrides, settings.mode == RunMode.MULTIRUN)
    plain = json.loads(json.dumps(asdict(checked)))  # as it is read again
    return RunRecord(overrides, plain, str(Path.cwd())), checked


def train_run(
    record: RunRecord, folder: Path, config: "TrainConfig", resuming: bool = False, callbacks: "Sequence[Callback]" = ()
) -> None:
    """Trains in a folder whose lock the caller holds, with the config of the record.

    An interruption by Ctrl+C or a signal is a KeyboardInterrupt that says how to go on.
    """
    from tagger.training.train import train as begin

    try:
        begin(config, folder, command_line(record.overrides), resuming, callbacks)
    except KeyboardInterrupt:
        if can_resume(folder):
            raise KeyboardInterrupt(f"go on with: {command_line(['resume', str(folder)])}") from None
        if (folder / TAGGER_IN_RUN).is_dir():
            raise KeyboardInterrupt(f"the tagger in {folder} is complete; only its scores are missing") from None
        raise KeyboardInterrupt("no epoch was complete, and nothing is kept") from None


def resume(name: str) -> int:
    """Goes on with a run after its last complete epoch; returns and raises as `train`.

    A finished run is saved and reported on again. Relative paths begin where the run was started.
    """
    set_up_logging()
    folder = find_run(name)
    if not (folder / RECORD).is_file() and any(folder.glob(f"*/{RECORD}")):
        raise InputError(f"{folder} is a sweep; give the command that started it again, with hydra.sweep.dir={folder}")
    record = read_record(folder)
    if not can_resume(folder):
        start = command_line(["train", *record.overrides])
        raise InputError(f"{folder}: no epoch was completed; remove the folder, and start the run again: {start}")
    from tagger.training.config import checked_config

    begin = Path(record.started_in or "")
    folder = folder.absolute()
    with contextlib.chdir(begin if begin.is_absolute() and begin.is_dir() else Path.cwd()):
        folder = Path(shown_folder(folder))
        try:
            config = checked_config(record.config)
        except InputError as error:
            if "exist" in str(error):
                error = InputError(f"{error} (the run was started in {begin.absolute()}, where relative paths begin)")
            raise error from None
        with claim_run(folder):
            train_run(record, folder, config, resuming=True)
    return 0


def command_line(words: Sequence[str]) -> str:
    """A command to give in a terminal."""
    return shlex.join(["python", "-m", "tagger", *words])


def set_up_logging() -> None:
    """Lets the package log plain lines to standard output, and other packages log warnings alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.raiseExceptions = False  # a line that standard output does not take is no reason to stop a training
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def _hydra_reads(words: Sequence[str]) -> Iterator[None]:
    """Within the block Hydra finds its words on the command line, and its errors are of one line."""
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
    """An error of Hydra as a line, or the error of ours that caused it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        cause = cause.__cause__ or cause.__context__
    unknown = re.match("Could not override '(.+)'", str(error))
    if unknown is None:
        return InputError(" ".join(str(error).partition("Config search path")[0].partition("full_key")[0].split()))
    key = unknown[1]
    group, _, name = key.partition(".")
    choices = sorted(bundled("conf").glob(f"{group}/*.yaml"))
    if having := [f"{group}={choice.stem}" for choice in choices if name and name in keys_of(choice)]:
        return InputError(f"{key}: no such key here; it needs {' or '.join(having)}")
    near = nearest(key, keys_of(bundled("conf") / f"{CONFIG}.yaml"))
    return InputError(f"{key}: no such key; {f'did you mean {near}?' if near else 'see python -m tagger --cfg job'}")


def keys_of(file: Path) -> list[str]:
    """The keys of a file of `conf`, with dots."""

    def keys(values: DictConfig, before: str = "") -> list[str]:
        found = []
        for name, value in ((str(name), value) for name, value in values.items_ex(resolve=False)):
            is_part = isinstance(value, DictConfig) and len(value) > 0
            found += keys(value, f"{before}{name}.") if is_part else [f"{before}{name}"]
        return found

    config = OmegaConf.load(file)
    assert isinstance(config, DictConfig)
    return [key for key in keys(config) if key.partition(".")[0] not in ("defaults", "hydra")]
