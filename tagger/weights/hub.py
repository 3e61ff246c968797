"""The name of a tagger on the Hugging Face Hub -> its folder in the Hub's cache, downloaded if it is not there.

Only the files of a tagger's folder are downloaded, by their names: whatever else a repository holds, such as a pickle,
stays where it is. Nothing in them is executed; see `folder.py`.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError, shorten
from tagger.weights.hub_errors import hub_errors, is_unreachable
from tagger.weights.saved_config import (
    CARD,
    CONFIG,
    MAX_CONFIG_BYTES,
    MAX_VOCABULARY_BYTES,
    MEMBERS,
    SEGMENTER,
    SEGMENTER_WEIGHTS,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    WORD_PREDICTOR,
)

PREFIX = "hf:"
DEFAULT_REVISION = "main"
MAX_TAGGER_BYTES = 20_000_000_000  # of all files together
TIMEOUT = 10.0  # seconds for the answer that lists the files

_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_REPOSITORY = rf"{_PART}/{_PART}"
_REVISION = r"\w[\w./+-]{0,200}"
_NAME = re.compile(rf"{PREFIX}({_REPOSITORY})(?:@({_REVISION}))?", re.ASCII)
_OWN = (CONFIG, CARD, WEIGHTS, VOCABULARY, SEGMENTER_WEIGHTS, SEGMENTER, WORD_PREDICTOR)
_TAGGER_FILE = re.compile(
    rf"(?:{MEMBERS}/[0-9]{{1,4}}/)?(?:{'|'.join(map(re.escape, _OWN))}|{TOKENIZER}/\w[\w-]*\.(?:json|txt|model))",
    re.ASCII,
)


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
    hub: Any = import_module("huggingface_hub")
    wanted = parse_name(name)
    import_module("huggingface_hub.utils.logging").set_verbosity_error()
    with hub_errors(name):
        try:
            sizes = _files(hub.HfApi(), name, wanted)
        except Exception as error:
            if not is_unreachable(error):
                raise
            cached = _cached(hub, wanted)
            if cached is None:
                raise
            return cached
        return _download(hub, name, wanted, sizes)


def _files(api: Any, name: str, wanted: HubName) -> dict[str, int]:
    """The files of the tagger in a repository, and their sizes, all of them checked."""
    info = api.model_info(wanted.repository, revision=wanted.revision, files_metadata=True, timeout=TIMEOUT)
    sizes = {file.rfilename: file.size for file in info.siblings or [] if is_tagger_file(file.rfilename)}
    if not _is_whole(set(sizes)):
        raise InputError(f"{name} is no tagger of this package: it lacks {CONFIG}, or weights with a vocabulary")
    for file, size in sizes.items():
        limit = MAX_TAGGER_BYTES
        if not file.endswith(".safetensors"):
            limit = MAX_CONFIG_BYTES if file.endswith((CONFIG, CARD)) else MAX_VOCABULARY_BYTES
        if not isinstance(size, int) or not 0 <= size <= limit:
            raise InputError(f"{name}: {file} has {size} bytes, and may have {limit:,}; it is not downloaded")
    if sum(sizes.values()) > MAX_TAGGER_BYTES:
        raise InputError(f"{name} has more than {MAX_TAGGER_BYTES / 1e9:g} GB; it is not downloaded")
    return sizes


def _download(hub: Any, name: str, wanted: HubName, sizes: dict[str, int]) -> Path:
    """Downloads files of one commit, those that the cache lacks."""
    config = Path(hub.hf_hub_download(wanted.repository, CONFIG, revision=wanted.revision))
    folder = config.parent  # the cache has a folder for each commit
    for file, size in sizes.items():
        path = Path(hub.hf_hub_download(wanted.repository, file, revision=folder.name))
        found = path.stat().st_size
        if found != size:
            raise InputError(f"{name}: {path} has {found:,} bytes, not {size:,}; delete {folder} and try again")
    return folder


def _cached(hub: Any, wanted: HubName) -> Path | None:
    """The folder of a revision that was downloaded before; None if it is not there, or not whole."""
    found = hub.try_to_load_from_cache(wanted.repository, CONFIG, revision=wanted.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return folder if _is_whole(files) else None


def _is_whole(files: set[str]) -> bool:
    """Whether files may be those of a tagger, of an ensemble or of a pretrained network."""
    return CONFIG in files and ({VOCABULARY, WEIGHTS} <= files or any(file.startswith(MEMBERS) for file in files))
