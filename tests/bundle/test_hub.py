"""Taggers of the Hub: what is downloaded, what is not, which version, and what is said when something is wrong."""

from pathlib import Path

import pytest
from huggingface_hub import constants

import tagger
from tagger.bundle import hub as hub_module
from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import find_tagger
from tagger.bundle.ensemble import join
from tagger.bundle.hub import HubName, hub_folder, is_tagger_file, parse_name
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tests.bundle.hub_server import TOKEN, Hub, Repository
from tests.conftest import CORPUS, TOKENS, bundle_of, make_network

FILES = {"config.json", "vocabulary.json", "model.safetensors", "README.md"}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def repository(hub: Hub, trained: Path) -> Repository:
    """The trained tagger as o/tiny."""
    hub.repositories["o/tiny"] = Repository(files_of(trained))
    return hub.repositories["o/tiny"]


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hf:o/n", ("o/n", "main")),
        ("hf:O-1/n_2.x@v1.0", ("O-1/n_2.x", "v1.0")),
        ("hf:o/n@refs/pr/1", ("o/n", "refs/pr/1")),
        ("hf:o/n@" + "a" * 40, ("o/n", "a" * 40)),
    ],
)
def test_names(name: str, parts: tuple[str, str]) -> None:
    assert parse_name(name) == HubName(*parts)


@pytest.mark.parametrize(
    "name",
    [
        *("hf:", "hf:n", "hf:o/n/m", "hf:o/n@", "hf:o/n@../../x", "hf:../n", "hf:o/..", "hf:o/n@/x", "hf:o/n\n"),
        *("hf:ö/n", "hf:o/n@a b", "hf:o/" + "n" * 97),
    ],
)
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(InputError, match="names nothing on the Hub; write hf:OWNER/NAME"):
        find_tagger(name)


@pytest.mark.parametrize("name", ["hf:o/a--b", "hf:o/a.git"])
def test_names_that_the_library_refuses(hub: Hub, name: str) -> None:
    with pytest.raises(InputError, match="is no name that the Hub could have"):
        find_tagger(name)
    assert hub.requests == []


def test_files_of_taggers() -> None:
    tokenizers = ("transformer/tokenizer.json", "transformer-3/tokenizer.json")
    for name in (*FILES, "segmenter.json", "segmenter.safetensors", "words.safetensors", *tokenizers):
        assert is_tagger_file(name)


@pytest.mark.parametrize(
    "name",
    [
        *("pytorch_model.bin", "model.pkl", "../config.json", "/config.json", "members/../config.json"),
        *(
            "members/1/config.json",
            "transformer-/x.json",
            "transformer/../config.json",
            "transformer/a/b.json",
            "config.json\n",
        ),
        *("transformer/.json", "transformer\\x.json", "members/x/config.json", "other/config.json", "Config.json"),
        "transformer/x.py",
    ],
)
def test_files_of_nobody(name: str) -> None:
    assert not is_tagger_file(name)


def test_what_is_loaded_tags_like_the_original(hub: Hub, repository: Repository, trained: Path) -> None:
    loaded = tagger.load("hf:o/tiny", device="cpu")
    original = tagger.load(trained, device="cpu")
    assert loaded.tag_sentences(TOKENS) == original.tag_sentences(TOKENS) == [each["upos"] for each in CORPUS]
    assert files_of(hub_folder("hf:o/tiny")) == files_of(trained)
    assert hub.tokens == {None}


def test_nothing_else_is_downloaded(hub: Hub, repository: Repository, tmp_path: Path) -> None:
    more = ["pytorch_model.bin", "model.pkl", "../../../escaped.json", "members/../../../escaped.json", "notes.txt"]
    files = {**repository.commits[repository.refs["main"]], **dict.fromkeys(more, b"cos\nsystem\n")}
    repository.commit("main", files, "more")
    assert set(files_of(hub_folder("hf:o/tiny"))) == FILES
    assert {path.rpartition("/")[2] for path in hub.downloads()} == FILES
    cache = Path(constants.HF_HUB_CACHE)
    names = {path.name for path in (*cache.rglob("*"), *cache.parent.iterdir())}
    assert not names & {path.rpartition("/")[2] for path in more}


def test_what_is_in_the_cache_is_not_downloaded_again(hub: Hub, repository: Repository) -> None:
    folder = hub_folder("hf:o/tiny")
    first = list(hub.downloads())
    assert len(first) == len(FILES)
    assert hub_folder("hf:o/tiny") == folder
    assert hub.downloads() == first
    files = repository.commits[repository.refs["main"]]
    repository.commit("main", {**files, "README.md": b"# another card\n"}, "card")
    newer = hub_folder("hf:o/tiny")
    assert newer != folder
    assert (newer / "README.md").read_text() == "# another card\n"
    assert [path.rpartition("/")[2] for path in hub.downloads()[len(first) :]] == ["README.md"]


