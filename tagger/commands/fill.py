"""The command `fill`."""

import io
import json
from functools import partial
from typing import Annotated

import torch
import typer

from tagger.commands.options import (
    Encoding,
    clear_errors,
    standard_output,
)
from tagger.errors import InputError
from tagger.text.files import STDIO, read_lines
from tagger.text.readers import read
from tagger.text.segment import segment
from tagger.weights.catalog import LATEST, find_masked
from tagger.weights.pretrained_folder import load_masked


def fill(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Sentences with ___ where words are missing; - is standard input.")
    ],
    model: Annotated[
        str, typer.Option(metavar="FOLDER", help="A run of `pretrain`; latest is the newest below runs/.")
    ] = LATEST,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Candidates for each blank.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of sentences as JSON.")] = False,
    encoding: Encoding = "utf-8",
) -> None:
    """Proposes words for the blanks (___) of sentences, from both sides of a blank and from each side alone."""
    from tagger.analysis.fill import BLANK, Filler, render

    with clear_errors():
        torch.set_num_threads(1)
        filler = Filler(load_masked(find_masked(model)))
        lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
        read_in = read(lines, "TEXT", "text", segment=partial(segment, rules=filler.rules))
        sentences = [s.tokens for s in read_in if any(map(BLANK.fullmatch, s.tokens))]
        if not sentences:
            raise InputError("TEXT has no blank; write ___, with spaces around it, where a word is missing")
        found = [(tokens, filler.fill(tokens, top)) for tokens in sentences]
        with standard_output() as out:
            if as_json:
                records = [{"tokens": tokens, "blanks": [b._asdict() for b in blanks]} for tokens, blanks in found]
                out.write(json.dumps(records, indent=2) + "\n")
            else:
                out.write("\n".join(render(tokens, blanks) for tokens, blanks in found))
