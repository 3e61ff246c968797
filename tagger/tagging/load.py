"""The name of a trained tagger -> `Tagger`."""

from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.tagging.devices import choose_device
from tagger.tagging.engine import CACHE_SIZE
from tagger.tagging.hidden_words import HiddenWordPredictor
from tagger.tagging.tagger import Tagger
from tagger.weights.catalog import DEFAULT, find_tagger
from tagger.weights.folder import load_tagger
from tagger.weights.saved_config import predicts_words


def load(
    name: str | Path = DEFAULT,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
) -> Tagger:
    """Loads a trained tagger.

    Tagging uses one thread per process and leaves torch's number of threads unchanged. Threads of a program may share
    a tagger; they take turns.

    Args:
        name: `english`, which comes with the package; `latest`, the newest run below `runs/`; or the folder of a
            tagger or of the run that trained it. The folder of a pretraining gives a tagger without tags, for `embed`.
        device: auto, cpu, cuda or mps.
        precision: of products and states: auto, float32 or bfloat16; auto is bfloat16 on processors that have
            instructions for it.
        cache_size: number of word forms whose first product is cached; at least 16,000.
        workers: processes that share large amounts of text, each with one thread; 1 starts none.

    Raises:
        InputError: no such folder, or its files are damaged; no such device or precision; a number is too small.
    """
    if not isinstance(name, str | Path):
        raise InputError(f"{name!r} names no tagger; give a name such as {DEFAULT!r}, or the path of a folder")
    folder, device = find_tagger(str(name)), choose_device(device)
    options: dict[str, Any] = {"precision": precision, "cache_size": cache_size, "workers": workers}
    if not predicts_words(folder):
        return Tagger(*load_tagger(folder), device, **options)
    predictor = HiddenWordPredictor.load(folder, device)
    body = predictor.network.body
    return Tagger(body, predictor.vocabulary, predictor.config, None, device, **options, hidden_words=predictor)
