"""Names that a service gives its taggers -> the taggers, and what a client may know of each."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tagger.bundle.catalog import bundled_languages, codes_of, find_language, find_tagger, is_hub_name, language_codes
from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.errors import InputError, shorten
from tagger.extras.serving.batcher import Batcher
from tagger.extras.serving.bodies import Refusal
from tagger.tagging.languages import Languages
from tagger.tagging.tagger import DocumentTagger, Tagger
from tagger.tagging.tagger_options import checked_columns

ALL_LANGUAGES = "all-languages"  # the name of the taggers of all languages, which find the language of a text
_NAME = re.compile(r"[\w.\-]{1,100}")


def named_folders(options: Sequence[str]) -> dict[str, Path]:
    """The folder of each tagger that `--model` names, by the name that clients call it.

    It is NAME of NAME=FOLDER, else that of the folder, or of the run.
    """
    folders: dict[str, Path] = {}
    for option in options:
        name, sign, where = option.rpartition("=")
        if sign and not Path(option).exists():
            folder = find_tagger(where)
        else:
            folder = find_tagger(option)
            own = folder.parent if folder.name == TAGGER_IN_RUN else folder
            name = own.resolve().name if Path(option).is_dir() or "/" in option else option
            if is_hub_name(option):
                name = re.split("[/@]", option)[1]
        if name in folders or not _NAME.fullmatch(name):
            wrong = "names two models" if name in folders else "is more than letters, digits and . - _"
            raise InputError(f"--model {option}: {shorten(name)} {wrong}; write --model NAME={where}")
        folders[name] = folder
    return folders


def all_languages(device: str, precision: str, max_bytes: int | None = None) -> Languages:
    """The taggers of all languages, whose errors say what a client can do."""
    remedy, without = "language {language}", "this service has none for it"
    return Languages(device, precision, max_bytes=max_bytes, remedy=remedy, without=without)


class Service:
    """What all requests share: the taggers by name, of which the first is the default, and the batcher."""

    def __init__(self, taggers: dict[str, Tagger | Languages]) -> None:
        self.taggers = taggers
        self.batcher = Batcher()

    @property
    def default(self) -> str:
        """The name of the first tagger."""
        return next(iter(self.taggers))

    @property
    def _names(self) -> str:
        return ", ".join(self.taggers)

    async def choose(self, name: str | None, language: str | None = None) -> tuple[str, Tagger | Languages]:
        """The whole name of a tagger, and the tagger.

        As in UDPipe, the beginning of a name, up to one of its hyphens, will do. Where the taggers of all languages are
        there, a language's name or code names one of them, too, as does `language`, or the name of a model of UDPipe
        (`german-gsd-ud-2.15-241121`). No name is the default.
        """
        every = self.taggers.get(ALL_LANGUAGES)
        if language:
            if name not in (None, "", ALL_LANGUAGES):
                raise Refusal(400, f"language {shorten(language)} names a model, and so does model; leave one out")
            if not isinstance(every, Languages):
                raise Refusal(400, f"language {shorten(language)}: leave it out, and choose a model: {self._names}")
            name = language
        if isinstance(every, Languages) and name and name != ALL_LANGUAGES:
            language = next(filter(None, map(_language_of, _beginnings(name))), None)
            if language is None:
                known = f"{ALL_LANGUAGES}, or a language that /v1/models lists"
                raise Refusal(400, f"the model {shorten(name)} does not exist; choose {known}")
            return language, await asyncio.to_thread(every.of, language)  # it may have to be read from the disk
        for known, tagger in self.taggers.items():
            if not name or known == name or known.startswith(f"{name}-"):
                return known, tagger
        raise Refusal(400, f"the model {shorten(name or '')} does not exist; choose {self._names}")


def _beginnings(name: str) -> list[str]:
    """A name, and its beginnings up to each hyphen, the longest first."""
    parts = name.split("-")
    return ["-".join(parts[:size]) for size in range(len(parts), 0, -1)]


def _language_of(name: str) -> str | None:
    try:
        return find_language(name)
    except InputError:
        return None


def wanted_columns(tagger: DocumentTagger, columns: Sequence[str] | None) -> list[str]:
    """The columns that a client asks for, in its order; all of them by default."""
    if columns is not None and not columns:
        raise Refusal(400, f"columns is empty; choose of {', '.join(tagger.columns)}, or leave it out")
    return checked_columns(columns, tagger.columns)


def description(name: str, tagger: Tagger | Languages) -> dict[str, Any]:
    """What `GET /v1/models` says of a tagger."""
    config = tagger.config
    languages = language_codes(str(config.get("corpus") or ""))
    several = {each: codes_of(each)[0] for each in bundled_languages()} if isinstance(tagger, Languages) else None
    return {
        "name": name,
        "language": languages[0] if len(languages) == 1 else None,
        "languages": several,
        "columns": list(tagger.columns),
        "takes_text": tagger.takes_text,
        "corpus": " ".join(filter(None, (config.get("corpus"), config.get("version")))) or None,
        "license": config.get("license"),
        "scores": config.get("scores") or {},
        "tags": {} if several else {column: list(tags) for column, tags in tagger.known_tags.items()},
    }
