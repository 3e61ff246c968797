"""A config and a corpus -> a module to train: new, with pretrained parts, or from a trained tagger (`init`)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple, cast

import torch
from datasets import Dataset

from tagger.bundle.bundle import Bundle, Member
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder, Decoder
from tagger.model.dictionary import digest_of, open_dictionary
from tagger.model.embeddings import VectorConfig
from tagger.model.lemma_reliability import LemmaReliability
from tagger.model.network import NetworkConfig, TaggerNetwork, check_training_memory
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerConfig as EncoderConfig
from tagger.model.transformer import TransformerEmbedding
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.pretrained.huggingface import load_pretrained
from tagger.pretrained.word_vectors import Vectors, select_vectors
from tagger.text.spans import breaks_of, has_breaks, is_span_column
from tagger.text.strings import LEMMA, UPOS
from tagger.training.auxiliary import GOLD_SHARE, TEACHER_TEMPERATURE, TEXT_MIN_COUNT
from tagger.training.config import TrainConfig, find_start, network_config
from tagger.training.module import TaggerModule
from tagger.training.recipe import frozen_epochs

MIN_COUNT = 2  # a word needs as many occurrences in training for a vector of its own
TRANSFORMER_DROPOUT = 0.3  # share of its output that training sets to 0

_log = logging.getLogger(__name__)


def load_init(config: TrainConfig) -> Bundle | None:
    """The tagger that `init` names; None if training starts from nothing."""
    if config.init is None:
        return None
    bundle = Bundle.load(find_start(config.init))
    if config.learns and not _are_alike(bundle.members):
        raise InputError(
            f"init={config.init}: its {len(bundle.members)} networks have other words, sizes or pretrained parts, and"
            " training starts from networks that share them; name one of the taggers that it was made of"
        )
    return bundle


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


def load_inputs(
    config: TrainConfig, forms: Sequence[str], saved: NetworkConfig | None, others: Iterable[str] = ()
) -> Inputs:
    """Loads what the config names and the tagger to start from lacks.

    Args:
        config: of the training.
        forms: the word forms of the corpus.
        saved: the config of a network of the tagger to start from, if there is one.
        others: frequent word forms of untagged text, whose pieces a transformer needs, too.
    """
    embedding, use = config.embedding, config.transformer
    sources = embedding.vector_sources if saved is None or saved["vectors"] is None else []
    found = {
        name: select_vectors(name, forms, embedding.vectors_keep, embedding.vectors_components) for name in sources
    }
    for name, (rows, matrix) in found.items():
        share = sum(row_of(rows, form) is not None for form in forms) / max(1, len(forms))
        sizes = (len(rows), *matrix.shape, 100 * share)
        _log.info("%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training", name, *sizes)
    vector_config = embedding.vector_config([matrix.shape[1] for _, matrix in found.values()])
    if embedding.transformer is None or (saved is not None and saved["transformer"] is not None):
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


def new_module(
    config: TrainConfig, corpus: Corpus, init: Bundle | None, facts: int = 0, text: Mapping[str, int] | None = None
) -> TaggerModule:
    """The networks that are to be trained: new ones, or those of the tagger to start from.

    Args:
        config: with the values that the corpus and `init` decide; see `recipe.py`.
        corpus: its train split gives the vocabulary.
        init: the tagger to start from, if there is one.
        facts: how many facts are learned beside the tags.
        text: how often each form occurs in untagged text that training reads, too.
    """
    vocabulary = Vocabulary.build(corpus.splits["train"], config.columns, MIN_COUNT)
    vocabulary = replace(vocabulary, corpora=list(corpus.parts))
    frequent = [form for form, count in (text or {}).items() if count >= TEXT_MIN_COUNT]
    if text is not None:
        vocabulary = vocabulary.with_text(text, TEXT_MIN_COUNT)
    if init is not None:
        vocabulary = merge_vocabularies(init.vocabulary, vocabulary)
        _log_new(str(config.init), init.vocabulary, vocabulary)
    digests = dictionary_digests(config, init)
    if config.embedding.lemmas and digests:
        vocabulary = vocabulary.with_lemmas(open_dictionary(digests), MIN_COUNT)
    saved = init.networks[0].config if init else None
    inputs = load_inputs(config, vocabulary.forms, saved, frequent)
    network = network_config(
        config.model, config.embedding, inputs.vector_config, inputs.transformer_config, config.model.decoder, digests
    )
    if saved is not None:  # its sizes, the dropout and decoder of this training, and the inputs that are added
        own = saved["transformer"] and {**saved["transformer"], "dropout": TRANSFORMER_DROPOUT}
        added = {"vectors": network["vectors"] or saved["vectors"], "transformer": own or network["transformer"]}
        network = {**saved, **{name: network[name] for name in ("dropout", "decoder")}, **added}
    vocabulary = replace(
        vocabulary, vectors=vocabulary.vectors | {name: vectors.rows for name, vectors in inputs.vectors.items()}
    )
    check_training_memory(vocabulary, network, config.model.members)
    module = TaggerModule(
        asdict(vocabulary),
        network,
        **asdict(config.optimizer),
        gold=GOLD_SHARE,
        teacher_temperature=TEACHER_TEMPERATURE,
        members=config.model.members,
        facts=facts,
        facts_weight=config.auxiliary,
        frozen_epochs=frozen_epochs(network["transformer"], config.trainer["max_epochs"]),
    )
    for member, into in zip(init.members if init else (), module.networks, strict=init is not None):
        transfer_weights(member, into, vocabulary)
    inputs.fill(module.body)
    module.tokenizer = inputs.tokenizer or (init.members[0].tokenizer if init else None)
    _keep_spans_whole(module, corpus)
    return module


def dictionary_digests(config: TrainConfig, init: Bundle | None) -> dict[str, str]:
    """The codes and the digests of the dictionaries that a tagger reads: those of the tagger to start from, or new."""
    if init is not None:
        return dict(init.networks[0].config.get("dictionary", {}))
    return {code: digest_of(code) for code in config.embedding.dictionary_codes}


def lemma_reliability(config: TrainConfig, init: Bundle | None, train: Dataset) -> LemmaReliability | None:
    """How reliable the lemmas of the tagger's dictionary are on rare words of train, if lemmas are learned.

    The dictionary is that of the networks, or that of which the tagger to start from takes lemmas.
    """
    digests = dictionary_digests(config, init)
    if init is not None and init.lemmas is not None:
        digests = digests or init.lemmas.dictionary
    if LEMMA not in config.columns or not digests:
        return None
    columns = [column for column in (UPOS, LEMMA) if column in config.columns]
    return LemmaReliability.count(train.select_columns(["tokens", *columns]), open_dictionary(digests))


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
def transfer_weights(saved: Member, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network of the same sizes with a merged vocabulary.

    What the tagger did not have keeps the random weights of `network`: words, characters and tags, and pretrained
    inputs, which come after the tagger's own.
    """
    before, merged = saved.network.state_dict(), network.state_dict()
    for name, weights in before.items():
        if name in merged and not name.startswith(("heads.", "decoders.")):
            # The rows of new words, characters and corpora, and the columns of new inputs, come after the known ones.
            merged[name][tuple(slice(size) for size in weights.shape)].copy_(weights)
    for column, ids in vocabulary.tag_ids.items():
        old_ids = saved.vocabulary.tag_ids.get(column, {})
        shared = [tag for tag in ids if tag in old_ids]
        rows, old_rows = [ids[tag] for tag in shared], [old_ids[tag] for tag in shared]
        for part in ("weight", "bias") if shared else ():
            name = f"heads.{column}.{part}"
            merged[name][rows] = before[name][old_rows]
        decoder = network.decoders[column]
        if shared and isinstance(decoder, CRFDecoder):
            decoder.take_from(cast(Decoder, saved.network.decoders[column]), rows, old_rows)
    network.load_state_dict(merged)


def _log_new(name: str, before: Vocabulary, merged: Vocabulary) -> None:
    for column, tags in merged.tags.items():
        new = [tag for tag in tags if tag not in before.tags.get(column, [])]
        _log.info("%s: %s", column, f"{len(new)} of {len(tags)} tags are new" if new else "all tags are known")
    new_words = len(merged.words) - len(before.words)
    _log.info("starting from %s: %d words, %d of them new", name, len(merged.words), new_words)
