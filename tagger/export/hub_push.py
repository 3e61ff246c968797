"""A tagger's folder -> a repository of the Hugging Face Hub: its files and its model card, in one commit.

The card is the folder's own below metadata in YAML, those of https://huggingface.co/docs/hub/model-cards.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tagger.bundle.bundle import Bundle
from tagger.bundle.hub import DEFAULT_REVISION, is_tagger_file, parse_target, the_hub
from tagger.bundle.languages import language_codes
from tagger.bundle.saved_config import CARD, predicts_words, read_config
from tagger.errors import InputError, reason
from tagger.pretraining.predictor import load_word_predictor

UD_DATASET = "commul/universal_dependencies"  # the treebanks of Universal Dependencies on the Hub
MAX_CARD_BYTES = 10_000_000
_LICENSES = re.compile(
    r"cc0-1\.0|cc-by(?:-nc|-sa|-nd)*-\d\.\d|mit|apache-2\.0|gpl-[23]\.0|lgpl-lr"
)  # as the Hub has them


class Pushed(NamedTuple):
    """What is on the Hub now.

    Attributes:
        name: by which commands find it, such as `hf:OWNER/NAME`.
        url: of the commit.
        commit: its hash.
        files: of the tagger.
        size: of all of them, in bytes.
    """

    name: str
    url: str
    commit: str
    files: int
    size: int


def push_tagger(
    folder: Path,
    repository: str,
    private: bool = False,
    branch: str = DEFAULT_REVISION,
    message: str = "Upload a tagger",
    languages: Sequence[str] = (),
) -> Pushed:
    """Writes a tagger to the Hub. The repository is made if it is not there, and so is the branch.

    Files of a tagger that the repository has and the folder has not are deleted; all others stay. What is in the folder
    beside a tagger's files is not sent.

    Args:
        folder: of a tagger or a pretrained network, which is read first, so that it is whole.
        repository: OWNER/NAME, or `hf:OWNER/NAME`.
        private: whether only the owner can see it.
        branch: the branch to write to.
        message: of the commit.
        languages: for the card; see `hub_card`.

    Raises:
        InputError: the folder is no whole tagger; the name has another form; the Hub cannot be reached or refuses; or
            the repository is public and `private` is asked for.
    """
    wanted = parse_target(repository, branch)
    repository = wanted.repository
    if predicts_words(folder):
        load_word_predictor(folder)
    else:
        Bundle.load(folder)
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files: dict[str, Any] = {name: str(path) for name, path in paths.items() if is_tagger_file(name)}
    files[CARD] = hub_card(folder, repository, languages).encode()
    with the_hub(repository) as hub:
        api = hub.HfApi()
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and api.model_info(repository).private is False:
            raise InputError(
                f"{repository} is there already and is public, so nothing was sent; make it private in its settings, or"
                " choose another name"
            )
        if wanted.revision != DEFAULT_REVISION:
            api.create_branch(repository, branch=wanted.revision, exist_ok=True)
        there = [file.rfilename for file in api.model_info(repository, revision=wanted.revision).siblings or []]
        # Not `upload_folder`, which would want a copy of the folder with the new card.
        operations = [hub.CommitOperationAdd(name, file) for name, file in files.items()]
        gone = [name for name in there if is_tagger_file(name) and name not in files]
        operations += [hub.CommitOperationDelete(name) for name in gone]
        done = api.create_commit(repository, operations, commit_message=message, revision=wanted.revision)
    size = sum(len(file) if isinstance(file, bytes) else Path(file).stat().st_size for file in files.values())
    return Pushed(str(wanted), str(done.commit_url), str(done.oid), len(files), size)


def hub_card(folder: Path, repository: str, languages: Sequence[str] = ()) -> str:
    """The model card of a tagger on the Hub.

    Metadata that the folder's card has already are kept, key by key.

    Args:
        folder: of the tagger.
        repository: where it will be, OWNER/NAME; the card says how to use it from there.
        languages: codes such as `en`; none: those that the name of the corpus tells.

    Raises:
        InputError: the card or `config.json` is damaged.
    """
    own, text = _own_card(folder / CARD)
    found = metadata(folder, repository, languages) | own
    text = (text or f"# {repository}\n").replace("THIS_FOLDER", f"hf:{repository}")
    return f"---\n{import_module('huggingface_hub.utils').yaml_dump(found, sort_keys=False)}---\n\n{text}"


def _own_card(path: Path) -> tuple[dict[str, Any], str]:
    """The metadata of a folder's card, none if it has none, and its text; empty if there is no card."""
    if not path.is_file():
        return {}, ""
    if path.stat().st_size > MAX_CARD_BYTES:
        raise InputError(f"{path} has more than {MAX_CARD_BYTES / 1e6:g} MB; shorten it")
    try:
        content = path.read_text(encoding="utf-8")
        if not content.startswith("---"):
            return {}, content
        card = import_module("huggingface_hub").ModelCard(content)
        return card.data.to_dict(), card.text.lstrip("\n")
    except Exception as error:  # of the system, of the library and of the one for YAML
        raise InputError(f"{path}: the metadata cannot be read ({reason(error)}); correct them") from None


