"""The two files of an export, the command, and the readers in docs/onnx/, which give the tags of the tagger."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tagger
from tagger.bundle.bundle import Bundle, Member
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.extras.onnx import onnx_file
from tagger.extras.onnx.onnx_graph import input_shapes, network_graph, scores_name
from tagger.model.embeddings import affix_rows
from tagger.model.encoder import CELLS
from tagger.model.network import share_pretrained
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence
from tagger.words.dictionary import digest_of
from tagger.words.judges import Signs
from tests.commands.conftest import call, error
from tests.conftest import CORPUS, ROOT, TOKENS, bundle_of, make_batch, make_network, save_tiny

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

LIMIT = 1_000
SENTENCES = [*TOKENS, ["unknown", "words", "x" * 60, "", "\ud800"], ["They"], ["reads", "well"] * 9]
NODE_MODULES = "TAGGER_NODE_MODULES"  # names a folder node_modules with the two packages
ODD = [
    *("ΟΔΟΣ", "İstanbul", "ǅ", "²", "①②③④⑤", "Ⅷ", "𝟘𝟙", "\N{GRINNING FACE}", "\U0001f100" * 5, "١٢٣", "1,250.00"),
    *("\ud800", "x\udfffy", "x" * 40, "é" * 33, "\U00010400" * 33, "aaaaAAAA", "ẞ", "a\u0345Σ", "\n" * 5, "\u2028"),
    *("10", "2", "__proto__", "toString"),
]
LONG = (["plan", "to", "set", "the", "watch", "on", "a", "we"] * 313)[:2500]  # "we" is cut off from two of "plan"
AT_ONCE = 20  # sentences that a reader gets at a time, too
VECTORS = {"sizes": [3, 4], "projection": 0, "tune": False, "dtype": "float16"}


def export(folder: Path, to: Path, **options: Any) -> onnx_file.Exported:
    return onnx_file.export_onnx(folder, to, to.with_name(f"{to.name}.json"), LIMIT, **options)


def test_the_json_has_all_that_a_reader_needs(vocabulary: Vocabulary, tmp_path: Path) -> None:
    rows = {"a": {"book": 0, "They": 1}}
    odd = dataclasses.replace(
        vocabulary, words={"10": 2, "2": 1, "they": 1, "\ud800": 1}, characters=["1", "\ud800"], vectors=rows
    )
    network = make_network(odd, vectors={**VECTORS, "sizes": [3]})
    about: dict[str, Any] = {"corpus": "Tiny", "version": "1.0", "license": "CC0"}
    scores = {"dev": {"upos": 0.5}}
    bundle = bundle_of(network, odd, **about, scores=scores, temperatures={"xpos": 1.5})
    bundle.save(tmp_path / "tagger", "# card\n")
    done = export(tmp_path / "tagger", tmp_path / "new" / "x.onnx")
    assert (done.columns, done.left_out) == (["upos", "xpos"], [])
    text = (tmp_path / "new" / "x.onnx.json").read_text(encoding="ascii")
    assert done.sizes == ((tmp_path / "new" / "x.onnx").stat().st_size, len(text))
    read = json.loads(text)
    assert (read["format"], read["version"], read["graph"]) == ("tagger-onnx", 1, "x.onnx")
    assert read["tagger"] == about | {"scores": scores}
    assert read["words"] == [["10", 2], ["2", 3], ["they", 4], ["\ud800", 5]]
    assert read["characters"] == {"longest": 32, "ids": [["1", 2], ["\ud800", 3]]}
    assert read["vectors"] == [{"name": "a", "rows": [["book", 1], ["They", 2]]}]  # row 0 is that of no vector
    assert [(c["name"], c["temperature"]) for c in read["columns"]] == [("upos", 1.0), ("xpos", 1.5)]
    assert [column["tags"] for column in read["columns"]] == list(odd.tags.values())
    assert (read["padding"], read["unknown"], read["sentence_tokens"]) == (0, 1, LIMIT)
    model = onnx.load(tmp_path / "new" / "x.onnx")
    assert [each["name"] for each in read["inputs"]] == [each.name for each in model.graph.input]
    assert [read["outputs"]["tags"], *read["outputs"]["scores"]] == [each.name for each in model.graph.output]
    for each, graph_input in zip(read["inputs"], model.graph.input, strict=True):
        assert each["shape"] == [d.dim_param or d.dim_value for d in graph_input.type.tensor_type.shape.dim]
    assert {each.key: each.value for each in model.metadata_props} == about | {"vocabulary": "x.onnx.json"}


def test_the_digits_are_those_of_shapes() -> None:
    digits = set(onnx_file.other_digits())
    assert {"²", "①", "\U0001f100"} <= digits
    digits |= {each for each in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(each) == "Nd"}
    shapes = affix_rows(1 << 20, ["9", "Ⅷ", *digits])[:, -1]
    assert set(shapes[2:]) == {shapes[0]} != {shapes[1]}


def test_what_cannot_be_exported(
    trained: Path, vocabulary: Vocabulary, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lemmas = [{**each, "lemma": each["tokens"]} for each in CORPUS]
    words = Vocabulary.build(lemmas, ["upos", "lemma", "xpos"], min_count=1)
    done = export(save_tiny(tmp_path / "some", make_network(words), words), tmp_path / "some.onnx")
    assert (done.columns, done.left_out) == (["upos", "xpos"], ["lemma"])
    names = [each.name for each in onnx.load(tmp_path / "some.onnx").graph.output]
    assert names == ["tags", "scores_upos", "scores_xpos"]
    alone = Vocabulary.build(lemmas, ["lemma"], min_count=1)
    save_tiny(tmp_path / "alone", make_network(alone), alone)
    save_tiny(tmp_path / "crf", make_network(vocabulary, decoder="crf"), vocabulary)
    other = Vocabulary.build(CORPUS, ["upos", "xpos"], min_count=2)
    first, second = Bundle.load(trained), bundle_of(make_network(other), other)
    members = tuple(dataclasses.replace(tagger.members[0], weight=0.5) for tagger in (first, second))
    dataclasses.replace(first, members=members).save(tmp_path / "two", "# card\n")
    plain = Vocabulary.build(CORPUS, [], 1)
    save_tiny(tmp_path / "words", make_network(plain), plain)
    _, tokenizer, described = load_pretrained(str(bert), pooling="first", tune=True, layers=None, dtype="float32")
    reading = make_network(vocabulary, lemmas=4, dictionary={"en": digest_of("en")})
    save_tiny(tmp_path / "lemmas", reading, vocabulary)
    bundle_of(make_network(vocabulary, transformer=described), vocabulary, tokenizer).save(tmp_path / "bert", "")
    several = dataclasses.replace(vocabulary, corpora=["UD_A", "UD_B"])
    save_tiny(tmp_path / "several", make_network(several), several)
    refused = {
        "alone": "has lemmas alone",
        "crf": "has a CRF",
        "two": "networks that learned other words",
        "words": "has no tags",
        "bert": "a transformer",
        "lemmas": "reads a dictionary, which is not exported; export a tagger of embedding.dictionary=null",
    }
    for name, message in refused.items():
        with pytest.raises(InputError, match=message):
            export(tmp_path / name, tmp_path / "x.onnx")
    with pytest.raises(InputError, match=r"'UD_C': the tagger .* knows UD_A, UD_B"):
        export(tmp_path / "several", tmp_path / "x.onnx", corpus="UD_C")
    assert {path.name for path in tmp_path.iterdir()} == {*refused, "several", "some", "some.onnx", "some.onnx.json"}
    export(tmp_path / "several", tmp_path / "x.onnx", corpus="UD_B")
    assert "corpus" in [each.name for each in onnx.load(tmp_path / "x.onnx").graph.initializer]
    monkeypatch.setattr(onnx_file, "MAX_BYTES", 1_000)
    with pytest.raises(InputError, match=r"GB of weights; a graph has at most"):
        export(trained, tmp_path / "y.onnx")


def computed(model: Any, members: Sequence[Member], sentences: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """The outputs of a graph for sentences whose padding holds random ids of words, affixes, characters and vectors."""
    batch = make_batch(sentences, members[0].vocabulary)
    here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T.numpy()  # (B, T)
    random = np.random.default_rng(1)
    feeds = {"lengths": batch.lengths.numpy().astype(np.int32)}
    for name in input_shapes(members).keys() - {"lengths"}:
        values = batch.features[name].numpy()
        padded = values[batch.index.T.numpy()].astype(np.int32)
        padded[~here] = random.integers(0, values.max() + 1, padded[~here].shape)
        feeds[name] = padded
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return {name: found[here] for name, found in zip(names, session.run(names, feeds), strict=True)}


def check(members: Sequence[Member], corpus: str | None = None) -> None:
    """Compares all outputs with the mean of the networks' scores and with the tagger's tags."""
    vocabulary = members[0].vocabulary
    number = 0 if corpus is None else vocabulary.corpus_ids[corpus]
    model = network_graph(members, vocabulary.columns, vocabulary.combinations, number)
    found = computed(model, members, SENTENCES)
    batch = make_batch(SENTENCES, vocabulary)
    if vocabulary.corpora:
        batch.corpora = torch.full((len(SENTENCES),), number)
    here = (torch.arange(len(batch.index))[:, None] < batch.lengths).T
    with torch.inference_mode():
        scores = [member.network(batch).scores for member in members]
    for column in vocabulary.columns:
        shares = [member.weight / member.temperatures.get(column, 1.0) for member in members]
        expected = sum(share * each[column] for share, each in zip(shares, scores, strict=True))
        assert np.abs(found[scores_name(column)] - expected.transpose(0, 1)[here].numpy()).max() < 1e-5
    reader = Tagger(Bundle(tuple(members), "english", {}), TaggerOptions("cpu", "float32", corpus=corpus))
    read = reader.engine.reader.read(SENTENCES).sentences  # a graph has no say in this, nor in the next line
    reader.engine.judges = [judge for judge in reader.engine.judges if not isinstance(judge, Signs)]
    found = computed(model, members, read)
    tagged = list(reader.stream(map(Sentence, SENTENCES)))
    for place, column in enumerate(vocabulary.columns):
        names = [vocabulary.tags[column][tag] for tag in found["tags"][:, place]]
        assert names == [tag for sentence in tagged for tag in sentence.tags[column]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("forward", "backward"), [(8, 6), ([3, 0], [0, 5]), (4, 0), ([4, 7], [9, 2])])
def test_every_cell_and_direction(vocabulary: Vocabulary, cell: str, forward: Any, backward: Any) -> None:
    hidden = {"forward": forward, "backward": backward}
    check([Member(make_network(vocabulary, cell=cell, hidden=hidden), vocabulary)])


def test_every_part_of_the_embedding(vocabulary: Vocabulary) -> None:
    rows = {"a": {"book": 0, "They": 1}, "b": {"well": 1, "they": 0, "x": 2}}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["words", "affixes", "characters"]),
        ({"affixes": 0}, ["words", "characters"]),
        ({"words": 0, "affixes": 0}, ["characters"]),
        ({"vectors": VECTORS}, ["words", "affixes", "characters", "vectors"]),
        ({"vectors": {**VECTORS, "projection": 5, "dtype": "float32"}, "chars": 0}, ["words", "affixes", "vectors"]),
    ]
    for changes, inputs in cases:
        known = dataclasses.replace(vocabulary, vectors=rows) if "vectors" in changes else vocabulary
        network = make_network(known, **changes)
        vectors = network.embedding.vectors
        if vectors is not None:
            torch.nn.init.normal_(vectors.missing)
            vectors.fill(0, torch.randn(2, 3))
            vectors.fill(1, torch.randn(3, 4))
        assert list(input_shapes([Member(network, known)])) == [*inputs, "lengths"]
        check([Member(network, known)])


def test_the_scores_of_several_networks_are_averaged(vocabulary: Vocabulary) -> None:
    known = dataclasses.replace(vocabulary, vectors={"a": {"book": 0, "They": 1}})
    config = {"vectors": {**VECTORS, "sizes": [3], "projection": 5}}
    first, second = make_network(known, 1, **config), make_network(known, 2, depth=1, **config)
    first.embedding.vectors.fill(0, torch.randn(2, 3))
    share_pretrained([first, second])
    members = [Member(first, known, weight=0.75, temperatures={"upos": 2.0}), Member(second, known, weight=0.25)]
    check(members)
    names = [each.name for each in network_graph(members, known.columns, []).graph.initializer]
    assert len(set(names)) == len(names)
    assert [name for name in names if "embedding.vectors.0" in name] == ["embedding.vectors.0"]


def test_the_corpus_that_the_network_is_told_and_combinations_of_tags(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network = make_network(several)
    torch.nn.init.normal_(network.corpora.weight[1:])
    for corpus in (None, "a", "b"):
        check([Member(network, several)], corpus)
    members = [Member(make_network(vocabulary), vocabulary)]
    model = network_graph(members, vocabulary.columns, [], about={"license": "CC0"})
    onnx.checker.check_model(model, full_check=True)
    assert {each.key: each.value for each in model.metadata_props} == {"license": "CC0"}
    assert model.ir_version == 8
    assert [each.version for each in model.opset_import] == [17]
    network = make_network(vocabulary, seed=7)
    members = [Member(network, vocabulary)]
    apart = computed(network_graph(members, vocabulary.columns, []), members, SENTENCES)
    for place, column in enumerate(vocabulary.columns):
        assert np.array_equal(apart["tags"][:, place], apart[scores_name(column)].argmax(axis=1))
    known = {tuple(tags) for tags in vocabulary.combinations}
    assert not {tuple(tags) for tags in apart["tags"].tolist()} <= known  # so the choice together changes some
    model = network_graph(members, vocabulary.columns, vocabulary.combinations)
    assert {tuple(tags) for tags in computed(model, members, SENTENCES)["tags"].tolist()} <= known
    check([Member(network, dataclasses.replace(vocabulary, combinations=[]))])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled tagger as ONNX, in a folder that also has the readers of the documentation."""
    folder = tmp_path_factory.mktemp("onnx")
    done = call("export", "--onnx", str(folder / "english.onnx"))
    assert f"{folder / 'english.onnx'}: upos, xpos, feats, " in done.stderr
    for name in ("tag_onnx.py", "tagger.mjs", "tag.mjs", "page.mjs"):
        shutil.copy(ROOT / "docs" / "onnx" / name, folder)
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
    line = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0"]
    try:
        subprocess.run([*line, "onnxruntime-node", "onnxruntime-web"], cwd=exported, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip(f"npm did not install the packages within a minute, and {NODE_MODULES} names no folder of them")
    return folder


@pytest.mark.parametrize("reader", ["python", pytest.param("javascript", marks=pytest.mark.slow)])
def test_readers_print_the_tags_of_each_sentence(reader: str, exported: Path, request: pytest.FixtureRequest) -> None:
    """A sentence of three pieces, odd words, none, and the sample; at the end the first ones, read at once."""
    file = str(bundled("data") / "sample" / "sample-dev.conllu")
    sample = [sentence.tokens for sentence in read_conllu(read_lines(file), file)][::2]
    sentences = [LONG, ODD, ODD[::-1], ["They"], [], *sample]
    english = tagger.load("english", device="cpu", precision="float32")
    # a reader does not have what the tagger knows of emoji, and lemmas are not exported
    english.engine.judges = [judge for judge in english.engine.judges if not isinstance(judge, Signs)]
    tagged = english.stream(map(Sentence, sentences), columns=["upos", "xpos", "feats"])
    expected = [list(map(list, zip(*each.tags.values(), strict=True))) for each in tagged]
    (exported / "some.json").write_text(json.dumps(sentences[:AT_ONCE]))
    if reader == "python":
        program = "import json, runpy; at_once = runpy.run_path('tag_onnx.py', run_name='__main__')['OnnxTagger']"
        program += "; print(json.dumps(at_once('english.onnx').tag(json.load(open('some.json')))))"
        command = [sys.executable, "-c", program]
    else:
        request.getfixturevalue("node_modules")
        at_once = "console.log(JSON.stringify(await tagger.tag(JSON.parse(readFileSync('some.json', 'utf8')))));"
        script = (exported / "tag.mjs").read_text(encoding="utf-8")
        (exported / "tag_all.mjs").write_text(f"{script}\n{at_once}\n", encoding="utf-8")
        command = ["node", "tag_all.mjs"]
    text = "".join(f"{json.dumps(sentence)}\n" for sentence in sentences)
    command.append("english.onnx")
    done = subprocess.run(command, cwd=exported, input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *found, first = map(json.loads, done.stdout.splitlines())
    assert first == expected[:AT_ONCE]
    for sentence, ours, theirs in zip(sentences, expected, found, strict=True):
        assert ours == theirs, sentence
    upos = [tags[0] for tags in expected[0]]
    assert len(upos) == 2500
    assert (upos[8], upos[1000], upos[2000]) == ("VERB", "NOUN", "NOUN")


@pytest.mark.slow
@pytest.mark.usefixtures("node_modules")
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_module_of_a_browser(exported: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    (exported / "index.html").write_text("<!DOCTYPE html><body><script type=module src=page.mjs></script>")
    asked: list[str] = []
    handler = partial(SimpleHTTPRequestHandler, directory=str(exported))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, playwright.sync_playwright() as browsers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_function("document.body.textContent.includes('PUNCT')", timeout=30_000)
        (tags,) = json.loads(page.text_content("body") or "")
        browser.close()
        server.shutdown()
    assert [upos for upos, *_ in tags] == ["PRON", "VERB", "NOUN", "PUNCT"]
    assert all(url.startswith(address) for url in asked)


def test_both_files_or_none(model: Path, tmp_path: Path) -> None:
    def mistake(line: str) -> str:
        return error("export", "--model", str(model), "--onnx", *line.split())

    for name in ("x.onnx", "x.onnx.json"):
        (tmp_path / name).write_text("mine")
        assert mistake("x.onnx") == f"error: {name} exists; --force replaces it"
        (tmp_path / name).unlink()
    (tmp_path / "file").write_text("mine")
    for line, message in (
        ("-", "error: an export is two files, and - is no file; name both"),
        ("x.onnx --vocabulary -", "error: an export is two files, and - is no file; name both"),
        ("x.onnx --vocabulary file/x.json", "cannot be written"),
        ("x.onnx --vocabulary x.onnx", "name another file with --vocabulary"),
        ("x.onnx --corpus UD_A", "no corpus by name"),
        (str(tmp_path), "is a folder"),
    ):
        assert message in mistake(line)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    export = ("export", "--onnx", "x.onnx", "--vocabulary", "words.json", "--model", str(model))
    told = call(*export).stderr
    size = (tmp_path / "words.json").stat().st_size
    assert told.splitlines()[-1] == f"words.json: its vocabulary, {size / 1000:.1f} kB"
    assert json.loads((tmp_path / "words.json").read_text())["graph"] == "x.onnx"
    before = (tmp_path / "x.onnx").read_bytes()
    call(*export, "--force")
    assert (tmp_path / "x.onnx").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "words.json", "x.onnx"]
