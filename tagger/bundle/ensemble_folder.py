"""An ensemble as a folder: whole copies of its members below `members/`, their weights in JSON, and a model card.

The folder works when the originals are gone. It has no network of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tagger.bundle.folder import SavedTagger, copy_files, load_tagger, whole_folder, write_description
from tagger.bundle.saved_config import (
    CARD,
    CONFIG,
    ENSEMBLE,
    MAX_MEMBERS,
    MEMBERS,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    check_description,
    is_ensemble,
    predicts_words,
    read_config,
)
from tagger.bundle.validation import check_temperatures
from tagger.errors import InputError, shorten
from tagger.model.stored import one_error
from tagger.model.vocabulary import Vocabulary
from tagger.text.json_files import check_choice, checked_list, checked_object, shown
from tagger.text.segment import LEARNED, RULES, SEGMENTER, SEGMENTER_WEIGHTS


def join_vocabularies(vocabularies: Sequence[Vocabulary], names: Sequence[str]) -> Vocabulary:
    """The vocabulary of an ensemble: columns and tags in the order of the first member's.

    It has the forms of all members, and no words or characters, because an ensemble has no embeddings. A form has the
    edit scripts that it has in any member. Tags may stand together that do so in any member, if all of them know that.
    The corpora are those that all members know which were trained on several.

    Args:
        vocabularies: of two or more taggers.
        names: what the taggers are called in messages, such as their folders.

    Raises:
        InputError: a tagger has no tags, or other columns or other tags than the first. The message names the first
            that differs.
    """
    first, *others = vocabularies
    for vocabulary, name in zip(vocabularies, names, strict=True):
        if not vocabulary.columns:
            raise InputError(f"{name} predicts words and has no tags; an ensemble is made of taggers")
    for vocabulary, name in zip(others, names[1:], strict=True):
        _check_same_tags(first, names[0], vocabulary, name)
    forms = sorted({form for vocabulary in vocabularies for form in vocabulary.forms})
    joined = Vocabulary(
        {}, [], first.tags, forms, combinations=first.combinations, corpora=_common_corpora(vocabularies)
    )
    for other in others:
        joined = replace(joined, combinations=joined.combinations_with(other, first.tags))
    return joined.with_scripts_of(vocabularies)


def _check_same_tags(first: Vocabulary, first_name: str, other: Vocabulary, other_name: str) -> None:
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


def _common_corpora(vocabularies: Sequence[Vocabulary]) -> list[str]:
    several = [vocabulary.corpora for vocabulary in vocabularies if vocabulary.corpora]
    return [name for name in several[0] if all(name in names for names in several)] if several else []


def ensemble_card(
    config: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    command: str,
    results: Mapping[str, Any] | None = None,
    more: str = "",
) -> str:
    """A model card: members, weights, and scores as far as they are known.

    Args:
        config: the ensemble's `config.json`.
        members: those of the members.
        command: the command line that made it.
        results: split -> column -> scores of the ensemble, see `metrics.report`; None: not known.
        more: further sections.
    """
    weights = config["ensemble"]["weights"]
    data = " ".join(filter(None, (config["corpus"], config.get("version"))))
    licence = f" The training data's licence is {config['license']}." if config.get("license") else ""
    columns = config["columns"]
    rows = [
        f"| {number} | {weight:.3g} | {member.get('corpus') or '–'} | {' | '.join(_dev(member, columns))} |"
        for number, (weight, member) in enumerate(zip(weights, members, strict=True), 1)
    ]
    head = " | ".join(["member", "weight", "trained on", *(f"dev {column}" for column in columns)])
    return f"""# Ensemble of {len(members)} part-of-speech taggers for {data or "several corpora"}

The probabilities of its tags are the weighted mean of those of its members, which are below `members/`.{licence}

| {head} |
|{"---|" * (3 + len(columns))}
{chr(10).join(rows)}

Accuracy on each member's dev split in percent, over gold tokens.

{_scores(results or {})}Made by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER
{more}"""


def _scores(results: Mapping[str, Any]) -> str:
    rows = [
        f"| {split} | {column} | {scores['tokens']:,} |"
        f" {' | '.join(_percent(scores[name]) for name in ('accuracy', 'known', 'unknown', 'whole_sentences'))} |"
        for split in ("dev", "test")
        for column, scores in results.get(split, {}).items()
    ]
    if not rows:
        return ""
    return f"""The ensemble:

