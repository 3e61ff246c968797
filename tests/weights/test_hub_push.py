"""A tagger goes to the Hub and comes back the same; what else is in its folder or in the repository stays there."""

import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, constants

import tagger
from tagger.errors import InputError
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.weights.ensemble_folder import save_ensemble
from tagger.weights.folder import load_word_predictor, save_word_predictor
from tagger.weights.hub import hub_folder
from tagger.weights.hub_push import push_tagger
from tests.conftest import CORPUS, TOKENS, make_network, network_config, save_tiny
from tests.weights.hub_server import TOKEN, Hub
from tests.weights.test_hub import files_of


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
    second = save_tiny(tmp_path / "second", make_network(vocabulary, seed=2), vocabulary)
    save_ensemble(tmp_path / "both", [trained, second], None, "command")
    push_tagger(tmp_path / "both", "o/n")
    repository = hub.repositories["o/n"]
    files = repository.commits[repository.refs["main"]]
    assert "members/2/model.safetensors" in files
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
    config = {"network": network_config(), "segmenter": "english", "corpus": "texts", "scores": {}}
    save_word_predictor(tmp_path / "x", HiddenWordNetwork(words, network_config()), words, config, "# card\n")
    push_tagger(tmp_path / "x", "o/words")
    assert load_word_predictor(hub_folder("hf:o/words")).vocabulary.words == words.words


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
