"""The commands `train`, `pretrain` and `resume`: a command line -> Hydra's main, which starts a run or a sweep.

Hydra composes the config, shows it, makes the run's folder and calls `Start` for one run, or one of our sweepers for
several (`grid.py`, `search.py`). Its errors, which have many lines, become one line here.
"""

import contextlib
import difflib
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from tagger import gone
from tagger.bundle.catalog import new_run
from tagger.bundle.run_lock import claim_run
from tagger.bundle.saved_config import RECORD, SWEEP
from tagger.bundled import bundled
from tagger.errors import InputError, missing_extra, missing_library, shorten
from tagger.sweeps.folder import Sweep, find_sweep
from tagger.sweeps.log import set_up_logging
from tagger.sweeps.one_run import checked_config, train_run
from tagger.sweeps.overrides import STRING_KEYS, checked_words
from tagger.sweeps.record import SweepRecord
from tagger.sweeps.run import key_and_value
from tagger.training.run_folder import (
    Command,
    RunRecord,
    can_resume,
    discard_run,
    find_run,
    new_run_folder,
    read_record,
    remove_empty,
)

PLUGINS = "hydra_plugins.tagger_sweepers"  # where Hydra finds our sweepers; see `pyproject.toml`
# Launchers of Hydra: the package and the extra that each comes with.
LAUNCHERS = {
    "joblib": ("hydra-joblib-launcher", "joblib"),
    "submitit_local": ("hydra-submitit-launcher", "submitit"),
    "submitit_slurm": ("hydra-submitit-launcher", "submitit"),
}
CHOICES = {"hydra/sweeper": "grid", "hydra/launcher": "basic"}  # of a command line that names none
# Hydra's own values that `resume` takes from a file; those of a launcher may end in a script of a cluster.
RESUMED, RESUMED_PARTS = ("hydra.mode",), ("hydra.sweeper.", "hydra.launcher.", "hydra.sweep.")
PLAIN = re.compile(r"[\w.:/%+-]*")


def train(words: Sequence[str]) -> int:
    """Trains a tagger, or several with `-m`, as overrides of `conf/train.yaml` say.

    Returns:
        The exit status: 1 if a run of a sweep failed, else 0.

    Raises:
        InputError: an override or an input is bad, or a folder cannot be written to.
        KeyboardInterrupt: by Ctrl+C or a signal; the message says how to go on.
    """
    set_up_logging()
    return _start("train", checked_words("train", words))


def pretrain(words: Sequence[str]) -> int:
    """Does the same with `conf/pretrain.yaml` for networks that predict hidden words."""
    set_up_logging()
    return _start("pretrain", checked_words("pretrain", words))


def resume(folder: str | Path) -> int:
    """Goes on with a run after its last complete epoch; returns and raises as `train`.

    A finished run is saved and reported on again. The row of a sweep's run in `sweep.csv` is completed. Of a sweep the
    runs that are missing are trained. Relative paths begin where the run was started.
    """
    set_up_logging()
    return _resume(find_run(str(folder)))


