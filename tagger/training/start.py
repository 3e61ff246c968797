"""A config, a corpus and the tagger of `init` -> the config with what these decide, and the networks to train.

A small corpus is read more often, in smaller batches, and more of the network's numbers are hidden while it learns:
what a treebank of 20,000 words needs is not what one of 200,000 needs. A student of a very small one learns most from
untagged text, and reads more of it. A linear chain helps a network that starts from nothing, and adds nothing to an
encoder. docs/tried.csv has the measurements.
"""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple, cast

import torch
from datasets import Dataset

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.catalog import codes_of, language_codes
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder, Decoder
from tagger.model.embeddings import VectorConfig
from tagger.model.network import NetworkConfig, TaggerNetwork, check_training_memory
from tagger.model.transformer import PieceTokenizer, TransformerConfig, TransformerEmbedding
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tagger.pretrained.word_vectors import Vectors, select_vectors
from tagger.text.strings import LEMMA, UPOS
from tagger.text.tags import breaks_of, has_breaks, is_span_column
from tagger.training.config import AUTO, HiddenConfig, TrainConfig, find_start
from tagger.training.count_conventions import count_lemma_reliability
from tagger.training.module import TaggerModule
from tagger.training.teacher import RATIO, TEXT_MIN_COUNT, WORDS_OF_TEXT
from tagger.words.dictionary import Dictionary, LemmaReliability, codes, digest_of, open_dictionary

FEW_WORDS = 100_000  # a corpus with fewer words is small
WORDS_OF_TEN_EPOCHS = 200_000
FEWEST_EPOCHS, MOST_EPOCHS = 3, 40
POWER = 0.3  # of how many times smaller a corpus is: so many times as often it is read
POWER_WITH_INPUTS = 0.4  # with a pretrained encoder or untagged text
EPOCHS_WITH_ENCODER = 0.6  # share of the epochs that a network needs which starts from a pretrained encoder
FROZEN_SHARE = 2 / 3  # of the epochs: those before layers of an encoder are tuned
EPOCHS_WITH_TEXT = 0.8  # of a student, whose epochs have untagged text, too
MIN_KNOWN = 0.3  # share of the unseen forms of dev that a dictionary knows, for it to be taken
LANGUAGE_SENTENCES = 1000  # of train, by which its language is found
OTHER_CODES = {"no": ["nb", "nn"], "hr": ["hbs"], "sr": ["hbs"]}  # of languages whose dictionaries have them
LINEAR_WEIGHT = 0.35  # of the linear chain of a tagger without pretrained parts
DROPOUT_WITH_TEXT = 0.1  # of a student: with so much to learn from it needs no more
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


def epochs_for(words: int, encoder: bool = False, text: bool = False) -> int:
    """How often a corpus is read: 10 times if it has 200,000 words, and twice as often if it has a tenth.

    It is read less often with a pretrained encoder, which knows much already, or untagged text in each epoch.

    >>> [epochs_for(words) for words in (1_000, 20_000, 50_000, 200_000, 2_000_000)]
    [40, 20, 15, 10, 5]
    >>> [epochs_for(words, encoder=True) for words in (1_000, 20_000, 50_000, 200_000, 2_000_000)]
    [40, 15, 10, 6, 3]
    >>> [epochs_for(words, text=True) for words in (1_000, 20_000, 50_000, 200_000, 2_000_000)]
    [18, 18, 14, 8, 3]
    """
    if text:
        words = max(words, WORDS_OF_TEXT // RATIO)
    share = EPOCHS_WITH_ENCODER if encoder else EPOCHS_WITH_TEXT if text else 1
    power = POWER_WITH_INPUTS if encoder or text else POWER
    epochs: float = 10 * (WORDS_OF_TEN_EPOCHS / max(1, words)) ** power * share
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(epochs)))


def frozen_epochs(transformer: TransformerConfig | None, epochs: int) -> int:
    """How many epochs pass before layers of an encoder are tuned; 0 if no layers wait.

    An encoder that is tuned as a whole learns from the start.
    """
    if transformer is None or isinstance(transformer["tune"], bool):
        return 0
    return min(epochs - 1, round(epochs * FROZEN_SHARE))