| split | column | words | all words | seen in training | not seen | whole sentences |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

"""


def _dev(member: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    dev = (member.get("scores") or {}).get("dev") or {}
    return [_percent(dev.get(column)) for column in columns]


def _percent(share: Any) -> str:
    return f"{100 * share:.2f}" if isinstance(share, (int, float)) else "–"


SUM_TOLERANCE = 1e-6  # of the weights, whose sum is 1
SEGMENTER_KEYS = ("segmenter", "segmenter_training")  # of `config.json`: what cuts raw text, and what it learned from
_MEMBER = re.compile(rf"{MEMBERS}/[0-9]{{1,4}}")  # nothing else, so that no path leads out of the folder


class SavedEnsemble(NamedTuple):
    """What an ensemble's folder holds.

    Attributes:
        members: its taggers.
        weights: of the members, with the sum 1.
        vocabulary: see `join_vocabularies`.
        config: the content of `config.json`.
        folder: of the first member.
    """

    members: list[SavedTagger]
    weights: list[float]
    vocabulary: Vocabulary
    config: dict[str, Any]
    folder: Path


def save_ensemble(
    folder: Path, members: Sequence[Path], weights: Sequence[float] | None, command: str
) -> dict[str, Any]:
    """Makes an ensemble of taggers; see `join_taggers` and `write_ensemble`.

    Args:
        folder: the folder to make.
        members: the folders of the taggers.
        weights: of the members.
        command: the command line that makes the ensemble, for the model card.

    Returns:
        The content of `config.json`, without scores.
    """
    ensemble = join_taggers(members, weights)
    configs = [member.config for member in ensemble.members]
    write_ensemble(folder, members, ensemble.config, ensemble_card(ensemble.config, configs, command))
    return ensemble.config


def join_taggers(members: Sequence[Path], weights: Sequence[float] | None) -> SavedEnsemble:
    """The ensemble of taggers, before it has a folder. Raw text is cut as the first member does it.

    Args:
        members: the folders of two or more taggers.
        weights: of the members, above 0; None: all the same. They get the sum 1.

    Raises:
        InputError: there are too few or too many members, one is named twice, is an ensemble, is damaged or has other
            tags; or the weights are not as many, or one is not above 0.
    """
    if not 2 <= len(members) <= MAX_MEMBERS:
        raise InputError(f"an ensemble has 2 to {MAX_MEMBERS} members, not {len(members)}; name as many taggers")
    weights = checked_weights(weights, len(members))
    seen: set[Path] = set()
    taggers = []
    for member in members:
        if member.resolve() in seen:
            raise InputError(f"{member} is named twice; to count it more than others, give it more weight (--weights)")
        seen.add(member.resolve())
        taggers.append(_read_member(member))
    configs = [tagger.config for tagger in taggers]
    vocabulary = join_vocabularies([tagger.vocabulary for tagger in taggers], list(map(str, members)))
    names = [f"{MEMBERS}/{number}" for number in range(1, len(members) + 1)]
    config = {
        ENSEMBLE: {"members": names, "weights": weights},
        "corpus": _joined(configs, "corpus"),
        "version": _joined(configs, "version"),
        "license": _joined(configs, "license"),
        **{key: configs[0][key] for key in SEGMENTER_KEYS if key in configs[0]},
        "columns": vocabulary.columns,
        "scores": {},
    }
    return SavedEnsemble(taggers, weights, vocabulary, config, members[0])


def write_ensemble(folder: Path, members: Sequence[Path], config: dict[str, Any], card: str) -> None:
    """Writes an ensemble. `folder` appears, or is replaced, only when all files are written.

    Args:
        folder: the folder to make.
        members: the folders of the taggers, which are copied.
        config: see `join_taggers`.
        card: the text of the model card.

    Raises:
        InputError: the folder cannot be written to.
    """
    with whole_folder(folder) as partial:
        for name, member in zip(config[ENSEMBLE]["members"], members, strict=True):
            (partial / name).mkdir(parents=True)
            copy_files(
                member,
                partial / name,
                (CONFIG, CARD, WEIGHTS, VOCABULARY, TOKENIZER, SEGMENTER_WEIGHTS, SEGMENTER),
            )
        if config["segmenter"] == LEARNED:
            copy_files(members[0], partial, (SEGMENTER_WEIGHTS, SEGMENTER))
        write_description(partial, config, card)


def checked_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights of the members of an ensemble, with the sum 1.

    Args:
        weights: as a user gives them; None: all the same.
        count: of the members.

    Raises:
        InputError: they are not as many, or one is not a finite number above 0.
    """
    if weights is None:
        return [1 / count] * count
    text = ",".join(f"{weight:g}" for weight in weights)
    if len(weights) != count:
        raise InputError(f"--weights {text}: {len(weights)} for {count} taggers; give one for each")
    if not all(0 < weight < float("inf") for weight in weights):
        raise InputError(f"--weights {text}: give each tagger a number above 0, or leave the tagger out")
    return [weight / sum(weights) for weight in weights]


