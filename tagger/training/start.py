"""A config and a corpus -> a module to train: new, with pretrained parts, or from a trained tagger (`init`)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple, cast

import torch

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.linear_members import Linear
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import SOFTMAX, CRFDecoder, Decoder
from tagger.model.embeddings import VectorConfig
from tagger.model.network import NetworkConfig, TaggerNetwork, check_training_memory
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerConfig as EncoderConfig
from tagger.model.transformer import TransformerEmbedding
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.pretrained.huggingface import load_pretrained
from tagger.pretrained.word_vectors import Vectors, select_vectors
from tagger.text.spans import breaks_of, has_breaks, is_span_column
from tagger.training.config import HiddenConfig, TrainConfig, find_start, network_config
from tagger.training.distill import GOLD_SHARE, TEACHER_TEMPERATURE, TEXT_MIN_COUNT
from tagger.training.facts import Facts
from tagger.training.module import TaggerModule
from tagger.training.recipe import frozen_epochs

MIN_COUNT = 2  # a word needs as many occurrences in training for a vector of its own
TRANSFORMER_DROPOUT = 0.3  # share of its output that training sets to 0

_log = logging.getLogger(__name__)


class Start(NamedTuple):
    """The tagger that training starts from, and its folder."""

    bundle: Bundle
    folder: Path

    @property
    def network(self) -> NetworkConfig:
        """The config of each of its networks."""
        return self.bundle.networks[0].config


def load_start(config: TrainConfig) -> Start | None:
    """The tagger that `init` names; None if training starts from nothing."""
    if config.init is None:
        return None
    folder = find_start(config.init)
    bundle = Bundle.load(folder)
    if config.learns and not _are_alike(bundle.members):
        raise InputError(
            f"init={config.init}: its {len(bundle.members)} networks have other words, sizes or pretrained parts, and"
            " training starts from networks that share them; name one of the taggers that it was made of"
        )
    return Start(bundle, folder)


def _are_alike(members: Sequence[Member]) -> bool:
    """Whether networks can be trained side by side; see `share_pretrained`."""
    first, *others = members
    vectors = first.network.config["vectors"]
    shared = (
        "transformer.",
        "embedding.vectors." if vectors and not vectors["projection"] else "embedding.vectors.tables.",
    )
    weights = {name: each for name, each in first.network.state_dict().items() if name.startswith(shared)}
    return all(
        other.vocabulary is first.vocabulary
        and other.network.config == first.network.config
        and all(torch.equal(each, other.network.state_dict()[name]) for name, each in weights.items())
        for other in others
    )


def with_start(config: TrainConfig, start: Start | None) -> TrainConfig:
    """The config with the sizes and the pretrained parts of the tagger to start from, if there is one."""
    if start is None:
        return config
    _check_added_inputs(config, start)
    network, own = start.network, start.network["transformer"]
    model = replace(
        config.model,
        cell=network["cell"],
        depth=network["depth"],
        hidden=HiddenConfig(**network["hidden"]),
        members=len(start.bundle.members),
        decoder=network["decoder"] if config.model.decoder == SOFTMAX else config.model.decoder,
    )
    sizes = {name: network[name] for name in ("words", "affixes", "chars", "buckets") if name in network}
    embedding, transformer = replace(config.embedding, **sizes), config.transformer
    if network["vectors"] is not None:
        embedding = replace(embedding, vectors=[*start.bundle.vocabulary.vectors])
    if own is not None:
        embedding = replace(embedding, transformer=own["name"])
        transformer = replace(transformer, layers=own["layers"], tune=own["tune"], dtype=own["dtype"])
    return replace(config, model=model, embedding=embedding, transformer=transformer)


def _check_added_inputs(config: TrainConfig, start: Start) -> None:
    vectors, transformer = config.embedding.vector_sources, config.embedding.transformer
    own, folder = start.network["transformer"], start.folder
    if transformer is not None and own is not None:
        raise InputError(
            f"embedding.transformer={transformer}: {folder} has the transformer {own['name']} already;"
            " leave out what names another"
        )
    if config.noise and own is not None and own["tune"] is not True:
        raise InputError(
            f"noise={config.noise}: {folder} has a transformer whose outputs are kept for the text as it is;"
            " leave noise out"
        )
    if vectors and start.network["vectors"] is not None:
        names = ", ".join(start.bundle.vocabulary.vectors)
        raise InputError(f"embedding.vectors: {folder} has the vectors {names} already; leave out what names others")
    if vectors and own is not None:
        raise InputError(
            f"embedding.vectors: {folder} has a transformer, beside which vectors cannot be added; leave them out, or"
            " start from a tagger without one and add both at once"
        )


class Inputs(NamedTuple):
    """Pretrained inputs that are not in a network yet: vectors of each source, and a transformer."""

    vectors: dict[str, Vectors]
    vector_config: VectorConfig | None
    transformer: TransformerEmbedding | None
    tokenizer: PieceTokenizer | None
    transformer_config: EncoderConfig | None

    def fill(self, network: TaggerNetwork) -> None:
        """Copies the weights into a network that was built for these inputs."""
        embedding = network.embedding.vectors
        if embedding is not None:
            for source, vectors in enumerate(self.vectors.values()):
                embedding.fill(source, torch.from_numpy(vectors.matrix))
        if self.transformer is not None and network.transformer is not None:
            network.transformer.load_state_dict(self.transformer.state_dict())


def load_inputs(config: TrainConfig, forms: Sequence[str], start: Start | None, others: Iterable[str] = ()) -> Inputs:
    """Loads what the config names and the tagger to start from lacks.

    Args:
        config: of the training.
        forms: the word forms of the corpus.
        start: the tagger to start from.
        others: frequent word forms of untagged text, whose pieces a transformer needs, too.
    """
    embedding, use = config.embedding, config.transformer
    sources = embedding.vector_sources if start is None or start.network["vectors"] is None else []
    found = {
        name: select_vectors(name, forms, embedding.vectors_keep, embedding.vectors_components) for name in sources
    }
    for name, (rows, matrix) in found.items():
        share = sum(row_of(rows, form) is not None for form in forms) / max(1, len(forms))
        sizes = (len(rows), *matrix.shape, 100 * share)
        _log.info("%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training", name, *sizes)
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in found.values()])
    if embedding.transformer is None or (start is not None and start.network["transformer"] is not None):
        return Inputs(found, vector_config, None, None, None)
    loaded = load_pretrained(
        embedding.transformer,
        pooling=None,
        tune=use.tune,
        layers=use.layers,
        dtype=use.dtype,
        dropout=TRANSFORMER_DROPOUT,
        forms=[*forms, *others],
    )
    return Inputs(found, vector_config, *loaded)


class Beginning(NamedTuple):
    """What training begins with; `linear` are members that stay as they are."""

    module: TaggerModule
    tokenizer: PieceTokenizer | None
    facts: Facts
    linear: tuple[Linear, ...]


def build(config: TrainConfig, corpus: Corpus, start: Start | None, text: Mapping[str, int] | None = None) -> Beginning:
    """Makes the module.

    Args:
        config: of the experiment; with a tagger to start from, what `with_start` returns.
        corpus: its train split gives the vocabulary.
        start: the tagger to start from, if there is one.
        text: how often each form occurs in untagged text that training reads, too.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config.columns, MIN_COUNT)
    vocabulary = replace(vocabulary, corpora=list(corpus.parts))
    frequent = []  # forms of the text
    if text is not None:
        vocabulary = vocabulary.with_text(text, TEXT_MIN_COUNT)
        frequent = [form for form, count in text.items() if count >= TEXT_MIN_COUNT]
    facts = Facts.of(corpus.splits["train"], config.columns) if config.auxiliary else Facts([])
    if start is not None:
        vocabulary = merge_vocabularies(start.bundle.vocabulary, vocabulary)
        _log_new(start, vocabulary)
    inputs = load_inputs(config, vocabulary.forms, start, frequent)
    network = network_config(
        config.model, config.embedding, inputs.vector_config, inputs.transformer_config, config.model.decoder
    )
    if start is not None:
        network = _continued_config(network, start.network)
    vocabulary = replace(
        vocabulary, vectors=vocabulary.vectors | {name: vectors.rows for name, vectors in inputs.vectors.items()}
    )
    check_training_memory(vocabulary, network, config.model.members)
    module = TaggerModule(
        asdict(vocabulary),
        network,
        config.model.members,
        len(facts.names),
        config.auxiliary,
        GOLD_SHARE,
        TEACHER_TEMPERATURE,
        **asdict(config.optimizer),
        frozen_epochs=frozen_epochs(network["transformer"], config.trainer["max_epochs"]),
    )
    for member, into in zip(start.bundle.members if start else (), module.networks, strict=start is not None):
        transfer_weights(member, into, vocabulary)
    inputs.fill(module.body)
    _keep_spans_whole(module, corpus)
    if start is None:
        return Beginning(module, inputs.tokenizer, facts, ())
    before = start.bundle.vocabulary.tags  # a linear member goes if the corpus adds tags to its column
    linear = tuple(each for each in start.bundle.linear if before[each.column] == vocabulary.tags.get(each.column))
    return Beginning(module, inputs.tokenizer or start.bundle.members[0].tokenizer, facts, linear)


