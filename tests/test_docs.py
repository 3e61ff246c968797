"""The README and the pages of docs/: their commands, their Python, their links, and what they say of the code."""

import ast
import csv
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from copy import deepcopy
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from tagger.commands.app import COMMANDS, app
from tagger.text.formats import INPUTS, OUTPUTS, SUFFIXES
from tagger.training.config import LOGGERS, config_from
from tagger.training.launch import hydra_words
from tests.commands.conftest import call
from tests.conftest import forked, with_entry_points
from tests.test_architecture import EXTRAS, ROOMS
from tests.training.conftest import page as composed_page

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "data/README.md")), *sorted(ROOT.glob("docs/*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced code blocks in one of the languages."""
    return [code for _, language, code in _FENCE.findall(text) if language in languages]


def prose(text: str) -> str:
    """A page without its fenced code."""
    return _FENCE.sub("", text)


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, without the head."""
    section = text.partition(f"\n{heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines is not None, heading
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[0].splitlines()[2:]]


def commands() -> list[list[str]]:
    """The arguments of every `python -m tagger` that a page shows, in a code block or between backquotes."""
    found = set()
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        shell = re.sub(r"\\\n *", "", "\n".join(blocks(text, "sh", "console", "text")))
        inline = [code for code in re.findall(r"`([^`\n]+)`", prose(text)) if code.startswith("python -m tagger")]
        for line in re.findall(r"python -m tagger(?![.\w])([^|\n`#&>]*)", "\n".join([shell, *inline])):
            found.add(line.strip())
    return [shlex.split(line) for line in sorted(found)]


def word(arguments: list[str]) -> str:
    """The command word; `train` where there is none."""
    first = arguments[0] if arguments else "train"
    return "train" if "=" in first or first.startswith("-") else first


SHOWN = commands()


def test_the_readme_is_short_and_has_the_two_lines_that_set_everything_up() -> None:
    assert len(README.encode()) <= 11_000
    lines = README.splitlines()
    assert "pip install -e . && python -m tagger" in lines
    assert "pip install -e '.[dev]' && pytest" in lines
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'grep -m 1 "^pip install .* && pytest$" README.md' in script


def test_all_commands_compose_or_parse() -> None:
    """Of a sweep, the runs with all first values and with all last ones: a hundred others are composed alike."""
    composed = cache(composed_page)
    groups = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    for arguments in (each for each in SHOWN if word(each) == "train" and "model.cell=ugrnn" not in each):
        words = hydra_words([one for one in arguments if one != "train"])
        parsed = [OverridesParser.create().parse_override(one) for one in words if "=" in one]
        for at in (0, -1):
            values = [(each.key_or_group, _one_value(each, at)) for each in parsed if "hydra" not in each.key_or_group]
            config = deepcopy(composed("train", *(f"{key}={value}" for key, value in values if key in groups)))
            for key, value in values:
                if key not in groups:
                    OmegaConf.update(config, key, value, force_add=True)
            config_from(config)
    for name, *words in (each for each in SHOWN if word(each) != "train"):
        command = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined]
        assert command is not None, name
        if "--help" not in words:
            command.make_context(name, words, resilient_parsing=False)


def _one_value(override: Override, at: int) -> Any:
    value: Any = override.value()
    if not override.is_sweep_override():
        return value
    return list(override.sweep_iterator())[at] if override.is_discrete_sweep() else (value.start, value.end)[at]


def test_the_readmes_first_command_prints_what_it_shows() -> None:
    (console,) = blocks(README, "console")
    command, _, output = console.removeprefix("$ ").partition("\n")
    assert command.startswith("python -m tagger tag ")
    assert call(*shlex.split(command)[3:]).stdout.strip() == output.strip()


@pytest.mark.slow
def test_the_readmes_training_runs_and_its_tagger_tags(tmp_path: Path) -> None:
    short = "name=ewt trainer.max_epochs=1 trainer.limit_train_batches=2"  # a whole training is no test
    short += " model.hidden.forward=8 model.hidden.backward=8 embedding.buckets=512"
    lines = tagger(tmp_path, short).splitlines()
    assert len([line for line in lines if not line.startswith("epoch ")]) <= 25
    assert max(map(len, lines)) < 80  # so none wraps
    assert lines[0].startswith("dictionary en: has 93 % of the forms")
    assert lines[1].startswith("sample: sentences train 983, dev 211, test 223; ")
    for head in ("upos, accuracy ", "  by the most frequent tag of a word ", "look at its errors: runs/ewt"):
        assert [line.startswith(head) for line in lines].count(True) == 1
    (score,) = [line.removeprefix("score it: ") for line in lines if line.startswith("score it: ")]
    gold = shlex.quote(str(ROOT / "data" / "sample" / "sample-test.conllu"))
    assert "not seen in training" in tagger(tmp_path, score.replace("GOLD", gold))
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 200e6
    (tag,) = [line for line in README.splitlines() if line.startswith("python -m tagger tag ")]
    (tmp_path / "book.txt").write_text("They book flights.\n", encoding="utf-8")
    tagger(tmp_path, tag)
    assert len((tmp_path / "book.tsv").read_text(encoding="utf-8").splitlines()) == 5


def tagger(folder: Path, line: str) -> str:
    """What a command line prints, which must succeed."""
    done = forked(folder, *shlex.split(line.removeprefix("python -m tagger ")))
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


def run(command: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.mark.slow
def test_the_python_of_the_pages_runs(tmp_path: Path) -> None:
    """Page after page in one process, which imports torch and spaCy once; docs/cells.md has a test of its own."""
    with_python = {path.relative_to(ROOT).as_posix() for path in PAGES if blocks(path.read_text("utf-8"), "python")}
    run_pages = sorted(with_python - {"docs/cells.md"})
    scripts = [f"page_{Path(name).stem}.py" for name in run_pages]
    for name, script in zip(run_pages, scripts, strict=True):
        (tmp_path / script).write_text("\n".join(blocks(page(name), "python")), encoding="utf-8")
    program = "import runpy, sys; [runpy.run_path(path, run_name='__main__') for path in sys.argv[1:]]"
    run([sys.executable, "-c", program, *scripts], tmp_path, with_entry_points(tmp_path))


def slug_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE):
        slug = slug_of(heading)
        found.add(slug if slug not in found else f"{slug}-1")
    return found


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere_files_and_names_exist_and_the_readme_links_every_page(path: Path) -> None:
    text = prose(path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link
    linked = path.relative_to(ROOT).as_posix()
    assert f"]({linked}" in README or linked in ("README.md", "data/README.md", "CHANGELOG.md")
    named = set(re.findall(r"`((?:\w+/)+\w+\.(?:py|yaml|tsv))`", text))
    for name in named - set(re.findall(r"^Write `([\w/]+\.py)`", text, re.MULTILINE)):
        assert any((folder / name).is_file() for folder in (ROOT, ROOT / "tagger", path.parent)), name
    for names, module in re.findall(r"((?:`[\w.]+`, )*`[\w.]+`) in `(\w+/\w+)\.py`", text):
        inside = importlib.import_module(f"tagger.{module.replace('/', '.')}")
        for dotted in re.findall(r"`([\w.]+)`", names):
            attrgetter(dotted)(inside)  # fails where there is no such name


def test_the_map_of_the_rooms_is_true() -> None:
    rows = table(README, "## The rooms")
    assert [room for room, *_ in rows] == [f"`{room}/`" for room in ROOMS]
    for room, _, start in rows:
        opening = ast.get_docstring(ast.parse(page(f"tagger/{room.strip('`')}__init__.py")))
        assert f"Start in `{start.strip('`').partition('/')[2]}`" in " ".join(opening.split()), room


def pages_of_extras() -> dict[str, str]:
    """The page of each extra, as README's table links it: a file, or with `#` one of its sections."""
    rows = table(README, "## Documentation")
    return dict(re.findall(r"\[(\w+)\]\(([^)]+)\)", cell)[0] for cell, _, extra in rows if extra)


def without_section(text: str, anchor: str) -> str:
    """A page without the section that an anchor names, and without the sections below it."""
    kept, fenced, level = "", False, 0
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        heading = None if fenced else re.match(r"(#+) (.*)", line)
        if heading and (not level or len(heading[1]) <= level):
            level = len(heading[1]) if slug_of(heading[2]) == anchor else 0
        kept += "" if level else line
    return kept


def test_each_extra_has_a_page_and_no_other_page_needs_it() -> None:
    """So an extra's page can be deleted: nothing else links to it or shows its commands."""
    pages = pages_of_extras()
    assert list(pages) == EXTRAS
    shown = [rf"python -m tagger {name}\b" for name, module in COMMANDS.items() if module.startswith("tagger.extras.")]
    for path in (*PAGES, ROOT / "CHANGELOG.md"):
        name = path.relative_to(ROOT).as_posix()
        text = without_section(page(name), "documentation") if name == "README.md" else page(name)
        for place in pages.values():
            text = without_section(text, place.partition("#")[2]) if place.startswith(f"{name}#") else text
        for pattern in (*shown, "hydra/sweeper=optuna", r"tagger\.extras\.\w"):
            assert name in (*pages.values(), "CHANGELOG.md") or not re.search(pattern, text), (name, pattern)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target = os.path.relpath(path.parent / link, ROOT) if link[0] != "#" else f"{name}{link}"
            assert not {target, target.partition("#")[0]} & {*pages.values()} - {name}, (name, link)


def test_every_optional_library_is_named_and_installed_from_the_source() -> None:
    """On the page of the extra that needs it, or in the table. PyPI's project `tagger` is another one."""
    stated = set(tomllib.loads(page("pyproject.toml"))["project"]["optional-dependencies"])
    rows = table(page("docs/training.md"), "## Optional libraries")
    shown = {extra for names, _ in rows for extra in re.findall(r"`([\w-]+)`", names)}
    for place in pages_of_extras().values():
        shown |= set(re.findall(r"'\.\[([\w-]+)\]'", page(place.partition("#")[0])))
    assert shown == stated
    named = set()
    for path in [*PAGES, *(ROOT / "tagger").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pip install[^`\n&]*[ '\"]tagger\b", text), path
        named |= {extra for listed in re.findall(r"'\.\[([\w,-]+)\]'", text) for extra in listed.split(",")}
        named |= set(re.findall(r"missing(?:_extra)?\(\w+, (?:\"\w+\", )?\"([\w-]+)\"\)", text))
    assert set() < named <= stated


def test_the_tables_of_values_and_formats_are_true() -> None:
    training = page("docs/training.md")
    experiments = {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")}
    shown = re.search(r"^\| `experiment` .*\n(?:\|.*\n)+", training, re.MULTILINE)
    assert set(re.findall(r"^\| `(\w+)` \|", shown[0], re.MULTILINE)) - {"experiment"} == experiments
    corpora = {path.stem for path in (ROOT / "conf" / "corpus").glob("*.yaml") if path.stem != "base"}
    assert set(re.findall(r"`(\w+)`", " ".join(row[0] for row in table(training, "## Corpora")))) == corpora
    loggers = prose(training).partition("\n## Loggers\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", loggers)) == set(LOGGERS)
    formats = table(page("docs/tagging.md"), "## Formats")
    assert [row[0].strip("`") for row in formats if row[2] == "yes"] == list(INPUTS)
    assert {row[0].strip("`") for row in formats if row[3] == "yes"} == set(OUTPUTS)
    suffixes = {suffix: row[0].strip("`") for row in formats for suffix in re.findall(r"`(\.[\w-]+)`", row[1])}
    assert suffixes == SUFFIXES


def test_the_table_of_what_was_tried_says_what_where_from_what_to_what() -> None:
    with (ROOT / "docs" / "tried.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, strict=True)
    assert head == ["what", "where", "from", "to", "adopted"]
    assert [row for row in rows if len(row) != 5 or not all(row) or row[4] not in ("yes", "no")] == []
    assert len({(what, where) for what, where, *_ in rows}) == len(rows)


@pytest.mark.slow
def test_the_walk_through_adds_a_cell(tmp_path: Path) -> None:
    """Follows docs/cells.md in a copy of the package: writes, replaces, inserts, runs, and holds it to ruff."""
    if (ROOT / "tagger" / "model" / "ugrnn.py").exists():
        pytest.skip("somebody has followed the page here")
    for folder in ("tagger", "conf", "data", "tests", ".ci"):  # compiled files too, but for those being written
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # ruff's settings
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    checks, commands = [], []
    parts = re.findall(r"([^\n]*)\n\n```(python|sh)\n(.*?)```\n", page("docs/cells.md"), re.DOTALL)
    for before, language, code in parts:
        write = re.search(r"(Write|Append to) `(.+)`:$", before)
        change = re.search(r"In `(\S+)`, (?:after|(replace)) `(.+)`(?:, add| by):$", before)
        if write:
            with (tmp_path / write[2]).open("a", encoding="utf-8") as out:
                out.write(code if write[1] == "Write" else f"\n\n{code}")
        elif change:
            file, replaced, text = change.groups()
            lines = (tmp_path / file).read_text(encoding="utf-8").splitlines(keepends=True)
            (place,) = [number for number, line in enumerate(lines) if text in line]
            lines[place : place + 1] = [code] if replaced else [lines[place], code]
            (tmp_path / file).write_text("".join(lines), encoding="utf-8")
        elif language == "python":
            checks.append(code)
        else:
            commands += code.splitlines()
    (check,), (test, train, tag) = checks, commands
    small = "model.hidden.forward=8 model.hidden.backward=8 embedding.buckets=512 trainer.limit_train_batches=2"
    words = shlex.split(f"{train} {small} trainer.max_epochs=1 segmenter=rules test=false")
    assert words[:3] == ["python", "-m", "tagger"]
    trains = f"import sys\nsys.argv = {words[2:]}\nfrom tagger.__main__ import main\nassert main() == 0"
    run([sys.executable, "-c", f"{check}\n{trains}"], tmp_path, env)  # one process imports torch once
    line = tag.replace("python -m tagger", f"{shlex.quote(sys.executable)} -m tagger")
    assert len(run(["bash", "-o", "pipefail", "-c", line], tmp_path, env).splitlines()) == 5
    done = run([sys.executable, "-m", *shlex.split(test), "-n", "0", "-q"], tmp_path, env)
    assert re.search(r"[1-9]\d* passed", done), done  # without tests, or with one that fails, the status is another
    for command in (["check"], ["format", "--check"]):
        run([sys.executable, "-m", "ruff", *command, "--no-cache", "tagger"], tmp_path)
