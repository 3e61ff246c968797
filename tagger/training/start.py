"""A config and a corpus -> a module to train: from nothing, with what is pretrained, or from a trained tagger."""

# K tags
import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.network import TaggerNetwork, check_training_memory
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.training.config import (
    TAGGER_PARTS,
    TRAINING_KEYS,
    EmbeddingConfig,
    ModelConfig,
    TrainConfig,
    TransformerConfig,
    network_config,
    structured,
)
from tagger.training.module import TaggerModule
from tagger.weights.catalog import find_tagger
from tagger.weights.folder import SavedTagger, load_tagger
from tagger.weights.huggingface import load_pretrained
from tagger.weights.saved_config import CONFIG
from tagger.weights.word_vectors import select_vectors

_log = logging.getLogger(__name__)


class Beginning(NamedTuple):
    """A module that is ready for training, the tokenizer of its transformer, and the tagger that it starts from."""

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    start: SavedTagger | None


def build(config: TrainConfig, corpus: Corpus) -> Beginning:
    """Makes the module.

    Args:
        config: of the experiment.
        corpus: its train split gives the vocabulary.

    Raises:
        InputError: vectors, a transformer or a tagger to start from that cannot be read.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config.columns, config.embedding.min_count)
    return _from_config(config, vocabulary) if config.init is None else _from_tagger(config, config.init, vocabulary)


def _from_config(config: TrainConfig, vocabulary: Vocabulary) -> Beginning:
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
        )
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in vectors.values()])
    network = network_config(config.model, embedding, vector_config, described)
    check_training_memory(vocabulary, network)
    module = TaggerModule(asdict(vocabulary), network, **asdict(config.optimizer))
    if module.network.embedding.vectors is not None:
        for source, (_, matrix) in enumerate(vectors.values()):
            module.network.embedding.vectors.fill(source, torch.from_numpy(matrix))
    if encoder is not None and module.network.transformer is not None:
        module.network.transformer.load_state_dict(encoder.state_dict())
    return Beginning(module, tokenizer, None)


def _from_tagger(config: TrainConfig, name: str, vocabulary: Vocabulary) -> Beginning:
    try:
        folder = find_tagger(name)
    except InputError:
        raise InputError(f"init={name}: no such tagger; name the folder of a tagger or of its run") from None
    start = load_tagger(folder)
    try:
        with_start(config, start)
    except InputError as error:
        raise InputError(
            f"{folder / CONFIG} does not tell what the tagger was trained on, and how ({error}); copy it again"
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
    check_training_memory(merged, network)
    module = TaggerModule(asdict(merged), network, **asdict(config.optimizer))
    transfer_weights(start, module.network, merged)
    return Beginning(module, start.tokenizer, start)


def with_start(config: TrainConfig, start: SavedTagger | None) -> TrainConfig:
    """The config as it is used: a tagger to start from decides the sizes of the network and what is pretrained.

    Raises:
        InputError: the tagger's folder does not tell these values.
    """
    if start is None:
        return config
    training = start.config.get("training")
    if not isinstance(training, dict) or not isinstance(start.config.get("corpus"), str):
        raise InputError("no corpus or no training")
    parts: dict[str, dict[str, Any]] = {}
    for part in TAGGER_PARTS:
        told = training.get(part)
        if not isinstance(told, dict):
            raise InputError(f"no {part}")
        parts[part] = dict(told)
    for key in TRAINING_KEYS:
        part, _, name = key.partition(".")
        parts[part][name] = getattr(getattr(config, part), name)
    nothing_pretrained = {"vectors": None, "transformer": None}  # a network that predicts hidden words has neither
    parts["embedding"] = asdict(config.embedding) | nothing_pretrained | parts["embedding"]
    parts["transformer"] = asdict(config.transformer) | parts["transformer"]
    return dataclasses.replace(
        config,
        model=structured(ModelConfig, parts["model"], "model."),
        embedding=structured(EmbeddingConfig, parts["embedding"], "embedding."),
        transformer=structured(TransformerConfig, parts["transformer"], "transformer."),
    )


def merge_vocabularies(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """What a tagger knows, then what the new corpus adds; the columns are those of the new corpus.

    A column of both keeps its tags and gets the new ones after them, unless most of the corpus's tags are
    new to it: then it is another tag set, of which only the tags in both keep what was learned of them.
    """
    words = {word: count + new.words.get(word, 0) for word, count in old.words.items()}
    return dataclasses.replace(
        old,
        words=words | {word: count for word, count in new.words.items() if word not in words},
        characters=_union(old.characters, new.characters),
        tags={column: _merge_tags(old.tags.get(column, []), tags) for column, tags in new.tags.items()},
        forms=sorted({*old.forms, *new.forms}),
    )


@torch.no_grad()
def transfer_weights(start: SavedTagger, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same config with a merged vocabulary.

    Words, characters and tags that are new to it keep the values that the network was made with.
    """
    merged = network.state_dict()
    for name, weights in start.network.state_dict().items():
        if name in merged and not name.startswith("heads."):
            kept = merged[name] if weights.shape == merged[name].shape else merged[name][: len(weights)]
            kept.copy_(weights)  # what is new comes after what is old
    for column, ids in vocabulary.tag_ids.items():
        old = start.vocabulary.tag_ids.get(column, {})
        shared = [tag for tag in ids if tag in old]
        for part in ("weight", "bias") if shared else ():
            name = f"heads.{column}.{part}"
            merged[name][[ids[tag] for tag in shared]] = start.network.get_parameter(name)[[old[t] for t in shared]]
    network.load_state_dict(merged)


def _merge_tags(old: Sequence[str], new: Sequence[str]) -> list[str]:
    shared = set(old) & set(new)
    return _union(old, new) if 2 * len(shared) >= len(new) else list(new)


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))
