"""The corpus and the tagger of `init` -> those values of the config that they decide.

A small corpus is read more often, in smaller batches, and more of the network's numbers are hidden while it learns:
what a treebank of 20,000 words needs is not what one of 200,000 needs. A student of a very small one learns most from
untagged text, and reads more of it. A linear member helps a network that starts from nothing, and adds nothing to an
encoder. docs/experiments.md has the measurements.
"""

import dataclasses
import logging
import math
from collections.abc import Iterable
from typing import Any

from tagger.bundle.bundle import Bundle
from tagger.bundle.language_codes import codes_of, language_codes
from tagger.bundled import bundled
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.model.decoder import SOFTMAX
from tagger.model.dictionary import codes, digest_of, open_dictionary
from tagger.model.transformer import TransformerConfig
from tagger.tagging.languages import IDENTIFIER, Identifier, telling_words
from tagger.training.config import AUTO, HiddenConfig, TrainConfig

FEW_WORDS = 100_000  # a corpus with fewer words is small
WORDS_OF_TEN_EPOCHS = 200_000
FEWEST_EPOCHS, MOST_EPOCHS = 3, 40
POWER = 0.3  # of how many times smaller a corpus is: so many times as often it is read
POWER_WITH_INPUTS = 0.4  # with a pretrained encoder or untagged text
EPOCHS_WITH_ENCODER = 0.6  # share of the epochs that a network needs which starts from a pretrained encoder
FROZEN_SHARE = 2 / 3  # of the epochs: those before layers of an encoder are tuned
EPOCHS_WITH_TEXT = 0.8  # of a student, whose epochs have untagged text, too
RATIO = 4  # words of text in an epoch for each word of the corpus
WORDS_OF_TEXT = 100_000  # in an epoch, at least
MIN_KNOWN = 0.3  # share of the unseen forms of dev that a dictionary knows, for it to be taken
LANGUAGE_SENTENCES = 1000  # of train, by which its language is found
OTHER_CODES = {"no": ["nb", "nn"], "hr": ["hbs"], "sr": ["hbs"]}  # of languages whose dictionaries have them
LINEAR_WEIGHT = 0.35  # of the linear member of a tagger without pretrained parts
DROPOUT_WITH_TEXT = 0.1  # of a student: with so much to learn from it needs no more

_log = logging.getLogger(__name__)


