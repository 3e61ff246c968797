"""The words of a command line, options of Hydra and overrides `KEY=VALUE`: checked and quoted before Hydra reads them.

Hydra accepts any key with `+` in front, and training would ignore it; and Hydra's grammar refuses many names of files.
Here a key that does not exist is an error which names the nearest key, and the names of files are put in quotes.
"""

import argparse
import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, cast

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, ValueType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger import gone
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.pretraining.config import PretrainConfig
from tagger.text.schema import nearest, word_keys
from tagger.training.config import TrainConfig
from tagger.training.config_parts import TRAINER_SETTINGS

PAGES = {"train": "python -m tagger", "pretrain": "python -m tagger pretrain"}  # the command that reads each
# The values of these keys are names of files and other words, which are quoted where Hydra's grammar needs it.
STRING_KEYS = frozenset(
    [
        *word_keys(TrainConfig),
        *word_keys(PretrainConfig),
        *("name", "hydra.run.dir", "hydra.sweep.dir"),
    ]
)
FOLDER_KEYS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
OPEN_PARTS = ("trainer.", "corpus.fields.")  # parts that take keys which the page does not have
OWN_KEYS = ("corpus.dev_seed",)  # that ensembles give their members; the page of `train` does not have them
MAX_PAGES = 50  # composed to look for keys, one for each combination of groups that a sweep names


