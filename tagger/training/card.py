"""What a run found -> the model card, the README.md of a trained tagger's folder."""

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf


def describe(config: Mapping[str, Any]) -> str:
    """The training data of a tagger, with its version and its licence, as far as `config.json` tells."""
    corpus = " ".join(filter(None, (config["corpus"], config.get("version"))))
    known = f"{corpus} ({config['license']})" if config.get("license") else corpus
    return f"{known}, after {config['start']}" if config.get("start") else known


def model_card(config: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
    """A model card in Markdown: data, scores, config and the command that made the tagger.

    Args:
        config: what `config.json` will hold.
        results: what `report.json` will hold; without `dev` and `test` before the report.
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
    corpus = " ".join(filter(None, (results["corpus"], config["version"])))
    licence = f" The training data's licence is {config['license']}." if config["license"] else ""
    start = f"\nTraining started from a tagger that was trained on {config['start']}." if config["start"] else ""
    settings = OmegaConf.to_yaml(OmegaConf.create(dict(config["training"])))
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

Raw text is cut into sentences and tokens by the rules `{config["segmenter"]}`.

## Config

```yaml
{settings.strip()}
```
"""


def pretrained_card(config: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
    """The same for a network that predicts hidden words."""
    text = " ".join(filter(None, (config["corpus"], config["version"])))
    licence = f" The text's licence is {config['license']}." if config["license"] else ""
    settings = OmegaConf.to_yaml(OmegaConf.create(dict(config["training"])))
    return f"""# Predictor of hidden words, from {text}

A stack of bidirectional recurrent layers over word, affix and character embeddings ({results["parameters"]:,}
parameters) that predicts words it cannot see, from both sides of them. It was trained on {results["words"]:,} words
without tags, of {text}.{licence}

{_masked_scores(results)}The best section was {results["best_epoch"]} of {results["epochs"]}; training took
{results["training_seconds"]:.0f} seconds.

Trained with seed {config["training"]["seed"]} by

    {command}

and used with

    python -m tagger fill "I am ___ hungry." --model THIS_FOLDER
    python -m tagger init=THIS_FOLDER

## Config

```yaml
{settings.strip()}
```
"""


def _masked_scores(results: Mapping[str, Any]) -> str:
    if "dev" not in results:  # the card is written before the scores are known, and again after
        return ""
    scores = results["dev"]["words"]
    return f"""Of {scores["scored"]:,} dev words that can be predicted, the right one comes first for
{_percent(scores["accuracy"])} and among the first five for {_percent(scores["top5"])} percent; perplexity
{scores["perplexity"]:.1f}. """


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"