def metadata(folder: Path, repository: str, languages: Sequence[str] = ()) -> dict[str, Any]:
    """The metadata of a tagger; see `hub_card`."""
    hub: Any = import_module("huggingface_hub")
    config, words = read_config(folder), predicts_words(folder)
    corpus, training = str(config.get("corpus") or ""), config.get("training") or {}
    treebanks = "UD_" in corpus or "universal_dependencies" in corpus
    source = training.get("corpus") or {}
    names = source.get("name") if source.get("kind") in ("hub", "ud") else None
    names = [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, str) and "/" in name]
    datasets = names or ([UD_DATASET] if treebanks else [])
    scores = {} if words else config.get("scores") or {}
    split = next((split for split in ("test", "dev") if scores.get(split)), None)
    results = [
        hub.EvalResult(
            task_type="token-classification",
            task_name="Part-of-speech tagging",
            dataset_type=(datasets or [re.sub(r"[^\w.-]+", "-", corpus) or "unnamed"])[0],
            dataset_name=" ".join(filter(None, (corpus, config.get("version")))) or "unnamed",
            dataset_split=split,
            metric_type="accuracy",
            metric_name=f"{column.upper()} accuracy",
            metric_value=round(accuracy, 4),
        )
        for column, accuracy in (scores[split].items() if split else ())
    ]
    columns = training.get("columns") or config.get("columns", [])
    tags = ["hidden-words"] if words else ["part-of-speech", *map(str, columns)]
    codes = list(languages) or (["en"] if corpus == "sample" else language_codes(corpus))
    data = hub.ModelCardData(
        language=codes[0] if len(codes) == 1 else codes or None,
        **license_of(config.get("license")),
        library_name="tagger",
        pipeline_tag="fill-mask" if words else "token-classification",
        tags=[*tags, *(["universal-dependencies"] if treebanks else [])],
        datasets=datasets or None,
        metrics=["accuracy"] if results else None,
        model_name=repository.partition("/")[2] if results else None,
        eval_results=results or None,
    )
    found: dict[str, Any] = data.to_dict()
    return found


def license_of(name: str | None) -> Mapping[str, str]:
    """The metadata for a licence: its identifier on the Hub, or `other` and its name.

    >>> license_of("CC BY-SA 4.0"), license_of("of a publisher")
    ({'license': 'cc-by-sa-4.0'}, {'license': 'other', 'license_name': 'of a publisher'})
    """
    if not name:
        return {}
    identifier = re.sub(r"[\s-]+", "-", name.strip().lower()).removeprefix("gnu-")
    identifier = {"cc0": "cc0-1.0"}.get(identifier, identifier)
    known = _LICENSES.fullmatch(identifier)
    return {"license": identifier} if known else {"license": "other", "license_name": name}
