"""A command line of Hydra overrides -> the configs of one run, of the runs of a sweep, or of a search's trials."""

import argparse
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, NoReturn, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from tagger.bundle.catalog import new_run
from tagger.bundle.hub import is_hub_name
from tagger.corpus.files import check_files
from tagger.corpus.raw_text import Texts
from tagger.errors import InputError
from tagger.pretraining.config import PretrainConfig, pretrain_config
from tagger.sweeps.compose import (
    BASIC,
    Source,
    compose_config,
    one_line,
    open_configs,
    parse_overrides,
    show_config,
)
from tagger.sweeps.overrides import checked_overrides
from tagger.sweeps.search_space import OPTUNA, Numbers, SearchConfig, Space, search_config, search_space
from tagger.text.schema import bad_value, has_whole_numbers
from tagger.training.config import (
    AUTO,
    RULES_OF_CORPUS,
    SEGMENTER,
    TrainConfig,
    check_override,
    find_start,
    train_config,
)
from tagger.training.config_parts import check_machine
from tagger.training.logger_config import check_loggers
from tagger.training.processes import check_processes, is_helper, refuse_several
from tagger.training.run_folder import Command

_INFORMATION = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")  # that Hydra shows
_FILE_KEYS = ("corpus.path", "corpus.train", "corpus.dev", "corpus.test", "text", "dev", "distill.text")


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
        jobs: one, or those of a sweep; of a search one with values that it may try.
        is_sweep: whether there may be several runs.
        folder: of the run, or of the sweep.
        folder_is_given: whether the command line names the folder.
        name: of the run or the sweep, if it has one.
        source: of the configs.
        search: the values of a search.
        space: what it tries.
        launcher: the choice of Hydra's group `hydra/launcher`.
    """

    jobs: list[Job]
    is_sweep: bool
    folder: Path
    folder_is_given: bool
    source: Source
    search: SearchConfig | None = None
    space: Space = field(default_factory=dict)
    launcher: str = BASIC
    name: str | None = None


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
    if options.shell_completion:
        raise InputError("--shell-completion completes Hydra's words alone; say tagger --install-completion")
    own_keys = options.config_dir is not None or options.config_name is not None
    checked = checked_overrides(options.overrides, command, options.multirun, keys_are_known=not own_keys)
    name = options.config_name or command
    with open_configs(options.config_dir):
        quoted = dict(zip(options.overrides, checked, strict=True))
        arguments = [quoted.get(argument, argument) for argument in arguments]
        if options.help or options.hydra_help or options.version:
            show_config(command, arguments)
            return None
        if options.cfg or options.info:
            compose_config(name, checked)  # for its errors
            show_config(command, arguments)
            return None
        folder = None if options.config_dir is None else str(Path(options.config_dir).resolve())
        return _plan(command, Source(name, folder, checked), options.multirun)


def checked_config(
    command: Command, values: Any, overrides: Sequence[str] = (), in_sweep: bool = False
) -> TrainConfig | PretrainConfig:
    """The config of a run as a dataclass.

    What can be known before anything is read or trained is checked: values, this machine, loggers, and whether the
    files are there. Nothing here needs Lightning or `datasets`, whose import takes seconds.

    Args:
        command: that the config belongs to.
        values: plain, or as Hydra composed them.
        overrides: of the command line; one that `init` makes useless is an error.
        in_sweep: whether the run is one of several: it does not look at test, and trains a segmenter only if it is
            told to.

    Raises:
        InputError: something is wrong.
    """
    config = train_config(values) if command == "train" else pretrain_config(values)
    check_machine(config.threads, config.trainer)
    check_processes(config.trainer)
    if isinstance(config, TrainConfig) and config.ensemble > 1:
        refuse_several(f"ensemble={config.ensemble}", "train members with seed=1, seed=2, ..., then: tagger ensemble")
    if is_helper():
        return config
    check_loggers(config.logger)
    if isinstance(config, PretrainConfig):
        Texts(config.text, config.hub, config.dev)
        return config
    if config.init is not None:
        for override in overrides:
            check_override(override, config)
        if not is_hub_name(config.init):
            find_start(config.init)
    if config.distill.teacher is not None:
        Texts(config.distill.text, config.distill.hub, keys="distill.")
    check_files(config.corpus)
    if not in_sweep:
        return config
    trains = config.segmenter != AUTO or config.parts == SEGMENTER
    return replace(config, test=False, segmenter=config.segmenter if trains else RULES_OF_CORPUS)


def plan_again(command: Command, source: Source) -> Plan:
    """Plans a sweep as `plan` did."""
    with open_configs(source.folder):
        return _plan(command, source, multirun=True)


def trial_job(source: Source, overrides: Sequence[str], number: int) -> Job:
    """The run of a search's trial.

    Args:
        source: of the config.
        overrides: those of the trial.
        number: of the trial.

    Raises:
        InputError: a value does not fit its key.
    """
    swept = {text.partition("=")[0] for text in overrides}
    with open_configs(source.folder):
        parsed = parse_overrides(source.overrides)
        fixed = [str(override.input_line) for override in parsed if not override.is_sweep_override()]
        fixed = [text for text in fixed if text.lstrip("+").partition("=")[0] not in swept]
        config = _numbered(compose_config(source.name, [*fixed, *overrides]), number)
        return _job(config, Path(str(number)))


def _plan(command: Command, source: Source, multirun: bool) -> Plan:
    try:
        parsed = parse_overrides(source.overrides)
        first = compose_config(source.name, [_first(override) for override in _last(parsed).values()])
        given = {override.get_key_element() for override in parsed}
        groups = first.hydra.runtime.choices
        sweeper, launcher = groups["hydra/sweeper"], groups["hydra/launcher"]
        name = _name(first, given)
        if not multirun and first.hydra.mode != RunMode.MULTIRUN:
            _check_one_run(parsed, sweeper, launcher)
            folder = _folder(first, "hydra.run.dir") if name is None else new_run(name)
            return Plan([_job(first, folder)], False, folder, bool(name) or "hydra.run.dir" in given, source, name=name)
        _check_whole_sweep(parsed)
        grid = parse_overrides([f"{key}={value}" for key, value in (first.hydra.sweeper.params or {}).items()])
        folder = _folder(first, "hydra.sweep.dir") if name is None else new_run(name)
        folder_is_given = name is not None or "hydra.sweep.dir" in given
        if sweeper == OPTUNA:
            search = search_config(cast(dict[str, Any], OmegaConf.to_container(first.hydra.sweeper)))
            space = search_space(list(_last([*grid, *parsed]).values()), _whole_numbers(command, first))
            _check_search(search, space, launcher, "hydra.sweep.subdir" in given)
            if command == "pretrain" and search.directions is not None:
                raise InputError(
                    "hydra.sweeper.directions: a pretrained network has no speed of tagging; leave this out"
                )
            return Plan([_job(first, Path("0"))], True, folder, folder_is_given, source, search, space, name=name)
        jobs = []
        for number, chosen in enumerate(product(*map(_choices, _last([*grid, *parsed]).values()))):
            config = _numbered(compose_config(source.name, list(chosen)), number)
            jobs.append(_job(config, _folder(config, "hydra.sweep.subdir")))
        return Plan(jobs, True, folder, folder_is_given, source, launcher=launcher, name=name)
    except OmegaConfBaseException as error:
        raise InputError(one_line(error)) from None


def _check_one_run(overrides: Sequence[Override], sweeper: str, launcher: str) -> None:
    """Raises InputError if the command line asks for more than one run, but not with `-m`."""
    for override in overrides:
        if override.is_sweep_override():
            text = override.input_line
            what = "no such file, and several values" if override.key_or_group in _FILE_KEYS else "several values"
            raise InputError(f"{text}: {what}; -m trains a run for each, and key=[a,b] is a list")
    for group, choice in (("sweeper", sweeper), ("launcher", launcher)):
        if choice != BASIC:
            raise InputError(f"hydra/{group}={choice} is for several runs; add -m")


def _check_whole_sweep(overrides: Sequence[Override]) -> None:
    """Raises InputError if `name` or one of Hydra's own keys, which hold for a sweep as a whole, has several values."""
    for override in overrides:
        key = override.key_or_group
        if override.is_sweep_override() and (key == "name" or key.startswith(("hydra.", "hydra/"))):
            raise InputError(f"{override.input_line}: this holds for the sweep as a whole; give one value")


