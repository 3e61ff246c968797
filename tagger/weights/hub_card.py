"""What a tagger's folder says of it -> the model card for the Hub: the folder's card below metadata in YAML.

The metadata are those of https://huggingface.co/docs/hub/model-cards, made by `huggingface_hub`.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tagger.errors import InputError, reason
from tagger.weights.languages import language_codes
from tagger.weights.saved_config import CARD, ENSEMBLE, predicts_words, read_config

UD_DATASET = "commul/universal_dependencies"  # the treebanks of Universal Dependencies on the Hub
MAX_CARD_BYTES = 10_000_000
_CREATIVE_COMMONS = re.compile(r"cc[- ]?(by(?:[- ](?:nc|sa|nd))*)[- ](\d\.\d)", re.IGNORECASE)
_LICENSES = {  # other names of licences, in lower case -> their identifiers on the Hub
    "cc0": "cc0-1.0",
    "cc0 1.0": "cc0-1.0",
    "mit": "mit",
    "apache 2.0": "apache-2.0",
    "gnu gpl 2.0": "gpl-2.0",
    "gpl 2.0": "gpl-2.0",
    "gnu gpl 3.0": "gpl-3.0",
    "gpl 3.0": "gpl-3.0",
    "lgpl-lr": "lgpl-lr",
}


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
    yaml_dump = import_module("huggingface_hub.utils").yaml_dump
    own, text = _parts(folder / CARD)
    found = metadata(folder, repository, languages) | own
    text = (text or f"# {repository}\n").replace("THIS_FOLDER", f"hf:{repository}")
    return f"---\n{yaml_dump(found, sort_keys=False)}---\n\n{text}"


def _parts(path: Path) -> tuple[dict[str, Any], str]:
    """The metadata of a model card, none if it has none, and its text; empty if there is no card."""
    hub: Any = import_module("huggingface_hub")
    if not path.is_file():
        return {}, ""
    if path.stat().st_size > MAX_CARD_BYTES:
        raise InputError(f"{path} has more than {MAX_CARD_BYTES / 1e6:g} MB; shorten it")
    try:
        content = path.read_text(encoding="utf-8")
        if not content.startswith("---"):
            return {}, content
        card = hub.ModelCard(content)
        return card.data.to_dict(), card.text.lstrip("\n")
    except Exception as error:  # of the system, of the library and of the one for YAML
        raise InputError(f"{path}: the metadata cannot be read ({reason(error)}); correct them") from None


def metadata(folder: Path, repository: str, languages: Sequence[str] = ()) -> dict[str, Any]:
    """The metadata of a tagger; see `hub_card`."""
    hub: Any = import_module("huggingface_hub")
    config, words = read_config(folder), predicts_words(folder)
    corpus = str(config.get("corpus") or "")
    codes = list(languages) or (["en"] if corpus == "sample" else language_codes(corpus))
    results = [] if words else _results(config, corpus)
    tags = ["hidden-words"] if words else ["part-of-speech", *_columns(config)]
    data = hub.ModelCardData(
        language=codes[0] if len(codes) == 1 else codes or None,
        **license_of(config.get("license")),
        library_name="tagger",
        pipeline_tag="fill-mask" if words else "token-classification",
        tags=[*tags, *(["universal-dependencies"] if _of_treebanks(corpus) else [])],
        datasets=_datasets(config, corpus) or None,
        metrics=["accuracy"] if results else None,
        model_name=repository.partition("/")[2] if results else None,
        eval_results=results or None,
    )
    found: dict[str, Any] = data.to_dict()
    return found


def license_of(name: str | None) -> dict[str, str]:
    """The metadata for a licence: its identifier on the Hub, or `other` and its name.

    >>> license_of("CC BY-SA 4.0"), license_of("of a publisher")
    ({'license': 'cc-by-sa-4.0'}, {'license': 'other', 'license_name': 'of a publisher'})
    """
    if not name:
        return {}
    commons = _CREATIVE_COMMONS.fullmatch(name.strip())
    if commons:
        return {"license": f"cc-{commons[1].lower().replace(' ', '-')}-{commons[2]}"}
    plain = " ".join(name.lower().replace("-", " ").split())
    for known, identifier in _LICENSES.items():
        if plain in (known.replace("-", " "), identifier.replace("-", " ")):
            return {"license": identifier}
    return {"license": "other", "license_name": name}


def _results(config: Mapping[str, Any], corpus: str) -> list[Any]:
    """The accuracies on test, or on dev if there are none on test."""
    hub: Any = import_module("huggingface_hub")
    scores = config.get("scores") or {}
    split = next((split for split in ("test", "dev") if scores.get(split)), None)
    if split is None:
        return []
    name = " ".join(filter(None, (corpus, config.get("version")))) or "unnamed"
    return [
        hub.EvalResult(
            task_type="token-classification",
            task_name="Part-of-speech tagging",
            dataset_type=(_datasets(config, corpus) or [re.sub(r"[^\w.-]+", "-", corpus) or "unnamed"])[0],
            dataset_name=name,
            dataset_split=split,
            metric_type="accuracy",
            metric_name=f"{column.upper()} accuracy",
            metric_value=round(accuracy, 4),
        )
        for column, accuracy in scores[split].items()
    ]


def _columns(config: Mapping[str, Any]) -> list[str]:
    """The names of the tag columns, as far as the config tells."""
    if ENSEMBLE in config:
        return [str(column) for column in config.get("columns", [])]
    return [str(column) for column in (config.get("training") or {}).get("columns", [])]


def _of_treebanks(corpus: str) -> bool:
    """Whether a corpus is of Universal Dependencies."""
    return "UD_" in corpus or "universal_dependencies" in corpus


def _datasets(config: Mapping[str, Any], corpus: str) -> list[str]:
    """The data sets of the Hub that the tagger was trained on, as far as the config tells."""
    source = (config.get("training") or {}).get("corpus") or {}
    names = source.get("name") if source.get("kind") in ("hub", "ud") else None
    found = [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, str) and "/" in name]
    return found or ([UD_DATASET] if _of_treebanks(corpus) else [])
