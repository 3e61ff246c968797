"""The name of a trained tagger or of a run -> its folder; and the list of the taggers that have names.

The folder that `latest` stands for changes when a run ends. So a command finds the folder once and passes it on. Of a
repository of the Hugging Face Hub, only the files of a tagger's folder are downloaded, by their names: whatever else it
holds, such as a pickle, stays where it is. Nothing in them is executed, and whoever reads a file checks its size.
"""

import difflib
import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from tagger.bundle.saved_config import CARD, CONFIG, FILES, RECORD, TAGGER_IN_RUN, Description, read_config
from tagger.bundled import bundled
from tagger.errors import InputError, reason, shorten
from tagger.text.schema import read
from tagger.words.language_table import language_table, languages_by_word

LATEST = "latest"
DEFAULT = "english"  # a bundled tagger
MORE = "more"  # the folder in `data` of taggers that come in a package of their own,
MORE_PACKAGE = "bigru_tagger_more"  # which has this name
PIP_MORE = f"its tagger comes with a package of its own: pip install data/{MORE} in a clone, or its wheel's file"
RUNS = Path("runs")  # in the current folder; training writes its folders there
LOCK = ".lock"  # in a run's folder: one process trains it; the system releases the lock however the process ends
CLAIM_SECONDS = 0.5  # longer than `is_being_trained` holds the lock
MIN_SIMILARITY = 0.7  # of a name to the one that is proposed in its place: among many languages 0.6 is no typing error
MAX_SHOWN_NAME = 200  # characters of a name in a message; longer ones are cut
HUB_PREFIX, DEFAULT_REVISION = "hf:", "main"
PATTERNS = [CONFIG, CARD, *FILES]  # of a repository on the Hub

_TREEBANK = re.compile(r"\bUD_([A-Za-z_]+)-")
_FILE = re.compile(r"(?:^|[-\s])([a-z]{2,3})_[a-z0-9]+(?=$|[\s,;])")

_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_HUB_NAME = re.compile(rf"{HUB_PREFIX}({_PART}/{_PART})(?:@(\w[\w./+-]{{0,200}}))?", re.ASCII)
_WITH_COUNTRY = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?")  # BCP 47
_LOCALE = re.compile(r"([a-z]{2,3})(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?")  # as that writes it: no name of a run


class Model(NamedTuple):
    """A tagger that has a name."""

    name: str
    folder: Path
    corpus: str  # the training data, with its version
    license: str | None  # of the training data
    scores: dict[str, dict[str, float]]  # split -> column -> accuracy in [0, 1]
    raw: dict[str, dict[str, float]]  # split -> name of a score -> F1 from raw text in [0, 1]
    words: float | None  # from which it learned, in thousands
    thin: bool  # whether it had little to learn from, and is far behind the best taggers of its language
    size: int  # bytes of its folder
    segmenter: str  # `learned`, or the rules that cut text


class HubName(NamedTuple):
    """A repository of the Hub, and which version of it."""

    repository: str  # OWNER/NAME
    revision: str  # a branch, a tag or a commit

    def __str__(self) -> str:
        """The name by which commands find it."""
        return f"{HUB_PREFIX}{self.repository}" + ("" if self.revision == DEFAULT_REVISION else f"@{self.revision}")


