"""A config and a corpus -> a module to train: new, with pretrained parts, or from a trained tagger."""

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import SOFTMAX, CRFDecoder
from tagger.model.members import joined_config
from tagger.model.network import NetworkConfig, check_training_memory
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary
from tagger.text.spans import breaks_of, has_breaks, is_span_column
from tagger.training.config import TrainConfig
from tagger.training.config_parts import EmbeddingConfig, TaggerModelConfig, TransformerConfig, network_config
from tagger.training.facts import Facts
from tagger.training.inputs import Inputs, load_inputs
from tagger.training.module import TaggerModule
from tagger.training.start_keys import TAGGER_PARTS, TRAINING_KEYS, TRANSFORMER_KEYS, VECTOR_KEYS
from tagger.training.start_tagger import StartTagger
from tagger.training.structured import from_plain
from tagger.training.transfer import merge_vocabularies, transfer_weights
from tagger.weights.saved_config import CONFIG

_log = logging.getLogger(__name__)


class Beginning(NamedTuple):
    """What training begins with.

    Attributes:
        module: ready for training.
        tokenizer: of the transformer, if there is one.
        facts: that training predicts beside the tags.
    """

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    facts: Facts


def build(
    config: TrainConfig, corpus: Corpus, start: StartTagger | None, text: Mapping[str, int] | None = None
) -> Beginning:
    """Makes the module.

    Args:
        config: of the experiment; with a tagger to start from, what `with_start` returns.
        corpus: its train split gives the vocabulary.
        start: the tagger to start from, if there is one.
        text: how often each form occurs in untagged text that training reads, too.

    Raises:
        InputError: the vectors or the transformer cannot be read; the network needs more memory than the machine has.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config.columns, config.embedding.min_count)
    vocabulary = dataclasses.replace(vocabulary, corpora=list(corpus.parts))
    frequent = []  # forms of the text
    if text is not None:
        vocabulary = vocabulary.with_text(text, config.distill.min_count)
        frequent = [form for form, count in text.items() if count >= config.distill.min_count]
    facts = Facts.of(corpus.splits["train"], config.columns) if config.facts else Facts([])
    if start is None:
        inputs = load_inputs(config, vocabulary.forms, vectors=True, transformer=True, others=frequent)
        described = inputs.transformer.config if inputs.transformer else None
        network = network_config(config.model, config.embedding, inputs.vector_config, described, config.model.decoder)
        members = config.model.members
    else:
        vocabulary = merge_vocabularies(start.tagger.vocabulary, vocabulary)
        _log_new(start, vocabulary)
        inputs = load_inputs(
            config,
            vocabulary.forms,
            vectors=start.network["vectors"] is None,
            transformer=start.network["transformer"] is None,
            others=frequent,
        )
        network, members = _continued_config(config, start, inputs), 1
    vocabulary = dataclasses.replace(vocabulary, vectors=vocabulary.vectors | inputs.rows)
    check_training_memory(vocabulary, joined_config(network, members))
    module = TaggerModule(
        asdict(vocabulary),
        network,
        members,
        len(facts.names),
        config.facts,
        config.distill.gold,
        config.distill.temperature,
        **asdict(config.optimizer),
    )
    if start is not None:
        transfer_weights(start.tagger, module.body, vocabulary)
    inputs.fill(module.body)
    _keep_spans_whole(module, corpus)
    own = start.tagger.tokenizer if start else None
    return Beginning(module, inputs.transformer.tokenizer if inputs.transformer else own, facts)


def _keep_spans_whole(module: TaggerModule, corpus: Corpus) -> None:
    """Forbids CRFs what tags of spans cannot do, unless the corpus does it."""
    vocabulary = module.vocabulary
    for column, tags in vocabulary.tags.items():
        if not isinstance(module.body.decoders[column], CRFDecoder) or not is_span_column(tags):
            continue
        breaks, ids = breaks_of(tags), vocabulary.tag_ids[column]
        if not has_breaks(corpus.splits["train"][column], breaks, ids):
            module.forbid(column, [ids[t] for t in breaks.first], [(ids[a], ids[b]) for a, b in breaks.pairs])


def _continued_config(config: TrainConfig, start: StartTagger, inputs: Inputs) -> NetworkConfig:
    """The config of the start's network with the dropout of this training, and with the inputs that it lacks."""
    network = start.network.copy()
    network["dropout"] = config.model.dropout or 0.0
    network["decoder"] = config.model.decoder
    if inputs.vector_config is not None:
        network["vectors"] = inputs.vector_config
    if inputs.transformer is not None:
        network["transformer"] = inputs.transformer.config
    elif network["transformer"] is not None:
        network["transformer"] = network["transformer"].copy()
        network["transformer"]["dropout"] = config.transformer.dropout
    return network


