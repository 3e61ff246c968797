"""Hydra's part: overrides are parsed, configs composed from `conf`, and what Hydra shows of them is shown."""

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tagger.bundled import bundled
from tagger.errors import InputError, missing_extra
from tagger.sweeps.search_space import PREFIX, SearchConfig
from tagger.training.run_folder import Command

BASIC = "basic"  # Hydra's launcher that trains one run after another
# Other launchers of Hydra: the package and the extra that each comes with.
LAUNCHERS = {
    "joblib": ("hydra-joblib-launcher", "joblib"),
    "submitit_local": ("hydra-submitit-launcher", "submitit"),
    "submitit_slurm": ("hydra-submitit-launcher", "submitit"),
}
_MERGING = "Error merging override "  # how Hydra's message begins if a value does not fit its key


@dataclass(frozen=True)
class Source:
    """Where the configs of a sweep come from.

    Attributes:
        name: of the config.
        folder: that `--config-dir` names, an absolute path.
        overrides: those of the command line, checked.
    """

    name: str
    folder: str | None
    overrides: list[str]


@contextmanager
def open_configs(folder: str | None) -> Iterator[None]:
    """Composes from `conf` within the block, and from `folder`, where the config itself may be, too."""
    path = None if folder is None else Path(folder).resolve()
    if path is not None and not path.is_dir():
        raise InputError(f"--config-dir {folder}: no such folder")
    with initialize_config_dir(str(bundled("conf")), job_name="tagger", version_base="1.3"):
        if path is not None:
            search_path = GlobalHydra.instance().config_loader().get_search_path()
            search_path.prepend("--config-dir", f"file://{path}", "schema")
            GlobalHydra.instance().clear()
            Hydra.create_main_hydra2("tagger", search_path)
        yield


def launcher_config(source: Source, sweep_folder: Path) -> tuple[Any, DictConfig]:
    """Hydra's loader of configs, and the config with the launcher that a command line chose."""
    with open_configs(source.folder):
        own = [text for text in source.overrides if text.lstrip("+").startswith(("hydra/launcher", "hydra.launcher"))]
        overrides = [*own, quoted("hydra.sweep.dir", sweep_folder.absolute()), "hydra.output_subdir=null"]
        return GlobalHydra.instance().config_loader(), compose_config(source.name, overrides)


def quoted(key: str, path: Path) -> str:
    """The override that sets a key to a path, whatever characters it has."""
    return f"{key}={_in_quotes(path.as_posix())}"


def _in_quotes(text: str) -> str:
    return QuotedString(text.replace("${", "\\${"), quote=Quote.single).with_quotes()


def show_config(command: Command, arguments: Sequence[str]) -> None:
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


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Parses overrides by Hydra's grammar, within `open_configs`. Raises InputError if one does not follow it."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = []
    for override in overrides:
        try:
            parsed.append(parser.parse_override(override))
        except HydraException as error:
            raise InputError(f"{override}: {one_line(error)}") from None
    return parsed


def compose_config(name: str, overrides: list[str]) -> DictConfig:
    """Composes a config, with Hydra's own values in it, within `open_configs`.

    Raises:
        InputError: a key or a choice does not exist, a value does not fit its key, or a launcher is not installed.
    """
    try:
        return compose(name, overrides, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        message = str(error).partition("Config search path:")[0]
        if message.startswith(_MERGING):
            override = message.splitlines()[0].removeprefix(_MERGING)
            message = f"{override}: this kind of value does not fit; --cfg all shows the config"
        if wrong := re.search(rf"Could not override '{re.escape(PREFIX)}(\w+)'", message):
            names = [each.name for each in fields(SearchConfig)]
            near = difflib.get_close_matches(wrong[1], names, 1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {', '.join(names)}"
            raise InputError(f"{PREFIX}{wrong[1]}: no such key; {hint}") from None
        absent = re.search(r"Could not find 'hydra/launcher/(\w+)'", message)
        if absent and absent[1] in LAUNCHERS:
            raise missing_extra(*LAUNCHERS[absent[1]]) from None
        raise InputError(one_line(message)) from None
    except ValueError as error:  # such as the choice null, which Hydra refuses without naming its group
        raise InputError(f"{' '.join(overrides)}: {one_line(error)}") from None


def one_line(error: Any) -> str:
    """A message of Hydra without its line breaks."""
    return " ".join(str(error).split())