def epochs_for(words: int, encoder: bool = False, text: bool = False) -> int:
    """How often a corpus is read: 10 times if it has 200,000 words, and twice as often if it has a tenth.

    Args:
        words: of the train split.
        encoder: whether the network has a pretrained encoder, which knows much already.
        text: whether an epoch has untagged text beside the corpus.

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


def text_ratio(words: int) -> float:
    """How many words of untagged text an epoch has for each word of train, of which there are so many."""
    return max(RATIO, WORDS_OF_TEXT / max(1, words))


def frozen_epochs(transformer: TransformerConfig | None, epochs: int) -> int:
    """How many epochs pass before layers of an encoder are tuned; 0 if no layers wait.

    An encoder that is tuned as a whole learns from the start.
    """
    if transformer is None or isinstance(transformer["tune"], bool):
        return 0
    return min(epochs - 1, round(epochs * FROZEN_SHARE))


def with_recipe(config: TrainConfig, words: int) -> TrainConfig:
    """The config with a number for every value that is null because the corpus decides it.

    Args:
        config: of the training.
        words: of the train split.
    """
    small, text = words < FEW_WORDS, config.distill.text is not None
    chosen: dict[str, Any] = {}
    if config.batch_tokens is None:
        chosen["batch_tokens"] = (250 if small else 500) * (2 if text else 1)
    model, hidden = config.model, config.model.hidden
    sizes = {name: size for name, size in dataclasses.asdict(hidden).items() if size is not None}
    defaults = dict.fromkeys(("forward", "backward"), 100 if small else 150)
    encoder = config.embedding.transformer is not None
    usual = DROPOUT_WITH_TEXT if text else 0.6 if small and not encoder else 0.5
    dropout = usual if model.dropout is None else model.dropout
    hidden = dataclasses.replace(hidden, **(defaults | sizes))
    chosen["model"] = dataclasses.replace(model, hidden=hidden, dropout=dropout)
    epochs = config.trainer.get("max_epochs")
    if epochs is None:
        epochs = epochs_for(words, encoder, text)
        chosen["trainer"] = config.trainer | {"max_epochs": epochs}
    if config.linear is None and config.init is None:
        chosen["linear"] = 0.0 if encoder or text else LINEAR_WEIGHT
    if config.patience is None:
        chosen["patience"] = max(5, math.ceil(epochs / 2))
    return dataclasses.replace(config, **chosen)


def with_dictionary(config: TrainConfig, corpus: Corpus) -> TrainConfig:
    """The config with the codes of dictionaries for `auto`: those of the language that the corpus is in.

    Its name tells the language, or else the finder of languages.
    """
    if config.embedding.dictionary != AUTO:
        return config
    seen = {form for forms in corpus.splits["train"]["tokens"] for form in forms}
    unseen = {form for forms in corpus.splits["dev"]["tokens"] for form in forms} - seen
    chosen = known_dictionaries(_codes_of(corpus), unseen) or None
    return dataclasses.replace(config, embedding=dataclasses.replace(config.embedding, dictionary=chosen))


def known_dictionaries(asked: Iterable[str], unseen: Iterable[str]) -> list[str]:
    """The codes of those dictionaries that know `MIN_KNOWN` of the forms that train lacks; what knows most is first."""
    known: dict[str, float] = {}
    unseen = [form for form in unseen if form.isalpha()]
    for code in asked:
        found = open_dictionary({code: digest_of(code)}).lemmas(unseen)
        share = sum(lemma is not None for lemma in found) / max(1, len(unseen))
        _log.info("dictionary %s: has %.0f %% of the forms of dev that train lacks", code, 100 * share)
        if share >= MIN_KNOWN:
            known[code] = share
    return sorted(known, key=lambda code: -known[code])


def _codes_of(corpus: Corpus) -> list[str]:
    """The codes of the dictionaries of the language of a corpus; none if it has several languages, or none is known."""
    found = set(language_codes(corpus.name))
    if not found:
        # A wrong guess does no harm: a dictionary of another language knows few of the words.
        identifier = Identifier.load(bundled("data") / IDENTIFIER)
        text = " ".join(form for forms in corpus.splits["train"][:LANGUAGE_SENTENCES]["tokens"] for form in forms)
        language = identifier.languages[identifier.scores(telling_words(text)).argmax()]
        found = {codes_of(language)[0]}
    names = {tuple(dictionaries_of(code)) for code in found}
    return [*names.pop()] if len(names) == 1 else []


def dictionaries_of(language: str) -> list[str]:
    """The codes of the dictionaries of a language that is given by its code."""
    return [code for code in OTHER_CODES.get(language, [language]) if code in codes()]


def with_init(config: TrainConfig, init: Bundle) -> TrainConfig:
    """The config with the sizes and the pretrained inputs of the tagger to start from.

    A transformer, vectors and a CRF can be added to a tagger that lacks them; what it has already stays.
    """
    network = init.networks[0].config
    vectors, transformer = config.embedding.vector_sources, config.embedding.transformer
    own_vectors, own = [*init.vocabulary.vectors] if network["vectors"] else [], network["transformer"]
    if transformer is not None and own is not None:
        raise InputError(
            f"embedding.transformer={transformer}: {config.init} has the transformer {own['name']} already;"
            " leave out what names another"
        )
    if config.noise and own is not None and own["tune"] is not True:
        raise InputError(
            f"noise={config.noise}: {config.init} has a transformer whose outputs are kept for the text as it is;"
            " leave noise out"
        )
    if vectors and own_vectors:
        raise InputError(
            f"embedding.vectors: {config.init} has the vectors {', '.join(own_vectors)} already; leave out what names"
            " others"
        )
    if vectors and own is not None:
        raise InputError(
            f"embedding.vectors: {config.init} has a transformer, beside which vectors cannot be added; leave them"
            " out, or start from a tagger without one and add both at once"
        )
    model = dataclasses.replace(
        config.model,
        cell=network["cell"],
        depth=network["depth"],
        hidden=HiddenConfig(**network["hidden"]),
        members=len(init.members),
        decoder=network["decoder"] if config.model.decoder == SOFTMAX else config.model.decoder,
    )
    inputs: dict[str, Any] = {
        name: network[name] for name in ("words", "affixes", "chars", "buckets") if name in network
    }
    inputs |= {"lemmas": network.get("lemmas", 0), "dictionary": [*network.get("dictionary", ())]}
    use = config.transformer
    if own_vectors:
        inputs["vectors"] = own_vectors
    if own is not None:
        inputs["transformer"] = own["name"]
        use = dataclasses.replace(use, layers=own["layers"], tune=own["tune"], dtype=own["dtype"])
    embedding = dataclasses.replace(config.embedding, **inputs)
    return dataclasses.replace(config, model=model, embedding=embedding, transformer=use)
