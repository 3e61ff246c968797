"""The name of a tagger on the Hugging Face Hub -> its folder in the Hub's cache, downloaded if it is not there.

Only the files of a tagger's folder are downloaded, by their names: whatever else a repository holds, such as a pickle,
stays where it is. Nothing in them is executed, and whoever reads a file checks its size.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tagger.bundle.saved_config import (
    CARD,
    CONFIG,
    LEMMAS,
    LINEAR_WEIGHTS,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
)
from tagger.errors import InputError, reason, shorten
from tagger.text.schema import PACKED_JSON
from tagger.text.segment import SEGMENTER, SEGMENTER_WEIGHTS

PREFIX = "hf:"
DEFAULT_REVISION = "main"
LOG_IN = "log in (`hf auth login`) or set HF_TOKEN"

_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_NAME = re.compile(rf"{PREFIX}({_PART}/{_PART})(?:@(\w[\w./+-]{{0,200}}))?", re.ASCII)
_VOCABULARIES, _SEGMENTERS = (VOCABULARY, VOCABULARY + PACKED_JSON), (SEGMENTER, SEGMENTER + PACKED_JSON)
_LEMMAS = (LEMMAS, LEMMAS + PACKED_JSON)
_TABLES = (*_VOCABULARIES, *_LEMMAS, *_SEGMENTERS)
_FILES = (CONFIG, CARD, WEIGHTS, LINEAR_WEIGHTS, SEGMENTER_WEIGHTS, *_TABLES)
# A path may come from somebody else and must not lead out of the folder, which patterns with `*` cannot say.
_TAGGER_FILE = re.compile(
    rf"{'|'.join(map(re.escape, _FILES))}|{TOKENIZER}(?:-[0-9]{{1,2}})?/\w[\w-]*\.(?:json|txt|model)", re.ASCII
)
# The same files in the patterns of huggingface_hub.
PATTERNS = [*_FILES, *(f"{TOKENIZER}{n}/*.{kind}" for n in ("", "-[0-9]*") for kind in ("json", "txt", "model"))]
# Exceptions of the library -> what is wrong and what to do; the first that fits is said. The library has them from
# httpx, and had them from requests, so they are known by name.
_UNREACHABLE = "cannot be reached, and the cache lacks it; connect, unset HF_HUB_OFFLINE, or name a folder"
_SAID = {
    "GatedRepoError": f"is gated: ask for access on its page, then {LOG_IN}",
    "RepositoryNotFoundError": f"is not on the Hub, or is private; check the name, and for a private one {LOG_IN}",
    "RevisionNotFoundError": "has no such revision; name a branch, a tag or a commit",
    "HFValidationError": "is no name that the Hub could have; write OWNER/NAME",
    **dict.fromkeys(
        ("LocalEntryNotFoundError", "OfflineModeIsEnabled", "TransportError", "ConnectionError"), _UNREACHABLE
    ),
}


class HubName(NamedTuple):
    """A repository of the Hub, and which version of it."""

    repository: str  # OWNER/NAME
    revision: str  # a branch, a tag or a commit

    def __str__(self) -> str:
        """The name by which commands find it."""
        return f"{PREFIX}{self.repository}" + ("" if self.revision == DEFAULT_REVISION else f"@{self.revision}")


def is_hub_name(name: str) -> bool:
    """Whether a tagger's name means the Hub: `hf:OWNER/NAME`."""
    return name.startswith(PREFIX)


def is_tagger_file(path: str) -> bool:
    """Whether a path, relative and with slashes, is that of a file which a tagger's folder may have."""
    return _TAGGER_FILE.fullmatch(path) is not None


def parse_name(name: str) -> HubName:
    """The parts of `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`."""
    parts = _NAME.fullmatch(name)
    if parts is None or ".." in name:
        raise InputError(f"{shorten(name)} names nothing on the Hub; write hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    return HubName(parts[1], parts[2] or DEFAULT_REVISION)


def hub_folder(name: str) -> Path:
    """The folder of a tagger of the Hub, in the Hub's cache.

    Where the Hub gives no answer, it is the one that was downloaded last.
    """
    repository, revision = parse_name(name)
    with the_hub(name) as hub:
        folder = Path(hub.snapshot_download(repository, revision=revision, allow_patterns=PATTERNS))
    missing = [file for file in (CONFIG, WEIGHTS) if not (folder / file).is_file()]
    if missing or not any((folder / file).is_file() for file in _VOCABULARIES):
        raise InputError(f"{name} is no tagger of this package: it lacks {', '.join(missing) or VOCABULARY}")
    return folder


@contextmanager
def the_hub(name: str) -> Iterator[Any]:
    """The library `huggingface_hub`, which logs nothing; what it raises becomes one line, of which no token is a part.

    `name` is that of the repository, as the user has written it.
    """
    hub = import_module("huggingface_hub")
    import_module("huggingface_hub.utils.logging").set_verbosity_error()
    try:
        yield hub
    except InputError:
        raise
    except Exception as error:  # the library raises errors of its own, of its HTTP client and of the system
        kinds = {kind.__name__ for kind in type(error).__mro__}
        problem = next((text for kind, text in _SAID.items() if kind in kinds), None)
        raise InputError(f"{name} {problem or f'cannot be had ({reason(error)}); {LOG_IN}, or try again'}") from None