def load_ensemble(folder: Path) -> SavedEnsemble:
    """Reads what `save_ensemble` wrote.

    Raises:
        InputError: a file of it or of a member is missing, damaged or of another version; a member is outside of the
            folder, is an ensemble or has other tags than the first; or as `load_tagger`.
    """
    config = read_config(folder)
    with one_error(folder, CONFIG):
        names, weights = _checked_config(config)
        for name in names:
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"the member {name} is a link that leads out of the folder")
    paths = [folder / name for name in names]
    members = [_read_member(path) for path in paths]
    vocabulary = join_vocabularies([member.vocabulary for member in members], list(map(str, paths)))
    with one_error(folder, CONFIG):
        check_temperatures(config.get("temperatures", {}), vocabulary.columns)
    return SavedEnsemble(members, weights, vocabulary, config, paths[0])


def read_saved(folder: Path) -> SavedTagger | SavedEnsemble:
    """Reads the folder of a tagger or of an ensemble.

    Raises:
        InputError: as `load_tagger` and `load_ensemble`.
    """
    return load_ensemble(folder) if is_ensemble(folder) else load_tagger(folder)


def _checked_config(config: dict[str, Any]) -> tuple[list[str], list[float]]:
    """The members and the weights that `config.json` names.

    Raises:
        ValueError: a value has another type or range than `save_ensemble` writes.
    """
    found = checked_object(ENSEMBLE, config[ENSEMBLE], ("members", "weights"))
    names = checked_list("ensemble.members", found["members"])
    if not 2 <= len(names) <= MAX_MEMBERS:
        raise ValueError(f"ensemble.members has {len(names)} members, not 2 to {MAX_MEMBERS}")
    for name in names:
        if not isinstance(name, str) or not _MEMBER.fullmatch(name):
            raise ValueError(f"ensemble.members has {shown(name)}, not a folder such as {MEMBERS}/1")
    if len(set(names)) < len(names):
        raise ValueError("one of ensemble.members occurs twice")
    weights = checked_list("ensemble.weights", found["weights"])
    numbers = all(type(weight) in (int, float) and 0 < weight <= 1 for weight in weights)
    if not numbers or len(weights) != len(names) or abs(sum(weights) - 1) > SUM_TOLERANCE:
        raise ValueError(f"ensemble.weights is {shown(weights)}, not {len(names)} numbers above 0 with the sum 1")
    check_choice("segmenter", config.get("segmenter"), (*RULES, LEARNED))
    check_description(config)
    return names, weights


def _read_member(folder: Path) -> SavedTagger:
    if is_ensemble(folder):
        raise InputError(
            f"{folder} is an ensemble, and an ensemble is made of single taggers; name its members instead, such as"
            f" {folder / MEMBERS / '1'}"
        )
    if predicts_words(folder):
        raise InputError(f"{folder} predicts words and has no tags; an ensemble is made of taggers")
    return load_tagger(folder)


def _joined(configs: Sequence[dict[str, Any]], key: str) -> str | None:
    """What the configs say of the data under a key, each value once."""
    values = dict.fromkeys(config[key] for config in configs if isinstance(config.get(key), str))
    return shorten_list(list(values)) if values else None


def shorten_list(values: Sequence[str]) -> str:
    """Names in a row, of which each is cut if it is long."""
    return "; ".join(value if len(value) <= 200 else shorten(value, 200)[1:-1] for value in values)
