"""The config and the results of a run -> the model card, README.md in the folder of the trained tagger."""

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from tagger.training.structured import literal


def describe(config: Mapping[str, Any]) -> str:
    """The training data of a tagger, with its version and its licence if `config.json` has them."""
    corpus = _with_version(config["corpus"], config.get("version"))
    data = f"{corpus} ({config['license']})" if config.get("license") else corpus
    return f"{data}, after {config['start']}" if config.get("start") else data


def model_card(config: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
    """A model card in Markdown: data, scores, config and the command that made the tagger.

    Args:
        config: the values of `config.json`.
        results: the values of `report.json`; `dev` and `test` are missing before the report is made.
        command: the command line of the training.
    """
    rows = [
        f"| {split} | {column} | {s['tokens']:,} | {_percent(s['accuracy'])} | {_percent(s['known'])} |"
        f" {_percent(s['unknown'])} | {_percent(s['whole_sentences'])} |"
        for split in ("dev", "test")
        for column, s in results.get(split, {}).items()
    ]
    network = config["network"]
    inputs = ["word, affix and character embeddings"]
    inputs += [f"the pretrained vectors {', '.join(config['vectors'])}"] if config["vectors"] else []
    inputs += [f"the transformer {network['transformer']['name']}"] if network["transformer"] else []
    corpus = _with_version(results["corpus"], config["version"])
    licence = f" The training data's licence is {config['license']}." if config["license"] else ""
    start = f"\nTraining started from a tagger that was trained on {config['start']}." if config["start"] else ""
    return f"""# Part-of-speech tagger for {corpus}

A stack of bidirectional recurrent layers over {"; ".join(inputs)}
({results["parameters"]:,} parameters), trained on {corpus}.{licence}{start}

| split | column | words | all words | seen in training | not seen | whole sentences |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Accuracy in percent over gold tokens. The best epoch on dev was {results["best_epoch"]} of {results["epochs"]};
training took {results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger tag FILE --model THIS_FOLDER

The rules `{config["segmenter"]}` cut raw text into sentences and tokens.

{_format_config(config["training"])}"""


def pretrained_card(config: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
    """The model card of a network that predicts hidden words; the arguments are those of `model_card`."""
    text = _with_version(config["corpus"], config["version"])
    licence = f" The text's licence is {config['license']}." if config["license"] else ""
    return f"""# Predictor of hidden words, from {text}

A stack of bidirectional recurrent layers over word, affix and character embeddings ({results["parameters"]:,}
parameters) that predicts hidden words from the words on both sides. It was trained on {results["words"]:,} words of
untagged text, {text}.{licence}

{_format_hidden_word_scores(results)}The best section was {results["best_epoch"]} of {results["epochs"]}; training took
{results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger fill "I am ___ hungry." --model THIS_FOLDER
    python -m tagger init=THIS_FOLDER

{_format_config(config["training"])}"""


def _format_hidden_word_scores(results: Mapping[str, Any]) -> str:
    if "dev" not in results:  # the card is written twice: before the scores are known and afterwards
        return ""
    scores = results["dev"]["words"]
    first, top5 = _percent(scores["accuracy"]), _percent(scores["top5"])
    return f"""Of {scores["scored"]:,} dev words in the vocabulary, {first} percent are predicted first and
{top5} percent among the first five; perplexity {scores["perplexity"]:.1f}.
"""


def _format_config(training: Mapping[str, Any]) -> str:
    values = OmegaConf.to_yaml(OmegaConf.create(literal(dict(training)))).replace("\\${", "${")
    return f"## Config\n\n```yaml\n{values.strip()}\n```\n"


def _with_version(corpus: str, version: str | None) -> str:
    return " ".join(filter(None, (corpus, version)))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"