class Start:
    """The function that Hydra's main calls with the config of one run.

    Attributes:
        command: the command word.
        error: that of the run. Hydra would print more than a line about it.
        status: the exit status, which a sweeper sets.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self.error: Exception | None = None
        self.status = 0

    def __call__(self, config: DictConfig) -> None:
        """Trains one run in the folder that Hydra has made for it."""
        try:
            self._train(config, Path(HydraConfig.get().runtime.output_dir))
        except Exception as error:
            self.error = error

    def _train(self, config: DictConfig, folder: Path) -> None:
        settings, made = HydraConfig.get(), [Path(path) for path in getattr(HydraConfig.get().runtime, "made", [])]
        folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
        try:
            for group, choice in CHOICES.items():
                if (chosen := settings.runtime.choices[group]) != choice:
                    raise InputError(f"{group}={chosen} is for several runs; add -m")
            name, given = config.get("name"), {key_and_value(text)[0] for text in plain_texts(settings.overrides.hydra)}
            if name is not None and "hydra.run.dir" in given:
                raise InputError(f"name={name}: hydra.run.dir names a folder already; leave one of the two out")
            overrides = own_overrides(settings.overrides.task)
            checked = checked_config(self.command, config, overrides)
            record = RunRecord(self.command, overrides, asdict(checked), started_in=str(Path.cwd()))
            if name is not None and folder.absolute() not in made:
                raise name_is_taken(name, folder)
            new = new_run_folder(folder, record, add_number=name is None and "hydra.run.dir" not in given, made=made)
        except BaseException:
            remove_empty(made)
            raise
        try:
            train_run(record, new.path, config=checked)
        except BaseException:
            discard_run(new)
            raise


def own_overrides(overrides: Iterable[Any]) -> list[str]:
    """The overrides of a run as its record has them, without the name, which holds for one run or sweep alone."""
    return [text.lstrip("+") for text in plain_texts(overrides) if key_and_value(text)[0] != "name"]


def plain_texts(overrides: Iterable[Any]) -> list[str]:
    """Overrides as text. One such as seed=${x} is not resolved: it may name what does not exist."""
    plain = OmegaConf.to_container(overrides, resolve=False) if isinstance(overrides, ListConfig) else overrides
    return list(map(str, cast(list[Any], plain)))


def name_is_taken(name: str, folder: Path) -> InputError:
    """The error that a name is in use."""
    name = shlex.quote(name)
    return InputError(f"name={name}: {folder} exists; take another name, or go on with: python -m tagger resume {name}")


class NewFolders(Callback):
    """Notes which folders Hydra makes for a run, so that a run that fails at once leaves none of them.

    The page of values names it in `hydra.callbacks`.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Writes them into the config, the innermost first."""
        HydraConfig.instance().set_config(config)
        try:
            folder = Path(str(OmegaConf.select(config, "hydra.run.dir"))).absolute()
        except OmegaConfBaseException:  # which Hydra meets next
            return
        made = [str(path) for path in (folder, *folder.parents) if not path.exists()]
        with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
            config.hydra.runtime.made = made


def run_folder(name: Any, default: str) -> str:
    """The folder of a run or a sweep: that of its name, if it has one. It is a resolver of the pages of values."""
    if name is not None:
        if not isinstance(name, str):
            raise InputError(f"name={name}: no name; give a word, such as name=tamil")
        return str(new_run(name))
    return default


def quoted(key: str, path: Path | str) -> str:
    """The override that sets a key to a path, whatever characters it has."""
    text = str(path).replace("${", "\\${")
    return f"{key}={QuotedString(text, quote=Quote.single).with_quotes()}"


def _start(command: Command, words: Sequence[str]) -> int:
    """Calls Hydra's main with checked words; returns the exit status."""
    start = Start(command)
    sys.argv[1:] = words  # Hydra takes its words from there; the word of the command is gone
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors come here
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
    try:
        plugins = import_module(PLUGINS)
    except ModuleNotFoundError as error:  # an installation of before
        raise missing_library(error, "hydra_plugins", None) from None
    for sweeper in (plugins.GridSweeper, plugins.StudySweeper):
        Plugins.instance().register(sweeper)
    try:
        hydra.main(version_base="1.3", config_path=str(bundled("conf")), config_name=command)(start)()
    except InputError:
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise in_one_line(error, words) from None
    except OSError as error:
        if error.filename is None:
            raise
        path = os.path.relpath(error.filename) if Path(error.filename).is_relative_to(Path.cwd()) else error.filename
        if isinstance(error, FileExistsError):
            raise InputError(f"{path} is a file; give the run a folder") from None
        raise InputError(f"{path} cannot be made a run's folder: {error.strerror}") from None
    if start.error is not None:
        raise start.error
    return start.status


