"""The model that a command names -> a `Tagger`; a line on standard error says which it is."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, overload

import torch

from tagger.bundle.catalog import find_language, find_tagger, is_bundled
from tagger.commands.console import say
from tagger.commands.options import SKIPPED_LINES, of_megabytes
from tagger.errors import InputError
from tagger.tagging.languages import BEGINNING, THIN, Languages, clear_language, load, missing_columns, shown_name
from tagger.tagging.tagger import DocumentTagger, Tagger
from tagger.text.formats import read_parts
from tagger.text.sentence import Sentence

REMEDY = "--language {code}"  # how a user of a command names a language


@overload
def load_and_tell(
    model: None, device: str, precision: str, workers: int = 1, memory: int | None = None, **more: Any
) -> Languages: ...
@overload
def load_and_tell(
    model: str | Path, device: str, precision: str, workers: int = 1, memory: int | None = None, **more: Any
) -> Tagger: ...
def load_and_tell(
    model: str | Path | None, device: str, precision: str, workers: int = 1, memory: int | None = None, **more: Any
) -> Tagger | Languages:
    """Loads a tagger for a process that does nothing else, and says which one on standard error.

    Without a model these are the taggers of all languages as one, which says what languages it meets. A command that
    also needs the folder calls `find_tagger` once: a moment later `latest` may be another folder. `memory` is in
    megabytes; see `MemoryOption`.
    """
    torch.set_num_threads(1)  # more are slower: the steps are small
    folder = model if isinstance(model, Path | None) else find_tagger(model)
    if folder is None:
        tagger: Tagger | Languages = Languages(
            device, precision, workers=workers, max_bytes=of_megabytes(memory), notice=say, remedy=REMEDY
        )
    else:
        tagger = load(folder.absolute(), device, precision, workers=workers, **more)
        networks, corpus = len(tagger.bundle.members), tagger.config.get("corpus")
        trained = f"{f'{networks} networks, ' if networks > 1 else ''}trained on {corpus}"
        dev = tagger.config.get("scores", {}).get("dev", {})
        scores = ", ".join(f"{column} {100 * share:.2f}" for column, share in dev.items())
        say(f"model: {folder} ({trained}{scores and f'; dev {scores}'}); {tagger.options.precision} on {tagger.device}")
        if tagger.config.get("thin"):
            say(f"{tagger.language or corpus}: {THIN}")
    gc.freeze()  # what exists now lives until the end; tagging makes no cycles, whose search took 10 % of its time
    gc.set_threshold(100_000, 10, 10)
    return tagger


def tell_missing(tagger: DocumentTagger, columns: Sequence[str]) -> None:
    """Says which of the columns that a user has named a tagger lacks; of all languages, each when it is met."""
    if isinstance(tagger, Languages):
        tagger.asked = list(columns)
    elif isinstance(tagger, Tagger) and (lacking := tagger.lacking(columns)):
        say(missing_columns(Path(tagger.name).name, lacking))


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


def load_for(
    lines: Iterator[str],
    path: str,
    format: str,
    language: str | None,
    model: str | None,
    device: str,
    precision: str,
    separator: str | None = None,
    **more: Any,
) -> tuple[Tagger, Iterator[str]]:
    """The tagger that the options of a command name, else that of the language of a file; and the file's lines."""
    name = one_or_all(language, model, {})
    own = None if name is None else find_tagger(name)
    if own is None or is_bundled(own):
        beginning = list(_beginning(lines))
        lines = chain(beginning, lines)
        parts = read_parts(beginning, path, format, separator=separator, skip=SKIPPED_LINES)
        text = "\n".join(" ".join(part.tokens) if isinstance(part, Sentence) else part.text for part in parts)
        if own is None:
            own = find_tagger(Languages("cpu", remedy=REMEDY).language_of(text, path))
            say(f"language: {own.name} ({path})")
        else:
            tell_other_language(own, text, path)
    return load_and_tell(own, device, precision, **more), lines


def tell_other_language(own: Path, text: str, path: str) -> None:
    """Says so if a text is clearly in another language than that of a bundled tagger, which a user has named."""
    found = clear_language(text) if is_bundled(own) else None
    if found is not None and found != own.name:
        say(f"{path} looks like {shown_name(found)}, and the tagger is that of {shown_name(own.name)}")


def _beginning(lines: Iterator[str]) -> Iterator[str]:
    """Takes lines that decide the language of a file; where they can, they end after a whole sentence."""
    size = 0
    for line in lines:
        yield line
        size += len(line)
        if size >= BEGINNING and (not line.strip() or size >= 4 * BEGINNING):
            return
