"""A config and a corpus -> a module to train: new, with pretrained parts, or from a trained tagger."""

import dataclasses
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.members import joined_config
from tagger.model.network import check_training_memory
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.training.config import (
    TAGGER_PARTS,
    TRAINING_KEYS,
    EmbeddingConfig,
    TaggerModelConfig,
    TrainConfig,
    TransformerConfig,
    network_config,
)
from tagger.training.facts import Facts
from tagger.training.module import TaggerModule
from tagger.training.structured import from_plain
from tagger.training.transfer import merge_vocabularies, transfer_weights
from tagger.weights.catalog import find_tagger
from tagger.weights.folder import SavedTagger, load_tagger
from tagger.weights.huggingface import load_pretrained
from tagger.weights.saved_config import CONFIG
from tagger.weights.word_vectors import select_vectors

_log = logging.getLogger(__name__)


class Beginning(NamedTuple):
    """What training begins with.

    Attributes:
        module: ready for training.
        tokenizer: of the transformer, if there is one.
        facts: that training predicts beside the tags.
        start: the tagger that training starts from, if there is one.
        folder: of that tagger.
    """

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    facts: Facts
    start: SavedTagger | None = None
    folder: Path | None = None


def build(config: TrainConfig, corpus: Corpus) -> Beginning:
    """Makes the module.

    Args:
        config: of the experiment.
        corpus: its train split gives the vocabulary.

    Raises:
        InputError: the vectors, the transformer or the tagger to start from cannot be read; the network needs more
            memory than the machine has.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config.columns, config.embedding.min_count)
    vocabulary = dataclasses.replace(vocabulary, corpora=list(corpus.parts))
    facts = Facts.of(corpus.splits["train"], config.columns) if config.facts else Facts([])
    if config.init is None:
        return _from_config(config, vocabulary, facts)
    return _from_tagger(config, config.init, vocabulary, facts)


def _from_config(config: TrainConfig, vocabulary: Vocabulary, facts: Facts) -> Beginning:
    embedding = config.embedding
    vectors = {
        name: select_vectors(name, vocabulary.forms, embedding.vectors_keep, embedding.vectors_components)
        for name in embedding.vector_sources
    }
    for name, (rows, matrix) in vectors.items():
        share = sum(row_of(rows, form) is not None for form in vocabulary.forms) / max(1, len(vocabulary.forms))
        _log.info(
            "%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training",
            name,
            len(rows),
            *matrix.shape,
            100 * share,
        )
    vocabulary = dataclasses.replace(vocabulary, vectors={name: rows for name, (rows, _) in vectors.items()})

    encoder, tokenizer, described = None, None, None
    if embedding.transformer is not None:
        use = config.transformer
        encoder, tokenizer, described = load_pretrained(
            embedding.transformer,
            pooling=use.pooling,
            tune=use.tune,
            layers=use.layers,
            dtype=use.dtype,
            dropout=use.dropout,
            forms=vocabulary.forms,
        )
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in vectors.values()])
    network = network_config(config.model, embedding, vector_config, described)
    check_training_memory(vocabulary, joined_config(network, config.model.members))
    module = TaggerModule(
        asdict(vocabulary), network, config.model.members, len(facts.names), config.facts, **asdict(config.optimizer)
    )
    if module.body.embedding.vectors is not None:
        for source, (_, matrix) in enumerate(vectors.values()):
            module.body.embedding.vectors.fill(source, torch.from_numpy(matrix))
    if encoder is not None and module.body.transformer is not None:
        module.body.transformer.load_state_dict(encoder.state_dict())
    return Beginning(module, tokenizer, facts)


def find_start(name: str) -> Path:
    """The folder of the tagger that `init` names.

    Raises:
        InputError: there is none.
    """
    try:
        return find_tagger(name)
    except InputError:
        raise InputError(f"init={name}: no such tagger; name the folder of a tagger or of its run") from None


def _from_tagger(config: TrainConfig, name: str, vocabulary: Vocabulary, facts: Facts) -> Beginning:
    folder = find_start(name)
    start = load_tagger(folder)
    try:
        with_start(config, start)
    except InputError as error:
        raise InputError(
            f"{folder / CONFIG} does not say on what and how the tagger was trained ({error}); copy it again"
        ) from None
    merged = merge_vocabularies(start.vocabulary, vocabulary)
    for column, tags in merged.tags.items():
        new = [tag for tag in tags if tag not in start.vocabulary.tags.get(column, [])]
        _log.info("%s: %s", column, f"{len(new)} of {len(tags)} tags are new" if new else "all tags are known")
    _log.info(
        "starting from %s: %d words, %d of them new",
        folder,
        len(merged.words),
        len(merged.words) - len(start.vocabulary.words),
    )
    network = start.config["network"] | {"dropout": config.model.dropout}
    if network["transformer"] is not None:
        network["transformer"] = network["transformer"] | {"dropout": config.transformer.dropout}
    check_training_memory(merged, network)
    module = TaggerModule(asdict(merged), network, 1, len(facts.names), config.facts, **asdict(config.optimizer))
    transfer_weights(start, module.body, merged)
    return Beginning(module, start.tokenizer, facts, start, folder)


def with_start(config: TrainConfig, start: SavedTagger | None) -> TrainConfig:
    """The config with the sizes and the pretrained parts of the tagger to start from, if there is one.

    Raises:
        InputError: the tagger's folder does not have these values.
    """
    if start is None:
        return config
    training = start.config.get("training")
    if not isinstance(training, dict) or not isinstance(start.config.get("corpus"), str):
        raise InputError("it names no corpus or no config of a training")
    parts: dict[str, dict[str, Any]] = {}
    for part in TAGGER_PARTS:
        saved = training.get(part)
        if not isinstance(saved, dict):
            raise InputError(f"training.{part} is missing")
        parts[part] = dict(saved)
    for key in TRAINING_KEYS:
        part, _, name = key.partition(".")
        parts[part][name] = getattr(getattr(config, part), name)
    parts["model"] = {"members": 1} | parts["model"]  # older taggers have no members
    nothing_pretrained = {"vectors": None, "transformer": None}  # a network that predicts hidden words has neither
    parts["embedding"] = asdict(config.embedding) | nothing_pretrained | parts["embedding"]
    parts["transformer"] = asdict(config.transformer) | parts["transformer"]
    return dataclasses.replace(
        config,
        model=from_plain(TaggerModelConfig, parts["model"], "model."),
        embedding=from_plain(EmbeddingConfig, parts["embedding"], "embedding."),
        transformer=from_plain(TransformerConfig, parts["transformer"], "transformer."),
    )
