"""A command line of Hydra overrides -> the configs of one run, or of the runs of a sweep."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NoReturn, cast

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.training.overrides import checked_overrides
from tagger.training.run_folder import Command

_INFORMATION = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")  # that Hydra shows
_FILE_KEYS = ("corpus.path", "corpus.train", "corpus.dev", "corpus.test", "text", "dev", "distill.text")
_MERGING = "Error merging override "  # how Hydra's message begins if a value does not fit its key


@dataclass
class Job:
    """One run to do.

    Attributes:
        overrides: those of the command line that this run has.
        config: the values of `conf/train.yaml` or `conf/pretrain.yaml`.
        folder: where the run goes; for a run of a sweep a path within the sweep's folder.
    """

    overrides: list[str]
    config: DictConfig
    folder: Path


@dataclass
class Plan:
    """The runs that a command line asks for.

    Attributes:
        jobs: one, or those of a sweep.
        sweep_folder: of a sweep.
        folder_is_given: whether the command line names the folder.
    """

    jobs: list[Job] = field(default_factory=list)
    sweep_folder: Path | None = None
    folder_is_given: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python -m tagger --help")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--run", "-r", action="store_true")
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--config-name", "-cn")
    for long, short in (("--help", "-h"), ("--shell-completion", "-sc"), ("--hydra-help", "-hh"), ("--version", "-v")):
        parser.add_argument(long, short, action="store_true")
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--package", "-p")
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=_INFORMATION)
    return parser.parse_intermixed_args(arguments)


def plan(command: Command, arguments: Sequence[str]) -> Plan | None:
    """Plans the runs of a command line. Returns None if it asks only for a config or help, which is then shown.

    Args:
        command: `train` or `pretrain`, the name of a config in `conf`.
        arguments: overrides and options of Hydra.

    Raises:
        InputError: an option or an override that does not exist, or that has a bad value.
    """
    options = _parse(arguments)
    own_keys = options.config_dir is not None or options.config_name is not None
    checked = checked_overrides(options.overrides, command, options.multirun, keys_are_known=not own_keys)
    name = options.config_name or command
    with _configs(options.config_dir) as extra:
        overrides = [*extra, *checked]
        quoted = dict(zip(options.overrides, checked, strict=True))
        arguments = [quoted.get(argument, argument) for argument in arguments]
        if options.help or options.hydra_help or options.version or options.shell_completion:
            _show(command, arguments)
            return None
        if options.cfg or options.info:
            _compose(name, overrides)  # for its errors
            _show(command, arguments)
            return None
        try:
            return _plan(name, overrides, options.multirun)
        except OmegaConfBaseException as error:
            raise InputError(_one_line(error)) from None


@contextmanager
def _configs(folder: str | None) -> Iterator[list[str]]:
    """Composes from `conf` within the block; yields the overrides that let it search in `folder`, too."""
    extra = []
    if folder is not None:
        path = Path(folder).resolve()
        if not path.is_dir():
            raise InputError(f"--config-dir {folder}: no such folder")
        quoted = str(path).replace("\\", "\\\\").replace("'", "\\'")
        extra = [f"hydra.searchpath=['file://{quoted}']"]
    with initialize_config_dir(str(bundled("conf")), job_name="tagger", version_base="1.3"):
        yield extra


def _show(command: Command, arguments: Sequence[str]) -> None:
    """Lets Hydra show a config, its help or information about itself."""
    GlobalHydra.instance().clear()

    def nothing(config: DictConfig) -> None:
        raise InputError("no run was asked for")

    before, sys.argv = sys.argv, [sys.argv[0], *arguments]  # where Hydra reads its options
    try:
        hydra.main(version_base="1.3", config_path=str(bundled("conf")), config_name=command)(nothing)()
    except SystemExit as end:
        if end.code:
            raise InputError("Hydra cannot show this; see above") from None
    finally:
        sys.argv = before


def _plan(name: str, overrides: list[str], multirun: bool) -> Plan:
    parsed = _parsed(overrides)
    given = {override.get_key_element() for override in parsed}
    first = _compose(name, [choices[0] for choices in _choices(parsed).values()])
    if not multirun and first.hydra.mode != RunMode.MULTIRUN:
        for override in parsed:
            if override.is_sweep_override():
                text = override.input_line
                what = "no such file, and several values" if override.key_or_group in _FILE_KEYS else "several values"
                raise InputError(f"{text}: {what}; -m trains a run for each, and key=[a,b] is a list")
        job = _job(first, _folder(first, "hydra.run.dir"))
        return Plan([job], None, "hydra.run.dir" in given)
    grid = _parsed([f"{key}={value}" for key, value in (first.hydra.sweeper.params or {}).items()])
    values = product(*_choices([*grid, *parsed]).values())
    sweep_folder = _folder(first, "hydra.sweep.dir")
    jobs = []
    for number, chosen in enumerate(values):
        config = _compose(name, list(chosen))
        with open_dict(config):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
        jobs.append(_job(config, _folder(config, "hydra.sweep.subdir")))
    return Plan(jobs, sweep_folder, "hydra.sweep.dir" in given)


def _job(config: DictConfig, folder: Path) -> Job:
    # Without resolving: an override such as seed=${x} is text here, and may name what does not exist.
    overrides = cast(list[str], OmegaConf.to_container(config.hydra.overrides.task, resolve=False))
    with open_dict(config):
        del config["hydra"]
    return Job(overrides, config, folder)


def _parsed(overrides: list[str]) -> list[Override]:
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = []
    for override in overrides:
        try:
            parsed.append(parser.parse_override(override))
        except HydraException as error:
            raise InputError(f"{override}: {_one_line(error)}") from None
    return parsed


def _choices(overrides: Sequence[Override]) -> dict[str, list[str]]:
    """For each key the overrides from which a run takes one. If a key is set twice, the last override counts."""
    choices = {}
    for override in overrides:
        texts = [str(override.input_line)]
        if override.is_sweep_override():
            if not override.is_discrete_sweep():
                raise InputError(f"{override.input_line}: name the values, such as {override.key_or_group}=1,2")
            key = override.get_key_element()
            texts = [f"{key}={value}" for value in override.sweep_string_iterator()]
            if not texts:
                raise InputError(f"{override.input_line} names no value; a sweep needs one or more")
        choices[override.get_key_element()] = texts
    return choices


def _compose(name: str, overrides: list[str]) -> DictConfig:
    try:
        return compose(name, overrides, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        message = str(error).partition("Config search path:")[0]
        if message.startswith(_MERGING):
            override = message.splitlines()[0].removeprefix(_MERGING)
            message = f"{override}: this kind of value does not fit; --cfg all shows the config"
        raise InputError(_one_line(message)) from None


def _folder(config: DictConfig, key: str) -> Path:
    """A folder that the config names, relative to the current folder if it is inside."""
    HydraConfig.instance().set_config(config)  # for values such as ${hydra:job.override_dirname}
    try:
        path = str(OmegaConf.select(config, key, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise InputError(f"{key}: {_one_line(error)}") from None
    finally:
        HydraConfig.instance().cfg = None  # otherwise Lightning would start DDP's processes through Hydra
    if not path:
        raise InputError(f"{key}= names no folder; give its path")
    folder = Path(path)
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())
