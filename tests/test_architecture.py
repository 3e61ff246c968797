"""The rooms of the package: which may import which, that no imports go in a circle, that private names stay private.

Also that each extra can be deleted: no module or test of the core imports one, nor does another extra.
"""

import ast
import re
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "tagger"
ROOT = {"errors", "bundled"}  # files at the root that every room may import
# A room imports only from rooms before it.
ROOMS = (
    "text",
    "words",
    "model",
    "pretrained",
    "segmenter",
    "bundle",
    "tagging",
    "jobs",
    "corpus",
    "evaluation",
    "training",
    "commands",
)
EXTRAS = sorted(path.parent.name for path in (PACKAGE / "extras").glob("*/__init__.py"))


@cache
def modules() -> dict[str, Path]:
    """Each module without `tagger.` in front, such as `model.network`."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(module: str, types: bool = False) -> dict[str, set[str]]:
    """The modules of the package that a module imports, anywhere in it, and the names that it takes from each.

    Imports for type checkers alone are left out unless `types`: they are never executed.
    """
    known = modules()
    found: dict[str, set[str]] = {}
    pending: list[ast.AST] = [tree_of(known[module])]
    while pending:
        node = pending.pop()
        if types or not isinstance(node, ast.If) or ast.unparse(node.test) != "TYPE_CHECKING":
            pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module and (node.module + ".").startswith("tagger."):
            inside = node.module.removeprefix("tagger").removeprefix(".")
            for alias in node.names:
                whole = f"{inside}.{alias.name}".removeprefix(".")
                if whole in known:
                    found.setdefault(whole, set())
                else:
                    found.setdefault(inside, set()).add(alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.removeprefix("tagger.") in known:
                    found.setdefault(alias.name.removeprefix("tagger."), set())
    return found


def test_rooms_import_what_they_may() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == {*ROOMS, "extras"}
    for module in modules():
        room, _, inside = module.partition(".")
        if inside and room != "extras":
            others = {other.partition(".")[0] for other in imports(module, types=True)} - {room}
            assert others <= {*ROOMS[: ROOMS.index(room)]} | ROOT, module
    for module in ROOT:
        assert set(imports(module, types=True)) <= ROOT, module


def test_nothing_but_an_extra_and_its_tests_imports_it() -> None:
    root = PACKAGE.parent
    for path in (*PACKAGE.rglob("*.py"), *(root / "tests").rglob("*.py")):
        _, room, *inside = path.relative_to(root).parts
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom | ast.Import):
                start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    extra = re.match(r"(?:tagger|tests)\.extras\.(\w+)", f"{start}{alias.name}")
                    assert extra is None or [room, extra[1]] == ["extras", inside[0]], path


def test_no_imports_go_in_a_circle_or_open_a_private_name_and_no_two_modules_have_one_name() -> None:
    TopologicalSorter({module: imports(module) for module in modules()}).prepare()  # a CycleError names the circle
    for module in modules():
        for other, names in imports(module, types=True).items():
            assert not [name for name in names if name.startswith("_")], f"{module} imports from {other}"
    names = [path.name for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(names) == sorted(set(names))


def test_every_room_but_the_workshop_is_in_the_wheel_opens_with_its_start_and_names_modules_that_exist() -> None:
    for room in [*ROOMS, *(f"extras/{extra}" for extra in EXTRAS)]:
        text = ast.get_docstring(tree_of(PACKAGE / room / "__init__.py"))
        assert text, room
        _, start_in, rest = " ".join(text.split()).partition("Start in `")
        assert start_in, room
        start = rest.partition("`")[0]
        assert (PACKAGE / room / start).is_file(), room
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {f"tagger.{room}" for room in [*ROOMS, "extras", *(f"extras.{extra}" for extra in EXTRAS)]}
    packages = set(project["tool"]["setuptools"]["packages"])
    rooms.discard("tagger.extras.languages")  # the workshop: no user of a wheel has its treebanks
    assert rooms == {each for each in packages if each.startswith("tagger.")} - {"tagger.conf", "tagger.data"}
    extras = {*(PACKAGE / "extras").rglob("*.py")}
    for path in (modules := {*PACKAGE.rglob("*.py")}):
        files = {other.name for other in (modules if path in extras else modules - extras)}
        named = set(re.findall(r"`(?:\w+/)*(\w+\.py)`", path.read_text(encoding="utf-8")))
        assert named <= files, path
