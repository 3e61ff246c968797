"""Several taggers -> one whose members are those of all: the command `ensemble`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tagger.bundle.bundle import Bundle, Linear, Member, networks_share
from tagger.bundle.saved_config import MAX_MEMBERS, NOISE, ORIGIN
from tagger.errors import InputError, shorten
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.linear_chain import LinearChain
from tagger.model.network import TaggerNetwork
from tagger.model.storage import build_without_memory
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import Table, percent

ENSEMBLE = "ensemble"  # key of `config.json`: the weights of the taggers that one was made of
MAX_TAGGERS = 16
MIN_SHARE = 1e-9  # of a tagger in the mean


def join(taggers: Sequence[Bundle], weights: Sequence[float] | None = None, names: Sequence[str] = ()) -> Bundle:
    """The ensemble of taggers: one whose members are those of all. Raw text is cut as the first one does it.

    Lemmas of a dictionary are those of the first tagger that has one.

    The tags of all members get the order that they have in the first tagger. A tagger's own temperatures become those
    of its members.

    Args:
        weights: of the taggers, above 0; None: all the same. They get the sum 1.
        names: what the taggers are called in messages, such as their folders.
    """
    _check_taggers(taggers, names or [f"tagger {number}" for number in range(1, len(taggers) + 1)])
    weights = checked_weights(weights, len(taggers))
    by_column = _weights_by_column(taggers, weights)
    first = taggers[0].vocabulary
    members: list[Member] = []
    linear: list[Linear] = []
    vocabularies: list[Vocabulary] = []  # equal ones become one
    for number, (tagger, weight) in enumerate(zip(taggers, weights, strict=True)):
        temperatures = tagger.config.get("temperatures") or {}
        for each in tagger.linear:
            rows = [tagger.vocabulary.tag_ids[each.column][tag] for tag in first.tags[each.column]]
            temperature = _product({each.column: each.temperature}, temperatures)[each.column]
            _add(replace(_with_tags(each, rows), weight=weight * each.weight, temperature=temperature), linear)
        for member in (_in_order(member, first) for member in tagger.members):
            vocabulary = next((each for each in vocabularies if each == member.vocabulary), member.vocabulary)
            if vocabulary is member.vocabulary:
                vocabularies.append(vocabulary)
            members.append(
                replace(
                    member,
                    vocabulary=vocabulary,
                    weight=weight * member.weight,
                    weights={c: of[number] * member.weights.get(c, member.weight) for c, of in by_column.items()},
                    temperatures=_product(member.temperatures, temperatures),
                )
            )
    configs = [tagger.config for tagger in taggers]
    config = {
        ENSEMBLE: weights,
        **{key: _joined(configs, key) for key in ("corpus", "version", "license")},
        **({ORIGIN: configs[0][ORIGIN]} if ORIGIN in configs[0] else {}),
        **({NOISE: True} if all(tagger.has_noise for tagger in taggers) else {}),
        "columns": first.columns,
        "scores": {},
    }
    lemmas = next((tagger.lemmas for tagger in taggers if tagger.lemmas), None)
    return Bundle(tuple(members), taggers[0].segmenter, config, tuple(linear), lemmas, taggers[0].conventions)


def _check_taggers(taggers: Sequence[Bundle], names: Sequence[str]) -> None:
    """Raises InputError unless an ensemble can be made of these taggers."""
    if not 2 <= len(taggers) <= MAX_TAGGERS:
        raise InputError(f"an ensemble has 2 to {MAX_TAGGERS} members, not {len(taggers)}; name as many taggers")
    for tagger, name in zip(taggers, names, strict=True):
        if not tagger.vocabulary.columns:
            raise InputError(f"{name} has no tags; an ensemble is made of taggers")
        check_same_tags(taggers[0].vocabulary, names[0], tagger.vocabulary, name)
    count = sum(len(tagger.members) for tagger in taggers)
    if count > MAX_MEMBERS:
        raise InputError(f"these taggers have {count} networks, and one has at most {MAX_MEMBERS}; name fewer")


def in_order_of(first: Vocabulary, vocabulary: Vocabulary) -> Vocabulary:
    """A vocabulary with its columns and tags in the order of another's, which has the same ones."""
    if list(vocabulary.tags.items()) == list(first.tags.items()):
        return vocabulary
    nothing = Vocabulary({}, [], {}, [])
    ordered = replace(vocabulary, tags=first.tags, combinations=vocabulary.combinations_with(nothing, first.tags))
    return ordered.with_scripts_of([vocabulary])


def check_same_tags(first: Vocabulary, first_name: str, other: Vocabulary, other_name: str) -> None:
    """Raises InputError unless two vocabularies have the same columns and tags, in whatever order."""
    remedy = "an ensemble needs taggers of the same columns and tags"
    pairs = ((first, first_name, other, other_name), (other, other_name, first, first_name))
    for one, one_name, two, two_name in pairs:
        for column in one.columns:
            if column not in two.tags:
                raise InputError(f"{two_name} lacks the column {shorten(column)}, which {one_name} has; {remedy}")
    for one, one_name, two, two_name in pairs:
        for column, tags in one.tags.items():
            for tag in tags:
                if tag not in two.tag_ids[column]:
                    raise InputError(
                        f"{two_name} lacks the tag {shorten(tag)} of the column {column}, which {one_name} has;"
                        f" {remedy}"
                    )


