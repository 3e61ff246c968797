"""Pipelines of spaCy with our parts, a tagger with features and lemmas, and what an installation tells spaCy."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language

import tagger.adapters.spacy
import tagger.adapters.spacy_tokenizer  # noqa: F401  # both register themselves
from tagger.model.vocabulary import Vocabulary
from tests.conftest import CORPUS, make_network, overfit, save_tiny

ROOT = Path(__file__).resolve().parents[2]
FEATS = [["Number=Plur", "_", "Number=Plur", "_"], ["_", "Number=Sing", "_", "_", "_"], ["_"]]
LEMMAS = [["they", "book", "flight", "."], ["the", "book", "read", "well", "."], ["well"]]


def pipeline(model: Path | str = "english", ours: bool = True, **settings: Any) -> Language:
    """A pipeline with our component, and with our tokenizer if `ours`."""
    tokenizer = {"@tokenizers": "bigru_tokenizer", "model": str(model)}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}} if ours else {})
    nlp.add_pipe("bigru_tagger", config={"model": str(model), **settings})
    return nlp


def with_entry_points(folder: Path) -> dict[str, str]:
    """The environment of a process that finds the entry points of `pyproject.toml`, as after an installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / "site" / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    paths = [str(info.parent), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture(scope="session")
def lemmatizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tagger that knows UPOS, features and lemmas of the tiny corpus by heart; not to be changed."""
    corpus = [
        {**sentence, "feats": feats, "lemma": lemmas}
        for sentence, feats, lemmas in zip(CORPUS, FEATS, LEMMAS, strict=True)
    ]
    vocabulary = Vocabulary.build(corpus, ["upos", "feats", "lemma"], min_count=1)
    network = make_network(vocabulary)
    overfit(network, vocabulary, corpus=corpus)
    return save_tiny(tmp_path_factory.mktemp("lemmatizer") / "tagger", network, vocabulary)
