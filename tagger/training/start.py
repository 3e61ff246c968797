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
from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.training.config import FREE, MADE_OF, network_config, vector_sources
from tagger.training.module import TaggerModule
from tagger.weights.catalog import find_tagger
from tagger.weights.folder import CONFIG, SavedTagger, load_tagger
from tagger.weights.huggingface import load_pretrained
from tagger.weights.word_vectors import select_vectors

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
