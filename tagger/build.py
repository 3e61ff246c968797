"""A config and a corpus -> a module to train: from nothing, with what is pretrained, or from a trained tagger."""

import dataclasses
import logging
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from tagger.config import network_config, vector_sources
from tagger.corpora import Corpus
from tagger.folder import SavedTagger, load_tagger
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
    vectors = {name: select_vectors(name, vocabulary.forms, keep) for name in vector_sources(config)}
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
    folder = find_tagger(config["init"])
    start = load_tagger(folder)
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
    module = TaggerModule(asdict(merged), start.config["network"], **config["optimizer"])
    transfer_weights(start, module.network, merged)
    return Built(module, start.tokenizer, start)


def made_of(start: SavedTagger | None) -> dict[str, Any]:
    """The parts of an experiment's config that a tagger to start from decides."""
    parts = ("model", "embedding", "transformer")
    return {} if start is None else {part: start.config["training"][part] for part in parts}
