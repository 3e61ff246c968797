"""A tagger's folder: the names of its files, and its `config.json` as a dictionary.

The folder may come from somebody else. So the size of each file is limited, and control characters are replaced in all
text that may be shown.
"""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from tagger.errors import InputError
from tagger.text.schema import ShortName, read_json
from tagger.text.strings import printable_value
from tagger.words.conventions import CONVENTIONS
from tagger.words.segment import SEGMENTER, SEGMENTER_WEIGHTS

FORMAT = 7  # of `config.json` and the files beside it; folders of other formats are refused
WEIGHTS, CONFIG, VOCABULARY, CARD = "model.safetensors", "config.json", "vocabulary.json.gz", "README.md"
TOKENIZER = "transformer"  # folder with the tokenizer of a transformer
LINEAR_WEIGHTS = "linear.safetensors"  # weights of linear chains
LEMMAS = "lemmas.json.gz"  # how reliable a dictionary's lemmas are, if the tagger has one
DIGESTS = "files"  # key of `config.json`: the digest of each file beside it
NOISE = "noise"  # key of `config.json` of a tagger without its training's config: whether it has learned from noise
ORIGIN = "segmenter_training"  # key of `config.json`: what a learned segmenter was trained on
MAX_TRAINED = 16  # networks that are trained side by side
MAX_MEMBERS = 256  # networks of a tagger
TAGGER_IN_RUN = "tagger"  # the tagger's folder in a run's folder
RECORD = "run.json"  # how a run was started, in its folder

MAX_CONFIG_BYTES = 10_000_000
FILES = (
    *(WEIGHTS, LINEAR_WEIGHTS, SEGMENTER_WEIGHTS, VOCABULARY, LEMMAS, SEGMENTER, CONVENTIONS),
    *(f"{TOKENIZER}{number}/*.{kind}" for number in ("", "-[0-9]*") for kind in ("json", "txt", "model")),
)  # what a folder may have beside its config and its card, as patterns

_CHUNK = 1 << 20  # bytes that are read at a time


def _not_whole(folder: Path, name: str) -> InputError:
    """The error for a tagger's folder that lacks a file."""
    return InputError(f"{folder} is not a whole tagger: {name} is missing; copy the folder again or train anew")


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a tagger's folder, beside its config and its card, by their names with slashes."""
    paths = sorted(path for pattern in FILES for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def digests(folder: Path) -> dict[str, str]:
    """The digest of each of a tagger's files: CRC-32, which any flipped bit changes and which reads 7 GB a second."""
    found = {}
    for name, path in files_of(folder).items():
        digest = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest = zlib.crc32(chunk, digest)
        found[name] = f"{digest:08x}"
    return found


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Writes `config.json`, with the digests of the files that are there."""
    text = json.dumps(config | {DIGESTS: digests(folder)}, indent=2)
    (folder / CONFIG).write_text(f"{text}\n", encoding="utf-8")


def sign(folder: Path) -> None:
    """Writes the digests of the files into `config.json`, where files were changed on purpose."""
    write_config(folder, read_json(folder / CONFIG, MAX_CONFIG_BYTES))


def check_files(folder: Path, saved: dict[str, str]) -> None:
    """Raises InputError unless the files of a folder are those that were saved: these, with these digests."""
    try:
        found = digests(folder)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}; check its permissions") from None
    for name in sorted({*saved, *found, WEIGHTS, CONVENTIONS}):
        if name not in found:
            raise _not_whole(folder, name)
        if name not in saved:
            raise InputError(
                f"{folder / CONFIG} has no digest of {name}, so the file is not of this tagger;"
                " copy the folder again or train anew"
            )
        if saved[name] != found[name]:
            raise InputError(f"{folder / name} is damaged (its digest is another one); copy the folder again")


def read_config(folder: Path) -> dict[str, Any]:
    """Reads `config.json`; control characters become U+FFFD."""
    path = folder / CONFIG
    if not path.is_file():
        raise _not_whole(folder, CONFIG)
    config: dict[str, Any] = printable_value(read_json(path, MAX_CONFIG_BYTES))
    version = config.get("format")
    if type(version) is not int or version != FORMAT:
        raise InputError(
            f"{path}: format {repr(version)[:60]}, and this version of the tagger reads {FORMAT} alone; train it anew"
        )
    return config


@dataclass(kw_only=True)
class Description:
    """The keys of `config.json` that are shown to people, in a list or on a page; other keys are free."""

    OTHERS: ClassVar[bool] = True

    segmenter: ShortName

    corpus: ShortName | None = None
    version: ShortName | None = None
    license: ShortName | None = None
    scores: dict[ShortName, dict[ShortName, float]] = field(default_factory=dict)
    raw: dict[ShortName, dict[ShortName, float]] = field(default_factory=dict)
    words: Annotated[float, Meta(ge=0)] | None = None  # from which it learned, in thousands
    thin: bool = False