def _check_search(search: SearchConfig, space: Space, launcher: str, has_folders: bool) -> None:
    if launcher != BASIC:
        raise InputError(
            f"hydra/launcher={launcher}: a search trains its runs itself; start the same command several times, with"
            " one hydra.sweep.dir"
        )
    if has_folders:
        raise InputError("hydra.sweep.subdir: the folders of a search are the numbers of its trials; leave this out")
    if not space:
        raise InputError(
            "hydra/sweeper=optuna: name what is tried, such as model.depth=1,2 or 'optimizer.lr=interval(0.001,0.01)'"
        )
    if search.storage is not None and not search.storage.strip():
        raise InputError("hydra.sweeper.storage= names no file and no URL; leave it out")


def _whole_numbers(command: Command, config: DictConfig) -> Callable[[str], bool]:
    """Whether a key's values are whole numbers: by its type, else because its value is not one with a fraction."""
    kind = TrainConfig if command == "train" else PretrainConfig

    def is_whole(key: str) -> bool:
        stated = has_whole_numbers(kind, key)
        return not isinstance(OmegaConf.select(config, key), float) if stated is None else stated

    return is_whole


def _numbered(config: DictConfig, number: int) -> DictConfig:
    with open_dict(config):
        config.hydra.job.num, config.hydra.job.id = number, str(number)
    return config


