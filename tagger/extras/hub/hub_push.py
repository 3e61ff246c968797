"""A tagger's folder -> a repository of the Hugging Face Hub: its files and its model card.

The card is that of the folder, below metadata in YAML (https://huggingface.co/docs/hub/model-cards).
"""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import DEFAULT_REVISION, PATTERNS, HubName, language_codes, the_hub
from tagger.bundle.saved_config import CARD, CONFIG, files_of, read_config
from tagger.errors import InputError, reason

UD_DATASET = "commul/universal_dependencies"  # the treebanks of Universal Dependencies on the Hub
MAX_CARD_BYTES = 10_000_000
_LICENSES = re.compile(r"cc0-1\.0|cc-by(?:-nc|-sa|-nd)*-\d\.\d|mit|apache-2\.0|l?gpl-(?:\d\.0|lr)")  # the Hub's names


def push_tagger(
    folder: Path, to: HubName, private: bool = False, message: str = "Upload a tagger", languages: Sequence[str] = ()
) -> str:
    """Writes a tagger to the Hub; returns the address of the commit.

    The repository is made if it is not there, and so is the branch. Files of a tagger that the repository has and the
    folder has not are deleted; all others stay. What is in the folder beside a tagger's files is not sent. The tagger
    is read first, so that it is whole. A repository that is public already is refused if it is to be `private`.
    """
    if not Bundle.load(folder).vocabulary.columns:
        raise InputError(f"{folder} has no tags; push a tagger that was trained from it")
    card = hub_card(folder, to.repository, languages)
    with tempfile.TemporaryDirectory() as copy, the_hub(to.repository) as hub:
        for name, path in {CONFIG: folder / CONFIG, **files_of(folder)}.items():
            (Path(copy) / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, Path(copy) / name)
        (Path(copy) / CARD).write_text(card, encoding="utf-8")
        api = hub.HfApi()
        api.create_repo(to.repository, private=private or None, exist_ok=True)
        if private and api.model_info(to.repository).private is False:
            raise InputError(
                f"{to.repository} is there already and is public, so nothing was sent; make it private in its settings,"
                " or choose another name"
            )
        if to.revision != DEFAULT_REVISION:
            api.create_branch(to.repository, branch=to.revision, exist_ok=True)
        done = api.upload_folder(
            repo_id=to.repository,
            folder_path=copy,
            revision=to.revision,
            commit_message=message,
            delete_patterns=PATTERNS,
        )
    return str(done.commit_url)


def hub_card(folder: Path, repository: str, languages: Sequence[str] = ()) -> str:
    """The model card of a tagger in the repository OWNER/NAME of the Hub.

    Metadata that the folder's card has already are kept, key by key. Without codes of languages such as `en`, the name
    of the corpus tells them.
    """
    stated, text, path = {}, f"# {repository}\n", folder / CARD
    try:
        if path.is_file():
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_CARD_BYTES)
            if text.startswith("---"):
                card = import_module("huggingface_hub").ModelCard(text)
                stated, text = card.data.to_dict(), card.text.lstrip("\n")
    except Exception as error:  # of the system, of the library and of the one for YAML
        raise InputError(f"{path}: the metadata cannot be read ({reason(error)}); correct them") from None
    metadata = import_module("huggingface_hub.utils").yaml_dump(
        _metadata(folder, repository, languages) | stated, sort_keys=False
    )
    return f"---\n{metadata}---\n\n{text.replace('THIS_FOLDER', f'hf:{repository}')}"


def _metadata(folder: Path, repository: str, languages: Sequence[str]) -> dict[str, Any]:
    """What the config of a tagger says, by the names of the Hub."""
    hub: Any = import_module("huggingface_hub")
    config = read_config(folder)
    corpus, training = str(config.get("corpus") or ""), config.get("training") or {}
    universal = "UD_" in corpus or "universal_dependencies" in corpus
    tags = ["part-of-speech", *map(str, training.get("columns") or ())]
    dataset = UD_DATASET if universal else re.sub(r"[^\w.-]+", "-", corpus) or "unnamed"
    results = _results(config, corpus, dataset)
    data = hub.ModelCardData(
        language=list(languages) or (["en"] if corpus == "sample" else language_codes(corpus)) or None,
        **license_of(config.get("license")),
        library_name="tagger",
        pipeline_tag="token-classification",
        tags=[*tags, "universal-dependencies"] if universal else tags,
        datasets=[UD_DATASET] if universal else None,
        model_name=repository.partition("/")[2] if results else None,
        eval_results=results or None,
    )
    found: dict[str, Any] = data.to_dict()
    return found


def _results(config: Mapping[str, Any], corpus: str, dataset: str) -> list[Any]:
    """The accuracy of each column, on test or, without scores of test, on dev."""
    scores = config.get("scores") or {}
    split = next((split for split in ("test", "dev") if scores.get(split)), None)
    if split is None:
        return []
    return [
        import_module("huggingface_hub").EvalResult(
            task_type="token-classification",
            dataset_type=dataset,
            dataset_name=" ".join(filter(None, (corpus, config.get("version")))) or "unnamed",
            dataset_split=split,
            metric_type="accuracy",
            metric_name=f"{column.upper()} accuracy",
            metric_value=round(accuracy, 4),
        )
        for column, accuracy in scores[split].items()
    ]


def license_of(name: str | None) -> dict[str, str]:
    """The metadata for a licence: its identifier on the Hub, or `other` and its name.

    >>> license_of("CC BY-SA 4.0"), license_of("of a publisher")
    ({'license': 'cc-by-sa-4.0'}, {'license': 'other', 'license_name': 'of a publisher'})
    """
    if not name:
        return {}
    identifier = re.sub(r"[\s-]+", "-", name.strip().lower()).removeprefix("gnu-")
    known = _LICENSES.fullmatch(identifier)
    return {"license": identifier} if known else {"license": "other", "license_name": name}
