"""A mutation score: how many small errors in the package the tests notice.

    python .ci/mutations.py [--count 100] [--seed 1] [--report OUT.json]

The checkout in which this file lies is copied to a temporary folder. There `count` errors are put into the modules of
`tagger/`, each alone: a comparison, an operator, a constant or a returned value is another one, a `not` or a call is
gone. They are drawn with the seed, uniformly from all places where there could be one. Text, annotations, code for type
checkers and widths of printed text are left as they are. After each error the tests that matter run. One that no test
notices has survived, and is printed with its place. The score is the share of errors that are killed.

The tests that matter to a module are the FILES files that are nearest to it. Its mirror `tests/room/test_name.py` comes
first, if there is one. Then come files `test_name_*.py` beside it and files that import the module, then files that
import what imports it, and so on; of equally near ones those of the mirror's folder first, then those that have its
name the most often. Imports are read in the sources, not executed. More tests could notice more, and some errors change
nothing that anybody could notice, so the score is a lower bound; and it is a sample. Compare it only with one that was
made by the same rule, with the same count, packages and variables of the environment. The same seed draws other errors
if the code is another.

If a test kills, its file is run without the error too. What fails there as well is left out from then on. A test that
takes longer than TIMEOUT counts as one that kills, unless the same tests take as long without the error: then nothing
is known, and the error does not count. A hundred errors take an hour or more.
"""

import argparse
import ast
import copy
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "tagger"
TESTS = "tests"
FILES = 6  # of tests that are run for one error
TIMEOUT = 300.0  # seconds for a test; a limit for all together would depend on what else the machine does
LONGEST = 3600.0  # seconds for all tests of an error
NOT_COPIED = (".git", "__pycache__", ".venv", ".hypothesis", ".*_cache", "runs", "build", "dist")
PASSED, NOTHING_COLLECTED = 0, 5  # exit statuses of pytest
SHOWN = 40  # characters on both sides of a change

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult},
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
TYPES = {"Annotated", "Literal"}
TEXTS = {"help", "epilog"}  # arguments that people read
WIDTHS = {"ljust", "rjust", "center", "zfill"}  # methods that take one


