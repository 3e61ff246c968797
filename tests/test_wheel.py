"""The wheel, installed beside nothing of the checkout and used in an empty folder; the source distribution, tested."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKE_SDIST = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"


def copy_of_the_source(folder: Path) -> Path:
    """A build leaves files beside what it builds, and a later one would take modules from there that are gone."""
    ignored = shutil.ignore_patterns(".git", "runs", "build", "dist", "*.egg-info", ".*_cache", "__pycache__")
    return Path(shutil.copytree(ROOT, folder / "source", ignore=ignored))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = copy_of_the_source(folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if "No matching distribution" in done.stderr or "Temporary failure" in done.stderr:
        pytest.skip("building needs setuptools from the package registry, which cannot be reached")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_config_and_data_and_no_sources_of_them(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"tagger/{path.relative_to(ROOT)}" for path in (ROOT / "conf").glob("**/*.yaml")}
    assert configs <= names
    assert {f"tagger/data/sample/sample-{split}.conllu" for split in ("train", "dev", "test")} <= names
    bundled = {path for path in (ROOT / "data" / "english").iterdir() if path.is_file()}
    assert {f"tagger/data/english/{path.name}" for path in bundled} <= names
    assert not [
        name
        for name in names
        if name.startswith(("tests/", "conf/", "data/")) or (name.endswith(".txt") and "dist-info" not in name)
    ]


def test_the_wheel_carries_every_module_of_every_room_and_its_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    kinds = (".py", ".html", ".css", ".js")  # modules, and the web pages that they make
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tagger").rglob("*") if path.suffix in kinds}
    assert files == {name for name in names if name.startswith("tagger/") and name.endswith(kinds)}
    assert "tagger/py.typed" in names


def test_the_wheel_says_under_which_licences_its_parts_are(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = archive.read(name).decode()
    assert "\nName: bigru-tagger\n" in metadata
    assert "\nLicense-Expression: MIT AND CC-BY-SA-4.0 AND CC0-1.0\n" in metadata
    for path, words in (("", "MIT License"), ("data/english/", "ShareAlike"), ("data/sample/", "CC0 1.0")):
        licence = archive.read(name.replace("METADATA", f"licenses/{path}LICENSE")).decode()
        assert words in licence, path


def test_the_wheel_tells_spacy_of_its_parts(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
    points = configparser.ConfigParser()
    points.read_string(archive.read(name).decode())
    assert points["spacy_factories"]["bigru_tagger"] == "tagger.adapters.spacy:make_tagger"
    assert points["spacy_tokenizers"]["bigru_tokenizer"] == "tagger.adapters.spacy_tokenizer:make_tokenizer"


def test_the_wheel_trains_tags_evaluates_and_searches(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    env = {**os.environ, "PYTHONPATH": str(site)}

    def run(*arguments: str, text: str = "") -> str:
        command = [sys.executable, "-m", "tagger", *arguments]
        done = subprocess.run(command, cwd=empty, env=env, input=text, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    where = [sys.executable, "-c", "import tagger; print(tagger.__file__)"]
    found = subprocess.run(where, cwd=empty, env=env, capture_output=True, text=True, check=True).stdout
    assert found.strip().startswith(str(site))
    assert run("tag", text="They book flights.").split()[:2] == ["They", "PRON"]  # with the bundled model
    small = ("model.hidden.forward=8", "embedding.buckets=64", "segmenter_steps=1", "trainer.max_epochs=1")
    assert "look at its errors: " in run(*small, "trainer.limit_train_batches=2")
    script = [str(site / "bin" / "tagger"), "tag"]
    done = subprocess.run(script, cwd=empty, env=env, input="They book.", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["They", "PRON"]
    assert subprocess.run([script[0], "tags"], cwd=empty, env=env, capture_output=True, timeout=300).returncode == 2
    assert "upos" in run(
        "evaluate", "--model", "latest", str(site / "tagger" / "data" / "sample" / "sample-dev.conllu")
    )
    search = ("-m", *small, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=1", "model.depth=1,2")  # a sweep, too
    assert "search/sweep.csv" in run(*search, "trainer.limit_train_batches=2", "hydra.sweep.dir=search")


def test_the_source_distribution_runs_its_tests(tmp_path: Path) -> None:
    source = copy_of_the_source(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", MAKE_SDIST, str(tmp_path)], cwd=source, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.splitlines()[-1]) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    for name in ("LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "Dockerfile", "docs/images/gain.png"):
        assert (folder / name).is_file(), name
    few = ["tests/text/test_formats.py", "tests/test_architecture.py", "tests/corpus/test_sample.py"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *few]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