class _Parser(argparse.ArgumentParser):
    """Hydra's options; a mistake is an error in one line."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("overrides", nargs="*")
        what = self.add_mutually_exclusive_group()
        for long, short in (("--multirun", "-m"), ("--run", "-r"), ("--shell-completion", "-sc")):
            what.add_argument(long, short, action="store_true")
        what.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
        kinds = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
        what.add_argument("--info", "-i", nargs="?", const="all", choices=kinds)
        for long, short in (("--help", "-h"), ("--hydra-help", "-hh"), ("--version", "-v")):
            self.add_argument(long, short, action="store_true")
        self.add_argument("--resolve", action="store_true")
        for long, short in (("--config-dir", "-cd"), ("--config-name", "-cn"), ("--package", "-p")):
            self.add_argument(long, short)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python -m tagger --help")


def checked_words(page: str, words: Sequence[str]) -> list[str]:
    """The words of a command line as Hydra takes them; see `checked_overrides`.

    Raises:
        InputError: an option that does not exist or has a bad value, or an override that cannot be.
    """
    options = _Parser().parse_intermixed_args(words)
    if options.shell_completion:
        raise InputError("--shell-completion completes Hydra's words alone; say tagger --install-completion")
    if options.config_dir is not None and not os.path.isdir(options.config_dir):
        raise InputError(f"--config-dir {options.config_dir}: no such folder")
    own_pages = options.config_dir is not None or options.config_name is not None
    checked = checked_overrides(options.overrides, page, options.multirun, keys_are_known=not own_pages)
    others = list(words)
    for override in options.overrides:
        others.remove(override)
    return [*checked, *others]  # Hydra takes no overrides in two places


def checked_overrides(
    overrides: Sequence[str], page: str = "train", sweeping: bool = False, keys_are_known: bool = True
) -> list[str]:
    """The overrides as Hydra takes them.

    Args:
        overrides: as given on the command line.
        page: `train` or `pretrain`.
        sweeping: whether commas separate the values of a sweep, also in names of files.
        keys_are_known: whether the page and its groups are those of `conf`, so that other keys can be refused.

    Returns:
        The overrides with the names of files in quotes, and with `+` where Hydra needs it and only there.

    Raises:
        InputError: an override that cannot be read, a key that does not exist or has another name now, a choice that a
            group does not have.
    """
    parsed = [_parsed(text, sweeping) for text in overrides]
    if not keys_are_known:
        return [str(override.input_line) for override in parsed]
    groups = _groups(page)
    for override in parsed:
        if override.key_or_group in groups:
            _check_choices(override, groups[override.key_or_group])
    known = _known_keys(page, parsed, groups)
    varies = any(override.key_or_group in groups and override.is_sweep_override() for override in parsed)
    return [_with_known_key(override, known, groups, page, varies) for override in parsed]


def _parsed(text: str, sweeping: bool) -> Override:
    head, equals, value = text.partition("=")
    if not equals and not head.startswith("~"):
        raise InputError(f"{text}: no command and no KEY=VALUE; a value is set like model.depth=3")
    key = head.lstrip("+~")
    if key == "resume":
        raise InputError(f"{text}: resuming is a command; say python -m tagger resume {value or 'RUN'}")
    if key == "hydra.output_subdir":
        raise InputError(f"{text}: a run's folder has run.json in place of Hydra's own files; leave it out")
    if key in FOLDER_KEYS and equals:
        value = _folder(key, value)
        text = f"{head}={value}"
    if key in STRING_KEYS and equals:
        text = f"{head}={_quoted_where_needed(value, sweeping)}"
    try:
        return _parse(text)
    except HydraException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{text}: cannot be read ({reason}); put quotes around signs: KEY='\"VALUE\"'") from None


def _folder(key: str, path: str) -> str:
    """A folder that a command line names, with the home of a user in place of `~`."""
    if not path:
        raise InputError(f"{key}= names no folder; give its path")
    if (whole := os.path.expanduser(path)).startswith("~"):
        raise InputError(f"{key}={path}: there is no such user; write ./{path} for a folder of that name")
    return whole


def _parse(text: str) -> Override:
    return OverridesParser.create().parse_override(text)


def _quoted_where_needed(value: str, sweeping: bool) -> str:
    """A string, a list of strings or strings to sweep over, in quotes if Hydra would read something else."""
    exists = os.path.lexists(os.path.expanduser(value))
    if value in ("", "null") or (not exists and value[0] in "'\"" and _read(value) is not None):
        return value
    if not exists and re.fullmatch(r"\[.*\]", value, re.DOTALL):
        return f"[{','.join(_quoted_where_needed(item, False) for item in _at_commas(value[1:-1]))}]"
    items = _at_commas(value)
    if not exists and sweeping and len(items) > 1:
        return ",".join(_quoted_where_needed(item, False) for item in items)
    read = _read(value)
    if read is not None and (read.is_sweep_override() or isinstance(read.value(), str)):
        same = not read.is_sweep_override() and read.value() == value and "${" not in value
        if same or not exists:
            return value
    literal = value.replace("${", "\\${") if exists else value  # a file's name has no interpolations
    return QuotedString(literal, quote=Quote.single).with_quotes()


def _read(value: str) -> Override | None:
    """The override that Hydra reads in a value; None if it refuses the value."""
    try:
        return _parse(f"key={value}")
    except HydraException:
        return None


def _at_commas(text: str) -> list[str]:
    """Splits a list at its commas, but not at those within quotes or brackets."""
    parts = re.findall(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|[^,])+""", text)
    return [part.strip() for part in parts]


def _groups(page: str) -> dict[str, list[str]]:
    """The config groups of a page, and the choices that each has."""
    defaults = cast(Any, OmegaConf.load(bundled("conf") / f"{page}.yaml")).defaults
    names = [str(name) for entry in defaults if isinstance(entry, DictConfig) for name in entry]
    return {
        name: sorted(file.stem for file in (bundled("conf") / name).glob("*.yaml"))
        for name in names
        if not name.startswith("override ")
    }


def _values(override: Override) -> list[Any]:
    """The value, or those of a sweep; none if the key is deleted or the sweep has no list of values."""
    if override.value_type is None or override.value_type == ValueType.INTERVAL_SWEEP:
        return []
    return list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]


