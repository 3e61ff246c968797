"""The name of a trained tagger -> its folder: a bundled one, the newest run, or any folder."""

from pathlib import Path
from typing import NamedTuple

from tagger.bundled import bundled
from tagger.errors import InputError, reason
from tagger.weights.saved_config import CONFIG, PRETRAINED_IN_RUN, TAGGER_IN_RUN, read_config

LATEST = "latest"
DEFAULT = "english"  # comes with the package
RUNS = Path("runs")  # where training leaves its folders, below the current folder


class Model(NamedTuple):
    """A tagger that can be loaded by name."""

    name: str
    folder: Path
    corpus: str  # what it was trained on, with its version
    license: str | None  # of the training data
    scores: dict[str, dict[str, float]]  # split -> column -> accuracy in [0, 1]
    size: int  # bytes of its folder


def find_tagger(name: str) -> Path:
    """The folder of a tagger.

    Args:
        name: a bundled tagger (`english`); `latest`, the newest run below `runs/`; or a tagger's folder, or
            the folder of the run that holds it. A bundled name wins over a folder: write `./english` for that.

    Raises:
        InputError: there is none.
    """
    names = bundled_names()
    if name in names:
        return bundled("data") / name
    if name == LATEST:
        newest = _newest_run()
        if newest is None:
            raise InputError(
                f"no trained tagger below {RUNS}/ here; train one with `python -m tagger`, or name one with --model"
            )
        return newest
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise InputError(f"{name}: no such tagger; name {', '.join([*names, LATEST])}, or a folder that training wrote")
    return next((folder / name for name in (TAGGER_IN_RUN, PRETRAINED_IN_RUN) if (folder / name).is_dir()), folder)


def find_masked(name: str) -> Path:
    """The same for networks that predict hidden words; none comes with the package.

    Raises:
        InputError: there is none.
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
    """The taggers that come with the package."""
    return sorted(path.parent.name for path in bundled("data").glob(f"*/{CONFIG}"))


def list_models() -> list[Model]:
    """Every tagger that has a name: the bundled ones, and the newest run, if there is one.

    Raises:
        InputError: a config is damaged.
    """
    folders = {name: bundled("data") / name for name in bundled_names()}
    newest = _newest_run()
    if newest is not None:
        folders[LATEST] = newest
    return [_describe(name, folder) for name, folder in folders.items()]


def _newest_run(inside: str = TAGGER_IN_RUN) -> Path | None:
    found = sorted(RUNS.glob(f"**/{inside}/{CONFIG}"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def _describe(name: str, folder: Path) -> Model:
    config = read_config(folder)
    try:
        corpus = " ".join(filter(None, (str(config["corpus"]), config.get("version"))))
        return Model(name, folder, corpus, config.get("license"), dict(config["scores"]), folder_bytes(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / CONFIG} is damaged ({reason(error)}); copy the folder again, or train anew"
        ) from None


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
