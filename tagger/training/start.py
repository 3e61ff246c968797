"""A config and a corpus -> a module to train: new, with pretrained parts, or from a trained tagger (`init`)."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.linear import Linear
from tagger.bundle.saved_config import CONFIG
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import SOFTMAX, CRFDecoder, Decoder
from tagger.model.embeddings import VectorConfig
from tagger.model.members import check_training_memory
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerConfig as EncoderConfig
from tagger.model.transformer import TransformerEmbedding
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.pretrained.huggingface import load_pretrained
from tagger.pretrained.word_vectors import Vectors, select_vectors
from tagger.text.schema import read
from tagger.text.spans import breaks_of, has_breaks, is_span_column
from tagger.training.config import (
    TAGGER_PARTS,
    TRAINING_KEYS,
    TRANSFORMER_KEYS,
    VECTOR_KEYS,
    TrainConfig,
    find_start,
)
from tagger.training.config_parts import EmbeddingConfig, TaggerModelConfig, TransformerConfig, network_config
from tagger.training.distill import GOLD_SHARE, TEACHER_TEMPERATURE, TEXT_MIN_COUNT
from tagger.training.facts import Facts
from tagger.training.module import TaggerModule
from tagger.training.recipe import frozen_epochs


class StartTagger(NamedTuple):
    """The tagger that training starts from, and its folder."""

    bundle: Bundle
    folder: Path

    @property
    def network(self) -> NetworkConfig:
        """The config of each of its networks."""
        return self.bundle.networks[0].config


def load_start(config: TrainConfig) -> StartTagger | None:
    """The tagger that `init` names; None if training starts from nothing.

    Raises:
        InputError: the tagger cannot be read, or its networks differ in more than the weights that they learned.
    """
    if config.init is None:
        return None
    folder = find_start(config.init)
    bundle = Bundle.load(folder)
    if config.learns and not _are_alike(bundle.members):
        raise InputError(
            f"init={config.init}: its {len(bundle.members)} networks have other words, sizes or pretrained parts, and"
            " training starts from networks that share them; name one of the taggers that it was made of"
        )
    return StartTagger(bundle, folder)


def _are_alike(members: Sequence[Member]) -> bool:
    """Whether networks can be trained side by side; see `share_pretrained`."""
    first, *others = members
    vectors = first.network.config["vectors"]
    shared = [
        "transformer.",
        "embedding.vectors." if vectors and not vectors["projection"] else "embedding.vectors.tables.",
    ]
    for other in others:
        if other.vocabulary is not first.vocabulary or other.network.config != first.network.config:
            return False
        weights = other.network.state_dict()
        for name, tensor in first.network.state_dict().items():
            if name.startswith(tuple(shared)) and not torch.equal(tensor, weights[name]):
                return False
    return True


_log = logging.getLogger(__name__)


class Transformer(NamedTuple):
    """A pretrained transformer, its tokenizer, and the config from which a network builds it."""

    embedding: TransformerEmbedding
    tokenizer: PieceTokenizer
    config: EncoderConfig


class Inputs(NamedTuple):
    """Pretrained inputs that are not in a network yet.

    Attributes:
        vectors: of each source.
        vector_config: of the network's vectors, if there are any.
        transformer: if there is one.
    """

    vectors: dict[str, Vectors]
    vector_config: VectorConfig | None
    transformer: Transformer | None

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """For each source of vectors, its words and the row of each, as in a `Vocabulary`."""
        return {source: vectors.rows for source, vectors in self.vectors.items()}

    def fill(self, network: TaggerNetwork) -> None:
        """Copies the weights into a network that was built for these inputs."""
        embedding = network.embedding.vectors
        if embedding is not None:
            for source, vectors in enumerate(self.vectors.values()):
                embedding.fill(source, torch.from_numpy(vectors.matrix))
        if self.transformer is not None and network.transformer is not None:
            network.transformer.load_state_dict(self.transformer.embedding.state_dict())


def load_inputs(
    config: TrainConfig, forms: Sequence[str], vectors: bool, transformer: bool, others: Iterable[str] = ()
) -> Inputs:
    """Loads what the config names.

    Args:
        config: of the training.
        forms: the word forms of the corpus.
        vectors: whether vectors are wanted.
        transformer: whether a transformer is wanted.
        others: frequent word forms of untagged text, whose pieces a transformer needs, too.

    Raises:
        InputError: the vectors or the transformer cannot be read.
    """
    embedding = config.embedding
    found = {
        name: select_vectors(name, forms, embedding.vectors_keep, embedding.vectors_components)
        for name in (embedding.vector_sources if vectors else ())
    }
    for name, (rows, matrix) in found.items():
        share = sum(row_of(rows, form) is not None for form in forms) / max(1, len(forms))
        _log.info(
            "%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training",
            name,
            len(rows),
            *matrix.shape,
            100 * share,
        )
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in found.values()])
    if embedding.transformer is None or not transformer:
        return Inputs(found, vector_config, None)
    use = config.transformer
    loaded = load_pretrained(
        embedding.transformer,
        pooling=None,
        tune=use.tune,
        layers=use.layers,
        dtype=use.dtype,
        dropout=use.dropout,
        forms=[*forms, *others],
    )
    return Inputs(found, vector_config, Transformer(*loaded))


def merge_vocabularies(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The words, characters, tags and corpora of a tagger, then those that a new corpus adds.

    The tag columns are those of the new corpus. A column that both have keeps its tags, and new tags follow them.
    If most tags of the corpus are new to the column, the tag sets differ, and the column gets the corpus's tags alone.

    Args:
        old: of the tagger.
        new: of the corpus.
    """
    words = {word: count + new.words.get(word, 0) for word, count in old.words.items()}
    tags = {column: _merge_tags(old.tags.get(column, []), names) for column, names in new.tags.items()}
    merged = dataclasses.replace(
        old,
        words=words | {word: count for word, count in new.words.items() if word not in words},
        characters=_union(old.characters, new.characters),
        tags=tags,
        forms=sorted({*old.forms, *new.forms}),
        combinations=old.combinations_with(new, tags),
        corpora=_union(old.corpora, new.corpora),
    )
    return merged.with_scripts_of([old, new])