def _check_choices(override: Override, choices: Sequence[str]) -> None:
    key = override.key_or_group
    for value in _values(override):
        for choice in value if isinstance(value, list) else [value]:
            if choice is None:
                raise InputError(f"{key}=null: no such choice; leave {key} out (in a sweep: train that run by itself)")
            if choice not in choices:
                raise InputError(
                    f"{key}={_as_text(choice)}: no such choice{_did_you_mean(str(choice), choices) or ';'}"
                    f" {key} is one of {', '.join(choices)}"
                )


def _known_keys(page: str, overrides: Iterable[Override], groups: Mapping[str, object]) -> set[str]:
    """The keys that a page has with every choice of a group that the command line names."""
    choices = {
        each.key_or_group: [f"{each.key_or_group}={_as_text(value)}" for value in _values(each)]
        for each in overrides  # the last of several for the same group counts
        if each.key_or_group in groups and _values(each)
    }
    pages = itertools.islice(itertools.product(*choices.values()), MAX_PAGES)
    return set.intersection(*(set(_keys(page, *chosen)) for chosen in pages))


def _as_text(value: Any) -> str:
    return f"[{','.join(map(_as_text, value))}]" if isinstance(value, list) else "null" if value is None else str(value)


@cache
def _keys(page: str, *choices: str) -> frozenset[str]:
    """The keys with dots of a page with choices such as `corpus=ud`: of all values and of the parts that hold them."""
    found = set()
    parts = [("", cast(Any, OmegaConf.to_container(compose_page(page, choices))))]
    while parts:
        prefix, values = parts.pop()
        for name, value in values.items():
            found.add(f"{prefix}{name}")
            if isinstance(value, dict):
                parts.append((f"{prefix}{name}.", value))
    return frozenset(found)


def _with_known_key(
    override: Override, known: set[str], groups: Mapping[str, Sequence[str]], page: str, varies: bool
) -> str:
    """Removes `+` from a key of the page. Adds it to a key that only the trainer has."""
    key, text = override.key_or_group, str(override.input_line)
    if key.startswith(("hydra.", "hydra/")) or (override.is_delete() and key in known):
        return text
    if key in known or key in groups:
        hidden = varies and key in known and key not in _keys(page)  # Hydra plans a sweep with no choice of a group
        return f"{'++' * hidden}{text.lstrip('+')}"
    part = next((part for part in OPEN_PARTS if key.startswith(part) and part.rstrip(".") in known), None)
    if part == "trainer." and (name := key.split(".")[1]) not in TRAINER_SETTINGS:
        near = _did_you_mean(name, TRAINER_SETTINGS) or f"; there are {', '.join(TRAINER_SETTINGS)}"
        raise InputError(f"{key}: no such setting{near}")
    if (part is not None or (key in OWN_KEYS and page == "train")) and not override.is_delete():
        return f"++{text.lstrip('+')}"
    raise _unknown(override, known, groups, page)


def _unknown(override: Override, known: set[str], groups: Mapping[str, Sequence[str]], page: str) -> InputError:
    """The error for a key that the page lacks. It names a choice or a command that has the key, or a similar key."""
    key, text = override.key_or_group, str(override.input_line)
    if key in gone.KEYS:
        return InputError(f"{key} is gone: {gone.KEYS[key]}")
    part = key.partition(".")[0]
    having = [choice for choice in groups.get(part, ()) if key in _keys(page, f"{part}={choice}")]
    if having:
        return InputError(f"{text}: no such key here; it needs {' or '.join(f'{part}={x}' for x in having)}")
    for other, command in PAGES.items():
        if other != page and key in _keys(other):
            return InputError(f"{text}: no such key; it belongs to {command}")
    hint = _did_you_mean(key, sorted(known)) or f"; see {PAGES[page]} --cfg job"
    return InputError(f"{text}: no such key{hint}")


def _did_you_mean(word: str, words: Sequence[str]) -> str:
    near = nearest(word, words)
    return f"; did you mean {near}?" if near else ""


def compose_page(page: str, overrides: Iterable[str]) -> DictConfig:
    """Composes a page of `conf`, without Hydra's own values."""
    try:
        with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
            return compose(page, list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(" ".join(str(error).split())) from None
