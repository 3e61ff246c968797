"""The model that a command names -> a `Tagger`; a line on standard error says which it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tagger.bundle.catalog import find_language, find_tagger
from tagger.bundle.saved_config import ENSEMBLE
from tagger.commands.console import say
from tagger.errors import InputError
from tagger.tagging.arguments import AUTO
from tagger.tagging.languages import THIN, LanguageTagger
from tagger.tagging.load import load
from tagger.tagging.tagger import Tagger
from tagger.tagging.workers import collect_rarely


def load_and_tell(
    model: str | Path, device: str, precision: str, workers: int = 1, segmenter: str = AUTO, **more: Any
) -> Tagger:
    """Loads a tagger for a process that does nothing else, and says which one on standard error.

    Args:
        model: a name as the option `--model` takes it, or the folder that `find_tagger` found for it. A command that
            also needs the folder calls `find_tagger` once: a moment later `latest` may be another folder.
        device: as for `tagger.load`, like all else.
    """
    torch.set_num_threads(1)  # more are slower: the steps are small
    folder = model if isinstance(model, Path) else find_tagger(model)
    tagger = load(folder.absolute(), device, precision, workers=workers, segmenter=segmenter, **more)
    collect_rarely()
    taggers = tagger.config.get(ENSEMBLE)
    what = f"ensemble of {len(taggers)}, trained" if taggers else "trained"
    dev = format_dev_scores(tagger.config)
    trained = f"{what} on {tagger.config.get('corpus')}{f'; dev {dev}' if dev else ''}"
    say(f"model: {folder} ({trained}); {tagger.options.precision} on {tagger.device}")
    if tagger.config.get("thin"):
        say(f"{tagger.config.get('corpus')}: {THIN}")
    return tagger


def load_with_tags(model: str, device: str, precision: str, folder: Path | None = None, **more: Any) -> Tagger:
    """The same for commands that need tags. `folder` is the result of `find_tagger`, if the caller has it."""
    tagger = load_and_tell(folder or model, device, precision, **more)
    if not tagger.columns:
        raise InputError(
            f"{model} predicts words and has no tags; train a tagger from it with python -m tagger init={model}"
        )
    return tagger


def one_or_all(language: str | None, model: str | None, refused: Mapping[str, bool]) -> str | None:
    """The name of the tagger that a command uses; None: those of all languages.

    `refused` has the options that need one tagger, and whether each is given.
    """
    if language is not None:
        if model is not None:
            raise InputError(f"--language {language} names a tagger, and so does --model {model}; leave one out")
        return find_language(language)
    for option, given in refused.items():
        if given and model is None:
            raise InputError(f"{option} needs one tagger; name the language, --language CODE, or --model NAME")
    return model


def load_all(device: str, precision: str, workers: int) -> LanguageTagger:
    """The taggers of all languages as one, for a process that does nothing else; it says which language it takes."""
    torch.set_num_threads(1)  # as in `load_and_tell`
    tagger = LanguageTagger(device, precision, workers=workers, notice=say, remedy="--language {code}")
    collect_rarely()
    return tagger


def format_dev_scores(config: dict[str, Any]) -> str:
    """The accuracies on dev in percent; an empty text if the config has none."""
    scores = config.get("scores")
    dev = scores.get("dev") if isinstance(scores, dict) else None
    found = dev.items() if isinstance(dev, dict) else ()
    return ", ".join(f"{column} {100 * share:.2f}" for column, share in found if isinstance(share, (int, float)))