def _weights_by_column(taggers: Sequence[Bundle], weights: Sequence[float]) -> dict[str, list[float]]:
    """The weights of each tagger's networks in the columns where they are not the taggers' weights.

    Linear chains take a part of their tagger's weight from its networks, and not every tagger has some.
    """
    by_column = {}
    for column in taggers[0].vocabulary.columns:
        shares = [networks_share(tagger.linear, column) for tagger in taggers]
        if max(shares) > min(shares) or any(column in each.weights for tagger in taggers for each in tagger.members):
            parts = [weight * share for weight, share in zip(weights, shares, strict=True)]
            by_column[column] = [part / sum(parts) for part in parts]
    return by_column


def _in_order(member: Member, first: Vocabulary) -> Member:
    """The member with its columns and tags in the order of another vocabulary."""
    before = member.vocabulary
    vocabulary = in_order_of(first, before)
    if vocabulary is before:
        return member
    rows = {column: [before.tag_ids[column][tag] for tag in tags] for column, tags in first.tags.items()}
    weights: dict[str, Tensor] = {}
    for name, tensor in member.network.state_dict().items():
        part, _, rest = name.partition(".")
        column = rest.rpartition(".")[0]
        if part in ("heads", "decoders"):
            tensor = tensor[rows[column]]
            if name == f"decoders.{column}.transitions":
                tensor = tensor[:, rows[column]]
        weights[name] = tensor
    network = build_without_memory(lambda: TaggerNetwork(vocabulary, member.network.config))
    network.load_state_dict(weights, assign=True)
    network.transformer = member.network.transformer
    return replace(member, network=network.eval(), vocabulary=vocabulary)


def _with_tags(member: Linear, rows: Sequence[int]) -> Linear:
    """The linear chain with its tags in another order: `rows` has for each new id the id of now."""
    weights = member.chain.state_dict()
    for name, each in weights.items():
        if name.endswith(".weight"):
            weights[name] = each.view(len(each), -1, len(rows))[..., list(rows)].flatten(1)
    chain = LinearChain(member.chain.sizes, len(rows), member.chain.dictionary)
    chain.load_state_dict(weights)
    chain.decoder.take_from(member.chain.decoder, range(len(rows)), rows)
    return replace(member, chain=chain.eval())


def _add(member: Linear, members: list[Linear]) -> None:
    """Adds a member to a list, or its weight to an equal one: training has no chance in it, so a seed changes none."""
    for i, other in enumerate(members):
        if (other.column, other.temperature) == (member.column, member.temperature) and _is_same(other, member):
            members[i] = replace(other, weight=other.weight + member.weight)
            return
    members.append(member)


def _is_same(one: Linear, other: Linear) -> bool:
    weights = other.chain.state_dict()
    digests = [each.chain.dictionary and each.chain.dictionary.digests for each in (one, other)]
    return (
        digests[0] == digests[1]
        and one.chain.sizes == other.chain.sizes
        and all(torch.equal(each, weights[name]) for name, each in one.chain.state_dict().items())
    )


def _product(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """The temperatures of a member that are those of its tagger, too, within what a folder may have."""
    products = {column: one.get(column, 1.0) * other.get(column, 1.0) for column in {**one, **other}}
    return {column: min(MAX_TEMPERATURE, max(MIN_TEMPERATURE, each)) for column, each in products.items()}


def checked_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights of the taggers of an ensemble, with the sum 1."""
    if weights is None:
        return [1 / count] * count
    text = ",".join(f"{weight:g}" for weight in weights)
    if len(weights) != count:
        raise InputError(f"--weights {text}: {len(weights)} for {count} taggers; give one for each")
    if not all(0 < weight < float("inf") for weight in weights):
        raise InputError(f"--weights {text}: give each tagger a number above 0, or leave the tagger out")
    scaled = [weight / max(weights) for weight in weights]  # the sum of large ones is infinite
    shares = [weight / sum(scaled) for weight in scaled]
    if not all(share > MIN_SHARE for share in shares):
        raise InputError(
            f"--weights {text}: one is so small beside the others that it counts for nothing; leave it out"
        )
    return shares


def ensemble_card(ensemble: Bundle, taggers: Sequence[Bundle], command: str) -> str:
    """A model card: the taggers of which `join` made an ensemble, their weights and scores, and the command line."""
    config, columns = ensemble.config, ensemble.vocabulary.columns
    data = " ".join(filter(None, (config["corpus"], config.get("version"))))
    licence = f" The training data's licence is {config['license']}." if config.get("license") else ""
    rows = [
        [str(number), f"{weight:.3g}", each.config.get("corpus") or "–", *_dev(each.config, columns)]
        for number, (weight, each) in enumerate(zip(config[ENSEMBLE], taggers, strict=True), 1)
    ]
    table = Table("", ["tagger", "weight", "trained on", *(f"dev {column}" for column in columns)], rows)
    return f"""# Ensemble of {len(taggers)} part-of-speech taggers for {data or "several corpora"}

The score of a tag is the weighted mean of the scores that its members give to the tag.{licence}

{table.as_markdown()}
Accuracy on each tagger's dev split, over gold tokens.

Made by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER
"""


def _dev(member: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    dev = (member.get("scores") or {}).get("dev") or {}
    return [percent(dev.get(column)) for column in columns]


def _joined(configs: Sequence[dict[str, Any]], key: str) -> str | None:
    """What the configs say of the data under a key, each value once; a long one is cut."""
    values = dict.fromkeys(config[key] for config in configs if isinstance(config.get(key), str))
    return "; ".join(value if len(value) <= 200 else shorten(value, 200)[1:-1] for value in values) or None