def _continued_config(wanted: NetworkConfig, own: NetworkConfig) -> NetworkConfig:
    """The config of the start's network with the dropout of this training, and with the inputs that it lacks."""
    network = own.copy()
    network["dropout"], network["decoder"] = wanted["dropout"], wanted["decoder"]
    network["vectors"] = wanted["vectors"] or own["vectors"]
    network["transformer"] = wanted["transformer"]
    if own["transformer"] is not None:
        network["transformer"] = {**own["transformer"], "dropout": TRANSFORMER_DROPOUT}
    return network


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


def merge_vocabularies(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The words, characters, tags and corpora of a tagger, then those that a new corpus adds.

    The tag columns are those of the new corpus. A column that both have keeps its tags, and new tags follow them.
    If most tags of the corpus are new to the column, the tag sets differ, and the column gets the corpus's tags alone.
    """
    words = {word: count + new.words.get(word, 0) for word, count in old.words.items()}
    tags = {column: _merge_tags(old.tags.get(column, []), names) for column, names in new.tags.items()}
    merged = replace(
        old,
        words=words | {word: count for word, count in new.words.items() if word not in words},
        characters=_union(old.characters, new.characters),
        tags=tags,
        forms=sorted({*old.forms, *new.forms}),
        combinations=old.combinations_with(new, tags),
        corpora=_union(old.corpora, new.corpora),
    )
    return merged.with_scripts_of([old, new])


def _merge_tags(old: Sequence[str], new: Sequence[str]) -> list[str]:
    shared = set(old) & set(new)
    return _union(old, new) if 2 * len(shared) >= len(new) else list(new)


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


@torch.no_grad()
def transfer_weights(start: Member, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same sizes with a merged vocabulary.

    What the tagger did not have keeps the random weights of `network`: words, characters and tags, and pretrained
    inputs, which come after the tagger's own.
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


def _log_new(start: Start, merged: Vocabulary) -> None:
    before = start.bundle.vocabulary
    for column, tags in merged.tags.items():
        new = [tag for tag in tags if tag not in before.tags.get(column, [])]
        _log.info("%s: %s", column, f"{len(new)} of {len(tags)} tags are new" if new else "all tags are known")
    new_words = len(merged.words) - len(before.words)
    _log.info("starting from %s: %d words, %d of them new", start.folder, len(merged.words), new_words)