def with_recipe(config: TrainConfig, words: int) -> TrainConfig:
    """The config with a number for every value that the number of words of train decides."""
    small, text = words < FEW_WORDS, config.distill.text is not None
    chosen: dict[str, Any] = {}
    if config.batch_tokens is None:
        chosen["batch_tokens"] = (250 if small else 500) * (2 if text else 1)
    model, hidden = config.model, config.model.hidden
    sizes = ((100 if small else 150) if size is None else size for size in (hidden.forward, hidden.backward))
    encoder = config.embedding.transformer is not None
    usual = DROPOUT_WITH_TEXT if text else 0.6 if small and not encoder else 0.5
    dropout = usual if model.dropout is None else model.dropout
    chosen["model"] = replace(model, hidden=HiddenConfig(*sizes), dropout=dropout)
    epochs = config.trainer.get("max_epochs")
    if epochs is None:
        epochs = epochs_for(words, encoder, text)
        chosen["trainer"] = config.trainer | {"max_epochs": epochs}
    if config.linear is None and config.init is None:
        chosen["linear"] = 0.0 if encoder or text else LINEAR_WEIGHT
    if config.patience is None:
        chosen["patience"] = max(5, math.ceil(epochs / 2))
    return replace(config, **chosen)


def with_dictionary(config: TrainConfig, corpus: Corpus) -> TrainConfig:
    """The config with the dictionaries for `auto`: those of the language that the corpus's name or its text tells."""
    if config.embedding.dictionary != AUTO:
        return config
    seen = {form for forms in corpus.splits["train"]["tokens"] for form in forms}
    unseen = {form for forms in corpus.splits["dev"]["tokens"] for form in forms} - seen
    found = set(language_codes(corpus.name) or (["en"] if corpus.rules == "english" else []))
    if not found:
        from tagger.tagging.identifier import load_identifier, telling, words_of

        # A wrong guess does no harm: a dictionary of another language knows few of the words.
        identifier = load_identifier()
        text = " ".join(form for forms in corpus.splits["train"][:LANGUAGE_SENTENCES]["tokens"] for form in forms)
        language = identifier.languages[identifier.scores(telling(words_of(text))).argmax()]
        found = {codes_of(language)[0]}
    names = {tuple(dictionaries_of(code)) for code in found}
    chosen = known_dictionaries(names.pop(), unseen) if len(names) == 1 else []  # none for several languages
    return replace(config, embedding=replace(config.embedding, dictionary=chosen or None))


def known_dictionaries(asked: Iterable[str], unseen: Iterable[str]) -> list[str]:
    """The codes of those dictionaries that know `MIN_KNOWN` of the forms that train lacks; what knows most is first."""
    known: dict[str, float] = {}
    unseen = [form for form in unseen if form.isalpha()]
    for code in asked:
        found = open_dictionary(**{code: digest_of(code)}).look_up(unseen).lemmas
        share = sum(lemma is not None for lemma in found) / max(1, len(unseen))
        _log.info("dictionary %s: has %.0f %% of the forms of dev that train lacks", code, 100 * share)
        if share >= MIN_KNOWN:
            known[code] = share
    return sorted(known, key=lambda code: -known[code])


def dictionaries_of(language: str) -> list[str]:
    """The codes of the dictionaries of a language that is given by its code."""
    return [code for code in OTHER_CODES.get(language, [language]) if code in codes()]


def dictionary_of(language: str) -> Dictionary | None:
    """The dictionaries of a language that is given by its code, as one; None if there are none."""
    codes = dictionaries_of(language)
    return open_dictionary(**{code: digest_of(code) for code in codes}) if codes else None


def with_init(config: TrainConfig, init: Bundle) -> TrainConfig:
    """The config with the sizes, the decoder and the pretrained inputs of the tagger to start from, which stay."""
    network = init.networks[0].config
    own = network["transformer"]
    if config.noise and own is not None and own["tune"] is not True:
        raise InputError(
            f"noise={config.noise}: {config.init} has a transformer whose outputs are kept for the text as it is;"
            " leave noise out"
        )
    model = replace(
        config.model,
        cell=network["cell"],
        depth=network["depth"],
        hidden=HiddenConfig(**network["hidden"]),
        members=len(init.members),
        decoder=network["decoder"],
    )
    inputs: dict[str, Any] = {key: network[key] for key in ("words", "affixes", "chars", "buckets") if key in network}
    inputs |= {"lemmas": network.get("lemmas", 0), "dictionary": [*network.get("dictionary", ())]}
    inputs |= {
        "vectors": [*init.vocabulary.vectors] if network["vectors"] else None,
        "transformer": own and own["name"],
    }
    use = config.transformer
    if own is not None:
        use = replace(use, layers=own["layers"], tune=own["tune"], dtype=own["dtype"])
    return replace(config, model=model, embedding=replace(config.embedding, **inputs), transformer=use)


