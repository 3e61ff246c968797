"""Taggers of the Hub: what is downloaded, what is not, which version, and what is said when something is wrong."""

from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError

import tagger
from tagger.bundle.catalog import HubName, find_tagger, hub_folder, parse_name
from tagger.errors import InputError
from tests.bundle.hub_folder import ANSWER, Hub, files_of
from tests.conftest import CORPUS, TOKENS

FILES = {"config.json", "vocabulary.json.gz", "model.safetensors", "README.md"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hf:o/n", ("o/n", "main")),
        ("hf:O-1/n_2.x@v1.0", ("O-1/n_2.x", "v1.0")),
        ("hf:o/n@refs/pr/1", ("o/n", "refs/pr/1")),
    ],
)
def test_names(name: str, parts: tuple[str, str]) -> None:
    assert parse_name(name) == HubName(*parts)
    assert str(HubName(*parts)) == name


@pytest.mark.parametrize(
    "name",
    [
        *("hf:", "hf:n", "hf:o/n/m", "hf:o/n@", "hf:o/n@../../x", "hf:../n", "hf:o/..", "hf:o/n@/x", "hf:o/n\n"),
        *("hf:ö/n", "hf:o/n@a b", "hf:o/" + "n" * 97),
    ],
)
def test_names_of_nothing(hub: Hub, name: str) -> None:
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
        (
            None,
            r"^hf:o/n: the Hub refuses or cannot be reached \(RepositoryNotFoundError: .*; check the name .* HF_TOKEN$",
        ),
        (HfHubHTTPError("401\nInvalid", response=ANSWER), r"\(HfHubHTTPError: 401 Invalid\)"),
        (OSError("no space left"), r"\(OSError: no space left\)"),
    ],
)
def test_errors_of_the_library_are_a_line(hub: Hub, error: Exception | None, message: str) -> None:
    hub.error = error
    with pytest.raises(InputError, match=message):
        hub_folder("hf:o/n")


@pytest.mark.parametrize("missing", ["config.json", "vocabulary.json.gz", "model.safetensors"])
def test_what_is_no_tagger(hub: Hub, trained: Path, missing: str) -> None:
    (hub.put("o/n", trained) / missing).unlink()
    with pytest.raises(InputError, match=f"o/n/main is not a whole tagger: {missing} is missing"):
        tagger.load("hf:o/n", device="cpu")


@pytest.mark.parametrize(
    ("file", "data"),
    [("model.safetensors", b"\x80\x04not weights"), ("config.json", b"{"), ("config.json", b" " * 10_000_001)],
)
def test_damaged_files_are_refused(hub: Hub, trained: Path, file: str, data: bytes) -> None:
    (hub.put("o/n", trained) / file).write_bytes(data)
    with pytest.raises(InputError, match=file):
        tagger.load("hf:o/n", device="cpu")