def find_tagger(name: str) -> Path:
    """The folder of a tagger, which `Bundle.load` checks.

    A name is that of a language that comes with the package, or its code (`english`, `en`, `en-US`); `latest`; the
    folder of a tagger; the folder of a run, or its name (`tamil` for `runs/tamil`); or `hf:OWNER/NAME` and
    `hf:OWNER/NAME@REVISION`, a tagger of the Hugging Face Hub. `english` is the bundled tagger even if there is a
    folder of that name, which is `./english`; but a folder or a run that is called as a code goes before the bundled
    tagger.
    """
    if is_hub_name(name):
        return hub_folder(name)
    if (own := bundled_folders().get(name)) is not None:
        return own
    if name == LATEST:
        newest = newest_run(TAGGER_IN_RUN)
        if newest is None:
            raise InputError(f"nothing trained below {RUNS}/ here; make it with `python -m tagger`, or name a folder")
        return newest / TAGGER_IN_RUN
    folder = find_folder(name)
    if folder is not None and _is_of_training(folder):
        if (folder / TAGGER_IN_RUN).is_dir():
            return folder / TAGGER_IN_RUN
        if (folder / RECORD).is_file() and not (folder / CONFIG).is_file():
            if is_being_trained(folder):
                raise InputError(f"{folder} is being trained; wait until that has ended")
            resume = f"python -m tagger resume {shlex.quote(str(folder))}"
            raise InputError(f"{folder} is not finished; go on with: {resume}")
        return folder
    tag = _LOCALE.fullmatch(name)
    language = _language(tag[1] if tag else name)
    if language is not None:
        return bundled_folders()[language]
    if folder is None:
        others = "python -m tagger models lists those that are there; or name hf:OWNER/NAME, or a folder of training"
        near = did_you_mean(name, [*bundled_folders(), LATEST, *run_names()])
        raise InputError(f"{_shown(name)}: no such tagger; {near or others}")
    if trained := sorted(folder.glob(f"*/{TAGGER_IN_RUN}")):
        raise InputError(f"{folder} is a sweep, and has several taggers; name a run of it, such as {trained[0].parent}")
    return folder


def find_folder(name: str) -> Path | None:
    """The folder at a path, or the run of that name below `runs/`; one that has something of a training comes first."""
    parts = Path(name).parts
    is_plain = bool(parts) and not name.startswith((".", "~", "/")) and ".." not in parts
    paths = [os.path.expanduser(path) for path in ([name, str(RUNS / name)] if is_plain else [name] * bool(name))]
    folders = [Path(path) for path in paths if os.path.isdir(path)]
    return next(filter(_is_of_training, folders), folders[0] if folders else None)


def new_run(name: str) -> Path:
    """The folder of a new run, or a new sweep, that gets a name."""
    remedy = "give a word, such as name=tamil"
    if name in (*bundled_folders(), LATEST) or _language(name):
        raise InputError(f"name={name}: {name} is another tagger already; {remedy}")
    if not name.strip() or not name.isprintable() or name[0] in ".~-" or ".." in name or {*name} & {*"/\\:=@"}:
        raise InputError(f"name={_shown(name)}: no name for a run; {remedy}, or a folder, hydra.run.dir=FOLDER")
    return RUNS / name


