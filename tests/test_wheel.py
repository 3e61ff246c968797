"""The wheel, installed beside nothing of the checkout and used in an empty folder; the source distribution."""

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

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
MORE = ROOT / "data" / "more"
MAX_WHEEL = 95_000_000  # bytes: package indexes take files of 100 MB
BUILD = """
import sys
from setuptools.build_meta import build_sdist, build_wheel
folder = sys.argv[1]  # a build has arguments of its own
build_sdist(folder)
build_wheel(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and the source distributions of the package and of more languages.

    They are made of a copy: a build leaves files beside what it builds, and a later one would take modules from there
    that are gone.
    """
    folder = tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns(".git", "runs", "build", "dist", "*.egg-info", ".*_cache", "__pycache__")
    source = shutil.copytree(ROOT, folder / "source", ignore=ignored)
    command = [sys.executable, "-c", BUILD, str(folder)]
    for place in (source, source / MORE.relative_to(ROOT)):
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (file,) = built.glob("bigru_tagger-*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def more(built: Path) -> zipfile.ZipFile:
    (file,) = built.glob("bigru_tagger_more-*.whl")
    return zipfile.ZipFile(file)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    """A file of the wheel's folder of metadata."""
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_the_wheel_carries_modules_config_data_licences_and_entry_points_and_nothing_else(
    wheel: zipfile.ZipFile,
) -> None:
    names = set(wheel.namelist())
    configs = {f"tagger/{path.relative_to(ROOT)}" for path in (ROOT / "conf").glob("**/*.yaml")}
    assert configs <= names
    assert {f"tagger/data/sample/sample-{split}.conllu" for split in ("train", "dev", "test")} <= names
    data = {path for path in (ROOT / "data").glob("*/*") if (path.parent / "config.json").exists() and path.is_file()}
    data |= {ROOT / "data" / "NOTICE.md", ROOT / "data" / "languages.safetensors"}
    assert {f"tagger/{path.relative_to(ROOT).as_posix()}" for path in data} <= names
    beside = ("hard", "talk", "more")  # what measurements and trainings read, and taggers of a wheel of their own
    assert not [name for name in names if name.startswith(tuple(f"tagger/data/{folder}/" for folder in beside))]
    texts = [name for name in names if name.endswith(".txt") and "dist-info" not in name]
    assert texts + [name for name in names if name.startswith(("tests/", "conf/", "data/"))] == []
    kinds = (".py", ".html", ".csv")  # modules, and what they read
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tagger").rglob("*") if path.suffix in kinds}
    plugins = {name for name in files if "/hydra_plugin/" in name}  # they lie where Hydra looks for plugins
    assert len(plugins) == len([name for name in names if name.startswith("hydra_plugins/tagger_")])
    workshop = {name for name in files if name.startswith("tagger/extras/languages/")}  # nobody has its treebanks
    files -= plugins | workshop
    assert files == {name for name in names if name.startswith("tagger/") and name.endswith(kinds)}
    assert "tagger/py.typed" in names
    assert "\nName: bigru-tagger\n" in metadata(wheel, "METADATA")
    assert "\nLicense-Expression: MIT AND CC-BY-SA-4.0 AND CC0-1.0\n" in metadata(wheel, "METADATA")
    for path, words in (("", "MIT License"), ("data/english/", "ShareAlike"), ("data/sample/", "CC0 1.0")):
        assert words in metadata(wheel, f"licenses/{path}LICENSE"), path
    assert "UD_English-EWT (CC BY-SA 4.0)" in metadata(wheel, "licenses/data/NOTICE.md")
    points = configparser.ConfigParser()
    points.read_string(metadata(wheel, "entry_points.txt"))
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("entry-points", {})
    assert {group: dict(points[group]) for group in stated} == stated


def test_the_wheel_of_more_languages_carries_their_taggers(wheel: zipfile.ZipFile, more: zipfile.ZipFile) -> None:
    data = {path for path in MORE.glob("*/*") if (path.parent / "config.json").exists()}
    names = {name for name in more.namelist() if ".dist-info/" not in name}
    assert names == {f"bigru_tagger_more/{path.relative_to(MORE).as_posix()}" for path in data}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nVersion: {version}\n" in metadata(more, "METADATA")
    assert max(Path(str(each.filename)).stat().st_size for each in (wheel, more)) <= MAX_WHEEL


def test_the_wheel_trains_and_tags(wheel: zipfile.ZipFile, more: zipfile.ZipFile, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(site)]
    subprocess.run([*install, str(wheel.filename), str(more.filename)], check=True, timeout=300)

    def run(*words: str, text: str = "") -> str:
        env = {**os.environ, "PYTHONPATH": str(site)}
        command = [str(site / "bin" / "tagger"), *words]
        done = subprocess.run(command, cwd=empty, env=env, input=text, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    assert run("tag", text="They book.").split()[:2] == ["They", "PRON"]  # with the bundled model
    assert run("tag", "--language", "manx", text="Ta mee.").split()[0] == "Ta"  # of the other wheel
    small = ("model.hidden.forward=8", "embedding.buckets=64", "segmenter=rules", "trainer.max_epochs=1", "linear=0")
    assert "look at its errors: " in run(*small, "trainer.limit_train_batches=2")


def test_the_source_distribution_has_what_its_tests_need_and_one_version(built: Path) -> None:
    (file,) = built.glob("bigru_tagger-*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = {"LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "Dockerfile", "docs/images/gain.png"}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert listed | tests <= names
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited[1] == version
    changes = re.findall(r"^## \[(.*)\]$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert changes[0] in ("Unreleased", version)
