"""The model card for the Hub: its metadata, which the library reads back, above the folder's own card."""

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.weights.folder import save_word_predictor
from tagger.weights.hub_card import hub_card, license_of, metadata
from tagger.weights.languages import CODES, language_codes
from tests.conftest import CORPUS, network_config


def changed(folder: Path, to: Path, card: str = "# card\n", **config: Any) -> Path:
    """A folder with the config of another, some of it changed, and a card."""
    to.mkdir()
    known = json.loads((folder / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(known | config))
    (to / "README.md").write_text(card)
    return to


def test_the_bundled_tagger() -> None:
    folder = bundled("data") / "english"
    text = hub_card(folder, "o/english")
    card = ModelCard(text)
    data = card.data.to_dict()
    assert {name: data[name] for name in ("language", "license", "library_name", "pipeline_tag", "datasets")} == {
        "language": "en",
        "license": "cc-by-sa-4.0",
        "library_name": "tagger",
        "pipeline_tag": "token-classification",
        "datasets": ["commul/universal_dependencies"],
    }
    assert {"part-of-speech", "upos", "universal-dependencies"} <= set(data["tags"])
    scores = json.loads((folder / "config.json").read_text())["scores"]["test"]
    assert card.data.model_name == "english"
    found = {each.metric_name: each for each in card.data.eval_results or []}
    assert {name: each.metric_value for name, each in found.items()} == {
        f"{column.upper()} accuracy": round(score, 4) for column, score in scores.items()
    }
    upos = found["UPOS accuracy"]
    assert (upos.task_type, upos.metric_type, upos.dataset_split) == ("token-classification", "accuracy", "test")
    assert (upos.dataset_type, upos.dataset_name) == ("commul/universal_dependencies", "UD_English-EWT 2.16")
    own = (folder / "README.md").read_text(encoding="utf-8")
    assert text.endswith(own.replace("THIS_FOLDER", "hf:o/english"))
    assert "tag FILE --model hf:o/english\n" in text


def test_a_card_keeps_its_own_metadata(trained: Path, tmp_path: Path) -> None:
    card = "---\nlicense: mit\nlanguage: [de, en]\nextra: kept\n---\n\n# My card\n\n---\n\nText.\n"
    folder = changed(
        trained, tmp_path / "x", card, license="CC0", corpus="UD_French-GSD", scores={"dev": {"upos": 0.5}}
    )
    text = hub_card(folder, "o/n")
    data = ModelCard(text).data.to_dict()
    assert (data["license"], data["language"], data["extra"]) == ("mit", ["de", "en"], "kept")
    assert data["model-index"][0]["results"][0]["dataset"]["split"] == "dev"
    assert text.endswith("---\n\n# My card\n\n---\n\nText.\n")
    (folder / "README.md").write_text(text)
    assert hub_card(folder, "o/n") == text  # once more changes nothing


def test_what_is_not_known_is_left_out(trained: Path, tmp_path: Path) -> None:
    folder = changed(trained, tmp_path / "x")
    assert metadata(folder, "o/n") == {
        "library_name": "tagger",
        "pipeline_tag": "token-classification",
        "tags": ["part-of-speech"],
    }
    (folder / "README.md").unlink()
    assert hub_card(folder, "o/n", ["de"]).endswith("\n---\n\n# o/n\n")
    assert metadata(folder, "o/n", ["de", "fr"])["language"] == ["de", "fr"]


def test_where_the_data_came_from(trained: Path, tmp_path: Path) -> None:
    training = {"columns": ["upos", "lemma"], "corpus": {"kind": "hub", "name": "who/what"}}
    folder = changed(trained, tmp_path / "x", corpus="what-de", training=training, scores={"test": {"upos": 1.0}})
    data = metadata(folder, "o/n")
    assert data["datasets"] == ["who/what"]
    assert data["tags"] == ["part-of-speech", "upos", "lemma"]
    assert data["model-index"][0]["results"][0]["dataset"] == {"name": "what-de", "type": "who/what", "split": "test"}


def test_a_predictor_of_words(tmp_path: Path) -> None:
    words = Vocabulary.build(CORPUS, [], 1)
    config = {"network": network_config(), "segmenter": "english", "corpus": "texts", "scores": {}}
    save_word_predictor(tmp_path / "x", HiddenWordNetwork(words, network_config()), words, config, "# card\n")
    data = metadata(tmp_path / "x", "o/n")
    assert (data["pipeline_tag"], data["tags"]) == ("fill-mask", ["hidden-words"])
    assert "model-index" not in data


@pytest.mark.parametrize("card", ["---\na: [\n---\n\ntext\n", "---\njust text\n---\n", "---\nmodel-index: 5\n---\n"])
def test_metadata_that_cannot_be_read(trained: Path, tmp_path: Path, card: str) -> None:
    folder = changed(trained, tmp_path / "x", card)
    with pytest.raises(InputError, match=r"README\.md: the metadata cannot be read"):
        hub_card(folder, "o/n")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("CC BY 2.5", "cc-by-2.5"),
        ("cc-by-nc-sa-3.0", "cc-by-nc-sa-3.0"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd-4.0"),
        ("CC0 1.0", "cc0-1.0"),
        ("CC0", "cc0-1.0"),
        ("MIT", "mit"),
        ("Apache-2.0", "apache-2.0"),
        ("GNU GPL 3.0", "gpl-3.0"),
        ("gpl-3.0", "gpl-3.0"),
        ("LGPL-LR", "lgpl-lr"),
    ],
)
def test_licences(name: str, identifier: str) -> None:
    assert license_of(name) == {"license": identifier}


def test_other_licences() -> None:
    assert license_of("CC BY 4.0; CC0") == {"license": "other", "license_name": "CC BY 4.0; CC0"}
    assert license_of(None) == license_of("") == {}


@pytest.mark.parametrize(
    ("corpus", "codes"),
    [
        ("UD_English-EWT", ["en"]),
        ("UD_Ancient_Greek-PROIEL 2.16", ["grc"]),
        ("UD_French-GSD; UD_German-GSD; UD_French-Sequoia", ["fr", "de"]),
        ("universal_dependencies-en_ewt", ["en"]),
        ("universal_dependencies-sme_giella", ["se"]),
        ("fr_gsd", ["fr"]),
        ("conll2003", []),
        ("my_corpus", []),
        ("UD_Klingon-X", []),
    ],
)
def test_languages(corpus: str, codes: list[str]) -> None:
    assert language_codes(corpus) == codes


def test_codes_are_codes() -> None:
    assert len(set(CODES.values())) == len(CODES) > 150
    assert all(code.isalpha() and code.islower() and len(code) in (2, 3) for code in CODES.values())
    assert all(name[0].isupper() and len(name) > 2 for name in CODES)
