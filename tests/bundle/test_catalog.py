"""Taggers by name: bundled ones, the newest run, folders and those of the Hub; and the list of them."""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError

import tagger
from tagger.bundle import catalog as models
from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import (
    LATEST,
    HubName,
    claim_run,
    find_language,
    find_tagger,
    hub_folder,
    list_models,
    new_run,
    parse_name,
)
from tagger.bundle.saved_config import CONFIG, RECORD
from tagger.errors import InputError
from tagger.training.run_folder import find_run
from tests.conftest import ANSWER, CORPUS, TOKENS, Hub, files_of


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_run(path: str, trained: Path, age: int = 0) -> Path:
    """A run's folder with a tagger; the run was started `age` seconds ago."""
    shutil.copytree(trained, f"{path}/tagger")
    record = Path(path, RECORD)
    record.touch()
    now = record.stat().st_mtime
    os.utime(record, (now - age, now - age))
    return Path(path)


def test_latest_is_the_newest_run_and_the_name_of_a_run_is_found_last(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run("runs/2026-01-31/12-00-00", trained, age=50)
    newest = make_run("runs/2026-01-30/sweep/0", trained, age=10)
    make_run("runs/2026-02-01/12-00-00", trained, age=90)
    assert find_tagger("latest") == newest / "tagger"
    assert find_run("latest") == newest
    make_run("runs/ensemble/members/1", trained, age=1)
    Path("runs/ensemble", RECORD).touch()  # an ensemble of which one member is finished
    assert find_tagger("latest") == newest / "tagger"
    assert find_run("latest") == Path("runs/ensemble")
    tamil, sweep = make_run("runs/tamil", trained), make_run("runs/sweep/1", trained)
    assert find_tagger("tamil") == tamil / "tagger"
    assert find_tagger("sweep/1") == sweep / "tagger"
    with pytest.raises(InputError, match=r"^runs/sweep is a sweep, .*; name a run of it, such as runs/sweep/1$"):
        find_tagger("sweep")
    Path("tamil").mkdir()  # a corpus, say
    assert find_tagger("tamil") == tamil / "tagger"
    with pytest.raises(InputError, match=r"^tamil is not a whole tagger"):
        Bundle.load(find_tagger("./tamil"))
    make_run("tamil/of", trained)
    Path("tamil", RECORD).touch()
    with pytest.raises(InputError, match=r"^tamil is not finished"):
        find_tagger("tamil")
    monkeypatch.chdir(trained)
    with contextlib.chdir(tmp_path):
        assert find_tagger("sweep/1") == sweep / "tagger"


def test_a_tagger_that_is_not_there_and_what_cannot_be_the_name_of_a_run_are_errors() -> None:
    Path("empty").mkdir()
    for run in ("tamil", "my run", "busy"):
        Path("runs", run).mkdir(parents=True)
        Path("runs", run, RECORD).touch()
    for name, message in (
        ("latest", r"nothing trained below runs/ here; .* or name a folder$"),
        ("nowhere", r"^nowhere: no such tagger; python -m tagger models lists .*, or a folder of training$"),
        ("", r"^'': no such tagger"),
        ("x" * 5000, r"^'x{30}…x{30}': no such tagger"),
        ("~no-such-user/tagger", "no such tagger"),
        ("englsh", r"^englsh: no such tagger; did you mean english\?$"),
        ("./tamil", r"^\./tamil: no such tagger"),
        ("empty", r"empty .*config\.json is missing"),
        ("tamil", r"^runs/tamil is not finished; go on with: python -m tagger resume runs/tamil$"),
        ("my run", r"^runs/my run is not finished; go on with: python -m tagger resume 'runs/my run'$"),
        ("busy", r"^runs/busy is being trained; wait until that has ended$"),
    ):
        with claim_run(Path("runs/busy")), pytest.raises(InputError, match=message):
            Bundle.load(find_tagger(name))
    before = sorted(Path().rglob("*"))
    for name in ("", "english", "de", "DEU", "German", "latest", "a/b", "..", ".a", "~", "-m", "hf:a", "a=b", "a\n"):
        with pytest.raises(InputError, match=r"^name=.*; give a word, such as name=tamil"):
            new_run(name)
    assert new_run("தமிழ் 2.16") == Path("runs/தமிழ் 2.16")
    assert sorted(Path().rglob("*")) == before


def test_a_bundled_name_wins_over_a_folder_and_the_list_says_what_each_model_is(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dutch = Path(shutil.copytree(trained, tmp_path / "data" / "dutch"))
    known = {"corpus": "UD_Dutch-X", "version": "2.16", "license": "CC0", "scores": {"dev": {"upos": 0.5}}}
    (dutch / CONFIG).write_text(json.dumps(json.loads((dutch / CONFIG).read_text()) | known))
    monkeypatch.setattr(models, "bundled", lambda part: tmp_path / part)
    Path("dutch").mkdir()
    assert find_tagger("dutch") == find_tagger("nl") == dutch
    assert find_tagger("./dutch") == Path("dutch")
    Path("nl/tagger").mkdir(parents=True)  # a folder goes before a code
    assert find_tagger("nl") == Path("nl/tagger")
    with pytest.raises(InputError, match="python -m tagger models lists"):
        find_tagger("german")
    (model,), problems = list_models()
    assert not problems
    assert model[:4] == ("dutch", dutch, "UD_Dutch-X 2.16", "CC0")
    assert model.scores == {"dev": {"upos": 0.5}}
    assert model.size == sum(path.stat().st_size for path in dutch.iterdir())
    make_run("runs/one", dutch)
    assert [model.name for model in list_models()[0]] == ["dutch", "one", LATEST]
    for damage in ("{", "[]", "{}"):
        (dutch / CONFIG).write_text(damage)
        others, (problem,) = list_models()
        assert [model.name for model in others] == ["one", LATEST]
        assert re.search(r"^dutch: .*config\.json(: format None,| is damaged)", problem)


def test_taggers_of_a_second_package_are_found_or_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = models.languages_by_word()
    monkeypatch.setattr(models, "languages_by_word", lambda: {**known, "eu": known["eu"]._replace(more=True)})
    for ask in (find_tagger, find_language):
        with pytest.raises(InputError, match=r"eu: its tagger comes with .*: pip install data/more in a clone"):
            ask("eu")
    shutil.copytree(find_tagger("welsh"), tmp_path / models.MORE_PACKAGE / "basque")
    shutil.copytree(find_tagger("welsh"), tmp_path / models.MORE_PACKAGE / "english")
    own = find_tagger("english")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_tagger("english") == own  # no other package replaces it
    assert find_language("eu") == "basque"
    basque = tagger.load("eu", device="cpu")
    assert (basque.language, basque.tag(["Dw"])) == ("basque", tagger.load("cy", device="cpu").tag(["Dw"]))
    assert "basque" in {model.name for model in list_models()[0]}


def test_the_bundled_english_tagger() -> None:
    (model,) = (model for model in list_models()[0] if model.name == "english")
    assert (model.name, model.corpus, model.license) == ("english", "UD_English-EWT 2.16", "CC BY-SA 4.0")
    assert model.size <= 12_000_000
    english = tagger.load("english").annotate(["They", "book", "flights", "."])[0].tags
    assert (english["upos"][1], english["xpos"][1], english["feats"][2]) == ("VERB", "VBP", "Number=Plur")
    assert english["lemma"] == ["they", "book", "flight", "."]
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert all(part in card for part in ("UD_English-EWT 2.16", "CC BY-SA 4.0", "noise=0.4", "seed: 1"))


def test_what_is_loaded_from_the_hub_its_names_and_its_errors(hub: Hub, trained: Path) -> None:
    there = hub.put("o/tiny", trained)
    for name in ("pytorch_model.bin", "model.pkl", "notes.txt", "transformer/evil.py"):
        (there / name).parent.mkdir(exist_ok=True)
        (there / name).write_bytes(b"cos\nsystem\n")
    (hub.put("o/tiny", trained, "trial") / "README.md").write_text("trial")
    assert tagger.load("hf:o/tiny", device="cpu").tag_sentences(TOKENS) == [each["upos"] for each in CORPUS]
    assert files_of(hub_folder("hf:o/tiny")) == files_of(trained)
    assert files_of(hub_folder("hf:o/tiny@trial")) == files_of(trained) | {"README.md": b"trial"}
    for name, file, data, said in (
        ("o/a", "model.safetensors", b"\x80\x04not weights", "model.safetensors"),
        ("o/b", "model.safetensors", None, "o/b/main is not a whole tagger: model.safetensors is missing"),
        ("o/c", "config.json", None, "o/c/main is not a whole tagger: config.json is missing"),
    ):
        path = hub.put(name, trained) / file
        path.unlink() if data is None else path.write_bytes(data)
        with pytest.raises(InputError, match=said):
            tagger.load(f"hf:{name}", device="cpu")
    names = {"hf:o/n": ("o/n", "main"), "hf:O-1/n_2.x@v1.0": ("O-1/n_2.x", "v1.0"), "hf:o/n@refs/1": ("o/n", "refs/1")}
    for name, parts in names.items():
        assert parse_name(name) == HubName(*parts)
        assert str(HubName(*parts)) == name
    nothing = ["hf:", "hf:n", "hf:o/n/m", "hf:o/n@", "hf:o/n@../../x", "hf:../n", "hf:o/..", "hf:o/n@/x", "hf:o/n\n"]
    for name in (*nothing, "hf:ö/n", "hf:o/n@a b", "hf:o/" + "n" * 97):
        with pytest.raises(InputError, match="names nothing on the Hub; write hf:OWNER/NAME"):
            find_tagger(name)
    for error, message in (
        (None, r"^hf:o/n: the Hub refuses .* \(RepositoryNotFoundError: .*; check the name .* HF_TOKEN$"),
        (HfHubHTTPError("401\nInvalid", response=ANSWER), r"\(HfHubHTTPError: 401 Invalid\)"),
        (OSError("no space left"), r"\(OSError: no space left\)"),
    ):
        hub.error = error
        with pytest.raises(InputError, match=message):
            hub_folder("hf:o/n")


@pytest.mark.parametrize(("name", "language"), [("en-US", "english"), ("pt-BR", "portuguese"), ("zh-Hans", "chinese")])
def test_a_code_may_have_a_country_or_a_script(name: str, language: str) -> None:
    assert find_tagger(name) == find_tagger(language)