class Inputs(NamedTuple):
    """Pretrained inputs of networks that start from nothing: vectors of each source, and a transformer."""

    vectors: dict[str, Vectors]
    transformer: TransformerEmbedding | None = None
    tokenizer: PieceTokenizer | None = None
    transformer_config: TransformerConfig | None = None

    def fill(self, network: TaggerNetwork) -> None:
        """Copies the weights into a network that was built for these inputs."""
        embedding = network.embedding.vectors
        if embedding is not None:
            for source, vectors in enumerate(self.vectors.values()):
                embedding.fill(source, torch.from_numpy(vectors.matrix))
        if self.transformer is not None and network.transformer is not None:
            network.transformer.load_state_dict(self.transformer.state_dict())


def load_inputs(config: TrainConfig, forms: Sequence[str], others: Iterable[str] = ()) -> Inputs:
    """Loads what the config names.

    `forms` are those of the corpus, `others` frequent ones of untagged text, whose pieces a transformer needs, too.
    """
    embedding, use = config.embedding, config.transformer
    found = {
        name: select_vectors(name, forms, embedding.vectors_keep, embedding.vectors_components)
        for name in embedding.vector_sources
    }
    for name, (rows, matrix) in found.items():
        share = sum(form in rows or form.lower() in rows for form in forms) / max(1, len(forms))
        numbers = (len(rows), *matrix.shape, 100 * share)
        _log.info("%s: %d words, %d vectors of %d numbers, for %.1f %% of the forms in training", name, *numbers)
    if embedding.transformer is None:
        return Inputs(found)
    loaded = load_pretrained(
        embedding.transformer,
        pooling=None,
        tune=use.tune,
        layers=use.layers,
        dtype=use.dtype,
        dropout=TRANSFORMER_DROPOUT,
        forms=[*forms, *others],
    )
    return Inputs(found, *loaded)


def network_config(
    config: TrainConfig, inputs: Inputs, digests: dict[str, str], saved: NetworkConfig | None
) -> NetworkConfig:
    """What a network is built from: a filled config, dictionaries, and pretrained inputs, new or those of `saved`."""
    model, embedding = config.model, config.embedding
    vectors, transformer = saved and saved["vectors"], inputs.transformer_config
    if inputs.vectors:
        sizes = [matrix.shape[1] for _, matrix in inputs.vectors.values()]
        vectors = VectorConfig(sizes=sizes, projection=embedding.vectors_size, tune=False, dtype="float16")
    if transformer is None and saved is not None and saved["transformer"] is not None:
        transformer = {**saved["transformer"], "dropout": TRANSFORMER_DROPOUT}
    values = {
        "decoder": model.decoder,
        "dropout": model.dropout or 0.0,
        "cell": model.cell,
        "depth": model.depth,
        "hidden": asdict(model.hidden),
        **{key: getattr(embedding, key) for key in ("words", "affixes", "chars", "buckets")},
        "lemmas": embedding.lemmas if digests else 0,
        "dictionary": digests,
        "vectors": vectors,
        "transformer": transformer,
    }
    return cast(NetworkConfig, values)


def new_module(
    config: TrainConfig, corpus: Corpus, init: Bundle | None, auxiliary: int = 0, text: Mapping[str, int] | None = None
) -> TaggerModule:
    """The networks that are to be trained: new ones, or those of the tagger to start from.

    Args:
        config: filled.
        auxiliary: how many values of other columns are learned beside the tags.
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
        vocabulary = vocabulary.with_lemmas(open_dictionary(**digests), MIN_COUNT)
    saved = init.networks[0].config if init else None
    inputs = load_inputs(config, vocabulary.forms, frequent) if saved is None else Inputs({})
    network = network_config(config, inputs, digests, saved)
    new_vectors = {name: vectors.rows for name, vectors in inputs.vectors.items()}
    vocabulary = replace(vocabulary, vectors=vocabulary.vectors | new_vectors)
    check_training_memory(vocabulary, network, config.model.members)
    module = TaggerModule(
        asdict(vocabulary),
        network,
        **asdict(config.optimizer),
        members=config.model.members,
        auxiliary=auxiliary,
        auxiliary_weight=config.auxiliary,
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
    return count_lemma_reliability(train.select_columns(["tokens", *columns]), open_dictionary(**digests))


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
    tags = {}
    for column, names in new.tags.items():
        own = old.tags.get(column, [])
        tags[column] = _union(own, names) if 2 * len({*own} & {*names}) >= len(names) else names
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


def _union(old: Sequence[str], new: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


@torch.no_grad()
def transfer_weights(saved: Member, network: TaggerNetwork, vocabulary: Vocabulary) -> None:
    """Copies the weights of a tagger into a network with a merged vocabulary; what is new there keeps random ones."""
    before, merged = saved.network.state_dict(), network.state_dict()
    for name, weights in before.items():
        if name in merged and not name.startswith(("heads.", "decoders.")):
            # The rows of new words, characters and corpora come after the known ones.
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