def _job(config: DictConfig, folder: Path) -> Job:
    # Without resolving: an override such as seed=${x} is text here, and may name what does not exist.
    overrides = cast(list[str], OmegaConf.to_container(config.hydra.overrides.task, resolve=False))
    with open_dict(config):
        del config["hydra"]
    return Job([text for text in overrides if text.lstrip("+").partition("=")[0] != "name"], config, folder)


def _name(config: DictConfig, given: Collection[str]) -> str | None:
    """The value of the key `name`, which takes the place of a folder."""
    name = OmegaConf.select(config, "name")
    if name is None:
        return None
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if key in given:
            raise InputError(f"name={name}: {key} names a folder already; leave one of the two out")
    if not isinstance(name, str):
        raise bad_value("name", name, "give a word, such as name=tamil")
    return name


def _last(overrides: Sequence[Override]) -> dict[str, Override]:
    """The override of each key. If a key is set twice, the last one counts."""
    return {override.get_key_element(): override for override in overrides}


def _first(override: Override) -> str:
    """An override with one value, the first one that a sweep has."""
    if override.is_sweep_override() and not override.is_discrete_sweep():
        (values,) = search_space([override], lambda key: True).values()
        assert isinstance(values, Numbers)
        return f"{override.get_key_element()}={values.first()}"
    return _choices(override)[0]


def _choices(override: Override) -> list[str]:
    """The overrides from which a run takes one."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise InputError(
            f"{override.input_line}: name the values, such as {override.key_or_group}=1,2, or search with"
            " hydra/sweeper=optuna"
        )
    texts = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not texts:
        raise InputError(f"{override.input_line} names no value; a sweep needs one or more")
    return texts


def _folder(config: DictConfig, key: str) -> Path:
    """A folder that the config names, relative to the current folder if it is inside."""
    HydraConfig.instance().set_config(config)  # for values such as ${hydra:job.override_dirname}
    try:
        path = str(OmegaConf.select(config, key, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise InputError(f"{key}: {one_line(error)}") from None
    finally:
        HydraConfig.instance().cfg = None  # otherwise Lightning would start DDP's processes through Hydra
    if not path:
        raise InputError(f"{key}= names no folder; give its path")
    folder = Path(path if key == "hydra.sweep.subdir" else os.path.expanduser(path))
    if str(folder).startswith("~"):
        raise InputError(f"{key}={path}: there is no such user; write ./{path} for a folder of that name")
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
