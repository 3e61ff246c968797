"""A tagger's folder: the names of its files, and its `config.json` as a dictionary.

The folder may come from somebody else. So the size of each file is limited, and control characters are replaced in all
text that may be shown.
"""

from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.text.json_files import MAX_NAME, read_json
from tagger.text.strings import printable

FORMAT = 6  # of `config.json` and the files beside it; folders of other formats are refused
WEIGHTS, CONFIG, VOCABULARY, CARD = "model.safetensors", "config.json", "vocabulary.json", "README.md"
TOKENIZER = "transformer"  # folder with the tokenizer of a transformer
WORD_PREDICTOR = "words.safetensors"  # weights that predict hidden words; only pretraining writes them
ENSEMBLE = "ensemble"  # key of `config.json` of a tagger that was made of several: their weights
MEMBERS = "members"  # the folder of the runs of an ensemble's members, in the run's folder
ORIGIN = "segmenter_training"  # key of `config.json`: what a learned segmenter was trained on
MAX_TAGGERS = 16  # of which an ensemble is made
MAX_TRAINED = 16  # networks that are trained side by side
MAX_MEMBERS = MAX_TAGGERS * MAX_TRAINED  # networks of a tagger
TAGGER_IN_RUN = "tagger"  # the tagger's folder in a run's folder
PRETRAINED_IN_RUN = "pretrained"  # the pretrained network's folder in the folder of a run of pretraining
RECORD = "run.json"  # how a run was started, in its folder
SWEEP = "sweep.json"  # the same of a sweep

MAX_CONFIG_BYTES = 10_000_000


def predicts_words(folder: Path) -> bool:
    """Whether pretraining wrote a folder, rather than the training of a tagger."""
    return (folder / WORD_PREDICTOR).is_file()


def is_ensemble(folder: Path) -> bool:
    """Whether a folder holds a tagger that was made of several.

    Raises:
        InputError: its `config.json` is damaged.
    """
    return (folder / CONFIG).is_file() and ENSEMBLE in read_json(folder / CONFIG, MAX_CONFIG_BYTES)


def read_config(folder: Path) -> dict[str, Any]:
    """Reads `config.json`; control characters become U+FFFD.

    Raises:
        InputError: the file is missing, damaged, too large or of another format.
    """
    path = folder / CONFIG
    config = read_json(path, MAX_CONFIG_BYTES)
    version = config.get("format")
    if type(version) is not int or version != FORMAT:
        raise InputError(
            f"{path}: format {repr(version)[:60]}, and this version of the tagger reads {FORMAT} alone; train it anew"
        )
    current: dict[str, Any] = _printable(config)
    return current


def check_description(config: dict[str, Any]) -> None:
    """Raises ValueError unless a tagger's corpus, version, licence and scores have the types that training writes."""
    for name in ("corpus", "version", "license"):
        value = config.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= MAX_NAME):
            raise ValueError(f"{name} is not a name")
    weights = config.get(ENSEMBLE, [])
    if not isinstance(weights, list) or not all(type(weight) in (int, float) for weight in weights):
        raise ValueError(f"{ENSEMBLE} is not a list of numbers")
    scores = config.get("scores", {})
    if not isinstance(scores, dict) or not all(isinstance(columns, dict) for columns in scores.values()):
        raise ValueError("scores is not an object of objects")
    if not all(type(accuracy) is float for columns in scores.values() for accuracy in columns.values()):
        raise ValueError("a score is not a number")
    if not all(len(name) <= MAX_NAME for columns in (scores, *scores.values()) for name in columns):
        raise ValueError("the name of a score is too long")


def _printable(value: Any) -> Any:
    """The same JSON value without control characters."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): _printable(item) for key, item in value.items()}
    return value
