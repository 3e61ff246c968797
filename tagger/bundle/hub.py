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

from tagger.bundle.saved_config import CARD, CONFIG, FILES
from tagger.errors import InputError, reason, shorten

PREFIX = "hf:"
DEFAULT_REVISION = "main"
PATTERNS = [CONFIG, CARD, *FILES]

_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_NAME = re.compile(rf"{PREFIX}({_PART}/{_PART})(?:@(\w[\w./+-]{{0,200}}))?", re.ASCII)


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
        return Path(hub.snapshot_download(repository, revision=revision, allow_patterns=PATTERNS))


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
        raise InputError(
            f"{name}: the Hub refuses or cannot be reached ({type(error).__name__}: {reason(error)}); check the name"
            " and the connection, and for a private or gated one log in (`hf auth login`) or set HF_TOKEN"
        ) from None
