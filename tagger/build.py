"""A config and a corpus -> a module to train: from nothing, with what is pretrained, or from a trained tagger."""

import dataclasses
import logging
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from tagger.config import FREE, MADE_OF, network_config, vector_sources
from tagger.corpora import Corpus
from tagger.errors import InputError
from tagger.folder import CONFIG, SavedTagger, load_tagger
from tagger.models import find_tagger
from tagger.module import TaggerModule
from tagger.pieces import PieceTokenizer
from tagger.pretrained import load_pretrained
from tagger.transfer import merge_vocabularies, transfer_weights
from tagger.vectors import row_of, select_vectors
from tagger.vocabulary import Vocabulary

_log = logging.getLogger(__name__)


class Built(NamedTuple):
    """A module that is ready for training, the tokenizer of its transformer, and the tagger that it starts from."""

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    start: SavedTagger | None


def build(config: dict[str, Any], corpus: Corpus) -> Built:
    """Makes the module.

    Args:
        config: the values of `conf/train.yaml`, plain and checked.
        corpus: its train split gives the vocabulary.

    Raises:
        InputError: vectors, a transformer or a tagger to start from that cannot be read.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config["columns"], config["embedding"]["min_count"])
    return _from_tagger(config, vocabulary) if config["init"] else _from_config(config, vocabulary)


def _from_config(config: dict[str, Any], vocabulary: Vocabulary) -> Built:
    keep = config["embedding"]["vectors_keep"]
    components = config["embedding"]["vectors_components"]
    vectors = {name: select_vectors(name, vocabulary.forms, keep, components) for name in vector_sources(config)}
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
    if config["embedding"]["transformer"] is not None:
        encoder, tokenizer, described = load_pretrained(config["embedding"]["transformer"], **config["transformer"])
    network = network_config(config, [matrix.shape[1] for _, matrix in vectors.values()], described)
    module = TaggerModule(asdict(vocabulary), network, **config["optimizer"])
    if module.network.embedding.vectors is not None:
        for source, (_, matrix) in enumerate(vectors.values()):
            module.network.embedding.vectors.fill(source, torch.from_numpy(matrix))
    if encoder is not None and module.network.transformer is not None:
        module.network.transformer.load_state_dict(encoder.state_dict())
    return Built(module, tokenizer, None)


def _from_tagger(config: dict[str, Any], vocabulary: Vocabulary) -> Built:
    try:
        folder = find_tagger(config["init"])
    except InputError:
        raise InputError(f"init={config['init']}: no such tagger; name the folder of a tagger or of its run") from None
    start = load_tagger(folder)
    training = start.config.get("training")
    told = isinstance(training, dict) and all(isinstance(training.get(part), dict) for part in MADE_OF)
    if not told or not isinstance(start.config.get("corpus"), str):
        raise InputError(f"{folder / CONFIG} does not tell what the tagger was trained on, and how; copy it again")
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
    network = start.config["network"] | {"dropout": config["model"]["dropout"]}
    module = TaggerModule(asdict(merged), network, **config["optimizer"])
    transfer_weights(start, module.network, merged)
    return Built(module, start.tokenizer, start)


def with_start(config: dict[str, Any], start: SavedTagger | None) -> dict[str, Any]:
    """The experiment's config as it was used: a tagger to start from decides what it is made of."""
    if start is None:
        return config
    used = config | {part: start.config["training"][part] for part in MADE_OF}
    for key in FREE:
        part, _, name = key.partition(".")
        used[part] = used[part] | {name: config[part][name]}
    return used