def in_one_line(error: Exception, words: Sequence[str]) -> InputError:
    """A message of Hydra in one line, with the key, the value and what to do."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        cause = cause.__cause__ or cause.__context__
    message = str(error).partition("Config search path:")[0]
    if wrong := re.match(r"Error merging override (.*)", message):
        return InputError(f"{wrong[1]}: this kind of value does not fit; --cfg all shows the config")
    if several := re.match(r"Ambiguous value for argument '(.*)'\n1\.", message, re.DOTALL):
        names_files = key_and_value(several[1])[0] in STRING_KEYS
        what = "no such file, and several values" if names_files else "several values"
        return InputError(f"{several[1]}: {what}; -m trains a run for each, and key=[a,b] is a list")
    if several := re.match(r"Sweeping over Hydra's configuration is not supported : '(.*)'", message, re.DOTALL):
        return InputError(f"{several[1]}: this holds for the sweep as a whole; give one value")
    if wrong := re.match(r"Could not override 'hydra\.sweeper\.(\w+)'", message):
        names = [str(name) for name in OmegaConf.load(bundled("conf") / "hydra/sweeper/optuna.yaml")]
        near = difflib.get_close_matches(wrong[1], names, 1)
        hint = f"did you mean hydra.sweeper.{near[0]}?" if near else f"there are {', '.join(names[1:])}"
        return InputError(f"hydra.sweeper.{wrong[1]}: no such key; {hint}")
    absent = re.search(r"Could not find 'hydra/launcher/(\w+)'", message)
    if absent and absent[1] in LAUNCHERS:
        return missing_extra(*LAUNCHERS[absent[1]])
    told = isinstance(error, HydraException | OmegaConfBaseException)
    return InputError(" ".join((message if told else f"{' '.join(words)}: {message}").split()))


def _resume(folder: Path) -> int:
    is_sweep = (folder / SWEEP).is_file()
    record = Sweep.read(folder).record if is_sweep else read_record(folder)
    begin = record.started_in
    place: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    is_there = begin is not None and os.path.isabs(begin) and os.path.isdir(begin)
    if begin is not None and is_there and begin != str(Path.cwd()):
        folder, place = folder.absolute(), contextlib.chdir(begin)
    try:
        with place:
            if isinstance(record, RunRecord):
                return _resume_run(folder, record)
            _check_record(record, folder)
            return _start(record.command, ["-m", *record.words, quoted("hydra.sweep.dir", folder)])
    except InputError as error:
        if begin in (None, str(Path.cwd())) or "exist" not in str(error):
            raise
        note = f"{begin}, where the run was started, is not here; resume it in the folder that has its files"
        if is_there:
            note = f"relative paths begin in {begin}, where the run was started"
        raise InputError(f"{error} ({note})") from None


def _check_record(record: SweepRecord, folder: Path) -> None:
    """Raises InputError if a sweep was started with words that `resume` does not take from a file.

    The file may come from somebody else, and Hydra imports and calls what some of its own values name: callbacks,
    logging, pages in other folders.
    """
    pages = {"--config-dir": record.config_dir, "--config-name": record.config_name}
    unfit = [f"{option} {value}" for option, value in pages.items() if value not in (None, record.command)]
    for text in record.overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            unfit.append(text)
            continue
        key, value = override.key_or_group, text.partition("=")[2]
        if "@" in text.partition("=")[0] or "_target_" in text:
            unfit.append(text)
        elif re.split("[./]", key)[0] != "hydra" or key in (*CHOICES, *RESUMED):
            continue
        elif not key.startswith(RESUMED_PARTS) or (key.startswith("hydra.launcher.") and not PLAIN.fullmatch(value)):
            unfit.append(text)
    if unfit:
        raise InputError(
            f"{folder / SWEEP}: {shorten(unfit[0])} is not taken from a file, which may come from somebody else; give"
            f" the command that started the sweep again, with hydra.sweep.dir={shlex.quote(str(folder))}"
        )


def _resume_run(folder: Path, record: RunRecord) -> int:
    resuming = can_resume(folder)
    found = find_sweep(folder, record)
    if not resuming:
        remedy = "start the run again" if found is None else found[0].go_on
        raise InputError(f"{folder}: no epoch was completed; {remedy}")
    if found is not None and found[0].record.runs is None:
        raise InputError(f"{folder} is a trial of a search; {found[0].go_on}")
    try:
        config = checked_config(record.command, record.config)
    except InputError as error:
        if (key := re.split("[=:]", str(error))[0]) not in gone.KEYS:
            raise
        raise InputError(f"{folder / RECORD}: {key} is a key of an older version; start the run again") from None
    if found is None:
        train_run(record, folder, resuming, config=config)
        return 0

    from tagger.sweeps.report import show_sweep

    sweep, number = found
    with claim_run(folder):
        sweep.forget_end(number)
        train_run(record, folder, resuming, config=config, is_claimed=True)
    show_sweep(sweep)
    return 0