def run_names() -> list[str]:
    """The names of the runs that have one."""
    return sorted(path.parent.name for path in RUNS.glob(f"*/{RECORD}"))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`did you mean NAME?`; an empty text if no name is close."""
    near = difflib.get_close_matches(name, list(names), 1, MIN_SIMILARITY)
    return f"did you mean {near[0]}?" if near else ""


def _shown(name: str) -> str:
    return name if name and len(name) <= MAX_SHOWN_NAME and name.isprintable() else shorten(name)


def _is_of_training(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CONFIG, TAGGER_IN_RUN, RECORD))


def bundled_folders() -> dict[str, Path]:
    """The folders of the taggers that come with the package, and with the package of more languages if it is there."""
    spec = find_spec(MORE_PACKAGE)
    roots = [*map(Path, (spec and spec.submodule_search_locations) or []), bundled("data") / MORE, bundled("data")]
    found = {path.parent.name: path.parent for root in roots for path in root.glob(f"*/{CONFIG}")}
    return dict(sorted(found.items()))


def is_bundled(folder: Path) -> bool:
    """Whether a folder is that of a tagger that comes with the package."""
    own = bundled_folders().get(folder.resolve().name)
    return own is not None and folder.resolve() == own.resolve()


def bundled_languages() -> dict[str, tuple[str, ...]]:
    """The languages of the taggers that come with the package, by the names of these, and their codes in ISO 639."""
    return {name: codes for name in bundled_folders() if (codes := codes_of(name))}


def language_codes(corpus: str) -> list[str]:
    """The codes of the languages of treebanks, such as `UD_English-EWT` or `universal_dependencies-en_ewt`, each once.

    An empty list means that the name does not tell.
    """
    table, by_code = language_table(), languages_by_word()
    found = [table[name] for name in map(str.lower, _TREEBANK.findall(corpus)) if name in table]
    found = found or [by_code[code] for code in _FILE.findall(corpus) if code in by_code]
    return list(dict.fromkeys(language.codes[0] for language in found))


def codes_of(language: str) -> tuple[str, ...]:
    """The codes of a language that is given by its English name in lower case; none for another word.

    >>> codes_of("norwegian"), codes_of("finding")
    (('no', 'nb', 'nn'), ())
    """
    known = language_table().get(language)
    return known.codes if known else ()


def find_language(language: str) -> str:
    """The name of the tagger of a language.

    A language is its code in ISO 639 (`de`, `deu`), also with a script or a country (`pt-BR`), or its name, in English
    or in the language itself (`Deutsch`), in any case of letters.
    """
    code = _WITH_COUNTRY.fullmatch(language.lower())
    name = _language(code[1] if code else language)
    if name is None:
        is_word = codes_of(language.lower()) or len(language) < 4  # a language or a code, not an error of typing
        words = [] if is_word else [word for word in languages_by_word() if len(word) >= 4]  # not codes
        near = did_you_mean(language.lower(), words)
        remedy = f"{near} python -m tagger models lists those that do".strip()
        raise InputError(f"{_shown(language)}: no tagger of this language comes with the package; {remedy}")
    return name


def _language(name: str) -> str | None:
    known = languages_by_word().get("_".join(unicodedata.normalize("NFC", name).lower().split()))
    if known is None or known.name in bundled_folders():
        return known and known.name
    if known.more:
        raise InputError(f"{_shown(name)}: {PIP_MORE}")
    return None


def list_models() -> tuple[list[Model], list[str]]:
    """Describes every tagger that has a name: the bundled ones, runs with a name, and `latest`, if there is one.

    The second list says what is wrong with those that are damaged or too old to be described.
    """
    folders = bundled_folders()
    for path in sorted(RUNS.glob(f"*/{TAGGER_IN_RUN}/{CONFIG}")):
        folders.setdefault(path.parents[1].name, path.parent)
    newest = newest_run(TAGGER_IN_RUN)
    if newest is not None:
        folders[LATEST] = newest / TAGGER_IN_RUN
    models, problems = [], []
    for name, folder in folders.items():
        try:
            models.append(_describe(name, folder))
        except InputError as error:
            problems.append(f"{name}: {error}")
    return models, problems


def newest_run(made: str = "") -> Path | None:
    """What `latest` means: of the runs below `runs/` that have made a folder, such as `tagger`, the last started.

    A run in the folder of another one, a member of the ensemble that it makes, is left out.
    """
    records = sorted(RUNS.glob(f"**/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
    runs = [path.parent for path in records]
    return next((run for run in runs if (run / made).is_dir() and not set(run.parents) & set(runs)), None)


def _describe(name: str, folder: Path) -> Model:
    config = read_config(folder)
    try:
        about = read(Description, config)
        corpus, size = " ".join(filter(None, (about.corpus, about.version))), folder_bytes(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / CONFIG} is damaged ({reason(error)}); copy it again or train anew") from None
    scores = about.license, about.scores, about.raw, about.words
    return Model(name, folder, corpus, *scores, about.thin, size, about.segmenter)


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def claim_run(run: Path) -> Iterator[bool]:
    """Holds the lock of a run for the block; gives False on a file system without locks, where it does nothing."""
    lock = FileLock(run / LOCK)
    try:
        lock.acquire(timeout=CLAIM_SECONDS)
    except Timeout:
        raise InputError(f"{run} is being trained by another process; wait until that has ended") from None
    except (OSError, NotImplementedError):
        pass
    try:
        yield lock.is_locked
    finally:
        lock.release()


def is_being_trained(run: Path) -> bool:
    """Whether a process holds the lock of a run."""
    try:
        if (run / LOCK).is_file():
            with FileLock(run / LOCK).acquire(timeout=CLAIM_SECONDS / 2):  # others may ask
                return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    return False


def is_hub_name(name: str) -> bool:
    """Whether a tagger's name means the Hub: `hf:OWNER/NAME`."""
    return name.startswith(HUB_PREFIX)


def parse_name(name: str) -> HubName:
    """The parts of `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`."""
    parts = _HUB_NAME.fullmatch(name)
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
