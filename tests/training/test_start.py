"""What a corpus and `init` decide of a config, each choice of which can be built; what networks start from."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import datasets
import pytest
import pytorch_lightning as pl
import torch
from datasets import Dataset, DatasetDict
from hydra.core.override_parser.overrides_parser import OverridesParser
from safetensors.torch import load_file
from torch.testing import assert_close

import tagger
from tagger.bundle.bundle import Member
from tagger.bundled import bundled
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import FORBIDDEN, CRFDecoder
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tagger.text.tags import breaks_of, has_breaks
from tagger.training.config import TrainConfig, check_machine, check_overrides, check_trainer_settings, config_from
from tagger.training.start import (
    Inputs,
    frozen_epochs,
    lemma_reliability,
    merge_vocabularies,
    network_config,
    transfer_weights,
    with_dictionary,
    with_init,
    with_recipe,
)
from tagger.training.teacher import text_ratio
from tagger.training.train import train
from tagger.words.dictionary import digest_of, open_dictionary
from tests.conftest import TOKENS, make_batch, make_network
from tests.pretrained.e5 import write_package
from tests.training.conftest import COMMAND, config_of, page, read_sentences, write_sentences

CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in bundled("conf").glob("*/*.yaml"))


def composed(*overrides: str) -> TrainConfig:
    return config_from(page("train", *overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path, vocabulary: Vocabulary) -> None:
    config = composed(choice)
    TaggerNetwork(vocabulary, network_config(with_recipe(config, 20_000), Inputs({}), {}, None))
    # a machine for the tests need not have a GPU
    trainer = config.trainer | {
        "accelerator": config.trainer["accelerator"].replace("gpu", "cpu").replace("mps", "cpu")
    }
    pl.Trainer(**trainer, logger=False, enable_checkpointing=False, default_root_dir=tmp_path)


def test_a_config_is_plain_values_and_back_and_its_directions_match(monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed("corpus=columns", r"corpus.train=a\${b}", "model.hidden.forward=[3,4]", "embedding.vectors=[a,b]")
    plain = json.loads(json.dumps(asdict(config)))
    assert config_from(plain) == config
    assert config.corpus.train == "a${b}"
    config = page("train", "experiment=directions", return_hydra_config=True)
    assert config.hydra.mode.name == "MULTIRUN"
    override = OverridesParser.create().parse_override(f"model.hidden={config.hydra.sweeper.params['model.hidden']}")
    sizes = [(hidden["forward"], hidden["backward"]) for hidden in override.sweep_iterator()]
    assert [bool(f) + 2 * bool(b) for f, b in sizes] == [1, 2, 3, 3, 3]
    counts = []
    for forward, backward in sizes:
        encoder = Encoder("gru", 420, [forward] * config.model.depth, [backward] * config.model.depth)
        counts.append(sum(parameter.numel() for parameter in encoder.parameters()))
    assert max(counts) < 1.02 * min(counts)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    check_machine(2, {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork"})
    check_overrides(["optimizer.lr=0.001", "model.dropout=0.2"], composed("init=first"))
    check_trainer_settings({"limit_train_batches": 0.5, "devices": [0, 1], "precision": "bf16-mixed"})


TEACHER, TEXT = "distill.teacher=TEACHER", "distill.text=FILE"


def test_what_a_recipe_decides(bert: Path) -> None:
    for keys, small, large in (  # epochs, tokens of a batch, dropout, patience
        ((), (20, 250, 0.6, 10), (10, 500, 0.5, 5)),
        (("experiment=multilingual",), (15, 250, 0.5, 8), (6, 500, 0.5, 5)),
        ((TEACHER, TEXT), (18, 500, 0.1, 9), (8, 1000, 0.1, 5)),
        (("trainer.max_epochs=3", "batch_tokens=70", "model.dropout=0.1", "patience=2"), *2 * [(3, 70, 0.1, 2)]),
    ):
        config = composed("corpus=conllu", *keys)
        for words, expected in ((20_000, small), (200_000, large)):
            made = with_recipe(config, words)
            assert (made.trainer["max_epochs"], made.batch_tokens, made.model.dropout, made.patience) == expected
    assert [text_ratio(words) for words in (5_000, 25_000, 200_000)] == [20, 4, 4]
    for keys, weight in (  # of a linear chain
        ((), 0.35),
        (("linear=0.2", "init=FOLDER"), 0.2),
        (("init=FOLDER",), None),  # the tagger keeps its own
        (("experiment=multilingual",), 0),
        ((TEACHER, TEXT), 0),
        ((TEACHER,), 0.35),
    ):
        assert with_recipe(composed("corpus=conllu", *keys), 20_000).linear == weight
    from tests.pretrained.encoders import load

    for tune, expected in ((4, [0, 1, 2, 4, 10]), (True, 5 * [0])):
        _, _, described = load(bert, tune=tune)
        assert [frozen_epochs(described, epochs) for epochs in (1, 2, 3, 6, 15)] == expected
    assert frozen_epochs(None, 6) == 0


GERMAN = ["Die Häuser der Nachbarn standen leer", "Sie gingen gestern mit den Kindern spazieren"]
DEV = "Kinder spielten bei den Nachbarn leer"


@pytest.mark.parametrize(
    ("name", "dev", "codes"),
    [
        ("UD_German-GSD", DEV, ["de"]),
        ("my letters", DEV, ["de"]),  # as the finder of languages says
        ("UD_Turkish-BOUN", DEV, None),  # whose dictionary knows too few of the words
        ("UD_Afrikaans-AfriBooms", DEV, None),  # which has none
        ("UD_German-GSD + UD_French-GSD", DEV, None),  # of several languages
        ("UD_Norwegian-Nynorsk", "husene bøkene jentene", ["nb", "nn"]),  # the one that knows more is asked first
        ("UD_Norwegian-Nynorsk", "husa bøkene jentene kjem ikkje", ["nn", "nb"]),
    ],
)
def test_the_dictionary_is_that_of_the_language(name: str, dev: str, codes: list[str] | None) -> None:
    splits = {"train": GERMAN, "dev": [dev]}
    tokens = {split: Dataset.from_dict({"tokens": list(map(str.split, texts))}) for split, texts in splits.items()}
    corpus = Corpus(name, DatasetDict(tokens), "unicode")
    assert with_dictionary(composed("corpus=conllu"), corpus).embedding.dictionary == codes
    for value in ("null", "fr", "[fr,de]"):  # what is named stays
        named = composed("corpus=conllu", f"embedding.dictionary={value}")
        assert with_dictionary(named, corpus) == named


def test_a_training_counts_with_its_dictionary_or_that_of_init(lemmas: Callable[..., Tagger]) -> None:
    cats = {"tokens": ["cats", "dogs"], "upos": ["NOUN", "NOUN"], "lemma": ["cat", "dogs"], "xpos": ["N", "N"]}
    train = Dataset.from_list([cats])
    counted = {"[upos,lemma]": ["NOUN"], "[lemma]": [""], "[lemma,xpos]": [""], "[upos]": None}
    for columns, tags in counted.items():
        config = composed("corpus=conllu", f"columns={columns}", "embedding.dictionary=en")
        found = lemma_reliability(config, None, train)
        assert (found and list(found.new)) == tags
        none = composed("corpus=conllu", f"columns={columns}", "embedding.dictionary=null")
        assert lemma_reliability(none, None, train) is None
    config = composed("corpus=conllu", "columns=[upos,lemma]", "embedding.dictionary=en", "init=FOLDER")
    found = lemma_reliability(replace(config, init=None), None, train)
    init = lemmas().bundle
    for before, after in ((None, None), (found, found)):  # its networks read none
        bundle = replace(init, lemmas=before)
        assert lemma_reliability(with_init(config, bundle), bundle, train) == after
    assert found.dictionary == {"en": digest_of("en")}


# What networks start from


def start(treebank: Path, folder: Path, *overrides: str) -> Tagger:
    """A tagger trained for one epoch."""
    train(config_of(treebank, "trainer.max_epochs=1", *overrides), folder, COMMAND)
    return tagger.load(folder, precision="float32")


def tokens(treebank: Path) -> list[list[str]]:
    return [sentence.tokens for sentence in read_sentences(treebank / "en_tiny-ud-dev.conllu")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tune"), [("bert", False), ("bert", 1), ("e5", False), ("e5", True)])
def test_a_tagger_carries_its_transformer(
    treebank: Path, tmp_path: Path, bert: Path, name: str, tune: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    encoder = Path(shutil.copytree(bert, tmp_path / "bert"))  # a copy that may be removed
    before = load_file(encoder / "model.safetensors")
    chosen = [f"embedding.transformer={encoder}"]
    if name == "e5":
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        encoder = write_package(tmp_path / "site").parent
        chosen = ["experiment=multilingual", "transformer.layers=[0,2]"]
    loaded = start(treebank, tmp_path / "run", *chosen, f"transformer.tune={tune}", "transformer.dtype=float32")
    if name == "bert":
        trained = load_file(tmp_path / "run" / "tagger" / "model.safetensors")
        names = [each for each in before if "pooler" not in each]
        same = [torch.equal(trained[f"0.transformer.encoder.{each}"], before[each]) for each in names]
        assert all(same) == (not tune)
        with pytest.raises(InputError, match="whose outputs are kept for the text as it is; leave noise out"):
            start(treebank, tmp_path / "noisy", f"init={tmp_path / 'run'}", "noise=0.3")
    assert not (tmp_path / "run" / "shards").exists()  # what a frozen transformer says is needed no more
    shutil.rmtree(encoder)
    again = tagger.load(tmp_path / "run", precision="float32")
    predicted = read_sentences(tmp_path / "run" / "dev.predicted.conllu")
    assert again.tag_sentences(tokens(treebank)) == [sentence.tags["upos"] for sentence in predicted]
    assert loaded.tag(["x"] * 500) == again.tag(["x"] * 500)  # beyond the encoder's limit
    options = (f"init={tmp_path / 'run'}", "optimizer.lr=1e-60", "optimizer.transformer_lr=0", "seed=2")
    second = start(treebank, tmp_path / "second", *options, "model.dropout=0.4")
    assert second.bundle.networks[0].config["dropout"] == second.config["training"]["model"]["dropout"] == 0.4
    assert second.tag_sentences(tokens(treebank)) == loaded.tag_sentences(tokens(treebank))


def test_the_folder_says_what_training_started_from_and_a_crf_and_vectors_stay(treebank: Path, tmp_path: Path) -> None:
    first = start(treebank, tmp_path / "first", "card.version=7", "card.license=CC0", "segmenter=english")
    second = start(treebank, tmp_path / "second", f"init={tmp_path / 'first'}", "model.depth=4")
    assert second.bundle.segmenter == "english"
    assert second.config["start"].endswith(" 7 (CC0)")
    assert second.config["training"]["model"] == first.config["training"]["model"]
    (tmp_path / "vectors.txt").write_text("the 0.5 1.0\nof 0.1 0.2\n")
    for name, options in (
        ("first", ["model.decoder=crf", f"embedding.vectors={tmp_path}/vectors.txt"]),
        ("again", [f"init={tmp_path}/first", "optimizer.lr=1e-60"]),
    ):
        found = start(treebank, tmp_path / name, *options)
        assert float(found.bundle.networks[0].decoders["upos"].transitions.detach().abs().sum()) > 0
        (tmp_path / "vectors.txt").unlink(missing_ok=True)
    first = tagger.load(tmp_path / "first", precision="float32")
    assert first.bundle.networks[0].config == found.bundle.networks[0].config
    assert first.tag_sentences(tokens(treebank)) == found.tag_sentences(tokens(treebank))


def test_a_crf_learns_spans_and_never_breaks_one(tmp_path: Path) -> None:
    for name, lines in {
        "whole": {"abc": "B-X I-X O", "def": "O B-Y I-Y"},
        "broken": {"abc": "I-X I-X O", "defg": "O B-Y I-Y B-X"},
    }.items():
        (tmp_path / name).mkdir()
        sentences = [Sentence([*forms], {"xpos": tags.split()}) for forms, tags in lines.items()]
        write_sentences(tmp_path / name / "x-train.conllu", sentences * 20)
        options = ("columns=[xpos]", "model.decoder=crf", "model.members=2", "trainer.max_epochs=1")
        train(config_of(tmp_path / name, *options), tmp_path / name / "run", COMMAND)
        loaded = tagger.load(tmp_path / name / "run")
        decoder, tags = loaded.bundle.networks[0].decoders["xpos"], loaded.vocabulary.tags["xpos"]
        inside = loaded.vocabulary.tag_ids["xpos"]["I-X"]
        assert (decoder.start[inside].item() == FORBIDDEN) is (name == "whole")
        tagged = loaded.tag_sentences([list("fbbeaff"), list("bbb"), ["f"]], "xpos")
        if name == "whole":
            assert not has_breaks(tagged, breaks_of(tags), tags)


NEW = [
    {"tokens": ["They", "re-book", "Flüge", "."], "upos": ["PRON", "VERB", "X", "PUNCT"], "chunk": ["A", "B", "B", "C"]}
]


def continued(saved: Member, new: Vocabulary) -> tuple[TaggerNetwork, Vocabulary]:
    merged = merge_vocabularies(saved.vocabulary, new)
    network = make_network(merged, seed=2, decoder=saved.network.config["decoder"])
    transfer_weights(saved, network, merged)
    return network, merged


def test_what_is_known_stays(vocabulary: Vocabulary) -> None:
    saved, new = Member(make_network(vocabulary), vocabulary), Vocabulary.build(NEW, ["upos"], min_count=1)
    merged = merge_vocabularies(vocabulary, new)
    assert {word: merged.word_ids[word] for word in vocabulary.words} == vocabulary.word_ids
    assert {c: merged.character_ids[c] for c in vocabulary.characters} == vocabulary.character_ids
    assert set(merged.words) == {*vocabulary.words, *new.words}
    assert merged.words["they"] == vocabulary.words["they"] + 1
    assert merged.known_forms == {*vocabulary.forms, *new.forms}
    assert merged.forms == sorted(merged.forms)
    old = Vocabulary.build([{"tokens": ["mice", "x"], "lemma": ["mouse", "_"]}], ["lemma"])
    new = Vocabulary.build([{"tokens": ["x", "dogs", "mice"], "lemma": ["x", "dog", "mice"]}], ["lemma"])
    merged = merge_vocabularies(old, new)
    assert merged.forms == ["dogs", "mice", "x"]
    scripts = [{merged.tags["lemma"][i] for i in ids} for ids in merged.form_tags["lemma"]]
    assert scripts == [{"lower:*-"}, {"lower:*"}, {"lower:*"}]  # most tags are new: `lower:mouse` is gone
    first = merge_vocabularies(vocabulary, new)
    assert first.form_tags.keys() == {"lemma"}
    assert merge_vocabularies(first, vocabulary).form_tags == {}
    tags = ["N", "NOUN", "V", "X"]
    network, merged = continued(saved, replace(vocabulary, tags={"upos": tags}, combinations=[]))
    assert merged.tags == {"upos": tags}
    old, new = saved.network.heads["upos"], network.heads["upos"]
    row = vocabulary.tag_ids["upos"]["NOUN"]
    assert torch.equal(new.weight[1], old.weight[row])
    assert torch.equal(new.bias[1], old.bias[row])
    assert not any(torch.equal(new.weight[0], weight) for weight in old.weight)
    network, merged = continued(saved, Vocabulary.build(NEW, ["upos", "chunk"], min_count=1))
    assert merged.columns == ["upos", "chunk"]
    before = saved.network(make_batch(TOKENS, vocabulary)).scores["upos"]
    after = network(make_batch(TOKENS, merged)).scores
    assert_close(after["upos"][..., : before.shape[-1]], before)
    assert after["upos"].shape[-1] == before.shape[-1] + 1
    assert after["chunk"].shape[-1] == 3


def test_transitions_stay_with_their_tags_and_what_was_forbidden_is_learned_anew(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, decoder="crf")
    old = cast(CRFDecoder, network.decoders["upos"])
    with torch.no_grad():
        for parameter in old.parameters():
            torch.nn.init.normal_(parameter)
    ids = vocabulary.tag_ids["upos"]
    old.forbid([ids["NOUN"]], [(ids["NOUN"], ids["VERB"])])
    saved = Member(network, vocabulary)
    tags = ["A", "VERB", "NOUN", "B", "DET"]
    changed, merged = continued(saved, replace(vocabulary, tags={"upos": tags}, combinations=[]))
    new, here = cast(CRFDecoder, changed.decoders["upos"]), merged.tag_ids["upos"]
    assert new.transitions[here["VERB"], here["DET"]] == old.transitions[ids["VERB"], ids["DET"]]
    assert new.end[here["VERB"]] == old.end[ids["VERB"]]
    assert new.transitions[here["NOUN"], here["VERB"]] == new.start[here["NOUN"]] == 0


def test_lemmas_and_corpora_of_a_tagger_stay_and_new_ones_follow(vocabulary: Vocabulary) -> None:
    english = {"en": digest_of("en")}
    dictionary = open_dictionary(**english)
    known = vocabulary.with_lemmas(dictionary, 1)
    network = make_network(known, lemmas=4, dictionary=english)
    new = Vocabulary.build([{"tokens": ["The", "ducks"], "upos": ["DET", "NOUN"]}], ["upos"], min_count=1)
    merged = merge_vocabularies(known, new).with_lemmas(dictionary, 1)
    changed = make_network(merged, seed=2, lemmas=4, dictionary=english)
    transfer_weights(Member(network, known), changed, merged)
    assert [*merged.lemmas] == [*known.lemmas, "duck"]
    assert merged.lemmas["the"] == known.lemmas["the"] + 1
    assert torch.equal(changed.embedding.lemmas.weight[:-1], network.embedding.lemmas.weight)
    several = replace(vocabulary, corpora=["a", "b"])
    network = make_network(several)
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    saved = Member(network, several)
    new = replace(Vocabulary.build(NEW, ["upos"], min_count=1), corpora=["c", "b"])
    merged_network, merged = continued(saved, new)
    assert merged.corpus_ids == {"a": 1, "b": 2, "c": 3}
    assert torch.equal(merged_network.corpora.weight[:3], network.corpora.weight)
    assert not merged_network.corpora.weight[3].any()
    first, _ = continued(Member(make_network(vocabulary), vocabulary), new)
    assert first.corpora.weight.shape == (3, network.embedding.width)


def test_a_tagger_that_goes_on_keeps_its_linear_chain(treebank: Path, tmp_path: Path) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    (before,) = start(treebank, first, "linear=0.2").bundle.linear
    (kept,) = start(treebank, second, f"init={first}", "linear=null").bundle.linear
    assert kept.weight == before.weight
    assert_close(kept.chain.state_dict(), before.chain.state_dict(), rtol=0, atol=0)
    (anew,) = start(treebank, third, f"init={first}", "linear=0.3").bundle.linear
    assert anew.weight == 0.3
    assert not start(treebank, third, f"init={first}", "linear=0").bundle.linear
