"""A tagger goes to the Hub, with a model card, and comes back the same; what else is in its folder or in the repository
stays there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, constants

import tagger
from tagger.bundle.hub import hub_folder
from tagger.bundle.languages import CODES, language_codes
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.export.hub_push import hub_card, license_of, metadata, push_tagger
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.network import HiddenWordNetwork
from tagger.pretraining.predictor import load_word_predictor, save_word_predictor
from tests.bundle.hub_server import TOKEN, Hub
from tests.bundle.test_hub import files_of
from tests.conftest import CORPUS, TOKENS, bundle_of, make_network, make_segmenter, network_config


@pytest.fixture
def logged_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.mark.usefixtures("logged_in")
def test_what_is_pushed_is_loaded(hub: Hub, learned: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(learned, tmp_path / "tagger"))
    for name in ("notes.txt", "evil.pkl", ".env", "members/secret.txt", "transformer/evil.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    done = push_tagger(folder, "o/tiny", message="First")
    repository = hub.repositories["o/tiny"]
    assert repository.messages == ["initial commit", "First"]  # one commit
    assert done.commit == repository.refs["main"]
    assert done.url == f"{hub.address}/o/tiny/commit/{done.commit}"
    there = repository.commits[done.commit]
    sent = {name: data for name, data in there.items() if name != ".gitattributes"}
    assert set(sent) == set(files_of(learned))
    assert (done.files, done.size) == (len(sent), sum(map(len, sent.values())))
    assert set(hub.uploads.values()) == {data for name, data in sent.items() if name.endswith(".safetensors")}
    original = files_of(learned)
    assert {name for name in sent if sent[name] != original[name]} == {"README.md"}
    assert ModelCard(sent["README.md"].decode()).data.to_dict()["library_name"] == "tagger"
    loaded, before = tagger.load("hf:o/tiny", device="cpu"), tagger.load(learned, device="cpu")
    assert loaded.tag_sentences(TOKENS) == before.tag_sentences(TOKENS)
    assert (folder / "README.md").read_bytes() == original["README.md"]


@pytest.mark.usefixtures("logged_in")
def test_files_that_are_no_longer_part_of_the_tagger_go(
    hub: Hub, trained: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    tagger_with_segmenter = bundle_of(make_network(vocabulary, seed=2), vocabulary, segmenter=make_segmenter())
    tagger_with_segmenter.save(tmp_path / "more", "# card\n")
    push_tagger(tmp_path / "more", "o/n")
    repository = hub.repositories["o/n"]
    files = repository.commits[repository.refs["main"]]
    assert "segmenter.safetensors" in files
    repository.commit("main", {**files, "mine.txt": b"stays"}, "by hand")
    push_tagger(trained, "o/n")
    assert set(repository.commits[repository.refs["main"]]) == {*files_of(trained), "mine.txt", ".gitattributes"}
    assert tagger.load("hf:o/n", device="cpu").tag_sentences(TOKENS) == [each["upos"] for each in CORPUS]


@pytest.mark.usefixtures("logged_in")
def test_a_branch(hub: Hub, trained: Path) -> None:
    assert push_tagger(trained, "hf:o/n", branch="trial/1", message="Try").name == "hf:o/n@trial/1"
    repository = hub.repositories["o/n"]
    assert set(repository.commits[repository.refs["main"]]) == {".gitattributes"}
    assert hub_folder("hf:o/n@trial/1").name == repository.refs["trial/1"]
    with pytest.raises(InputError, match="is no tagger of this package"):
        hub_folder("hf:o/n")


@pytest.mark.usefixtures("logged_in")
def test_private(hub: Hub, trained: Path) -> None:
    push_tagger(trained, "o/mine", private=True)
    assert hub.repositories["o/mine"].private
    push_tagger(trained, "o/mine", private=True, message="Again")
    push_tagger(trained, "o/ours")
    before = dict(hub.repositories["o/ours"].commits)
    assert not hub.repositories["o/ours"].private
    with pytest.raises(InputError, match="o/ours is there already and is public, so nothing was sent"):
        push_tagger(trained, "o/ours", private=True)
    assert hub.repositories["o/ours"].commits == before


def test_a_network_that_predicts_words(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    words = Vocabulary.build(CORPUS, [], 1)
    config = {"corpus": "texts", "scores": {}}
    network = HiddenWordNetwork(words, network_config())
    save_word_predictor(tmp_path / "x", network, words, "english", config, "# card\n")
    push_tagger(tmp_path / "x", "o/words")
    assert load_word_predictor(hub_folder("hf:o/words")).bundle.vocabulary.words == words.words


def test_who_may_not(hub: Hub, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"o/n is refused by the Hub \(401\)|is not on the Hub"):
        push_tagger(trained, "o/n")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match=r"o/n is refused by the Hub \(401\)") as caught:
        push_tagger(trained, "o/n")
    assert "hf_wrong" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(InputError, match=r"others/n is refused by the Hub \(403\)") as caught:
        push_tagger(trained, "others/n")
    assert TOKEN not in str(caught.value)
    hub.down = True
    with pytest.raises(InputError, match=r"^o/n cannot be reached \(.*\); connect$"):
        push_tagger(trained, "o/n")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"^o/n cannot be reached: HF_HUB_OFFLINE is set; unset it$"):
        push_tagger(trained, "o/n")
    assert hub.repositories == {}


@pytest.mark.usefixtures("logged_in")
def test_what_is_no_whole_tagger_is_not_sent(hub: Hub, trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "x"))
    (folder / "model.safetensors").write_bytes(b"\x80\x04not weights")
    with pytest.raises(InputError, match="is damaged"):
        push_tagger(folder, "o/n")
    for name in ("n", "o/n/m", "hf:n", "hf:hf:o/n", "hf:o/n@v1", "o/..", "o/n\n"):
        with pytest.raises(InputError, match=r"^'.*' names no repository of the Hub; write OWNER/NAME$") as caught:
            push_tagger(trained, name)
        assert str(caught.value).startswith(repr(name))
    for branch in ("", "x y", "-x", "a..b", "x@y"):
        with pytest.raises(InputError, match=f"^'{branch}' cannot be a branch; write letters"):
            push_tagger(trained, "o/n", branch=branch)
    assert hub.requests == []


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
    config = {"corpus": "texts", "scores": {}}
    network = HiddenWordNetwork(words, network_config())
    save_word_predictor(tmp_path / "x", network, words, "english", config, "# card\n")
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
        ("CC BY 4.0; CC0", None),
        ("free for all", None),
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
def test_licences(name: str, identifier: str | None) -> None:
    other = {"license": "other", "license_name": name}
    assert license_of(name) == (other if identifier is None else {"license": identifier})


def test_no_licence() -> None:
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
