"""The name of a tagger on the Hugging Face Hub -> its folder in the Hub's cache, downloaded if it is not there.

Only the files of a tagger's folder are downloaded, by their names: whatever else a repository holds, such as a pickle,
stays where it is. Nothing in them is executed; see `bundle.py`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tagger.bundle.saved_config import (
    CARD,
    CONFIG,
    LINEAR_WEIGHTS,
    MAX_CONFIG_BYTES,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    WORD_PREDICTOR,
)
from tagger.errors import InputError, reason, shorten
from tagger.text.json_files import MAX_VOCABULARY_BYTES, PACKED_JSON
from tagger.text.segment import SEGMENTER, SEGMENTER_WEIGHTS

PREFIX = "hf:"
DEFAULT_REVISION = "main"
MAX_TAGGER_BYTES = 20_000_000_000  # of all files together
TIMEOUT = 10.0  # seconds for the answer that lists the files
LOG_IN = "log in (`hf auth login`) or set HF_TOKEN"

_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_REPOSITORY = rf"{_PART}/{_PART}"
_REVISION = r"\w[\w./+-]{0,200}"
_NAME = re.compile(rf"{PREFIX}({_REPOSITORY})(?:@({_REVISION}))?", re.ASCII)
_VOCABULARIES, _SEGMENTERS = (VOCABULARY, VOCABULARY + PACKED_JSON), (SEGMENTER, SEGMENTER + PACKED_JSON)
_OWN = (CONFIG, CARD, WEIGHTS, LINEAR_WEIGHTS, *_VOCABULARIES, SEGMENTER_WEIGHTS, *_SEGMENTERS, WORD_PREDICTOR)
_TAGGER_FILE = re.compile(
    rf"{'|'.join(map(re.escape, _OWN))}|{TOKENIZER}(?:-[0-9]{{1,2}})?/\w[\w-]*\.(?:json|txt|model)",
    re.ASCII,
)
# Exceptions of the library -> what is wrong and what to do; the first that fits is said. The library has them from
# httpx, and had them from requests, so they are known by name. `{instead}` is what would do as well.
_SAID = {
    "GatedRepoError": f"is gated: ask for access on its page, then {LOG_IN}",
    "DisabledRepoError": "is disabled by the Hub; name another one",
    "RepositoryNotFoundError": f"is not on the Hub, or is private; check the name, and for a private one {LOG_IN}",
    "RevisionNotFoundError": "has no such revision; name a branch, a tag or a commit",
    "HFValidationError": "is no name that the Hub could have; write OWNER/NAME",
    "OfflineModeIsEnabled": "cannot be reached: HF_HUB_OFFLINE is set; unset it{instead}",
}
_UNREACHABLE = {"OfflineModeIsEnabled", "TransportError", "ConnectionError", "TimeoutException", "Timeout"}


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
    """The parts of `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`.

    Raises:
        InputError: the name has another form.
    """
    found = _NAME.fullmatch(name)
    if found is None or ".." in name:
        raise InputError(f"{shorten(name)} names nothing on the Hub; write hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    return HubName(found[1], found[2] or DEFAULT_REVISION)


def parse_target(repository: str, branch: str) -> HubName:
    """Where a tagger is to be put: OWNER/NAME or `hf:OWNER/NAME`, and a branch.

    Raises:
        InputError: one of them has another form; the message says which.
    """
    name = repository.removeprefix(PREFIX)
    if re.fullmatch(_REPOSITORY, name, re.ASCII) is None or ".." in name:
        raise InputError(f"{shorten(repository)} names no repository of the Hub; write OWNER/NAME")
    if re.fullmatch(_REVISION, branch, re.ASCII) is None or ".." in branch:
        raise InputError(f"{shorten(branch)} cannot be a branch; write letters, digits and . _ / + -, such as trial/2")
    return HubName(name, branch)


def hub_folder(name: str) -> Path:
    """The folder of a tagger of the Hub, in the Hub's cache.

    Where the Hub gives no answer, it is the one that was downloaded last.

    Args:
        name: see `parse_name`.

    Raises:
        InputError: the name has another form; there is no such repository or revision, or no access to it; it holds no
            tagger, or one that is too large; a file is damaged; the Hub cannot be reached and the cache lacks it.
    """
    wanted = parse_name(name)
    with the_hub(name, ", or name a folder") as hub:
        cached = _cached(hub, wanted)
        try:
            info = hub.HfApi().model_info(
                wanted.repository, revision=wanted.revision, files_metadata=True, timeout=TIMEOUT
            )
        except Exception as error:
            if cached is None or not _is_unreachable(error):
                raise
            return cached
        sizes = _checked_sizes(name, {file.rfilename: file.size for file in info.siblings or []})
        if cached is not None and cached.name == info.sha and _damaged(cached, sizes) is None:
            return cached
        folder = Path(hub.snapshot_download(wanted.repository, revision=wanted.revision, allow_patterns=list(sizes)))
        if (damaged := _damaged(folder, sizes)) is not None:
            raise InputError(f"{name}: {damaged}; delete {folder} and try again")
        return folder


def _checked_sizes(name: str, files: Mapping[str, int | None]) -> dict[str, int]:
    """The tagger's among the files of a repository, and their sizes."""
    sizes = {file: size for file, size in files.items() if is_tagger_file(file)}
    if not _is_whole(set(sizes)):
        raise InputError(f"{name} is no tagger of this package: it lacks {CONFIG}, or weights with a vocabulary")
    checked = {}
    for file, size in sizes.items():
        limit = MAX_TAGGER_BYTES
        if not file.endswith(".safetensors"):
            limit = MAX_CONFIG_BYTES if file.endswith((CONFIG, CARD)) else MAX_VOCABULARY_BYTES
        if not isinstance(size, int) or not 0 <= size <= limit:
            raise InputError(f"{name}: {file} has {size} bytes, and may have {limit:,}; it is not downloaded")
        checked[file] = size
    if sum(checked.values()) > MAX_TAGGER_BYTES:
        raise InputError(f"{name} has more than {MAX_TAGGER_BYTES / 1e9:g} GB; it is not downloaded")
    return checked


