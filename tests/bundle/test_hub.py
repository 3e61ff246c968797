"""Taggers of the Hub: what is downloaded, what is not, which version, and what is said when something is wrong."""

from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError

import tagger
from tagger.bundle.catalog import HubName, find_tagger, hub_folder, parse_name
from tagger.errors import InputError
from tests.bundle.hub_folder import ANSWER, Hub, files_of
from tests.conftest import CORPUS, TOKENS


def test_names() -> None:
    names = {"hf:o/n": ("o/n", "main"), "hf:O-1/n_2.x@v1.0": ("O-1/n_2.x", "v1.0"), "hf:o/n@refs/1": ("o/n", "refs/1")}
    for name, parts in names.items():
        assert parse_name(name) == HubName(*parts)
        assert str(HubName(*parts)) == name
    nothing = ["hf:", "hf:n", "hf:o/n/m", "hf:o/n@", "hf:o/n@../../x", "hf:../n", "hf:o/..", "hf:o/n@/x", "hf:o/n\n"]
    for name in (*nothing, "hf:ö/n", "hf:o/n@a b", "hf:o/" + "n" * 97):
        with pytest.raises(InputError, match="names nothing on the Hub; write hf:OWNER/NAME"):
            find_tagger(name)


def test_what_is_loaded_tags_like_the_original_and_nothing_else_is_downloaded(hub: Hub, trained: Path) -> None:
    there = hub.put("o/tiny", trained)
    for name in ("pytorch_model.bin", "model.pkl", "notes.txt", "transformer/evil.py"):
        (there / name).parent.mkdir(exist_ok=True)
        (there / name).write_bytes(b"cos\nsystem\n")
    assert tagger.load("hf:o/tiny", device="cpu").tag_sentences(TOKENS) == [each["upos"] for each in CORPUS]
    assert files_of(hub_folder("hf:o/tiny")) == files_of(trained)


def test_revisions(hub: Hub, trained: Path) -> None:
    for revision in ("main", "trial"):
        (hub.put("o/tiny", trained, revision) / "README.md").write_text(revision)
    cards = {name: (hub_folder(f"hf:o/tiny{name}") / "README.md").read_text() for name in ("", "@trial")}
    assert cards == {"": "main", "@trial": "trial"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, r"^hf:o/n: the Hub refuses .* \(RepositoryNotFoundError: .*; check the name .* HF_TOKEN$"),
        (HfHubHTTPError("401\nInvalid", response=ANSWER), r"\(HfHubHTTPError: 401 Invalid\)"),
        (OSError("no space left"), r"\(OSError: no space left\)"),
    ],
)
def test_errors_of_the_library_are_a_line(hub: Hub, error: Exception | None, message: str) -> None:
    hub.error = error
    with pytest.raises(InputError, match=message):
        hub_folder("hf:o/n")


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("config.json", None, "o/n/main is not a whole tagger: config.json is missing"),
        ("vocabulary.json.gz", None, "not a whole tagger: vocabulary.json.gz is missing"),
        ("model.safetensors", None, "not a whole tagger: model.safetensors is missing"),
        ("model.safetensors", b"\x80\x04not weights", "model.safetensors"),
        ("config.json", b"{", "config.json"),
        ("config.json", b" " * 10_000_001, "config.json"),
    ],
)
def test_what_is_no_tagger(hub: Hub, trained: Path, file: str, data: bytes | None, said: str) -> None:
    path = hub.put("o/n", trained) / file
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        tagger.load("hf:o/n", device="cpu")
