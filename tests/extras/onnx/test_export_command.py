"""The command `export`, and the readers in docs/onnx/, which give the tags of the tagger in float32."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tagger
from tagger.bundled import bundled
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence
from tests.commands.conftest import call, error

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

READERS = Path(__file__).resolve().parents[3] / "docs" / "onnx"
NODE_MODULES = "TAGGER_NODE_MODULES"  # names a folder node_modules with the two packages
PACKAGES = ("onnxruntime-node", "onnxruntime-web")
Tags = list[list[str]]  # of each token of a sentence, in each column
ODD = [
    *("ΟΔΟΣ", "İstanbul", "ǅ", "²", "①②③④⑤", "Ⅷ", "𝟘𝟙", "\N{GRINNING FACE}", "\U0001f100" * 5, "١٢٣", "1,250.00"),
    *("\ud800", "x\udfffy", "x" * 40, "é" * 33, "\U00010400" * 33, "aaaaAAAA", "ẞ", "a\u0345Σ", "\n" * 5, "\u2028"),
    *("10", "2", "__proto__", "toString"),
]
LONG = (["plan", "to", "set", "the", "watch", "on", "a", "we"] * 313)[:2500]  # "we" is cut off from two of "plan"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled tagger as ONNX, in a folder that also has the readers of the documentation."""
    folder = tmp_path_factory.mktemp("onnx")
    done = call("export", "--onnx", str(folder / "english.onnx"))
    assert f"{folder / 'english.onnx'}: upos, xpos, feats, " in done.stderr
    for name in ("tag_onnx.py", "tagger.mjs", "tag.mjs", "page.mjs"):
        shutil.copy(READERS / name, folder)
    return folder


@pytest.fixture(scope="module")
def node_modules(exported: Path) -> Path:
    """The folder with the packages of the readers; skips the test where there is no node, or npm cannot get them."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = exported / "node_modules"
    if NODE_MODULES in os.environ:
        folder.symlink_to(Path(os.environ[NODE_MODULES]).resolve())
        return folder
    (exported / "package.json").write_text("{}")
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0")
    try:
        done = subprocess.run(["npm", "install", *quiet, *PACKAGES], cwd=exported, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip(f"npm did not install the packages within a minute, and {NODE_MODULES} names no folder of them")
    if done.returncode:
        pytest.skip(f"npm cannot install {' and '.join(PACKAGES)}: it needs its registry")
    return folder


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """A sentence of three pieces, odd words, none, and the sample."""
    found = [ODD, ODD[::-1], ["They"], []]
    file = str(bundled("data") / "sample" / "sample-dev.conllu")
    return [LONG, *found, *[sentence.tokens for sentence in read_conllu(read_lines(file), file)][::2]]


@pytest.fixture(scope="module")
def expected(sentences: list[list[str]]) -> list[Tags]:
    """What the tagger says in float32, without its rules for emoji and apostrophes."""
    english = tagger.load("english", device="cpu", precision="float32")
    english.engine.has_ascii_apostrophes = False
    english.engine.symbols.find = lambda forms: {}  # type: ignore[method-assign]
    tagged = english.stream(map(Sentence, sentences), columns=["upos", "xpos", "feats"])  # lemmas are not exported
    return [list(map(list, zip(*each.tags.values(), strict=True))) for each in tagged]


def test_the_tags_of_a_long_sentence_tell_where_it_was_cut(expected: list[Tags]) -> None:
    upos = [tags[0] for tags in expected[0]]
    assert len(upos) == 2500
    assert (upos[8], upos[1000], upos[2000]) == ("VERB", "NOUN", "NOUN")


AT_ONCE = 20  # sentences that a reader gets at a time, too


def check(command: list[str], folder: Path, sentences: list[list[str]], expected: list[Tags]) -> None:
    """A reader prints the tags of each sentence, and at the end those of the first ones, read at once."""
    text = "".join(f"{json.dumps(sentence)}\n" for sentence in sentences)
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *found, at_once = map(json.loads, done.stdout.splitlines())
    assert at_once == expected[:AT_ONCE]
    assert len(found) == len(expected)
    for sentence, ours, theirs in zip(sentences, expected, found, strict=True):
        assert ours == theirs, sentence


def test_the_python_reader(exported: Path, sentences: list[list[str]], expected: list[Tags]) -> None:
    (exported / "some.json").write_text(json.dumps(sentences[:AT_ONCE]))
    program = "import json, runpy; at_once = runpy.run_path('tag_onnx.py', run_name='__main__')['OnnxTagger']"
    program += "; print(json.dumps(at_once('english.onnx').tag(json.load(open('some.json')))))"
    check([sys.executable, "-c", program, "english.onnx"], exported, sentences, expected)


@pytest.mark.slow
@pytest.mark.usefixtures("node_modules")
def test_the_javascript_reader(exported: Path, sentences: list[list[str]], expected: list[Tags]) -> None:
    (exported / "some.json").write_text(json.dumps(sentences[:AT_ONCE]))
    at_once = "console.log(JSON.stringify(await tagger.tag(JSON.parse(readFileSync('some.json', 'utf8')))));"
    script = (exported / "tag.mjs").read_text(encoding="utf-8")
    (exported / "tag_all.mjs").write_text(f"{script}\n{at_once}\n", encoding="utf-8")
    check(["node", "tag_all.mjs", "english.onnx"], exported, sentences, expected)


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(exported: Path) -> Iterator[str]:
    """Of a server of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(exported)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.usefixtures("node_modules")
def test_the_module_of_a_browser(exported: Path, address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    (exported / "index.html").write_text("<!DOCTYPE html><body><script type=module src=page.mjs></script>")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
        page.goto(address)
        page.wait_for_function("document.body.textContent.includes('PUNCT')", timeout=30_000)
        (tags,) = json.loads(page.text_content("body") or "")
        browser.close()
    assert [upos for upos, *_ in tags] == ["PRON", "VERB", "NOUN", "PUNCT"]
    assert hosts == {address}


def test_files_that_exist_and_bad_input(model: Path, tmp_path: Path) -> None:
    for options in (["--onnx", "-"], ["--onnx", "x.onnx", "--vocabulary", "-"]):
        assert error("export", *options) == "error: an export is two files, and - is no file; name both"
    assert "no corpus by name" in error("export", "--onnx", "x.onnx", "--model", str(model), "--corpus", "UD_A")
    assert "is a folder" in error("export", "--onnx", str(tmp_path), "--model", str(model))
    assert list(tmp_path.iterdir()) == []
    arguments = ("export", "--onnx", "x.onnx", "--vocabulary", "words.json", "--model", str(model))
    told = call(*arguments).stderr
    size = (tmp_path / "words.json").stat().st_size
    assert told.splitlines()[-1] == f"words.json: its vocabulary, {size / 1000:.1f} kB"
    assert json.loads((tmp_path / "words.json").read_text())["graph"] == "x.onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["words.json", "x.onnx"]
