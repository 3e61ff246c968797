"""The name of a trained tagger -> its folder; and the list of the taggers that have names.

The folder that `latest` stands for changes when a run ends. So a command finds the folder once and passes it on.
"""

from pathlib import Path
from typing import NamedTuple

from tagger.bundled import bundled
from tagger.errors import InputError, reason, shorten
from tagger.text.start_folder import located_name
from tagger.weights.hub import hub_folder, is_hub_name
from tagger.weights.saved_config import (
    CONFIG,
    MAX_NAME,
    PRETRAINED_IN_RUN,
    TAGGER_IN_RUN,
    check_description,
    read_config,
)

LATEST = "latest"
MAX_SHOWN_NAME = 200  # characters of a name in a message; longer ones are cut
DEFAULT = "english"  # a bundled tagger
RUNS = Path("runs")  # in the current folder; training writes its folders there


class Model(NamedTuple):
    """A tagger that has a name."""

    name: str
    folder: Path
    corpus: str  # the training data, with its version
    license: str | None  # of the training data
    scores: dict[str, dict[str, float]]  # split -> column -> accuracy in [0, 1]
    size: int  # bytes of its folder
    segmenter: str  # `learned`, or the rules that cut text


def find_tagger(name: str) -> Path:
    """The folder of a tagger.

    Args:
        name: a bundled tagger (`english`); `latest`, the tagger of the newest run below `runs/`; the folder of a
            tagger; the folder of a run; or `hf:OWNER/NAME` and `hf:OWNER/NAME@REVISION`, a tagger of the Hugging Face
            Hub. `english` is the bundled tagger even if there is a folder of that name, which is `./english`.

    Returns:
        The folder that should have `config.json`. `load_tagger` checks it.

    Raises:
        InputError: no such tagger; or as `hub_folder`.
    """
    if is_hub_name(name):
        return hub_folder(name)
    names = bundled_names()
    if name in names:
        return bundled("data") / name
    if name == LATEST:
        newest = _newest_run()
        if newest is None:
            raise InputError(
                f"no trained tagger below {RUNS}/ here; train one with `python -m tagger`, or name a folder"
            )
        return newest
    folder = _existing_folder(name)
    if folder is None:
        shown = name if name and len(name) <= MAX_SHOWN_NAME else shorten(name)
        raise InputError(
            f"{shown}: no such tagger; name {', '.join([*names, LATEST])}, hf:OWNER/NAME, or a folder of training"
        )
    return next((folder / name for name in (TAGGER_IN_RUN, PRETRAINED_IN_RUN) if (folder / name).is_dir()), folder)


def find_named(name: str) -> Path:
    """The folder of a tagger that a training's config names; see `located` for relative paths.

    Raises:
        InputError: as `find_tagger`.
    """
    return find_tagger(name if name in bundled_names() else located_name(name))


def _existing_folder(name: str) -> Path | None:
    """The folder of that name; None if there is none, or if no folder can have the name."""
    try:
        folder = Path(name).expanduser()
        return folder if name and folder.is_dir() else None
    except (OSError, RuntimeError):  # too long; the home of an unknown user
        return None


def find_word_predictor(name: str) -> Path:
    """The folder of a network that predicts hidden words, by its name; see `find_tagger`. None is bundled.

    Raises:
        InputError: no such network.
    """
    if name != LATEST:
        return find_tagger(name)
    newest = _newest_run(PRETRAINED_IN_RUN)
    if newest is None:
        raise InputError(
            f"nothing pretrained below {RUNS}/ here; make it with `python -m tagger pretrain text=FILES`,"
            " or name its folder with --model"
        )
    return newest


def bundled_names() -> list[str]:
    """The names of the taggers that come with the package."""
    return sorted(path.parent.name for path in bundled("data").glob(f"*/{CONFIG}"))


def list_models() -> list[Model]:
    """Describes every tagger that has a name: the bundled ones and `latest`, if there is a trained one.

    Raises:
        InputError: a config is damaged.
    """
    folders = {name: bundled("data") / name for name in bundled_names()}
    newest = _newest_run()
    if newest is not None:
        folders[LATEST] = newest
    return [_describe(name, folder) for name, folder in folders.items()]


def _newest_run(inside: str = TAGGER_IN_RUN) -> Path | None:
    """The folder named `inside` in the newest run that has one; None if no run has one."""
    found = sorted(RUNS.glob(f"**/{inside}/{CONFIG}"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def _describe(name: str, folder: Path) -> Model:
    config = read_config(folder)
    try:
        check_description(config)
        if not isinstance(config["segmenter"], str) or len(config["segmenter"]) > MAX_NAME:
            raise ValueError("segmenter is not a name")
        corpus = " ".join(filter(None, (config["corpus"], config.get("version"))))
        return Model(
            name, folder, corpus, config.get("license"), config["scores"], folder_bytes(folder), config["segmenter"]
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder / CONFIG} is damaged ({reason(error)}); copy the folder again, or train anew"
        ) from None


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