def test_revisions(hub: Hub, repository: Repository, trained: Path) -> None:
    first, files = repository.refs["main"], files_of(trained)
    repository.commit("main", {**files, "README.md": b"second"}, "second")
    repository.refs["refs/pr/1"] = repository.commit("trial", {**files, "README.md": b"trial"}, "trial")
    cards = {name: (hub_folder(f"hf:o/tiny{name}") / "README.md").read_bytes() for name in ("", "@trial", "@refs/pr/1")}
    assert cards == {"": b"second", "@trial": b"trial", "@refs/pr/1": b"trial"}
    assert files_of(hub_folder(f"hf:o/tiny@{first}")) == files
    with pytest.raises(InputError, match="hf:o/tiny@v9 has no such revision; name a branch, a tag or a commit"):
        hub_folder("hf:o/tiny@v9")
    with pytest.raises(InputError, match="has no such revision"):
        hub_folder(f"hf:o/tiny@{'0' * 40}")


@pytest.mark.parametrize("how", ["offline", "down", "no network"])
def test_without_an_answer_the_cache_counts(
    hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    repository.commit("trial", repository.commits[repository.refs["main"]], "trial")
    known = {name: hub_folder(name) for name in ("hf:o/tiny", "hf:o/tiny@trial")}
    if how == "offline":
        offline(monkeypatch)
    elif how == "down":
        hub.down = True
    else:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for name, folder in known.items():
        assert hub_folder(name) == folder
        assert hub_folder(f"hf:o/tiny@{folder.name}") == folder
    remedy = "HF_HUB_OFFLINE is set; unset it" if how == "offline" else "connect, or name a folder"
    for name in ("hf:o/other", "hf:o/tiny@v1"):
        with pytest.raises(InputError, match=f"{name} cannot be reached.*{remedy}"):
            hub_folder(name)


def test_half_a_tagger_in_the_cache_is_none(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    (hub_folder("hf:o/tiny") / "vocabulary.json").unlink()
    offline(monkeypatch)
    with pytest.raises(InputError, match="cannot be reached"):
        hub_folder("hf:o/tiny")


def test_no_access(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"hf:o/none is not on the Hub, or is private; .* set HF_TOKEN"):
        hub_folder("hf:o/none")
    repository.private = True
    with pytest.raises(InputError, match=r"hf:o/tiny is not on the Hub, or is private"):
        hub_folder("hf:o/tiny")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub_folder("hf:o/tiny")
    with pytest.raises(InputError, match=r"hf:o/none is not on the Hub"):
        hub_folder("hf:o/none")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match=r"is refused by the Hub \(401\): the token is not valid") as caught:
        hub_folder("hf:o/tiny")
    assert "hf_wrong" not in str(caught.value)


def test_gated(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.gated = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(InputError, match="hf:o/tiny is gated: ask for access on its page"):
        hub_folder("hf:o/tiny")


@pytest.mark.parametrize("missing", ["config.json", "vocabulary.json", "model.safetensors"])
def test_what_is_no_tagger(hub: Hub, repository: Repository, missing: str) -> None:
    files = dict(repository.commits[repository.refs["main"]])
    del files[missing]
    repository.commit("main", files, "less")
    with pytest.raises(InputError, match="hf:o/tiny is no tagger of this package"):
        hub_folder("hf:o/tiny")
    assert hub.downloads() == []


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("model.safetensors", 20_000_000_001),
        ("vocabulary.json", 500_000_001),
        ("config.json", 10_000_001),
        ("README.md", 10_000_001),
        ("model.safetensors", None),
        ("model.safetensors", -1),
    ],
)
def test_sizes_are_limited(hub: Hub, repository: Repository, file: str, size: int | None) -> None:
    repository.sizes[file] = size
    with pytest.raises(InputError, match=f"hf:o/tiny: {file} has {size} bytes, and may have .*; it is not downloaded"):
        hub_folder("hf:o/tiny")
    assert hub.downloads() == []


def test_the_whole_is_limited(hub: Hub, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [len(data) for data in repository.commits[repository.refs["main"]].values()]
    monkeypatch.setattr(hub_module, "MAX_TAGGER_BYTES", sum(sizes) - 1)
    with pytest.raises(InputError, match=r"has more than .* GB; it is not downloaded"):
        hub_folder("hf:o/tiny")


def test_damaged_files(hub: Hub, repository: Repository) -> None:
    repository.sizes["model.safetensors"] = 3
    with pytest.raises(InputError, match=r"model\.safetensors has .* bytes, not 3; delete .* and try again"):
        hub_folder("hf:o/tiny")
    repository.sizes.clear()
    files = repository.commits[repository.refs["main"]]
    damages = {"model.safetensors": b"\x80\x04not weights", "config.json": b"{", "vocabulary.json": b"[]"}
    for file, data in damages.items():
        repository.commit("main", {**files, file: data}, file)
        with pytest.raises(InputError, match=rf"{file} is damaged|{file} cannot be read"):
            tagger.load("hf:o/tiny", device="cpu")


def test_an_ensemble_and_a_segmenter(
    hub: Hub, trained: Path, learned: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    second = bundle_of(make_network(vocabulary, seed=2), vocabulary)
    join([Bundle.load(trained), second]).save(tmp_path / "both", "# card\n")
    for name, folder in (("both", tmp_path / "both"), ("learned", learned)):
        hub.repositories[f"o/{name}"] = Repository(files_of(folder))
        assert files_of(hub_folder(f"hf:o/{name}")) == files_of(folder)
        loaded = tagger.load(f"hf:o/{name}", device="cpu")
        assert loaded.tag_sentences(TOKENS) == tagger.load(folder, device="cpu").tag_sentences(TOKENS)
    assert tagger.load("hf:o/learned", device="cpu", segmenter="learned").segment("They book flights.")