def _log_new(start: StartTagger, merged: Vocabulary) -> None:
    before = start.tagger.vocabulary
    for column, tags in merged.tags.items():
        new = [tag for tag in tags if tag not in before.tags.get(column, [])]
        _log.info("%s: %s", column, f"{len(new)} of {len(tags)} tags are new" if new else "all tags are known")
    new_words = len(merged.words) - len(before.words)
    _log.info("starting from %s: %d words, %d of them new", start.folder, len(merged.words), new_words)


def with_start(config: TrainConfig, start: StartTagger | None) -> TrainConfig:
    """The config with the sizes and the pretrained parts of the tagger to start from, if there is one.

    Raises:
        InputError: the config names an input that cannot be added to the tagger, or the tagger's folder does not say
            how it was made.
    """
    if start is None:
        return config
    _check_added_inputs(config, start)
    try:
        return _with_saved_values(config, start)
    except InputError as error:
        raise InputError(
            f"{start.folder / CONFIG} does not say on what and how the tagger was trained ({error}); copy it again"
        ) from None


def _check_added_inputs(config: TrainConfig, start: StartTagger) -> None:
    vectors, transformer = config.embedding.vector_sources, config.embedding.transformer
    own = start.network["transformer"]
    if transformer is not None and own is not None:
        raise InputError(
            f"embedding.transformer={transformer}: {start.folder} has the transformer {own['name']} already;"
            " leave out what names another"
        )
    if not vectors:
        return
    named = f"embedding.vectors={vectors[0] if len(vectors) == 1 else vectors}: {start.folder}"
    if start.network["vectors"] is not None:
        names = ", ".join(start.tagger.vocabulary.vectors)
        raise InputError(f"{named} has the vectors {names} already; leave out what names others")
    if own is not None:
        raise InputError(
            f"{named} has a transformer, beside which vectors cannot be added; leave them out, or start from a tagger"
            " without one and add both at once"
        )


def _with_saved_values(config: TrainConfig, start: StartTagger) -> TrainConfig:
    training = start.tagger.config.get("training")
    if not isinstance(training, dict) or not isinstance(start.tagger.config.get("corpus"), str):
        raise InputError("it names no corpus or no config of a training")
    free = {*TRAINING_KEYS}  # what this training decides
    if start.network["vectors"] is None:
        free |= {*VECTOR_KEYS}
    if start.network["transformer"] is None:
        free |= {*TRANSFORMER_KEYS}
    parts: dict[str, dict[str, Any]] = {
        "model": {},
        "embedding": asdict(config.embedding),
        "transformer": asdict(config.transformer),
    }
    for part in TAGGER_PARTS:
        saved = training.get(part)
        if not isinstance(saved, dict):
            raise InputError(f"training.{part} is missing")
        parts[part] |= {name: value for name, value in saved.items() if f"{part}.{name}" not in free}
    joined = start.network  # of members joined into one, whose sizes are those of all members together
    parts["model"] |= {
        "dropout": config.model.dropout,
        "members": 1,
        "hidden": joined["hidden"],
        "decoder": config.model.decoder if config.model.decoder != SOFTMAX else joined["decoder"],
    }
    parts["embedding"] |= {"words": joined["words"], "affixes": joined["affixes"], "chars": joined["chars"]}
    return dataclasses.replace(
        config,
        model=from_plain(TaggerModelConfig, parts["model"], "model."),
        embedding=from_plain(EmbeddingConfig, parts["embedding"], "embedding."),
        transformer=from_plain(TransformerConfig, parts["transformer"], "transformer."),
    )
