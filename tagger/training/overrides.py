"""The words of a command line, options of Hydra and overrides `KEY=VALUE`, checked before Hydra reads them.

Hydra accepts any key with `+` in front, and training would ignore it. Here an unknown key is an error that names the
nearest one.
"""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra import __version__ as hydra_version
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.bundle.catalog import new_run
from tagger.bundled import bundled
from tagger.errors import InputError, missing_extra
from tagger.text.schema import nearest

PAGE = "train"  # of conf
FOLDER_KEYS = ("hydra.run.dir", "hydra.sweep.dir")
# Hydra 1.3 reads pages as its first versions did unless it is told another one; 1.4 warns of whoever tells it any.
VERSION_BASE = {"version_base": "1.3"} if hydra_version.startswith("1.3.") else {}
LAUNCHERS = {"joblib": "joblib", "submitit_local": "submitit", "submitit_slurm": "submitit"}  # the extra of each


def checked_words(words: Sequence[str]) -> list[str]:
    """The words of a command line as Hydra takes them; see `checked_overrides`. A name becomes a folder."""

    def refuse(message: str) -> None:
        raise InputError(f"{message}; see python -m tagger --help")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign,assignment]
    options = parser.parse_intermixed_args(list(words))
    if options.experimental_rerun:
        raise InputError("--experimental-rerun reads a pickle, which may run code; leave it out")
    if options.shell_completion:
        raise InputError("--shell-completion completes Hydra's words alone; say tagger --install-completion")
    other_pages = options.config_dir is not None or options.config_name is not None
    checked = checked_overrides(options.overrides, keys_are_known=not other_pages)
    others = list(words)
    for override in options.overrides:
        others.remove(override)
    for key, value in map(key_and_value, checked):
        extra = LAUNCHERS.get(value) if key == "hydra/launcher" else None
        if extra is not None and not find_spec(f"hydra_plugins.hydra_{extra}_launcher"):
            raise missing_extra(f"hydra-{extra}-launcher", extra)
    return [*_in_named_folder(checked), *others]  # Hydra takes no overrides in two places


def checked_overrides(overrides: Sequence[str], keys_are_known: bool = True) -> list[str]:
    """The overrides as Hydra takes them, with `+` where Hydra needs it and only there.

    Args:
        overrides: as given on the command line.
        keys_are_known: whether the page and its groups are those of `conf`, so that other keys can be refused.

    Raises:
        InputError: an override that cannot be read, or a key or a choice that does not exist.
    """
    parsed = list(map(_parsed, overrides))
    if not keys_are_known:
        return [str(override.input_line) for override in parsed]
    groups = {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in bundled("conf").iterdir()}
    chosen = {}  # the last of several for the same group counts, and the first value of a sweep
    for each in parsed:
        if groups.get(each.key_or_group) and not each.is_delete():
            sweeps = each.is_sweep_override()
            value = next(each.sweep_string_iterator()) if sweeps else each.get_value_element_as_str()
            chosen[each.key_or_group] = f"{each.key_or_group}={value}"
    keys = _keys(*chosen.values())
    return [_checked_key(override, keys, groups) for override in parsed]


def _parsed(text: str) -> Override:
    """Reads an override. What is one text, such as a file's name with an ä, needs no quotes."""
    head, equals, value = text.partition("=")
    if not equals and not head.startswith("~"):
        raise InputError(f"{text}: no command and no KEY=VALUE; a value is set like model.depth=3")
    if head in FOLDER_KEYS:
        text = f"{head}={os.path.expanduser(value)}"
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        if equals and not re.search(r"[][{}(),'\"]|\$\{", value):
            return OverridesParser.create().parse_override(quoted(head, os.path.expanduser(value)))
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{text}: cannot be read ({reason}); put quotes around signs: KEY='\"VALUE\"'") from None


def _checked_key(override: Override, keys: frozenset[str], groups: Mapping[str, Sequence[str]]) -> str:
    """The override without `+` if its key is on the page, and with `++` if it may be added, as Hydra wants it.

    Keys of a choice, such as those of `corpus=conllu`, and arguments of the trainer may be added. The error for any
    other key names a choice of a group that has it, or a similar key.

    Args:
        override: as given.
        keys: of the page with its choices.
        groups: the choices of each group.
    """
    key, text = override.key_or_group, str(override.input_line)
    part = key.partition(".")[0]
    if key.startswith(("hydra.", "hydra/")):
        return text
    if groups.get(key) or key in _keys() or (key in keys and override.is_delete()):
        return text.lstrip("+")
    is_field = key.startswith("corpus.fields.") and "corpus.fields" in keys
    if not override.is_delete() and (key in keys or part == "trainer" or is_field):
        return f"++{text.lstrip('+')}"
    choices = [f"{part}={choice}" for choice in groups.get(part, ()) if key in _keys(f"{part}={choice}")]
    if choices:
        raise InputError(f"{text}: no such key here; it needs {' or '.join(choices)}")
    near = nearest(key, sorted(keys))
    remedy = f"did you mean {near}?" if near else "see python -m tagger --cfg job"
    raise InputError(f"{text}: no such key; {remedy}")


@cache
def _keys(*choices: str) -> frozenset[str]:
    """The keys with dots of the page and such choices as `corpus=ud`: of all values and of the parts that hold them."""
    try:
        with initialize_config_dir(str(bundled("conf")), **VERSION_BASE):
            composed: Any = OmegaConf.to_container(compose(PAGE, list(choices)))
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(" ".join(str(error).partition("Config search path")[0].split())) from None
    keys = set()
    parts = [("", composed)]
    while parts:
        prefix, values = parts.pop()
        for name, value in values.items():
            keys.add(f"{prefix}{name}")
            if isinstance(value, dict):
                parts.append((f"{prefix}{name}.", value))
    return frozenset(keys)


def _in_named_folder(overrides: Sequence[str]) -> list[str]:
    """The overrides with `name=X` replaced by the folder `runs/X` of a run or a sweep."""
    named = [text for text in overrides if key_and_value(text)[0] == "name"]
    name = OverridesParser.create().parse_override(named[-1]).value() if named else None
    others = [text for text in overrides if text not in named]
    if name is None:
        return others
    if not isinstance(name, str | int):
        raise InputError(f"{named[-1]}: a run or a sweep has one name, such as name=tamil")
    if given := [text for text in others if key_and_value(text)[0] in FOLDER_KEYS]:
        raise InputError(f"name={name}: {given[0]} names a folder already; leave one of the two out")
    return [*others, *(quoted(key, new_run(str(name))) for key in FOLDER_KEYS)]


def quoted(key: str, path: Path | str) -> str:
    """The override that sets a key to a path, whatever characters it has."""
    text = str(path).replace("${", "\\${")
    return f"{key}={QuotedString(text, quote=Quote.single).with_quotes()}"


def key_and_value(override: str) -> tuple[str, str]:
    """`++a.b=c` -> `a.b` and `c`; `~a` -> `a` and an empty value."""
    name, _, value = override.lstrip("+~").partition("=")
    return name, value