def _damaged(folder: Path, sizes: Mapping[str, int]) -> str | None:
    """What is wrong with the first file of another size; None if there is none."""
    for file, size in sizes.items():
        path = folder / file
        found = path.stat().st_size if path.is_file() else 0
        if found != size:
            return f"{path} has {found:,} bytes, not {size:,}"
    return None


def _cached(hub: Any, wanted: HubName) -> Path | None:
    """The folder of a revision that was downloaded before; None if it is not there, or not whole."""
    found = hub.try_to_load_from_cache(wanted.repository, CONFIG, revision=wanted.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return folder if _is_whole(files) else None


def _is_whole(files: set[str]) -> bool:
    """Whether files may be those of a tagger or of a pretrained network."""
    return {CONFIG, WEIGHTS} <= files and any(name in files for name in _VOCABULARIES)


@contextmanager
def the_hub(name: str, instead: str = "") -> Iterator[Any]:
    """The library `huggingface_hub`, which logs nothing; what it raises becomes one line, of which no token is a part.

    Args:
        name: of the repository, as the user has written it.
        instead: what would do as well if the Hub cannot be reached.

    Raises:
        InputError: the library raises an error in the block.
    """
    hub = import_module("huggingface_hub")
    import_module("huggingface_hub.utils.logging").set_verbosity_error()
    try:
        yield hub
    except InputError:
        raise
    except Exception as error:  # the library raises errors of its own, of its HTTP client and of the system
        raise InputError(f"{name} {_said(error).format(instead=instead)}") from None


def _said(error: Exception) -> str:
    kinds, status, why = _kinds(error), _status(error), reason(error).replace("{", "{{").replace("}", "}}")
    for kind, text in _SAID.items():
        if kind in kinds:
            return text
    if status in (401, 403):
        return (
            f"is refused by the Hub ({status}): the token is not valid here, or may not do this; {LOG_IN} with another"
        )
    if _is_unreachable(error):
        return f"cannot be reached ({why}); connect{{instead}}"
    return f"cannot be had ({why}); try again"


def _is_unreachable(error: Exception) -> bool:
    """Whether the Hub gave no answer: there is no network, or it is not to be used, or the Hub is down or busy."""
    status = _status(error)
    return (status is not None and (status >= 500 or status == 429)) or bool(_kinds(error) & _UNREACHABLE)


def _status(error: Exception) -> int | None:
    """The HTTP status of an answer of the Hub; None if there was none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _kinds(error: Exception) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
