"""A tagger goes to the Hub, with a model card, and comes back the same; what else is there stays there."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.errors import OfflineModeIsEnabled

import tagger
from tagger.bundle.catalog import HubName, hub_folder, language_codes
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.extras.hub.hub_push import hub_card, push_tagger
from tagger.training.config import find_start
from tests.commands.conftest import call, error
from tests.conftest import CORPUS, TOKENS, Hub, files_of

TINY = HubName("o/tiny", "main")
TEXT = "They book flights .\n"


def test_what_is_pushed_is_loaded_and_only_a_whole_tagger_is_sent(hub: Hub, trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "tagger"))
    for name in ("notes.txt", "evil.pkl", ".env", "transformer/evil.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    (hub.root / "o/tiny/main").mkdir(parents=True)
    for name in ("mine.txt", "segmenter.safetensors"):  # the second is of an earlier tagger
        (hub.root / "o/tiny/main" / name).write_text("before")
    assert push_tagger(folder, TINY, message="First") == "https://huggingface.co/o/tiny/commit/1"
    sent = files_of(hub.root / "o/tiny/main")
    assert set(sent) == {*files_of(trained), "mine.txt"}
    assert {name for name, data in files_of(trained).items() if sent[name] != data} == {"README.md"}
    assert hub.messages == ["First"]
    assert tagger.load("hf:o/tiny", device="cpu").tag_sentences(TOKENS) == [each["upos"] for each in CORPUS]
    assert files_of(folder)["README.md"] == files_of(trained)["README.md"]
    push_tagger(trained, HubName("o/mine", "trial/1"), private=True)
    assert files_of(hub.root / "o/mine/main") == {}
    assert set(files_of(hub_folder("hf:o/mine@trial/1"))) == set(files_of(trained))
    push_tagger(trained, HubName("o/mine", "main"), private=True)
    assert hub.private["o/mine"]
    push_tagger(trained, HubName("o/ours", "main"))
    with pytest.raises(InputError, match="o/ours is there already and is public, so nothing was sent"):
        push_tagger(trained, HubName("o/ours", "main"), private=True)
    folder = Path(shutil.copytree(trained, tmp_path / "x"))
    (folder / "model.safetensors").write_bytes(b"\x80\x04not weights")
    with pytest.raises(InputError, match="is damaged"):
        push_tagger(folder, TINY)
    hub.error = OfflineModeIsEnabled("offline")
    with pytest.raises(InputError, match=r"o/tiny: the Hub refuses or cannot be reached \(OfflineModeIsEnabled"):
        push_tagger(trained, TINY)
    assert len(hub.messages) == 4


def test_the_card_of_the_bundled_tagger() -> None:
    folder = bundled("data") / "english"
    text = hub_card(folder, "o/english")
    card = ModelCard(text)
    data = card.data.to_dict()
    scores = json.loads((folder / "config.json").read_text())["scores"]["test"]
    (results,) = data.pop("model-index")
    found = {each.metric_name: (each.metric_value, each.dataset_split) for each in card.data.eval_results or []}
    assert found == {f"{column.upper()} accuracy": (round(score, 4), "test") for column, score in scores.items()}
    assert results["results"][0]["dataset"]["name"] == "UD_English-EWT 2.16"
    assert data.pop("tags")[:2] == ["part-of-speech", "upos"]
    assert data == {
        "language": ["en"],
        "license": "cc-by-sa-4.0",
        "library_name": "tagger",
        "pipeline_tag": "token-classification",
        "datasets": ["commul/universal_dependencies"],
    }
    own = (folder / "README.md").read_text(encoding="utf-8")
    assert text.endswith(own.replace("THIS_FOLDER", "hf:o/english"))


def test_a_card_keeps_its_own_metadata_and_leaves_out_what_is_not_known(trained: Path, tmp_path: Path) -> None:
    card = "---\nlicense: mit\nlanguage: [de, en]\nextra: kept\n---\n\n# My card\n\n---\n\nText.\n"
    config = json.loads((trained / "config.json").read_text())
    scored = config | {"license": "CC0", "scores": {"dev": {"upos": 0.5}}}
    (tmp_path / "config.json").write_text(json.dumps(scored))
    (tmp_path / "README.md").write_text(card)
    text = hub_card(tmp_path, "o/n")
    data = ModelCard(text).data.to_dict()
    assert (data["license"], data["language"], data["extra"]) == ("mit", ["de", "en"], "kept")
    assert data["model-index"][0]["results"][0]["dataset"]["split"] == "dev"
    assert text.endswith("---\n\n# My card\n\n---\n\nText.\n")
    (tmp_path / "README.md").write_text(text)
    assert hub_card(tmp_path, "o/n") == text  # once more changes nothing
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "README.md").write_text("# card\n")
    own = {"library_name": "tagger", "pipeline_tag": "token-classification", "tags": ["part-of-speech"]}
    assert ModelCard(hub_card(tmp_path, "o/n")).data.to_dict() == own
    (tmp_path / "README.md").unlink()
    assert ModelCard(hub_card(tmp_path, "o/n", ["de"])).data.to_dict() == own | {"language": ["de"]}
    for bad in ("---\na: [\n---\n\ntext\n", "---\njust text\n---\n", "---\nmodel-index: 5\n---\n"):
        (tmp_path / "README.md").write_text(bad)
        with pytest.raises(InputError, match=r"README\.md: the metadata cannot be read"):
            hub_card(tmp_path, "o/n")
    for corpus, codes in {
        "UD_Ancient_Greek-PROIEL 2.16": ["grc"],
        "UD_French-GSD; UD_German-GSD; UD_French-Sequoia": ["fr", "de"],
        "fr_gsd": ["fr"],
        "UD_Klingon-X": [],
    }.items():
        assert language_codes(corpus) == codes


def test_push_and_tag_and_mistakes(hub: Hub, model: Path, tmp_path: Path) -> None:
    done = call("push", str(model), "hf:o/tiny", "--branch", "v1", "--message", "First", "--language", "de")
    told = ["https://huggingface.co/o/tiny/commit/1", "tag with it: tagger tag FILE --model hf:o/tiny@v1"]
    assert done.stderr.splitlines() == told
    assert "\nlanguage:\n- de\n" in (hub.root / "o/tiny/v1/README.md").read_text()
    expected = call("tag", "--input", "lines", "--model", str(model), input=TEXT).stdout
    assert call("tag", "--input", "lines", "--model", "hf:o/tiny@v1", input=TEXT).stdout == expected
    assert find_start("hf:o/tiny@v1") == hub.cache / "o/tiny/v1"
    told = error("tag", "--model", "hf:o/tiny@v9", input=TEXT)
    assert told.startswith("error: hf:o/tiny@v9: the Hub refuses or cannot be reached (RevisionNotFoundError: ")
    for line, message in (
        ("nowhere o/n", "nowhere: no such tagger"),
        ("hf:o/m o/n", "hf:o/m is on the Hub already; name a folder"),
        ("english n", "'hf:n@main' names nothing on the Hub"),
    ):
        assert message in error("push", *line.split())
    assert len(hub.messages) == 1