@dataclass(frozen=True)
class Mutation:
    """One error, as an edit of a file.

    Args:
        file: below the checkout.
        line: the first is 1.
        start: in bytes of the file, of what is replaced; so is `end`.
        new: what stands there then.
        before: what is shown of the change; so is `after`.
    """

    file: str
    line: int
    start: int
    end: int
    new: str
    before: str
    after: str

    def apply(self, source: bytes) -> bytes:
        """The file with the error."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  ->  {self.after}"


class _Places(ast.NodeVisitor):
    """Finds all mutations of a module."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.found: list[Mutation] = []
        self.lines = [0]  # where each begins, in bytes
        for line in source.split(b"\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)
        self.visit(ast.parse(source))

    def add(self, node: ast.expr | ast.stmt, mutant: ast.expr | ast.stmt) -> None:
        """A node that is another one."""
        try:
            before, after = ast.unparse(node), ast.unparse(mutant)
        except ValueError:  # an f-string that cannot be written in one line
            return
        start = self.lines[node.lineno - 1] + node.col_offset
        end = self.lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        new = after if isinstance(mutant, ast.stmt) else f"({after})"
        self.found.append(Mutation(self.file, node.lineno, start, end, new, *_around(before, after)))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:  # text; and its parts have no places before Python 3.12
        pass

    def visit_arg(self, node: ast.arg) -> None:  # has nothing but an annotation
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in (*node.decorator_list, node.args, *node.body):  # without what it returns
            self.visit(child)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _last_name(node.value) not in TYPES:
            self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if _last_name(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in TEXTS:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            self.add(node.func, ast.Name(FUNCTIONS[node.func.id]))
        if isinstance(node.func, ast.Attribute) and node.func.attr in WIDTHS:
            self.visit(node.func)
        else:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for number, operator in enumerate(node.ops):
            mutant = copy.copy(node)
            mutant.ops = [*node.ops[:number], COMPARISONS[type(operator)](), *node.ops[number + 1 :]]
            self.add(node, mutant)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp | ast.AugAssign) -> None:
        if type(node.op) in OPERATORS:
            mutant = copy.copy(node)
            mutant.op = OPERATORS[type(node.op)]()
            self.add(node, mutant)
        self.generic_visit(node)

    visit_AugAssign = visit_BinOp

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.add(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.add(node, node.operand)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, ast.Constant(not node.value))
        elif isinstance(node.value, int):
            self.add(node, ast.Constant(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.add(node, ast.Return(ast.Constant(None)))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self.add(node, ast.Pass())
        self.generic_visit(node)


def _last_name(node: ast.expr) -> str | None:
    """`b` of `b` and of `a.b`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _around(before: str, after: str) -> tuple[str, str]:
    """Two texts, each cut to the neighbourhood of their difference, in one line."""
    first = _common(before, after)
    last = _common(before[first:][::-1], after[first:][::-1])

    def cut(text: str) -> str:
        start, end = max(first - SHOWN, 0), min(len(text) - last + SHOWN, len(text))
        inside = " ".join(text[start:end].split())
        if len(inside) > 4 * SHOWN:
            inside = f"{inside[: 2 * SHOWN]} ... {inside[-2 * SHOWN :]}"
        return f"{'...' * (start > 0)}{inside}{'...' * (end < len(text))}"

    return cut(before), cut(after)


def _common(one: str, other: str) -> int:
    """The number of characters with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def mutations(root: Path, count: int, seed: int) -> list[Mutation]:
    """So many of all mutations of the package."""
    files = sorted(path.relative_to(root) for path in (root / PACKAGE).rglob("*.py"))
    places = [place for file in files for place in _Places(file.as_posix(), (root / file).read_bytes()).found]
    places.sort(key=lambda place: (place.file, place.start, place.end, place.new))
    say(f"{len(places):,} places in {len(files)} modules")
    random.Random(seed).shuffle(places)
    drawn: list[Mutation] = []
    for place in places:
        if len(drawn) == count:
            break
        try:
            ast.parse(place.apply((root / place.file).read_bytes()))
        except SyntaxError:
            continue
        drawn.append(place)
    return drawn


class Imports:
    """Which module imports which, and so which tests are near to a module.

    Args:
        root: the checkout.
    """

    def __init__(self, root: Path) -> None:
        self.files: dict[str, str] = {}  # file of each module, by its dotted name
        for top in (PACKAGE, TESTS):
            for path in sorted((root / top).rglob("*.py")):
                name = path.relative_to(root)
                self.files[".".join(name.with_suffix("").parts).removesuffix(".__init__")] = name.as_posix()
        self.texts = {file: (root / file).read_text(encoding="utf-8") for file in self.files.values()}
        self.importers: dict[str, set[str]] = {}  # files that import a file
        for module, file in self.files.items():
            package = module if file.endswith("/__init__.py") else module.rpartition(".")[0]
            by_name = "import_module" in self.texts[file]
            for imported in _imported(ast.parse(self.texts[file]), package, by_name):
                if self.files.get(imported, file) != file:
                    self.importers.setdefault(self.files[imported], set()).add(file)

    def tests(self, file: str) -> list[str]:
        """The files of tests that matter to a module, the nearest first."""
        folder, _, name = (TESTS + file.removeprefix(PACKAGE)).rpartition("/")
        mirror = f"{folder}/test_{name}"
        distances = {mirror: 0} if mirror in self.files.values() else {}
        beside = f"{mirror.removesuffix('.py')}_"
        distances |= {other: 1 for other in self.files.values() if other.startswith(beside)}
        distance, reached, edge = 0, {file}, {file}
        while edge and len(distances) < FILES:
            distance += 1
            edge = {other for each in edge for other in self.importers.get(each, ())} - reached
            reached |= edge
            for other in edge:
                if other.startswith(f"{TESTS}/") and other.rpartition("/")[2].startswith("test_"):
                    distances.setdefault(other, distance)
        own = re.compile(rf"\b{name.removesuffix('.py')}\b")

        def far(test: str) -> tuple[int, bool, int, str]:
            elsewhere = test.rpartition("/")[0] != folder
            return distances[test], elsewhere, -len(own.findall(self.texts[test])), test

        return sorted(distances, key=far)[:FILES]


def _imported(tree: ast.AST, package: str, by_name: bool) -> Iterator[str]:
    """Dotted names that a module in a package may import: as a statement, or as a text.

    Args:
        by_name: whether it imports by name, so that any word may be a module beside it.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")
            above = start[: len(start) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (node.value, f"{package}.{node.value}") if by_name else (node.value,)
        yield from _imported(node, package, by_name)


class Run(NamedTuple):
    """What pytest said."""

    status: int | None  # its exit status; None: it took too long
    failed: list[str]  # tests, or files of which the import failed


@dataclass
class Laboratory:
    """A copy of a checkout, in which tests run.

    Args:
        root: the copy.
        scratch: a folder for temporary files.
    """

    root: Path
    scratch: Path
    known: dict[str, list[str]] = field(default_factory=dict)  # of files: what fails in them without any error

    def judge(self, mutation: Mutation, tests: list[str]) -> tuple[str, str]:
        """Whether the mutation is `killed`, has `survived` or is `unclear`; and by what, or why."""
        path = self.root / mutation.file
        source = path.read_bytes()
        while True:
            tests = [file for file in tests if file not in self.known.get(file, [])]
            if not tests:
                return "survived", "no tests"
            _write(path, mutation.apply(source))
            try:
                run = self.pytest("-x", *tests)
            finally:
                _write(path, source)
            if run.status in (PASSED, NOTHING_COLLECTED):
                return "survived", f"{len(tests)} files of tests"
            if run.status is None:
                unhurt = self.pytest(*tests).status is not None
                return ("killed", "timeout") if unhurt else ("unclear", "its tests are slow without it, too")
            failed = run.failed or tests  # where none could start, look at all
            new = {test.partition("::")[0] for test in failed} - set(self.known)
            for file in sorted(new):
                self.known[file] = self.broken(file)
            alive = [test for test in failed if not self.fails_anyway(test)]
            if alive:
                return "killed", alive[0] if run.failed else f"exit status {run.status} of pytest"
            if not new:
                return "unclear", f"{failed[0]} fails without it, too"

    def broken(self, file: str) -> list[str]:
        """What fails in a file of tests without any error: tests, or the file itself."""
        run = self.pytest(file)
        if run.status in (PASSED, NOTHING_COLLECTED):
            return []
        found = run.failed if run.status == 1 else [file]
        say(f"  left out, since it fails without an error: {', '.join(found)}")
        return found

    def fails_anyway(self, test: str) -> bool:
        """Whether it is known that a test fails without any error."""
        file = test.partition("::")[0]
        return any(each in (file, test) for each in self.known.get(file, []))

    def pytest(self, *arguments: str) -> Run:
        """Runs tests, in files and without those that fail anyway."""
        command = [sys.executable, "-u", "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
        command += ["-n", "0"] if _installed("xdist") else []
        command += ["--hypothesis-seed=1"] if _installed("hypothesis") else []
        command += [f"--deselect={test}" for file in arguments for test in self.known.get(file, [])]
        status, output = self.execute([*command, *arguments])
        failed = re.findall(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", output, re.MULTILINE)
        return Run(status, [test for test in failed if test.partition("::")[0].endswith(".py")])

    def execute(self, command: list[str]) -> tuple[int | None, str]:
        """The exit status of a command in the copy, None if it prints nothing for too long; and what it printed."""
        temporary = self.scratch / "tmp"
        temporary.mkdir()
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.root),  # before an editable install, also in processes that tests start
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(temporary),
        }
        log = self.scratch / "log"
        with log.open("wb") as file:
            pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.STDOUT}
            process = subprocess.Popen(command, cwd=self.root, env=environment, start_new_session=True, **pipes)
            try:
                status = _wait(process, log)
            finally:
                _kill_group(process)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(self.root / ".hypothesis", ignore_errors=True)  # what one error taught helps no other
        return status, log.read_text(encoding="utf-8", errors="replace")


def _wait(process: subprocess.Popen[bytes], log: Path) -> int | None:
    """The exit status of a process; None if it runs on although its log has not grown for TIMEOUT, or after LONGEST."""
    start = grown = time.monotonic()
    size = 0
    while True:
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if log.stat().st_size != size:
                size, grown = log.stat().st_size, now
            if now - grown > TIMEOUT or now - start > LONGEST:
                return None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and those it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        process.wait()


def _write(path: Path, source: bytes) -> None:
    """Writes a module; its compiled form goes, since a change of the same size in the same second would go unseen."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def say(line: str) -> None:
    """A line of progress."""
    print(line, flush=True)


def score(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The number of each outcome, and the share of the killed."""
    outcomes = [result["outcome"] for result in results]
    numbers = {outcome: outcomes.count(outcome) for outcome in ("killed", "survived", "unclear")}
    clear = numbers["killed"] + numbers["survived"]
    return {**numbers, "score": round(numbers["killed"] / clear, 4) if clear else None}


def measure(count: int, seed: int, report: Path | None) -> list[dict[str, Any]]:
    """Makes mutations and runs tests; what is finished is in the report at any time."""
    with tempfile.TemporaryDirectory(prefix="mutations.", ignore_cleanup_errors=True) as name:
        scratch = Path(name).resolve()
        root = scratch / "checkout"
        shutil.copytree(ROOT, root, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        laboratory = Laboratory(root, scratch)
        show = f"import os; os.chdir('/'); import {PACKAGE}; print({PACKAGE}.__file__)"
        _, found = laboratory.execute([sys.executable, "-c", show])
        if Path(found.strip()) != root / PACKAGE / "__init__.py":
            sys.exit(f"error: tests would not import the copy in {root}, but this: {found.strip()}")
        imports = Imports(root)
        results: list[dict[str, Any]] = []
        drawn = mutations(root, count, seed)
        for number, mutation in enumerate(drawn, 1):
            tests = imports.tests(mutation.file)
            start = time.monotonic()
            outcome, reason = laboratory.judge(mutation, tests)
            seconds = round(time.monotonic() - start, 1)
            say(f"{number}/{len(drawn)} {outcome}  {mutation}  ({reason}, {seconds:.0f} s)")
            results.append({**asdict(mutation), "outcome": outcome, "by": reason, "seconds": seconds, "tests": tests})
            if report is not None:
                found_so_far = {"count": count, "seed": seed, **score(results), "mutations": results}
                report.write_text(json.dumps(found_so_far, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return results


def main() -> None:
    """Prints the survivors and the score."""
    parser = argparse.ArgumentParser(prog="python .ci/mutations.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="of mutations; 100 unless told")
    parser.add_argument("--seed", type=int, default=1, help="of the draw; 1 unless told")
    parser.add_argument("--report", type=Path, metavar="OUT.json", help="a file for all mutations and the score")
    arguments = parser.parse_args()
    results = measure(arguments.count, arguments.seed, arguments.report)
    for outcome in ("survived", "unclear"):
        chosen = [result for result in results if result["outcome"] == outcome]
        if chosen:
            print(f"\n{outcome}:")
        for result in chosen:
            print(f"  {result['file']}:{result['line']}  {result['before']}  ->  {result['after']}  ({result['by']})")
    numbers = score(results)
    shown = "none" if numbers["score"] is None else f"{numbers['score']:.1%}"
    print(f"\n{numbers['killed']} killed, {numbers['survived']} survived, {numbers['unclear']} unclear: score {shown}")


if __name__ == "__main__":
    main()
