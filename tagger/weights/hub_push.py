"""A tagger's folder -> a repository of the Hugging Face Hub: its files and its model card, in one commit."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.weights.ensemble_folder import read_saved
from tagger.weights.folder import load_word_predictor
from tagger.weights.hub import DEFAULT_REVISION, is_tagger_file, parse_target
from tagger.weights.hub_card import hub_card
from tagger.weights.hub_errors import hub_errors
from tagger.weights.saved_config import CARD, predicts_words


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
        folder: of a tagger, an ensemble or a pretrained network, which is read first, so that it is whole.
        repository: OWNER/NAME, or `hf:OWNER/NAME`.
        private: whether only the owner can see it.
        branch: the branch to write to.
        message: of the commit.
        languages: for the card; see `hub_card`.

    Raises:
        InputError: the folder is no whole tagger; the name has another form; the Hub cannot be reached or refuses; or
            the repository is public and `private` is asked for.
    """
    hub: Any = import_module("huggingface_hub")
    wanted = parse_target(repository, branch)
    repository = wanted.repository
    if predicts_words(folder):
        load_word_predictor(folder)
    else:
        read_saved(folder)
    card = hub_card(folder, repository, languages)
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files: dict[str, Any] = {name: str(path) for name, path in paths.items() if is_tagger_file(name)}
    files[CARD] = card.encode()
    import_module("huggingface_hub.utils.logging").set_verbosity_error()
    api = hub.HfApi()
    with hub_errors(repository, sends=True):
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and api.model_info(repository).private is False:
            raise InputError(
                f"{repository} is there already and is public, so nothing was sent; make it private in its settings, or"
                " choose another name"
            )
        if wanted.revision != DEFAULT_REVISION:
            api.create_branch(repository, branch=wanted.revision, exist_ok=True)
        there = [file.rfilename for file in api.model_info(repository, revision=wanted.revision).siblings or []]
        gone = [name for name in there if is_tagger_file(name) and name not in files]
        operations = [hub.CommitOperationAdd(name, file) for name, file in files.items()]
        operations += [hub.CommitOperationDelete(name) for name in gone]
        done = api.create_commit(repository, operations, commit_message=message, revision=wanted.revision)
    size = sum(len(file) if isinstance(file, bytes) else Path(file).stat().st_size for file in files.values())
    return Pushed(str(wanted), str(done.commit_url), str(done.oid), len(files), size)
