"""The command `models`."""

import json
from typing import Annotated

import typer

from tagger.commands.options import (
    clear_errors,
)
from tagger.weights.catalog import list_models


def models(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """Lists the taggers that can be loaded by name."""
    with clear_errors():
        found = list_models()
        if as_json:
            print(json.dumps([{**model._asdict(), "folder": str(model.folder)} for model in found], indent=2))
            return
        for model in found:
            print(f"{model.name}: {model.corpus}, {model.size / 1e6:.1f} MB, licence {model.license or 'not named'}")
            for split, scores in model.scores.items():
                shown = "  ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
                print(f"  {split:<6}{shown}")
            print(f"  {model.folder}")
