"""Every file of every config group composes and can be built; what a corpus and `init` decide of a config."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import pytorch_lightning as pl
from datasets import Dataset, DatasetDict
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.corpus.splits import Corpus
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.training.config import TrainConfig, check_machine, check_overrides, check_trainer_settings, config_from
from tagger.training.start import (
    Inputs,
    frozen_epochs,
    lemma_reliability,
    network_config,
    with_dictionary,
    with_init,
    with_recipe,
)
from tagger.training.teacher import text_ratio
from tagger.words.dictionary import digest_of
from tests.pretrained.encoders import load
from tests.training.conftest import page

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