@torch.no_grad()
def transfer_weights(start: Member, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same sizes with a merged vocabulary.

    What the tagger did not have keeps the random weights of `network`: words, characters and tags, and pretrained
    inputs, which come after the tagger's own.

    Args:
        start: a member of the tagger.
        network: changed in place.
        vocabulary: of `network`, from `merge_vocabularies`.
    """
    before, merged = start.network.state_dict(), network.state_dict()
    for name, weights in before.items():
        if name in merged and not name.startswith(("heads.", "decoders.")):
            # The rows of new words, characters and corpora, and the columns of new inputs, come after the known ones.
            merged[name][tuple(slice(size) for size in weights.shape)].copy_(weights)
    for column, ids in vocabulary.tag_ids.items():
        old_ids = start.vocabulary.tag_ids.get(column, {})
        shared = [tag for tag in ids if tag in old_ids]
        rows, old_rows = [ids[tag] for tag in shared], [old_ids[tag] for tag in shared]
        for part in ("weight", "bias") if shared else ():
            name = f"heads.{column}.{part}"
            merged[name][rows] = before[name][old_rows]
        decoder = network.decoders[column]
        if shared and isinstance(decoder, CRFDecoder):
            decoder.take_from(cast(Decoder, start.network.decoders[column]), rows, old_rows)
    network.load_state_dict(merged)


def _merge_tags(old: Sequence[str], new: Sequence[str]) -> list[str]:
    shared = set(old) & set(new)
    return _union(old, new) if 2 * len(shared) >= len(new) else list(new)


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


class Beginning(NamedTuple):
    """What training begins with.

    Attributes:
        module: ready for training.
        tokenizer: of the transformer, if there is one.
        facts: that training predicts beside the tags.
        start: the tagger that it starts from, if there is one.
    """

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    facts: Facts
    start: StartTagger | None

    @property
    def linear(self) -> tuple[Linear, ...]:
        """The linear members of the tagger that it starts from, unless the corpus adds tags to their columns."""
        if self.start is None:
            return ()
        before, now = self.start.bundle.vocabulary.tags, self.module.vocabulary.tags
        return tuple(each for each in self.start.bundle.linear if before[each.column] == now.get(each.column))


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
        vocabulary = vocabulary.with_text(text, TEXT_MIN_COUNT)
        frequent = [form for form, count in text.items() if count >= TEXT_MIN_COUNT]
    facts = Facts.of(corpus.splits["train"], config.columns) if config.auxiliary else Facts([])
    if start is None:
        inputs = load_inputs(config, vocabulary.forms, vectors=True, transformer=True, others=frequent)
        described = inputs.transformer.config if inputs.transformer else None
        network = network_config(config.model, config.embedding, inputs.vector_config, described, config.model.decoder)
        members = config.model.members
    else:
        vocabulary = merge_vocabularies(start.bundle.vocabulary, vocabulary)
        _log_new(start, vocabulary)
        inputs = load_inputs(
            config,
            vocabulary.forms,
            vectors=start.network["vectors"] is None,
            transformer=start.network["transformer"] is None,
            others=frequent,
        )
        network, members = _continued_config(config, start, inputs), len(start.bundle.members)
    vocabulary = dataclasses.replace(vocabulary, vectors=vocabulary.vectors | inputs.rows)
    check_training_memory(vocabulary, network, members)
    module = TaggerModule(
        asdict(vocabulary),
        network,
        members,
        len(facts.names),
        config.auxiliary,
        GOLD_SHARE,
        TEACHER_TEMPERATURE,
        **asdict(config.optimizer),
        frozen_epochs=frozen_epochs(network["transformer"], config.trainer["max_epochs"]),
    )
    if start is not None:
        for member, into in zip(start.bundle.members, module.networks, strict=True):
            transfer_weights(member, into, vocabulary)
    inputs.fill(module.body)
    _keep_spans_whole(module, corpus)
    own = start.bundle.members[0].tokenizer if start else None
    return Beginning(module, inputs.transformer.tokenizer if inputs.transformer else own, facts, start)


def _keep_spans_whole(module: TaggerModule, corpus: Corpus) -> None:
    """Forbids CRFs what tags of spans cannot do, unless the corpus does it."""
    vocabulary = module.vocabulary
    for column, tags in vocabulary.tags.items():
        if not isinstance(module.body.decoders[column], CRFDecoder) or not is_span_column(tags):
            continue
        breaks, ids = breaks_of(tags), vocabulary.tag_ids[column]
        if not has_breaks(corpus.splits["train"][column], breaks, ids):
            pairs = [(ids[a], ids[b]) for a, b in breaks.pairs]
            module.forbidden[column] = [ids[tag] for tag in breaks.first], pairs


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
    before = start.bundle.vocabulary
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
    if config.noise and own is not None and own["tune"] is not True:
        raise InputError(
            f"noise={config.noise}: {start.folder} has a transformer whose outputs are kept for the text as it is;"
            " leave noise out"
        )
    if not vectors:
        return
    named = f"embedding.vectors={vectors[0] if len(vectors) == 1 else vectors}: {start.folder}"
    if start.network["vectors"] is not None:
        names = ", ".join(start.bundle.vocabulary.vectors)
        raise InputError(f"{named} has the vectors {names} already; leave out what names others")
    if own is not None:
        raise InputError(
            f"{named} has a transformer, beside which vectors cannot be added; leave them out, or start from a tagger"
            " without one and add both at once"
        )


def _with_saved_values(config: TrainConfig, start: StartTagger) -> TrainConfig:
    training = start.bundle.config.get("training")
    if not isinstance(training, dict) or not isinstance(start.bundle.config.get("corpus"), str):
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
    network = start.network
    parts["model"] |= {
        "dropout": config.model.dropout,
        "members": len(start.bundle.members),
        "decoder": config.model.decoder if config.model.decoder != SOFTMAX else network["decoder"],
    }
    return dataclasses.replace(
        config,
        model=read(TaggerModelConfig, parts["model"], "model."),
        embedding=read(EmbeddingConfig, parts["embedding"], "embedding."),
        transformer=read(TransformerConfig, parts["transformer"], "transformer."),
    )
