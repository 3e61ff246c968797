"""The model that a command names -> a `Tagger`, with a line on standard error that says which."""

import gc
from pathlib import Path
from typing import Any

import torch

from tagger.commands.console import say
from tagger.errors import InputError
from tagger.tagging.engine import CACHE_SIZE
from tagger.tagging.load import load
from tagger.tagging.tagger import Tagger
from tagger.weights.catalog import find_tagger


def load_and_tell(
    model: str | Path, device: str, precision: str, cache_size: int | None = None, workers: int = 1
) -> Tagger:
    """Loads a tagger for a process that does nothing else, and says which one on standard error.

    Args:
        model: a name as the option `--model` takes it, or the folder that `find_tagger` made of it. A command that
            needs the folder for more than this finds it once: `latest` may name another one a moment later.
        device: see `tagger.load`, as for the rest.
        precision: of products and states.
        cache_size: word forms; None: the default.
        workers: processes.

    Raises:
        InputError: no such model, or its files are damaged.
    """
    torch.set_num_threads(1)  # more are slower: the steps are small
    folder = model if isinstance(model, Path) else find_tagger(model)
    tagger = load(folder.absolute(), device, precision, CACHE_SIZE if cache_size is None else cache_size, workers)
    gc.freeze()  # what exists now lives until the end; tagging makes no reference cycles,
    gc.set_threshold(100_000, 10, 10)  # so the search for them, a tenth of the time by default, may run rarely
    trained = f"trained on {tagger.config.get('corpus')}; dev {format_dev_scores(tagger.config)}"
    say(f"model: {folder} ({trained}); {tagger.engine.precision} on {tagger.device}")
    return tagger


def load_with_tags(
    model: str, device: str, precision: str, folder: Path | None = None, cache_size: int | None = None, workers: int = 1
) -> Tagger:
    """The same for commands that need tags; `folder` is where `find_tagger` found the model, if that was asked before.

    Raises:
        InputError: the network has no tags.
    """
    tagger = load_and_tell(folder or model, device, precision, cache_size, workers)
    if not tagger.columns:
        raise InputError(
            f"{model} predicts words and has no tags; train a tagger from it with python -m tagger init={model}"
        )
    return tagger


def format_dev_scores(config: dict[str, Any]) -> str:
    """The accuracies on dev in percent, as far as the config has them."""
    scores = config.get("scores")
    dev = scores.get("dev") if isinstance(scores, dict) else None
    found = dev.items() if isinstance(dev, dict) else ()
    return ", ".join(f"{column} {100 * share:.2f}" for column, share in found if isinstance(share, (int, float)))
