"""What is known of an ensemble and its members -> its model card in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


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
